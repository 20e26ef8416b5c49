"""Runs over live workers: order, bounds, early ends, kills from outside, and states that survive them."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from fix_processes import Bench, batch, column, function, ids, program, source

from workbench.errors import UdfError
from workbench.supervisor.source import ThreadedSource

ECHO = "def evaluate(a):\n    return a\n"
UNEVEN = "import time\ndef evaluate(a):\n    time.sleep(0.03 if a % 2 else 0)\n    return a\n"
SUM = """
class evaluate:
    def __init__(self): self.total = 0
    @property
    def aggregate_state(self): return self.total
    def accumulate(self, value): self.total += value
    def merge(self, other): self.total += other
    def finish(self): return self.total
"""


def test_two_workers_keep_the_order(tmp_path: Path, bench: Bench) -> None:
    """Whichever worker is faster, outcomes come in the order of the input, each with its context."""
    outcomes = bench.run(function(tmp_path, UNEVEN), ids(30, 1), workers=2)
    assert column(outcomes) == list(range(30))
    assert [(outcome.number, outcome.context) for outcome in outcomes] == [(n, n) for n in range(30)]
    assert {outcome.worker for outcome in outcomes} == {1, 2}


def test_a_small_run_has_one_worker(tmp_path: Path, bench: Bench) -> None:
    """Workers beyond the first are started only when there is work for them."""
    bench.run(function(tmp_path, ECHO), ids(1, 5), workers=4)
    assert bench.kinds() == ["started"]


def test_the_source_may_wait_for_the_answer(bench: Bench) -> None:
    """A source that gives batch 1 only after the answer to batch 0 was seen is a legal one: nothing is held back."""
    answered = threading.Semaphore(0)

    def items() -> Iterator[tuple[pa.RecordBatch, int]]:
        for number, data in enumerate(ids(5, 3)):
            yield data, number
            assert answered.acquire(timeout=10), "the answer was held back"

    supervisor = bench.supervisor(program("writes_before_reading"), ids(1, 1)[0].schema)
    waiting = ThreadedSource(items(), ahead=2)
    got = []
    for outcome in supervisor.outcomes(waiting):
        got.append(outcome.number)
        answered.release()
    assert got == [0, 1, 2, 3, 4]


def test_a_source_that_is_ahead_costs_nothing(tmp_path: Path, bench: Bench) -> None:
    """While the worker is busy, a thread that has read ahead does not keep us awake."""
    slow = function(tmp_path, "import time\ndef evaluate(a):\n    time.sleep(0.25)\n    return a\n")
    supervisor = bench.supervisor(slow, ids(1, 1)[0].schema)
    ahead = ThreadedSource(((data, None) for data in ids(4, 1)), ahead=4)
    before = time.thread_time()
    assert len(list(supervisor.outcomes(ahead))) == 4
    assert time.thread_time() - before < 0.3


def endless(taken: list[int]) -> Iterator[tuple[pa.RecordBatch, int]]:
    """Batches for ever; each is noted when it is made."""
    while True:
        taken.append(len(taken))
        yield batch([taken[-1]]), taken[-1]


@pytest.mark.parametrize("threaded", [False, True])
def test_an_endless_source_is_taken_in_small_bites(bench: Bench, threaded: bool) -> None:
    """Whatever the source could give, only a few batches more than were consumed are taken from it."""
    taken: list[int] = []
    window, workers, ahead = 3, 2, 2
    made = ThreadedSource(endless(taken), ahead) if threaded else source(data for data, _ in endless(taken))
    with contextlib.closing(made):
        supervisor = bench.supervisor(
            program("writes_before_reading"), batch([1]).schema, window=window, workers=workers
        )
        got = [outcome.number for outcome, _ in zip(supervisor.outcomes(made), range(3), strict=False)]
        assert got == [0, 1, 2]
        assert len(taken) <= 4 + 2 * window * workers + (ahead + 1 if threaded else 0)


def test_the_error_of_the_source_arrives(bench: Bench) -> None:
    """What the source raises is raised where the outcomes are wanted, after those that it still allowed."""

    def items() -> Iterator[tuple[pa.RecordBatch, int]]:
        yield batch([1]), 0
        raise OSError("disk on fire")

    for made in (ThreadedSource(items(), 2), source(data for data, _ in items())):
        supervisor = bench.supervisor(program("writes_before_reading"), batch([1]).schema)
        with pytest.raises(OSError, match="disk on fire"):
            list(supervisor.outcomes(made))
        supervisor.close()


def test_a_consumer_that_stops_early(tmp_path: Path, bench: Bench) -> None:
    """After one of many batches the run is closed; the same process serves the next run, with its answers only."""
    launch = function(tmp_path, UNEVEN)
    for _ in range(5):
        supervisor = bench.supervisor(launch, ids(1, 1)[0].schema)
        outcomes = supervisor.outcomes(source(ids(100, 2)))
        assert column([next(outcomes)]) == [0, 1]
        supervisor.close()
    assert column(bench.run(launch, ids(3, 2))) == list(range(6))
    assert len({event.pid for event in bench.events}) == 1
    assert "crashed" not in bench.kinds()


def test_a_busy_worker_is_not_waited_for(tmp_path: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that hears nothing is ended when the run is closed, and the next run has another."""
    monkeypatch.setattr("workbench.settings.STOP_SECONDS", 0.3)
    launch = function(tmp_path, "def evaluate(a):\n    return sum(range(10**12)) if a else a\n")
    supervisor = bench.supervisor(launch, batch([0]).schema)
    next(supervisor.outcomes(source([batch([0]), batch([60])])))
    started = time.monotonic()
    supervisor.close()
    assert time.monotonic() - started < 5
    assert column(bench.run(launch, [batch([0])])) == [0]
    assert bench.kinds() == ["started", "stopped", "started"]
    assert len({event.pid for event in bench.events if event.kind == "started"}) == 2


