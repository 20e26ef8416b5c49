"""The contract of the transports holds where the system lacks something: a few of its tests under each stand-in.

All of them, and any others, run with ``pytest --without NAMES tests/…`` (`fix_stand_ins`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fix_processes import alive, until

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


KERNEL = """
import sys, threading, time
sys.path[:0] = ["tests"]
import fix_stand_ins, pytest, pyarrow as pa, workbench as wb
patch = pytest.MonkeyPatch()
for name in sys.argv[2].split(","):
    fix_stand_ins.CAPABILITIES[name](patch)
w = wb.Workbench(sys.argv[1])
f = w.register(sys.argv[4], None if sys.argv[3] == "script" else "spins(a BIGINT) -> BIGINT", kind=sys.argv[3])
run = f.run([pa.record_batch({"a": [number]}) for number in range(4)], batch_rows=1)
threading.Thread(target=lambda: list(run.batches()), daemon=True).start()
while not (pids := [event.pid for event in run.record.all_events if event.kind == "started"]):
    time.sleep(0.01)
print(*pids, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(
    ("without", "kind", "source"),
    [
        ("pdeathsig", "udf", "def spins(a):\n    while True:\n        pass\n"),
        ("pdeathsig,template", "udf", "def spins(a):\n    while True:\n        pass\n"),
        ("pdeathsig", "script", "import pyarrow as pa\nwhile True:\n    pass\n"),
    ],
)
def test_a_busy_orphan_without_a_signal(without: str, kind: str, source: str, tmp_path: Path) -> None:
    """Kill -9 to a parent whose death the kernel does not tell: its worker is gone within 2 s, though it is busy."""
    (tmp_path / "tmp").mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", KERNEL, str(tmp_path / "home"), without, kind, source],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path / "tmp")},
        stdout=subprocess.PIPE,
        text=True,
    ) as kernel:
        assert kernel.stdout is not None
        (pid,) = map(int, kernel.stdout.readline().split())
        kernel.kill()
        until(lambda: not alive(pid), 2)
