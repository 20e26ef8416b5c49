"""When what runs tell is written: a moment later, by a thread of its own, so that many runs share one transaction.

The transactions of a run of one row took a third of its time. The invariant: what was told is written `DELAY` seconds
later, or by `flush` before anybody here reads it, or by `close`. So a process that is killed loses what its runs told
in that moment, and nothing else. Left out on purpose: what is written (`workbench.registry.runs`), and what must not
wait; who tells that calls `flush`.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Final, Generic, TypeVar

DELAY: Final = 0.02
"""Seconds: long enough that a loop of small runs shares a transaction, too short to be missed by whoever looks."""

Told = TypeVar("Told")


class Ledger(Generic[Told]):
    """What is to be written by ``write``, which is called in one thread at a time, and again if it raised.

    `note` may be called from anywhere, also by the garbage collector in the middle of another call.
    """

    def __init__(self, write: Callable[[Sequence[Told]], None]) -> None:
        self._write = write
        self._told: deque[Told] = deque()
        self._bell: SimpleQueue[bool] = SimpleQueue()  # may be rung by the garbage collector, unlike an Event
        self._rung = False
        self._writing = threading.RLock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Have a thread that writes. Not for the garbage collector."""
        if self._alive:
            return
        with self._writing:  # of several threads one starts it
            if not self._alive:
                self._thread = threading.Thread(target=self._run, name="workbench-ledger", daemon=True)
                self._thread.start()

    @property
    def _alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def note(self, told: Told) -> None:
        """Have it written soon."""
        self._told.append(told)
        if not self._rung:
            self._rung = True
            self._bell.put(True)

    def flush(self) -> None:
        """Write now what was noted until now."""
        with self._writing:
            told = tuple(dict.fromkeys(self._told.popleft() for _ in range(len(self._told))))  # in order, each once
            if not told:
                return
            try:
                self._write(told)
            except BaseException:  # an interrupt, or a warning that is an error
                self._told.extendleft(reversed(told))
                raise

    def close(self) -> None:
        """Write the rest and end the thread. May be called twice."""
        self.flush()
        self._bell.put(False)

    def _run(self) -> None:
        while self._bell.get():
            time.sleep(DELAY)
            self._rung = False
            self.flush()
