"""Numbers over the time of a run, of which so many are kept as a picture can show.

The invariant: the whole run is there, at any length, in at most a fixed number of parts; when there would be more, two
neighbours become one. What is kept is a sum (`Bins`) or the highest of them (`Peaks`), so that no peak is lost. Left
out on purpose: what is counted (`course`, `gauges`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

BINS: Final = 240
POINTS: Final = 120
FINEST: Final = 0.01
"""Seconds of the first bins: what is shorter is no rate, but chance."""


class Bins:
    """Sums over equal parts of the time since 0, for each of several keys."""

    def __init__(self) -> None:
        self.width = FINEST
        self._sums: dict[int, dict[int, int]] = {}

    def add(self, key: int, time: float, amount: int) -> None:
        """Count ``amount`` at ``time``, in seconds."""
        while time >= self.width * BINS:
            self.width *= 2
            for one, sums in self._sums.items():
                halved: dict[int, int] = {}
                for at, value in sums.items():
                    halved[at // 2] = halved.get(at // 2, 0) + value
                self._sums[one] = halved
        sums = self._sums.setdefault(key, {})
        at = int(time / self.width)
        sums[at] = sums.get(at, 0) + amount

    def drop(self, key: int) -> None:
        """Forget a key."""
        self._sums.pop(key, None)

    def facts(self) -> dict[str, Any]:
        """``width`` in seconds; ``sums``: for each key the bins that have something, as ``[bin, sum]``."""
        return {"width": self.width, "sums": [[key, sorted(sums.items())] for key, sums in self._sums.items()]}

    def rates(self, since: float, until: float, most: int) -> list[tuple[float, float, float]]:
        """``(from, to, amount in a second)`` for at most ``most`` equal parts between two times, for the key 0.

        A last part that is shorter than half of the others belongs to the one before.
        """
        sums = self._sums.get(0, {})
        first, last = int(since / self.width), int(until / self.width)
        size = math.ceil((last - first + 1) / max(1, most))
        parts: list[tuple[float, float, int]] = []
        for at in range(first, last + 1, size):
            begin, end = max(since, at * self.width), min(until, (at + size) * self.width)
            amount = sum(sums.get(one, 0) for one in range(at, at + size))
            if parts and end - begin < size * self.width / 2:
                begin, _, before = parts.pop()
                amount += before
            parts.append((begin, end, amount))
        return [
            (round(begin, 6), round(end, 6), round(amount / (end - begin), 3))
            for begin, end, amount in parts
            if end > begin
        ]


class Peaks:
    """Points in the order of their time; of neighbours that become one the one with the highest ``height`` is kept."""

    def __init__(self, height: Callable[[tuple[Any, ...]], float]) -> None:
        self._height = height
        self.each = 1
        """How many points each of `points` stands for."""
        self._kept: list[tuple[Any, ...]] = []
        self._waiting: list[tuple[Any, ...]] = []

    def add(self, point: tuple[Any, ...]) -> None:
        """The next point."""
        self._waiting.append(point)
        if len(self._waiting) < self.each:
            return
        self._kept.append(max(self._waiting, key=self._height))
        self._waiting.clear()
        if len(self._kept) == POINTS:
            self._kept = [max(self._kept[at : at + 2], key=self._height) for at in range(0, POINTS, 2)]
            self.each *= 2

    @property
    def points(self) -> list[tuple[Any, ...]]:
        """All that are kept, the newest too."""
        return self._kept + ([max(self._waiting, key=self._height)] if self._waiting else [])
