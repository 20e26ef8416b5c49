"""A worker's memory is bounded: replaced between batches when it has grown, ended in one if it must be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fix_processes import Bench, column, function, ids

from workbench.supervisor import memory
from workbench.supervisor.memory import SOFT, MemoryLimit, resident

MB = 1 << 20
LEAKS = "kept = []\ndef evaluate(a):\n    kept.append(b'x' * (8 << 20))\n    return a\n"
GROWS = """
kept = []
class evaluate:
    def __init__(self): self.total = 0
    @property
    def aggregate_state(self): return self.total
    def accumulate(self, value):
        kept.append(b'x' * (8 << 20))
        self.total += value
    def merge(self, other): self.total += other
    def finish(self): return self.total
"""


def limit(bench: Bench, folder: Path, more: int) -> MemoryLimit:
    """So many bytes more than a fresh worker has."""
    bench.run(function(folder, "def evaluate(a):\n    return a\n", launch={"key": "fresh"}), ids(1, 1))
    (fresh,) = bench.pool.idle("fresh")
    used = resident(fresh.pid)
    assert used is not None
    bench.pool.stop("fresh")
    bench.events.clear()
    return MemoryLimit(used + more)


@pytest.mark.parametrize("proc", [True, False])
def test_a_leak_is_recycled_between_batches(
    tmp_path: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch, proc: bool
) -> None:
    """No row is lost, it is no crash, and no worker ever went beyond the limit; also where only it knows its size."""
    bound = limit(bench, tmp_path, 120 * MB)
    if not proc:
        monkeypatch.setattr("workbench.supervisor.deadlines.resident", lambda _pid: None)
    outcomes = bench.run(function(tmp_path, LEAKS), ids(40, 1), memory=bound)
    assert column(outcomes) == list(range(40))
    assert bench.kinds().count("recycled") >= 2
    assert set(bench.kinds()) - {"stopped"} == {"started", "recycled"}  # a new one may not be ready at the end
    told = [(event.batch, event.worker) for event in bench.events if event.kind == "batch"]
    assert told == [(outcome.number, outcome.worker) for outcome in outcomes]
    assert max(outcome.meta["rss"] for outcome in outcomes) <= bound.limit
    assert bench.event("recycled").detail == f"near its memory limit of {bound}"


@pytest.mark.parametrize("workers", [1, 2])
def test_an_aggregate_keeps_its_state(tmp_path: Path, bench: Bench, workers: int) -> None:
    """A recycled aggregate goes on where it was: its sum is that of an undisturbed run."""
    bound = limit(bench, tmp_path, 120 * MB)
    launch = function(tmp_path, GROWS, kind="udaf")
    outcomes = bench.run(launch, ids(60, 1), memory=bound, workers=workers)
    assert outcomes[-1].batches[0].to_pydict() == {"out0": [sum(range(60))]}
    assert set(bench.kinds()) - {"stopped"} == {"started", "recycled"}  # a new one may not be ready at the end


def test_too_much_in_the_middle_of_a_batch(tmp_path: Path, bench: Bench) -> None:
    """A row that allocates beyond the limit is ended at once, and lost by that name; the others have their answers."""
    bound = limit(bench, tmp_path, 150 * MB)
    code = "import time\ndef evaluate(a):\n    x = b'x' * ((400 << 20) if a == 5 else 1)\n"
    code += "    time.sleep(60 if a == 5 else 0)\n    return a\n"
    outcomes = bench.run(function(tmp_path, code), ids(2, 4), memory=bound, on_error="dead_letter")
    assert column(outcomes) == [0, 1, 2, 3, 4, 6, 7]
    (loss,) = outcomes[1].lost.values()
    assert (loss.error_type, loss.error) == (
        "WorkerOutOfMemory",
        f"it used more memory than its limit of {bound}",
    )


def test_one_that_is_large_from_the_start_is_kept(tmp_path: Path, bench: Bench) -> None:
    """A function that needs most of the limit to begin with would be no smaller as a new worker."""
    bound = limit(bench, tmp_path, 220 * MB)
    code = "kept = b'x' * (200 << 20)\ndef evaluate(a):\n    return a\n"
    outcomes = bench.run(function(tmp_path, code), ids(30, 1), memory=bound)
    assert min(outcome.meta["rss"] for outcome in outcomes) > SOFT * bound.limit
    assert bench.kinds() == ["started"]


def test_tired() -> None:
    """Pure: near the limit, and grown by a quarter of what there was room for."""
    bound = MemoryLimit(1000)
    assert [bound.tired(used, 100) for used in (100, 800, 801, 1000)] == [False, False, True, True]
    assert [bound.tired(used, 900) for used in (900, 925, 926)] == [False, False, True]
    assert [bound.exceeded(used) for used in (1000, 1001)] == [False, True]


def test_resident(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes of a living process, None of one that is gone or where the system does not tell."""
    assert (resident(os.getpid()) or 0) > 10 * MB
    assert resident(2**22 + 1) is None
    monkeypatch.setattr(memory, "Path", lambda _path: Path("/nowhere"))
    assert resident(os.getpid()) is None