def test_close_before_anything(tmp_path: Path, bench: Bench) -> None:
    """A run may be closed at any time, and twice."""
    supervisor = bench.supervisor(function(tmp_path, ECHO), batch([0]).schema)
    supervisor.close()
    supervisor.close()
    assert bench.kinds() == ["stopped"]


def test_kills_at_random(bench: Bench) -> None:
    """20 workers killed at random among 200 batches of two: each id comes once, in order, and each kill is told."""
    seed = random.SystemRandom().randrange(2**32)
    print("seed", seed)
    dice = random.Random(seed)
    batches, rows = 200, 20_000
    at = set(dice.sample(range(batches - 10), 20))
    data = ids(batches, rows)
    supervisor = bench.supervisor(
        program("writes_before_reading"), data[0].schema, workers=2, max_restarts=1000, window=dice.choice([1, 2, 4])
    )
    killed = set()
    for number, outcome in enumerate(supervisor.outcomes(source(data))):
        assert outcome.number == number
        assert pa.concat_arrays([part.column(0) for part in outcome.batches]).equals(data[number].column(0)), seed
        if number in at:
            slot = dice.choice(supervisor._slots)
            if slot.worker is not None and slot.worker.pid not in killed:
                killed.add(slot.worker.pid)
                os.kill(slot.worker.pid, signal.SIGKILL)
    crashes = [event for event in bench.events if event.kind == "crashed"]
    assert number == batches - 1
    assert len(killed) > 10, seed
    assert {event.pid for event in crashes} <= killed, seed
    assert {event.signal for event in crashes} == {"SIGKILL"}
    assert len(killed) - len(crashes) <= 2, seed  # the last ones may have had nothing left to do


