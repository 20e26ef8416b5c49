"""A run that is moved in one thread and closed, paused or stepped from another: an error by name, never a hang."""

from __future__ import annotations

import itertools
import queue
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from fix_processes import until

import workbench as wb
from workbench.errors import RunClosed
from workbench.supervisor.slot import Slot
from workbench.supervisor.supervisor import Supervisor
from workbench.transport.base import Answer, Reply

ECHO = "def evaluate(a):\n    return a\n"
SIGNATURE = "echo(a BIGINT) -> BIGINT"
SLOW = "import time\ndef evaluate(a):\n    time.sleep(a)\n    return a\n"


def endless() -> Iterator[pa.RecordBatch]:
    """A source that has no end."""
    for number in itertools.count():
        yield pa.record_batch({"a": [number]})


class Mover:
    """Moves a run in a thread; ``seen`` are the first values of its batches, ``error`` what it ended with."""

    def __init__(self, run: wb.Run, take: Callable[[wb.Run], object] | None = None) -> None:
        self.run = run
        self.seen: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._move, args=(take or self._stream,))
        self._thread.start()

    def _stream(self, run: wb.Run) -> None:
        for batch in run.batches():
            self.seen.put(batch.column(0)[0].as_py())

    def _move(self, take: Callable[[wb.Run], object]) -> None:
        try:
            take(self.run)
        except RunClosed as error:
            self.error = error

    def join(self) -> None:
        """Wait for its end."""
        self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.mark.parametrize("end", ["close", "stop"])
def test_closing_from_another_thread(w: wb.Workbench, end: str) -> None:
    """The thread that moves the run gets RunClosed; the worker is kept by `close`, and gone after `stop`."""
    f = w.register(ECHO, SIGNATURE)
    mover = Mover(f.run(endless()))
    mover.seen.get(timeout=10)
    if end == "close":
        mover.run.close()
    else:
        f.stop()
    assert mover.run.status == "closed"
    mover.join()
    assert str(mover.error) == "echo: this run was closed\n  run it again"
    assert f.status["state"] == ("ready" if end == "close" else "stopped")
    assert f.call(7) == 7
    assert f.runs["status"].tolist() == ["closed", "completed"]


def test_closing_while_a_worker_is_waited_for(w: wb.Workbench) -> None:
    """The thread is woken at once, whatever its worker does; the worker has its time to finish."""
    f = w.register(SLOW, "slow(a DOUBLE) -> DOUBLE")
    run = f.run(pa.table({"a": [0.0, 0.4]}), batch_rows=1)
    mover = Mover(run)
    mover.seen.get(timeout=10)
    run.close()
    mover.join()
    assert isinstance(mover.error, RunClosed)
    assert f.status["state"] == "ready"


def test_closing_a_run_whose_source_waits(w: wb.Workbench) -> None:
    """A generator that gives nothing holds nobody."""
    go = threading.Event()

    def items() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"a": [1]})
        go.wait(10)

    mover = Mover(w.register(ECHO, SIGNATURE).run(items()))
    mover.seen.get(timeout=10)
    mover.run.close()
    mover.join()
    assert isinstance(mover.error, RunClosed)
    go.set()


