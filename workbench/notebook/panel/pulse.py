"""A thread that looks at a run ten times a second while a cell is busy with it, and says when it has changed.

The run itself does nothing for it and never waits for it: a front end that is slow or dead costs a run nothing. The
invariant: after the ``with`` block the last state has been told and the thread has ended. Left out on purpose: what
is told (`panel`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Self

from workbench.notebook.panel.throttle import GAP, Throttle


class Pulse:
    """Calls ``send`` in its own thread whenever ``version`` gives another value; once more at the end."""

    def __init__(self, version: Callable[[], Hashable], send: Callable[[], None]) -> None:
        self._version = version
        self._throttle = Throttle(send, time.monotonic)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="workbench panel", daemon=True)

    def _beat(self) -> None:
        seen: Hashable = None
        while not self._over.wait(GAP):
            now = self._version()
            if now != seen:
                seen = now
                self._throttle.tell()
            self._throttle.look()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._throttle.tell()
        self._throttle.flush()
