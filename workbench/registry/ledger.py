"""When what runs tell is written: a moment later, by a thread of its own, so that many runs share one transaction.

The transactions of a run of one row took a third of its time. The invariant: what was told is written `DELAY` seconds
later, or by `flush` before anybody here reads it, or by `close`. So a process that is killed loses what its runs told
in that moment, and nothing else. Left out on purpose: what is written (`workbench.registry.runs`), and what must not
wait; who tells that calls `flush`.
"""

from __future__ import annotations

import os
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
        self._pid = os.getpid()
        self._inside = False
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
        self._bell.put(True)

    def flush(self) -> None:
        """Write now what was noted until now."""
        if os.getpid() != self._pid:  # a forked child has no part in what its parent tells
            return
        with self._writing:
            if self._inside or not self._told:  # whoever is warned of a loss may ask for the runs
                return
            self._inside = True
            try:
                count = len(self._told)
                self._write(tuple(dict.fromkeys(self._told[at] for at in range(count))))  # in order, each once
                for _ in range(count):  # an interrupt before leaves them where they are: to write twice does no harm
                    self._told.popleft()
            finally:
                self._inside = False

    def close(self) -> None:
        """Write the rest and end the thread. May be called twice."""
        self.flush()
        self._bell.put(False)

    def _run(self) -> None:
        going = True
        while going and self._bell.get():
            time.sleep(DELAY)
            while going and not self._bell.empty():
                going = self._bell.get()
            if going:
                self.flush()
