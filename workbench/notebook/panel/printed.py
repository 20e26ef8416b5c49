"""What the workers of a run printed, for the Logs tab: the newest lines with each update, those before when asked for.

The invariant: lines are numbered over the run as they came, so that the front end knows which it has, and an update is
small however much is printed. Left out on purpose: which lines are shown, which are one dump, and drawing (`logs.js`).
"""

from __future__ import annotations

import itertools
from typing import Any, Final

from workbench.events import LogLine
from workbench.notebook.cells import plain, shorten, visible
from workbench.session import Run

NEWEST: Final = 100
TEXT: Final = 1_000
"""Characters of a line; what is longer wraps over half a screen."""

Facts = dict[str, Any]
_NAMES = itertools.count()


class Printed:
    """The lines of one run; ``name`` tells it from the other runs of the panel."""

    def __init__(self, run: Run) -> None:
        self._record, self._name = run.record, next(_NAMES)

    def facts(self) -> Facts:
        """The newest lines; ``seen`` is how many there were, ``kept`` the number of the oldest that is kept."""
        lines = self._record.numbered
        return {
            "run": self._name,
            "seen": lines[-1][0] + 1 if lines else 0,
            "kept": lines[0][0] if lines else 0,
            "lines": [_line(*line) for line in lines[-NEWEST:]],
        }

    def before(self, number: int) -> Facts:
        """All lines that are kept and came before one."""
        return {"run": self._name, "lines": [_line(*line) for line in self._record.numbered if line[0] < number]}


def _line(number: int, line: LogLine) -> list[Any]:
    text = shorten(visible(plain(line.text)), TEXT)
    return [number, round(line.time, 3), line.worker, line.batch, line.stream, text]
