"""Rows that kill: each is found, whatever its place, its number and its company, and all others have their answers."""

from __future__ import annotations

import os
import signal
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pytest
from fix_processes import Bench, batch, column, ids, source
from fix_processes import function as spawning

import workbench as wb
from workbench.errors import RestartsExhausted, RunError
from workbench.events import Event
from workbench.supervisor import isolation, template
from workbench.supervisor.isolation import Loss, Search, look_into
from workbench.supervisor.slot import Work
from workbench.supervisor.worker import Launch

DIES = """
import os, signal
def evaluate(a):
    if a in {bad}: signal.raise_signal(signal.SIGSEGV)
    return a
"""
EXPLODES = DIES.replace("    return a", "    yield a\n    yield -a")
SUM = """
import os, signal
class evaluate:
    def __init__(self): self.total = 0
    @property
    def aggregate_state(self): return self.total
    def accumulate(self, value):
        if value in {bad}: signal.raise_signal(signal.SIGSEGV)
        self.total += value
    def merge(self, other): self.total += other
    def finish(self): return self.total
"""
ROWS = 16
"""Of each batch here; there are 3, and the poison is in the second."""


def function(folder: Path, code: str, **more: Any) -> Launch:
    """A launch whose workers may be forked: many die here."""
    launch = spawning(folder, code, **more)
    return replace(launch, template=launch.env)


def lost(outcomes: list[Any], rows: int = ROWS) -> list[int]:
    """The rows that were lost, counted over all input."""
    return [outcome.number * rows + row for outcome in outcomes for row in outcome.lost]


def run(folder: Path, bench: Bench, code: str, bad: set[int], *, rows: int = ROWS, **more: Any) -> list[Any]:
    """Three batches through a function that dies of some values."""
    kind = more.pop("kind", "udf")
    data = ids(3, rows)
    launch = function(folder, code.replace("{bad}", repr(bad)), kind=kind)
    return bench.run(launch, data, on_error="dead_letter", max_restarts=3, **more)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    "bad", [{20}, {16}, {31}, {16, 31}, {20, 21}, {17, 25}, {15, 16}], ids=lambda bad: "-".join(map(str, sorted(bad)))
)
def test_poison_rows_are_lost_alone(tmp_path: Path, bench: Bench, bad: set[int], workers: int) -> None:
    """In the middle, first, last, side by side, or over the border of two batches: the others come in order."""
    outcomes = run(tmp_path, bench, DIES, bad, workers=workers)
    assert column(outcomes) == [n for n in range(3 * ROWS) if n not in bad]
    assert lost(outcomes) == sorted(bad)
    losses = [loss for outcome in outcomes for loss in outcome.lost.values()]
    assert {(loss.error_type, loss.error) for loss in losses} == {("WorkerCrashed", "the worker died of SIGSEGV")}
    assert all("Fatal Python error: Segmentation fault" in loss.stack for loss in losses)
    assert all(loss.attempts >= isolation.SUSPECT for loss in losses)
    crashes = bench.kinds().count("crashed")
    assert crashes <= len(bad) * (2 * ROWS.bit_length() + 2)
    assert bench.event("crashed").detail.startswith("SIGSEGV in batch ")


@pytest.mark.parametrize("bad", [{1}, {0, 1, 2}])
def test_a_batch_of_one_row_needs_no_search(tmp_path: Path, bench: Bench, bad: set[int]) -> None:
    """The second death is enough: it is alone already."""
    outcomes = run(tmp_path, bench, DIES, bad, rows=1)
    assert column(outcomes) == [n for n in range(3) if n not in bad]
    assert lost(outcomes, 1) == sorted(bad)
    assert bench.kinds().count("crashed") == 2 * len(bad)


@pytest.mark.parametrize("kind", ["udf", "udaf"])
def test_poison_everywhere_comes_to_an_end(tmp_path: Path, bench: Bench, kind: str) -> None:
    """A function that always kills stops within the budget of one batch, and says what it has found."""
    with pytest.raises(RestartsExhausted) as caught:
        run(tmp_path, bench, SUM if kind == "udaf" else DIES, set(range(300)), rows=100, kind=kind)
    assert "SIGSEGV" in caught.value.message
    assert bench.event("gave_up").detail.startswith("batch 0 killed ")
    assert bench.kinds().count("crashed") <= (isolation.MOST_FOUND + 2) * 2 + 2 * (100).bit_length() + 2


def test_poison_in_a_table_function(tmp_path: Path, bench: Bench) -> None:
    """The rows that the others gave are there, and belong to them."""
    outcomes = run(tmp_path, bench, EXPLODES, {20}, kind="udtf")
    assert column(outcomes) == [value for n in range(3 * ROWS) if n != 20 for value in (n, -n)]
    assert lost(outcomes) == [20]
    assert sum(outcomes[1].meta["counts"]) == 2 * (ROWS - 1)


