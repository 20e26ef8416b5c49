"""Builders of one environment that are killed, round after round: what is there at the end of each is good.

Needs a package index, as pip or uv is configured to use, with pyarrow and numpy. Left out on purpose: a power cut.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Final

from workbench.environments import Environments

BUILDER: Final = """
import sys
from pathlib import Path
from workbench.environments import Environments
print(Environments(Path(sys.argv[1])).python(sys.executable, ("numpy<2",), tell=lambda text: None))
"""
BUILDERS: Final = 8
LONGEST: Final = 2.0
"""Seconds: a build with a warm cache takes about one."""


def s13_builders(rng: Random, home: Path, full: bool) -> str:
    """Eight build the same set at once, some are killed at random points; the rest have one environment that works."""
    kills, rounds = (20, 5) if full else (4, 1)
    killed = met = 0
    for number in range(rounds):
        place = home / str(number)
        builders = [_start(place) for _ in range(BUILDERS)]
        for victim in rng.sample(builders, kills // rounds):
            time.sleep(rng.random() * LONGEST / kills * rounds)
            met += victim.poll() is None
            victim.kill()
            killed += 1
        found = {out.strip() for out in (one.communicate(timeout=300)[0] for one in builders) if out.strip()}
        assert len(found) == 1, f"round {number}: {found}"
        assert sum(one.returncode == 0 for one in builders) >= BUILDERS - kills // rounds, f"round {number}"
        code = "import numpy, pyarrow; print(numpy.__version__)"
        done = subprocess.run([*found, "-I", "-c", code], capture_output=True, text=True, check=False)
        assert done.stdout.startswith("1."), f"round {number}: {done.stderr}"
        environments = Environments(place)
        environments.prune()
        left = [path.name for path in environments.folder.iterdir() if path.is_dir()]
        assert left == [environments.list()[0].folder.name], f"round {number}: {left}"
        assert environments.prune(0) == 1, f"round {number}: it is still held"
    return f"{rounds * BUILDERS} builders, {met} of {killed} kills met, one good environment in each of {rounds} rounds"


def _start(home: Path) -> subprocess.Popen[str]:
    root = str(Path(__file__).parents[2])
    return subprocess.Popen(
        [sys.executable, "-c", BUILDER, str(home)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
    )
