"""Batches that take too long: first the stack that they hang in, then a request to give up, then the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from fix_processes import Bench, alive, batch, column, ids, until
from fix_processes import function as spawning

from workbench import settings
from workbench.errors import BatchTimeout
from workbench.supervisor.worker import Launch

LOOPS: Final = "def evaluate(a):\n    while a == 5:\n        pass\n    return a\n"
DEAF: Final = """
def evaluate(a):
    while a == 5:
        try:
            while True:
                pass
        except BaseException:
            pass
    return a
"""
HOLDS: Final = "def evaluate(a):\n    if a == 5: sum(range(10**12))\n    return a\n"
SLEEPS: Final = "import time\ndef evaluate(a):\n    if a == 5: time.sleep(60)\n    return a\n"
WAITS: Final = "import asyncio\nasync def evaluate(a):\n    if a == 5: await asyncio.sleep(60)\n    return a\n"
COLUMNS: Final = "def evaluate(a: list):\n    while 5 in a:\n        pass\n    return a\n"
SUM: Final = """
class evaluate:
    def __init__(self): self.total = 0
    @property
    def aggregate_state(self): return self.total
    def accumulate(self, value):
        while value == 5: pass
        self.total += value
    def merge(self, other): self.total += other
    def finish(self): return self.total
"""
PATIENCE: Final = 0.6
"""The timeout here: rows that are no trap are done in a hundredth of it."""


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker has 0.5 s to give up."""
    monkeypatch.setattr(settings, "STOP_SECONDS", 0.5)
    monkeypatch.setattr("workbench.supervisor.slot.GRACE", 0.1)
    monkeypatch.setattr("workbench.supervisor.deadlines.GRACE", 0.1)


def function(folder: Path, code: str, **more: Any) -> Launch:
    """A launch whose workers may be forked: many die here, and the first batch of one that is spawned takes long."""
    launch = spawning(folder, code, **more)
    return replace(launch, template=launch.env)


def times_out(bench: Bench, launch: Launch, batches: Sequence[Any], **more: Any) -> BatchTimeout:
    """The error of a run."""
    with pytest.raises(BatchTimeout, match=r"batch 1 was not answered within 0\.6 s") as caught:
        bench.run(launch, batches, timeout=PATIENCE, **more)
    assert caught.value.batch == 1
    return caught.value


MODES = [
    pytest.param(LOOPS, {}, id="row"),
    pytest.param(SLEEPS, {}, id="sleep"),
    pytest.param(
        LOOPS.replace("a == 5", "(5,) in a").replace("return a", "return [b for b, in a]"),
        {"batch_size": 4, "mode": "tuples"},
        id="tuples",
    ),
    pytest.param(COLUMNS, {"mode": "columns", "forms": ["list"]}, id="columns"),
    pytest.param(WAITS, {"mode": "async"}, id="async"),
    pytest.param(WAITS.replace("await asyncio", "__import__('time')"), {"mode": "async"}, id="async-blocked"),
    pytest.param(LOOPS.replace("return", "yield"), {"kind": "udtf"}, id="table"),
]


@pytest.mark.parametrize(("code", "more"), MODES)
def test_a_worker_that_gives_up_is_kept(tmp_path: Path, bench: Bench, code: str, more: dict[str, Any]) -> None:
    """The run ends with the stack that the batch hung in; the same process serves the next run at once."""
    launch = function(tmp_path, code, **more)
    error = times_out(bench, launch, ids(4, 4))
    assert ("in select" if code == WAITS else "in evaluate") in error.stack
    assert bench.kinds() == ["started", "interrupted"]
    assert column(bench.run(launch, ids(1, 4))) == [0, 1, 2, 3]
    assert bench.kinds() == ["started", "interrupted", "started"]
    assert len({event.pid for event in bench.events if event.pid}) == 1


def test_the_frames_have_the_values(tmp_path: Path, bench: Bench) -> None:
    """Code that is interrupted tells its locals: they say which row it hung on."""
    error = times_out(bench, function(tmp_path, LOOPS), ids(2, 4))
    (frame,) = error.frames
    assert frame.function == "evaluate"
    assert frame.text in ("while a == 5:", "pass")
    assert frame.locals == {"a": "5"}


def test_what_was_sent_ahead_is_not_begun(tmp_path: Path, bench: Bench) -> None:
    """Every batch would hang: the run ends after the first, the worker is kept."""
    launch = function(tmp_path, LOOPS)
    batches = [batch([0]), *[batch([5])] * 5]
    times_out(bench, launch, batches)
    assert column(bench.run(launch, ids(1, 4))) == [0, 1, 2, 3]
    assert bench.kinds().count("stopped") == 0


@pytest.mark.parametrize("code", [DEAF, HOLDS], ids=["catches-all", "holds-the-gil"])
def test_one_that_does_not_give_up_is_killed(tmp_path: Path, bench: Bench, code: str) -> None:
    """Code that catches everything, and code that never gives the interpreter back: killed, with its stack."""
    error = times_out(bench, function(tmp_path, code), ids(2, 4))
    assert "in evaluate" in error.stack
    assert bench.kinds() == ["started", "stopped"]
    pid = bench.event("started").pid
    assert pid is not None
    until(lambda: not alive(pid), 2)


def test_an_aggregate_gives_up_too(tmp_path: Path, bench: Bench) -> None:
    """Its state is half changed, and forgotten with the run: the next begins anew, in the same process."""
    launch = function(tmp_path, SUM, kind="udaf")
    times_out(bench, launch, ids(3, 4))
    assert bench.run(launch, ids(1, 4))[-1].batches[0].to_pydict() == {"out0": [6]}
    assert bench.kinds() == ["started", "interrupted", "started"]


@pytest.mark.parametrize(("code", "killed"), [(LOOPS, False), (DEAF, True)], ids=["gives-up", "killed"])
def test_the_row_is_found(tmp_path: Path, bench: Bench, code: str, killed: bool) -> None:
    """Where rows are set aside it is lost alone with its stack; a worker that gives up is used for the search, too."""
    launch = function(tmp_path, code)
    outcomes = bench.run(launch, ids(4, 4), on_error="dead_letter", timeout=PATIENCE, isolate_timeouts=True)
    assert column(outcomes) == [n for n in range(16) if n != 5]
    (loss,) = outcomes[1].lost.values()
    assert (loss.error_type, loss.error) == ("BatchTimeout", "no answer in time")
    assert "in evaluate" in loss.stack
    assert bench.kinds().count("interrupted") == (0 if killed else 4)
    assert bench.kinds().count("crashed") == (4 if killed else 0)


def test_the_row_of_an_aggregate_is_found(tmp_path: Path, bench: Bench) -> None:
    """A state that was half changed must not go on: its worker is replaced, and each other row counts once."""
    launch = function(tmp_path, SUM, kind="udaf")
    outcomes = bench.run(
        launch, ids(3, 4), on_error="dead_letter", timeout=PATIENCE, isolate_timeouts=True, max_restarts=9
    )
    assert outcomes[-1].batches[0].to_pydict() == {"out0": [sum(range(12)) - 5]}
    assert list(outcomes[1].lost) == [1]
    assert "interrupted" not in bench.kinds()
