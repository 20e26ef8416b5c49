"""What the workers of a run printed, for the Logs tab: the newest lines with each update, those before when asked for.

The invariant: lines are numbered over the run as they came, so that the front end knows which it has, and an update is
small however much is printed. Left out on purpose: which lines are shown, and drawing (`logs.js`).
"""

from __future__ import annotations

import itertools
from typing import Any, Final

from workbench.dumps import Dumps
from workbench.events import LogLine
from workbench.notebook.cells import plain, shorten, visible
from workbench.session import Run

NEWEST: Final = 100
TEXT: Final = 1_000
"""Characters of a line; what is longer wraps over half a screen."""

MOST_WORKERS: Final = 2_000
"""Streams of workers whose place in a dump is remembered, before those are forgotten whose lines are gone."""

Facts = dict[str, Any]
_NAMES = itertools.count()


class Printed:
    """The lines of one run; ``name`` tells it from the other runs of the panel."""

    def __init__(self, run: Run) -> None:
        self._record, self._name = run.record, next(_NAMES)
        self._dumps: dict[tuple[int, str], Dumps] = {}
        self._dumped: set[int] = set()
        self._next = 0

    def facts(self) -> Facts:
        """The newest lines; ``seen`` is how many there were, ``kept`` the number of the oldest that is kept.

        A line is its number, time, worker, batch, stream, text, and whether it is part of a dump.
        """
        lines = self._look()
        return {
            "run": self._name,
            "seen": lines[-1][0] + 1 if lines else 0,
            "kept": lines[0][0] if lines else 0,
            "lines": [self._line(*line) for line in lines[-NEWEST:]],
        }

    def before(self, number: int) -> Facts:
        """All lines that are kept and came before one."""
        return {"run": self._name, "lines": [self._line(*line) for line in self._look() if line[0] < number]}

    def _look(self) -> list[tuple[int, LogLine]]:
        """All lines that are kept; of those that are new it is noted whether they are part of a dump."""
        lines = self._record.numbered
        fresh = list(itertools.takewhile(lambda line: line[0] >= self._next, reversed(lines)))
        for number, line in reversed(fresh):
            if self._dumps.setdefault((line.worker, line.stream), Dumps()).holds(line.text):
                self._dumped.add(number)
            self._next = number + 1
        if lines:
            self._dumped = {number for number in self._dumped if number >= lines[0][0]}
        if len(self._dumps) > MOST_WORKERS:
            living = {(line.worker, line.stream) for _, line in lines}
            self._dumps = {source: dumps for source, dumps in self._dumps.items() if source in living}
        return lines

    def _line(self, number: int, line: LogLine) -> list[Any]:
        text = shorten(visible(plain(line.text)), TEXT)
        return [number, round(line.time, 3), line.worker, line.batch, line.stream, text, number in self._dumped]
