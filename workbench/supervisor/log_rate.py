"""How many log lines of a worker are kept: so many a second, and the rest is counted; the clock is an argument.

The invariant: each line is either kept or part of exactly one count that is told. Left out on purpose: where lines go.
"""

from __future__ import annotations

from workbench import settings

WINDOW = 1.0


class LogRate:
    """Counts the lines of one worker."""

    def __init__(self) -> None:
        self._since = float("-inf")
        self._kept = self._dropped = 0

    def keeps(self, now: float) -> bool:
        """Whether a line that came ``now`` (monotonic seconds) is kept. Ask for `dropped` before."""
        if now - self._since >= WINDOW:
            self._since, self._kept = now, 0
        if self._kept < settings.LOG_RATE:
            self._kept += 1
            return True
        self._dropped += 1
        return False

    def dropped(self, now: float) -> str:
        """A line that tells how many were not kept, once their second is over; empty if there were none."""
        if not self._dropped or now - self._since < WINDOW:
            return ""
        count, self._dropped = self._dropped, 0
        lines = "1 line was" if count == 1 else f"{count:,} lines were"
        return f"({lines} not kept: more than {settings.LOG_RATE} in a second)"
