"""How many log lines of a worker are kept: a burst, then so many a second; the rest is counted.

The clock is an argument. The invariant: each line is either kept or part of exactly one count that is told. Left out on
purpose: where lines go.
"""

from __future__ import annotations

from workbench import settings

WINDOW = 1.0


class LogRate:
    """Counts the lines of one worker."""

    def __init__(self) -> None:
        self._room = float(settings.LOG_BURST)
        self._filled_at: float | None = None
        self._dropped = 0
        self._dropped_since = 0.0

    def keeps(self, now: float) -> bool:
        """Whether a line that came ``now`` (monotonic seconds) is kept. Ask for `dropped` before."""
        if self._filled_at is not None:
            self._room = min(settings.LOG_BURST, self._room + (now - self._filled_at) * settings.LOG_RATE)
        self._filled_at = now
        if self._room >= 1:
            self._room -= 1
            return True
        if not self._dropped:
            self._dropped_since = now
        self._dropped += 1
        return False

    def dropped(self, now: float) -> str:
        """A line that tells how many were not kept, once a second has passed; empty if there were none."""
        if not self._dropped or now - self._dropped_since < WINDOW:
            return ""
        count, self._dropped = self._dropped, 0
        lines = "1 line was" if count == 1 else f"{count:,} lines were"
        return f"({lines} not kept: more than {settings.LOG_RATE} in a second)"