@pytest.mark.parametrize("workers", [1, 2])
def test_poison_in_an_aggregate(tmp_path: Path, bench: Bench, workers: int) -> None:
    """Each other row is counted once, whatever was replayed while the poison was looked for."""
    outcomes = run(tmp_path, bench, SUM, {20, 33}, kind="udaf", workers=workers)
    assert outcomes[-1].batches[0].to_pydict() == {"out0": [sum(range(3 * ROWS)) - 20 - 33]}
    assert lost(outcomes[:-1]) == [20, 33]


def test_two_deaths_from_outside_lose_nothing(tmp_path: Path, bench: Bench) -> None:
    """The same batch is killed twice by somebody else: it is looked into, and every row has its answer."""
    (tmp_path / "go").touch()
    slow = f"""
import os, time
def evaluate(a):
    while a == 5 and os.path.exists({str(tmp_path / "go")!r}):
        time.sleep(0.005)
    return a
"""
    deaths: list[int] = []
    supervisor = bench.supervisor(function(tmp_path, slow), batch([0]).schema, on_error="dead_letter")
    emit = bench.events.append

    def kill_twice(event: Any) -> None:
        emit(event)
        if event.kind == "started" and len(deaths) < 2:
            deaths.append(event.pid)
            os.kill(event.pid, signal.SIGKILL)
            if len(deaths) == 2:
                (tmp_path / "go").unlink()

    supervisor._tell = lambda kind, place, **more: kill_twice(
        Event(kind, pid=place.worker.pid if place.worker else None, detail=more.get("detail", ""))
    )
    outcomes = list(supervisor.outcomes(source(ids(3, ROWS))))
    assert len(deaths) == 2
    assert column(outcomes) == list(range(3 * ROWS))
    assert lost(outcomes) == []


@pytest.mark.parametrize("can_fork", [True, False])
@pytest.mark.parametrize("on_error", ["fail", "dead_letter", "null"])
def test_what_becomes_of_a_poison_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_error: Literal["fail", "dead_letter", "null"], can_fork: bool
) -> None:
    """It fails the run by name, is set aside with its values, or is NULL, with workers forked and spawned."""
    if not can_fork:
        monkeypatch.setattr(template, "can_fork", lambda: False)
    code = DIES.replace("{bad}", "{5}").replace("evaluate", "dies")
    with wb.Workbench(tmp_path / "home") as w:
        dies = w.register(code, "dies(a BIGINT) -> BIGINT")
        run = dies.run(pa.table({"a": list(range(12))}), on_error=on_error, batch_rows=4)
        if on_error == "fail":
            with pytest.raises(RunError, match="SIGSEGV") as caught:
                run.wait()
            assert "row 5" in str(caught.value)
            return
        result = run.to_arrow().column("dies").to_pylist()
    letters = run.dead_letters
    if on_error == "null":
        assert result == [None if n == 5 else n for n in range(12)]
        return
    assert result == [n for n in range(12) if n != 5]
    assert letters["a"].tolist() == [5]
    assert letters["row"].tolist() == [5]


def test_a_thread_that_crashes_later(tmp_path: Path, bench: Bench) -> None:
    """A thread of batch 1 crashes while batch 2 is worked on: the words do not say that batch 2 did it."""
    later = """
import signal, threading, time
def crash():
    time.sleep(0.1)
    signal.raise_signal(signal.SIGSEGV)
def evaluate(a):
    if a == 1: threading.Thread(target=crash).start()
    if a == 2: time.sleep(20)
    return a
"""
    with pytest.raises(RestartsExhausted) as caught:
        bench.run(function(tmp_path, later), ids(3, 1), max_restarts=0)
    said = "SIGSEGV in batch 2, in a thread that it or an earlier batch had started"
    assert bench.event("crashed").detail == said
    assert caught.value.message == f"evaluate stopped after 0 restarts; 1 crash, the last of {said}"
    assert "in crash" in caught.value.stack


def test_halves_are_cut_until_each_is_a_row() -> None:
    """Pure: every row of a batch in which all die ends as a loss of its own, numbered in the batch."""
    work = Work("batch", 7, batch(range(10)))
    work.deaths = isolation.SUSPECT - 1
    owed = deque([work])
    search: Search | None = None
    while owed:
        search = look_into(owed, Loss("WorkerCrashed", "x"))
        assert search is not None
        assert [piece.start for piece in owed] == sorted(piece.start for piece in owed)
    assert search is not None
    assert sorted(search.lost) == list(range(10))
    assert search.open == 0
    assert not search.exhausted


def test_what_is_not_suspect_is_sent_again() -> None:
    """Not the first death, not a snapshot, not a batch that was answered before."""
    loss = Loss("WorkerCrashed", "x")
    assert look_into(deque(), loss) is None
    for work in (Work("batch", 0, batch([1])), Work("snapshot", 0), Work("batch", 0, batch([1]), answered=True)):
        owed = deque([work])
        assert look_into(owed, loss) is None
        assert list(owed) == [work]