def test_an_idle_worker_that_died_is_replaced(tmp_path: Path, bench: Bench) -> None:
    """A worker killed between two runs costs nothing but the start of another."""
    launch = function(tmp_path, ECHO)
    bench.run(launch, ids(2, 2))
    (idle,) = bench.pool.idle(launch.key)
    os.kill(idle.pid, signal.SIGKILL)
    idle.process.wait(2)
    assert column(bench.run(launch, ids(2, 2))) == [0, 1, 2, 3]
    assert bench.kinds() == ["started", "started"]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_state_survives_kills(tmp_path: Path, bench: Bench, workers: int) -> None:
    """An aggregate killed again and again, before and after snapshots, gives the same sums; each batch is told once."""
    seed = random.SystemRandom().randrange(2**32)
    print("seed", seed)
    dice = random.Random(seed)
    data = [batch([dice.randrange(5) for _ in range(50)], [dice.randrange(100) for _ in range(50)]) for _ in range(60)]
    expected: dict[int, int] = {}
    for one in data:
        for key, value in zip(*one.to_pydict().values(), strict=True):
            expected[key] = expected.get(key, 0) + value
    at = set(dice.sample(range(58), 3))
    supervisor = bench.supervisor(
        function(tmp_path, SUM, kind="udaf"), data[0].schema, width=1, workers=workers, max_restarts=100
    )
    numbers = []
    result: list[dict[str, Any]] = []
    for outcome in supervisor.outcomes(source(data)):
        numbers.append(outcome.number)
        if outcome.number in at:
            with contextlib.suppress(ProcessLookupError):
                os.kill(bench.pid(outcome.number % workers), signal.SIGKILL)
        result = [row for part in outcome.batches for row in part.to_pylist()]
    assert numbers == [*range(60), None]
    assert {row["a"]: row["out0"] for row in result} == expected, seed
    assert [row["a"] for row in result] == list(dict.fromkeys(key for one in data for key in one.column(0).to_pylist()))
    assert bench.kinds().count("restarted") >= 1
    assert "state restored" in bench.event("restarted").detail


def test_snapshots_and_what_is_restored_from_them_are_told(tmp_path: Path, bench: Bench) -> None:
    """After each 16th batch; a restart says after which one its state was saved, and which batches it did again."""
    mark = str(tmp_path / "mark")
    die = f"if value == 21 and not os.path.exists({mark!r}): open({mark!r}, 'w').close(); os._exit(1)"
    code = "import os" + SUM.replace("self.total += value", f"\n        {die}\n        self.total += value")
    bench.run(function(tmp_path, code, kind="udaf"), ids(40, 1))
    assert [event.batch for event in bench.events if event.kind == "snapshot"] == [15, 31]
    again = bench.event("restarted").detail
    assert again.endswith("state restored from the snapshot after batch 15, batches 16 to 20 replayed")


def test_an_aggregate_of_nothing(tmp_path: Path, bench: Bench) -> None:
    """Without any batch an aggregate has one row without groups, and none with."""
    launch = function(tmp_path, SUM, kind="udaf")
    for width, rows in ((0, [0]), (1, [])):
        supervisor = bench.supervisor(launch, batch([1], [1]).schema, width=width)
        (end,) = supervisor.outcomes(source([]))
        assert end.batches[0].column("out0").to_pylist() == rows
        supervisor.close()


def test_an_aggregate_is_the_same_on_two_workers(tmp_path: Path, bench: Bench) -> None:
    """Batches go round the workers in turn, so that states, and with them the result, do not depend on their speed."""
    results = []
    for workers in (1, 2, 2):
        outcomes = bench.run(function(tmp_path, SUM, kind="udaf"), ids(20, 10), workers=workers)
        results.append((outcomes[-1].batches[0].to_pydict(), [outcome.worker for outcome in outcomes[:-1]]))
    assert [result for result, _ in results] == [{"out0": [19_900]}] * 3
    first, second = results[2][1][:2]
    assert results[2][1] == [first, second] * 10


def test_a_run_that_fails_gives_its_worker_back(tmp_path: Path, bench: Bench) -> None:
    """An error of a row ends the run that wanted it to, not the worker."""
    launch = function(tmp_path, "def evaluate(a):\n    return 1 // a\n")
    (outcome,) = bench.run(launch, [batch([0])])
    assert outcome.meta["errors"][0]["error_type"] == "ZeroDivisionError"
    assert column(bench.run(launch, [batch([1])])) == [1]
    assert len({event.pid for event in bench.events}) == 1


def test_errors_beside_rows_end_the_run_at_once(tmp_path: Path, bench: Bench) -> None:
    """A refusal of a whole batch is a UdfError that names it; closing does not wait for an answer that came."""
    code = SUM.replace("self.total = 0", "1 // 0")
    with pytest.raises(UdfError, match="Error creating the aggregate: ZeroDivisionError") as caught:
        bench.run(function(tmp_path, code, kind="udaf"), ids(3, 2))
    assert caught.value.batch == 0
    assert caught.value.frames[-1].text.endswith("1 // 0")
    assert bench.kinds() == ["started", "failed"]  # not "stopped": it owed nothing more
