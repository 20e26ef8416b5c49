"""How fast rows are let through: a rate that may be changed, or ended, while somebody waits for it.

The invariant: in the long run no more than ``rate`` rows a second pass; who comes late is not given what was missed, so
that a pause is not followed by a burst. Left out on purpose: what passes (`workbench.session.live`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

LATE: Final = 0.1
"""Seconds that are made up for: waking up takes its time, and would otherwise make every rate a little slower."""


class Pace:
    """``rate`` is in rows a second; None: as fast as they come. ``clock`` gives seconds, ``changed`` waits."""

    def __init__(
        self,
        rate: float | None,
        clock: Callable[[], float] = time.monotonic,
        changed: threading.Condition | None = None,
    ) -> None:
        self._rate, self._clock = rate, clock
        self._changed = changed or threading.Condition()
        self._since = clock()
        self._owed = 0
        self._shut = False

    @property
    def rate(self) -> float | None:
        """Rows a second; a new rate holds at once, also for those who wait."""
        return self._rate

    @rate.setter
    def rate(self, rate: float | None) -> None:
        with self._changed:
            self._rate = rate
            self._changed.notify_all()

    def hold(self, rows: int) -> bool:
        """Wait until the rows before these have had their time; False once it is shut."""
        with self._changed:
            while not self._shut and (left := self._left()) > 0:
                self._changed.wait(left)
            now = self._clock()
            due = self._since + (self._owed / self._rate if self._rate else 0)
            self._since = due if now - due < LATE else now
            self._owed = rows
            return not self._shut

    def _left(self) -> float:
        return self._since + self._owed / self._rate - self._clock() if self._rate else 0

    def shut(self) -> None:
        """Nobody waits any more."""
        with self._changed:
            self._shut = True
            self._changed.notify_all()
