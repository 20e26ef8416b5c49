"""The pool: a worker has one borrower, and only living ones are lent."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from fix_processes import alive, listen, program

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
    assert pool.take("k") is None
