"""The contract of the transports holds where the system lacks something: a few of its tests under each stand-in.

All of them, and any others, run with ``pytest --without NAMES tests/…`` (`fix_stand_ins`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOME = "errors_of_rows or second_run or killed_in_a_batch or answers_that_grow"


@pytest.mark.parametrize("without", ["memfd", "pidfd,waitid", "template,pdeathsig"])
def test_the_contract_holds_without(without: str) -> None:
    """Scalar and table functions, a second run and a kill, on every way there is."""
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:nbval", "-o", "addopts=", "--without", without]
    done = subprocess.run(
        [*argv, "-k", SOME, "tests/transport/test_contract.py"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "failed" not in done.stdout
