"""Workers that are ready and have nothing to do, kept for the next run of the same function.

The invariant: a worker is lent to one borrower at a time, and only if it is alive and owes no answer. Left out on
purpose: making workers, which the supervisor does when it finds none here.
"""

from __future__ import annotations

import threading
from typing import Final

from workbench.errors import RunClosed
from workbench.supervisor.template import Templates
from workbench.supervisor.worker import Worker

MAX_IDLE: Final = 8
"""Idle workers kept of one function, unless `Pool.resize` says otherwise: more would only cost memory."""


class Pool:
    """Idle workers by the key of their launch. Safe to use from several threads."""

    def __init__(self) -> None:
        # Re-entrant: a run that is collected gives its workers back, in whatever thread and line the collector runs.
        self._lock = threading.RLock()
        self._idle: dict[str, list[Worker]] = {}
        self._most = MAX_IDLE
        self._closed = False
        self.templates = Templates()

    def check_open(self) -> None:
        """Raise RunClosed if no worker may begin here any more."""
        if self._closed:
            raise RunClosed("the workbench is closed", hint="make a new one")

    def resize(self, most: int) -> None:
        """Keep at most ``most`` idle workers of one function from now on; what is more is ended, the oldest first."""
        with self._lock:
            self._most = most
            surplus = []
            for idle in self._idle.values():
                cut = max(0, len(idle) - most)
                surplus += idle[:cut]
                del idle[:cut]
        for worker in surplus:
            worker.close()

    def take(self, key: str) -> Worker | None:
        """A living idle worker, None if there is none. Raises RunClosed if the pool is closed."""
        while True:
            self.check_open()
            with self._lock:
                idle = self._idle.get(key)
                worker = idle.pop() if idle else None
            if worker is None or worker.process.exit is None:
                return worker
            worker.close()  # it died in its sleep; nothing was lost

    def give(self, worker: Worker) -> None:
        """Keep a worker that has nothing to do, or end it if it is not wanted."""
        with self._lock:
            idle = self._idle.setdefault(worker.launch.key, [])
            if not self._closed and worker.launch.reusable and len(idle) < self._most:
                idle.append(worker)
                return
        worker.close()

    def idle(self, key: str) -> tuple[Worker, ...]:
        """The idle workers of a key, without taking them."""
        with self._lock:
            return tuple(self._idle.get(key, ()))

    def stop(self, key: str) -> int:
        """End the idle workers of a key; how many there were."""
        with self._lock:
            workers = self._idle.pop(key, [])
        for worker in workers:
            worker.close()
        return len(workers)

    def shut(self) -> None:
        """No worker begins here any more, and those that are given back are ended. Those that are lent go on."""
        with self._lock:
            self._closed = True

    def close(self) -> None:
        """Shut it, and end all that are idle, and what they were forked from."""
        self.shut()
        with self._lock:
            keys = list(self._idle)
        for key in keys:
            self.stop(key)
        self.templates.close()
