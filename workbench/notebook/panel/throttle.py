"""How often a front end is told: at once, then at most once in `GAP` seconds, and always of the last change.

The invariant: after `flush`, what was sent last is the newest state; never are two sendings closer than the gap but
for that last one. 5,000 unthrottled updates in a second hit the front end's message limit, and the final one was among
the lost. Left out on purpose: what is sent, and threads (`pulse`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

GAP: Final = 0.1
"""Seconds: ten updates in a second look like motion and cost a front end 1 % of its time."""


class Throttle:
    """Decides when to call ``send``; ``clock`` gives monotonic seconds."""

    def __init__(self, send: Callable[[], None], clock: Callable[[], float], gap: float = GAP) -> None:
        self._send, self._clock, self._gap = send, clock, gap
        self._changed = False
        self._sent_at = float("-inf")

    def tell(self) -> None:
        """Something changed: it is sent now, or with what comes later."""
        self._changed = True
        self.look()

    def look(self) -> None:
        """Send what waits, if enough time has passed."""
        if self._changed and self._clock() - self._sent_at >= self._gap:
            self.flush()

    def flush(self) -> None:
        """Send what waits, whenever the last sending was."""
        if self._changed:
            self._changed = False
            self._sent_at = self._clock()
            self._send()
