"""Sources: asked without waiting."""

from __future__ import annotations

import select
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from fix_processes import batch, until

from workbench.supervisor.source import Item, Source, ThreadedSource

ITEM: Item = (batch([1]), "context")


def test_what_is_at_hand() -> None:
    """A plain source gives items until there are none, and says so."""
    made = Source([ITEM, ITEM])
    assert made.fd is None
    assert [made.take(), made.take()] == [ITEM, ITEM]
    assert not made.exhausted
    assert made.take() is None
    assert made.exhausted


def test_close_ends_it() -> None:
    """After `close` nothing is taken."""
    made = Source([ITEM])
    made.close()
    assert made.exhausted
    assert made.take() is None


def woken(made: ThreadedSource, seconds: float = 5) -> bool:
    """Whether there is something to take."""
    assert made.fd is not None
    return bool(select.select([made.fd], [], [], seconds)[0])


def test_a_slow_source_wakes_us() -> None:
    """`take` never waits; the fd tells when it is worth another try."""
    gate = threading.Semaphore(0)

    def items() -> Iterator[Item]:
        for _ in range(3):
            assert gate.acquire(timeout=10)
            yield ITEM

    made = ThreadedSource(items(), ahead=2)
    for _ in range(3):
        assert made.take() is None
        assert not woken(made, 0)
        gate.release()
        assert woken(made)
        assert made.take() == ITEM
    until(lambda: made.take() is None and made.exhausted, 5)
    assert made.fd is None


def test_a_bounded_number_is_read_ahead() -> None:
    """The thread reads ``ahead`` items and holds one more, until some are taken."""
    read: list[int] = []

    def items() -> Iterator[Any]:
        while True:
            read.append(1)
            yield ITEM

    made = ThreadedSource(items(), ahead=3)
    until(lambda: len(read) == 4)
    assert made.take() == ITEM
    until(lambda: len(read) == 5)
    made.close()


def test_an_error_comes_where_items_are_wanted() -> None:
    """What the iterator raises is raised by `take`, once, behind what it gave before."""

    def items() -> Iterator[Item]:
        yield ITEM
        raise KeyError("gone")

    made = ThreadedSource(items(), ahead=3)
    assert woken(made)
    assert made.take() == ITEM
    with pytest.raises(KeyError, match="gone"):
        until(lambda: made.take() is not None, 5)
    assert made.exhausted
    assert made.take() is None


def test_a_generator_that_is_left_early_puts_its_things_away() -> None:
    """Closing ends the thread, and the generator in it, whose `finally` is run."""
    ended = threading.Event()

    def items() -> Iterator[Item]:
        try:
            while True:
                yield ITEM
        finally:
            ended.set()

    made = ThreadedSource(items(), ahead=1)
    assert woken(made)
    made.close()
    made.close()
    assert ended.wait(5)
