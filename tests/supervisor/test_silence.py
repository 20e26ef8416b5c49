"""The heartbeat: who works is heard, who is stopped or holds the GIL is not, and is called not responding once."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from fix_processes import Bench, batch, column, function, ids, source

from workbench import settings
from workbench.events import Event

SLEEPS = "import time\ndef evaluate(a):\n    time.sleep(a)\n    return a\n"
HOLDS = "import ctypes\ndef evaluate(a):\n    if a: ctypes.PyDLL(None).usleep(2_500_000)\n    return a\n"
SPINS = "import time\ndef evaluate(a):\n    end = time.time() + a\n    while time.time() < end: pass\n    return a\n"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence begins after 1.7 s: the beat is each second."""
    monkeypatch.setattr(settings, "SILENT_SECONDS", 1.7)


@pytest.mark.parametrize("code", [SLEEPS, SPINS], ids=["sleeps", "spins"])
def test_one_that_works_long_is_heard(tmp_path: Path, bench: Bench, code: str) -> None:
    """A row of 4 s, waiting or busy in Python: no word of it, and the frames are in order."""
    outcomes = bench.run(function(tmp_path, code), [batch([0, 4]), batch([0])])
    assert column(outcomes) == [0, 4, 0]
    assert bench.kinds() == ["started"]


def test_one_that_holds_the_gil_is_not_responding(tmp_path: Path, bench: Bench) -> None:
    """Told once for each silence, and nothing is done about it: the answer is taken when it comes."""
    outcomes = bench.run(function(tmp_path, HOLDS), [batch([1]), batch([0]), batch([1])])
    assert column(outcomes) == [1, 0, 1]
    assert bench.kinds() == ["started", "silent", "silent"]
    told = bench.event("silent")
    assert (told.batch, told.detail) == (0, "not responding: no sign of life for 1.7 s")
    assert told.pid == bench.event("started").pid


def test_a_stopped_worker_is_not_responding(tmp_path: Path, bench: Bench) -> None:
    """SIGSTOP: told once, and when it goes on so does the run."""

    class Waking(list[Event]):
        def append(self, event: Event) -> None:
            super().append(event)
            if event.kind == "silent":
                os.kill(bench.pid(), signal.SIGCONT)

    bench.events = Waking()
    supervisor = bench.supervisor(function(tmp_path, SLEEPS), batch([0]).schema)
    got = []
    for outcome in supervisor.outcomes(source(ids(6, 1)[:1] * 6)):
        got.append(outcome.number)
        if outcome.number == 0:
            os.kill(bench.pid(), signal.SIGSTOP)
    assert got == list(range(6))
    assert bench.kinds() == ["started", "silent"]