def test_many_close_one_run_at_random(w: wb.Workbench) -> None:
    """8 threads close a run at a random moment, again and again: it ends once, and the next run is right."""
    seed = random.randrange(1 << 30)
    print("seed", seed)
    dice = random.Random(seed)
    f = w.register(ECHO, SIGNATURE)
    for _ in range(15):
        mover = Mover(f.run(endless(), workers=2))
        threads = [threading.Timer(dice.random() * 0.01, mover.run.close) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        mover.join()
        assert isinstance(mover.error, RunClosed)
        assert mover.run.status == "closed"
    assert f.run(pa.table({"a": range(10)}), batch_rows=2).to_pandas()["echo"].tolist() == list(range(10))
    assert f.runs["status"].tolist() == ["closed"] * 15 + ["completed"]


def test_a_listener_may_close(w: wb.Workbench) -> None:
    """In the middle of the run, in the thread that moves it."""
    run = w.register(ECHO, SIGNATURE).run(endless())
    run.listeners.append(wb.Run.close)
    with pytest.raises(RunClosed, match="echo: this run was closed"):
        run.wait()


def test_pause_step_and_resume(w: wb.Workbench) -> None:
    """A paused run gives nothing more, a step gives one batch, and after `resume` it comes to its end."""
    run = w.register(ECHO, SIGNATURE).run(pa.table({"a": range(100)}), batch_rows=1)
    run.pause()
    assert run.paused
    mover = Mover(run)
    for wanted in range(3):
        run.step()
        assert mover.seen.get(timeout=10) == wanted
        until(lambda: run._gate._holder is None)
        assert mover.seen.empty()
    run.resume()
    mover.join()
    assert mover.error is None
    assert (run.status, run.record.batches_in) == ("completed", 100)


def test_a_pause_is_no_fault_of_the_worker(w: wb.Workbench) -> None:
    """A deadline stands still while the run is paused."""
    run = w.register(ECHO, SIGNATURE).run(pa.table({"a": range(9)}), batch_rows=1, timeout=0.5)
    run.step()
    mover = Mover(run)
    mover.seen.get(timeout=10)
    time.sleep(0.7)  # longer than the deadline
    run.resume()
    mover.join()
    assert run.status == "completed"


def test_a_paused_run_can_be_closed(w: wb.Workbench) -> None:
    """The thread that is held gets RunClosed."""
    run = w.register(ECHO, SIGNATURE).run(endless())
    run.step()
    mover = Mover(run, wb.Run.wait)
    until(lambda: run.record.batches_in == 1)
    run.close()
    mover.join()
    assert isinstance(mover.error, RunClosed)


def test_closing_the_workbench_under_32_threads(tmp_path: Path) -> None:
    """Whatever each is at, it gets RunClosed and nothing else, and no run is left open."""
    seed = random.randrange(1 << 30)
    print("seed", seed)
    w = wb.Workbench(tmp_path)
    f = w.register(ECHO, SIGNATURE)
    f.call(1)
    ended: list[str] = []

    def client(dice: random.Random) -> None:
        try:
            while True:
                for _ in zip(f.run(endless()).batches(), range(dice.randint(1, 5)), strict=False):
                    pass
        except RunClosed as error:
            ended.append(error.message)

    threads = [threading.Thread(target=client, args=(random.Random(seed + n),)) for n in range(32)]
    for thread in threads:
        thread.start()
    time.sleep(random.Random(seed).random())  # the moment is what is tried
    for _ in range(2):
        w.close()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert len(ended) == 32
    assert set(ended) <= {"the workbench is closed", "echo: this run was closed"}
    with wb.Workbench(tmp_path) as again:
        assert set(again.function("echo").runs["status"]) <= {"closed", "completed"}


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_interrupt_beside_an_answer(w: wb.Workbench, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    """It comes just before or after the answer is dealt with: the worker owes the others only, and is kept."""
    f = w.register("import os\ndef pid(a):\n    return os.getpid()\n", "pid(a BIGINT) -> BIGINT")
    before = f.call(1)
    deal = Supervisor._on_reply

    def interrupted(self: Supervisor, slot: Slot, reply: Reply) -> None:
        if when == "after" or not isinstance(reply, Answer):
            deal(self, slot, reply)
        if isinstance(reply, Answer):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Supervisor, "_on_reply", interrupted)
        run = f.run(pa.table({"a": range(50)}), batch_rows=1)
        with pytest.raises(KeyboardInterrupt):
            run.wait()
    assert f.run(pa.table({"a": range(3)}), batch_rows=1).to_arrow()["pid"].to_pylist() == [before] * 3
