"""What an environment costs: to build with nothing cached, again for another home, and to find when it is there.

    python -m tests.benchmarks.environments [--requires 'numpy<2' …]

Needs a package index. Seconds; the last line is the size of a second environment on disk.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from workbench.environments import Environments, normalised


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.environments", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--requires", nargs="+", default=["numpy<2", "emoji"])
    wanted = normalised(parser.parse_args().requires)
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["UV_CACHE_DIR"] = f"{scratch}/cache"
        for home, label in (("one", "cold"), ("two", "warm cache"), ("two", "there"), ("two", "there, held")):
            if label != "there, held":
                environments = Environments(Path(scratch, home))
            began = time.perf_counter()
            environments.python(sys.executable, wanted, tell=lambda _: None)
            print(f"{label:12} {time.perf_counter() - began:8.4f} s")
            if label == "there, held":
                print(f"{'size':12} {environments.list()[0].size / 1e6:8.1f} MB besides the cache")
    return 0


if __name__ == "__main__":
    sys.exit(main())
