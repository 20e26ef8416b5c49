"""What the result of a SQL statement looks like in a notebook: its rows as a grid, what it did as a line, its notes.

A single row that holds a text of several lines (a plan, a CREATE FUNCTION) is shown as that text, so that it can be
copied. The invariant is that of `workbench.notebook.views`. Left out on purpose: progress (`sql_progress`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from workbench.notebook import html, text
from workbench.notebook.cells import shorten, visible
from workbench.notebook.grid import Limits, table_grid
from workbench.notebook.views import LINE, View
from workbench.session import Result

MOST_LINES = 400
"""Lines of a text that are shown."""


@dataclass(repr=False)
class ResultView(View):
    """A result; ``rows`` of it are shown."""

    result: Result
    rows: int = 20

    def lines(self) -> Iterable[str]:
        if (texts := self._texts()) is not None:
            yield from texts
        elif self.result.reads:
            yield from text.table(table_grid(self.result.table, Limits(self.rows)))
        else:
            yield from self._statuses()
        yield from self._notes()

    def markup(self, limits: Limits) -> html.Markup:
        parts = []
        if (texts := self._texts()) is not None:
            parts.append(html.lines(texts[: MOST_LINES if limits.columns == Limits().columns else limits.rows]))
        elif self.result.reads:
            grid = table_grid(self.result.table, limits)
            parts.append(html.section("Result", grid.note, html.table(grid)))
        else:
            parts.append(html.lines(self._statuses()))
        notes = [html.tag("div", note) for note in self._notes()]
        return html.join([*parts, html.tag("div", *notes, class_="w")] if notes else parts)

    def _texts(self) -> list[str] | None:
        """The lines of a single row that has a text of several, the other texts before it; None for all else."""
        if self.result.table.num_rows != 1:
            return None
        values = [column[0].as_py() for column in self.result.table.columns]
        if not any(isinstance(value, str) and "\n" in value.strip() for value in values):
            return None
        return [shorten(visible(line), LINE) for value in values for line in str(value).strip("\n").split("\n")]

    def _statuses(self) -> list[str]:
        return [shorten(visible(str(value)), LINE) for value in self.result.table.column(0).to_pylist()]

    def _notes(self) -> list[str]:
        return [shorten(visible(f"note: {note}"), LINE) for note in self.result.notes]
