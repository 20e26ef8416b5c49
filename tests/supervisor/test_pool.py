"""The pool: a worker has one borrower, and only living ones are lent."""

from __future__ import annotations

import errno
import itertools
import os
import random
import signal
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from fix_processes import Bench, alive, column, ids, listen, program

from workbench.errors import RunClosed, WorkerStartError
from workbench.supervisor.pool import MAX_IDLE, Pool
from workbench.supervisor.worker import Worker, ignore
from workbench.transport.base import Ready


@pytest.fixture
def pool() -> Iterator[Pool]:
    """A pool that ends its workers."""
    made = Pool()
    yield made
    made.close()


def worker(key: str = "k", **more: Any) -> Worker:
    """A worker that is ready."""
    made = Worker(program("writes_before_reading", key=key, **more), ignore)
    listen(made, lambda said: isinstance(said, Ready))
    return made


def test_lent_to_one_at_a_time(pool: Pool) -> None:
    """A worker is taken by its key, once."""
    one = worker()
    pool.give(one)
    assert pool.idle("k") == (one,)
    assert pool.take("other") is None
    assert pool.take("k") is one
    assert pool.take("k") is None
    assert pool.idle("k") == ()
    pool.give(one)


def test_the_dead_are_not_lent(pool: Pool) -> None:
    """One that died in its sleep is put away; the next living one is lent."""
    first, second = worker(), worker()
    pool.give(first)
    pool.give(second)
    os.kill(second.pid, signal.SIGKILL)
    second.process.wait(2)
    assert pool.take("k") is first
    assert second.died is not None
    pool.give(first)


def test_what_is_not_reusable_is_ended(pool: Pool) -> None:
    """A script's process is of no use to another run."""
    one = worker(reusable=False)
    pool.give(one)
    assert pool.idle("k") == ()
    assert not alive(one.pid)


def test_few_are_kept(pool: Pool) -> None:
    """More idle workers than a run would want are ended."""
    workers = [Worker(program("writes_before_reading", key="k"), ignore) for _ in range(MAX_IDLE + 1)]
    for one in workers:
        pool.give(one)
    assert len(pool.idle("k")) == MAX_IDLE
    assert not alive(workers[-1].pid)


def test_stop_ends_one_function(pool: Pool) -> None:
    """`stop` ends the idle workers of a key and tells how many; others stay."""
    one, other = worker(), worker("other")
    pool.give(one)
    pool.give(other)
    assert pool.stop("k") == 1
    assert pool.stop("k") == 0
    assert not alive(one.pid)
    assert pool.idle("other") == (other,)


def test_close_ends_all(pool: Pool) -> None:
    """After `close`, which may be called twice, workers that are given back are ended."""
    kept, lent = worker(), worker()
    pool.give(kept)
    pool.close()
    pool.close()
    pool.give(lent)
    assert not alive(kept.pid)
    assert not alive(lent.pid)
    with pytest.raises(RunClosed, match="the workbench is closed"):
        pool.take("k")


def test_resized(pool: Pool) -> None:
    """A smaller pool ends those that were idle longest at once, and keeps no more; a larger one keeps more again."""
    workers = [worker() for _ in range(3)]
    for one in workers:
        pool.give(one)
    pool.resize(1)
    assert pool.idle("k") == (workers[2],)
    assert [alive(one.pid) for one in workers] == [False, False, True]
    pool.resize(0)
    assert pool.idle("k") == ()
    pool.resize(2)
    for one in (more := [worker() for _ in range(3)]):
        pool.give(one)
    assert pool.idle("k") == tuple(more[:2])


def test_many_take_and_give_while_it_is_resized(pool: Pool) -> None:
    """64 threads, some of whose workers are killed: none is lent twice, none dead is lent, none is lost."""
    seed = random.randrange(1 << 30)
    print("seed", seed)
    made = [worker() for _ in range(8)]
    for one in made:
        pool.give(one)
    lent: set[int] = set()
    wrong: list[str] = []
    lock = threading.Lock()

    def client(dice: random.Random) -> None:
        for _ in range(200):
            one = pool.take("k")
            if one is None:
                continue
            with lock:
                if one.pid in lent:
                    wrong.append(f"{one} was lent twice")
                lent.add(one.pid)
            if dice.random() < 0.0005:
                one.process.kill()
            with lock:
                lent.discard(one.pid)
            pool.give(one)
            if dice.random() < 0.01:
                pool.resize(dice.randint(4, 8))

    threads = [threading.Thread(target=client, args=(random.Random(seed + n),)) for n in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert wrong == []
    idle = set(pool.idle("k"))
    assert all(one in idle or one.died is not None for one in made)


def test_no_process_to_be_had(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """50 times the system refuses: an error by name each time, nothing is left behind, and then all is as before."""
    launch = program("writes_before_reading", key="k")
    real, numbers = subprocess.Popen, itertools.cycle([errno.EAGAIN, errno.ENOMEM, errno.EMFILE])

    def refuse(*arguments: Any, **more: Any) -> Any:
        number = next(numbers)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(subprocess, "Popen", refuse)
    for _ in range(50):
        with pytest.raises(WorkerStartError, match="writes_before_reading: no process could be started: "):
            bench.run(launch, ids(1, 1))
    monkeypatch.setattr(subprocess, "Popen", real)
    assert bench.pool.idle("k") == ()
    for _ in range(2):
        assert column(bench.run(launch, ids(2, 2))) == [0, 1, 2, 3]
    assert len(bench.pool.idle("k")) == 1
