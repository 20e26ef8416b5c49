"""The soak in its short form: every day a few of its runs, with a seed that is printed and repeats them."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_short_form_holds(tmp_path: Path) -> None:
    """Kills, every fault once, poison, state, damaged frames and zips, a restart storm, in one process."""
    seed = random.SystemRandom().randrange(1 << 32)
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak", "--seed", str(seed), "s1", "s2", "s3", "s6", "s7", "s8", "s11"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 passed, 0 failed" in done.stdout
