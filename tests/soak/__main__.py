"""The soak runs of the runtime: many faults at random, counted, with a seed that repeats them.

    python -m tests.soak --seed 7            the short form of all, about a minute
    python -m tests.soak --full s1 s3        the long form of some; the figures are in README.md beside this file

Each run prints what it counted and ends with an error if a promise was broken.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from pathlib import Path

from . import runs


def main(argv: list[str] | None = None) -> int:
    """Run those asked for; 0 if all held."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", metavar="RUN", help=f"of {', '.join(runs.ALL)}; default: all")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--full", action="store_true", help="the counts of the long form")
    options = parser.parse_args(argv)
    unknown = sorted(set(options.names) - set(runs.ALL))
    if unknown:
        parser.error(f"no run {unknown[0]!r}; there are {', '.join(runs.ALL)}")
    print(f"seed {options.seed}{' (full)' if options.full else ''}", flush=True)
    with tempfile.TemporaryDirectory() as scratch:  # of our own, so that what is left behind is ours
        os.environ["TMPDIR"] = tempfile.tempdir = scratch
        return run_all(options.names or list(runs.ALL), options.seed, full=options.full)


def run_all(names: list[str], seed: int, *, full: bool) -> int:
    """Run these, and say what they counted; 0 if all held."""
    broken = 0
    for name in names:
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as home:
            try:
                counted = runs.ALL[name](random.Random(f"{seed} {name}"), Path(home), full)
                leaks = runs.leaks()
                if leaks:
                    raise AssertionError(f"left behind: {leaks}")
            except AssertionError as error:
                broken += 1
                print(f"{name}: BROKEN: {error}", flush=True)
            else:
                print(f"{name}: {counted} ({time.monotonic() - started:.1f} s)", flush=True)
    print(f"{len(names) - broken} passed, {broken} failed")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
