"""The rows of a run's output, given out range by range: sorted, filtered, with failed rows in their places.

Of a finished run these are all, of one that goes on or was streamed the newest, the newest first. The table stays in
Arrow; a front end asks for the rows that it shows, some hundred at a time, and gets texts. The
invariant: row numbers and marks are those of the input whatever the order is; NULL (None) and the empty string ("")
stay apart. Values are shortened for the eye, and whole when they are copied. Left out on purpose: drawing.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from workbench.notebook.cells import Cell, cell
from workbench.notebook.grid import output_columns
from workbench.session import Run
from workbench.session.record import DeadLetter

MOST_ROWS: Final = 500
"""Rows given in one answer: some screens of them, about 40 KB."""

MOST_COPIED: Final = 100_000
WIDTH: Final = 120
"""Characters of a cell that are sent; the rest is cut with an ellipsis."""

COLUMNS: Final = 200
FAILED: Final = 1
STRIPE: Final = 2

Numbers = npt.NDArray[np.int64]


class View(NamedTuple):
    """How the rows are looked at: sorted by a column (-1: as they came), and only those that hold a text."""

    column: int = -1
    down: bool = False
    text: str = ""


class Shown(NamedTuple):
    """What is shown of a run: result rows, the rows that were set aside among them, and the numbers of both."""

    table: pa.Table
    letters: Sequence[DeadLetter]
    labels: Numbers


def all_rows(run: Run) -> Shown:
    """The whole result. Raises RunClosed if it was streamed and not kept."""
    table = run.to_arrow()
    letters = sorted(run.record.letters, key=lambda one: one.row) if run.spec.kind == "udf" else []
    total = table.num_rows + len(letters)
    given = run.numbers if run.numbers is not None and run.spec.kind == "udf" else None
    labels: Numbers = np.asarray(given, np.int64)[:total] if given is not None else np.arange(total)
    return Shown(table, letters, labels)


def newest_rows(run: Run) -> Shown | None:
    """The newest rows of the result; None if there are none yet, or none are kept, or it is a replay of few."""
    parts = run.record.recent.parts
    if not parts or run.numbers is not None:
        return None
    table = pa.Table.from_batches([part.batch for part in parts])
    if run.spec.kind != "udf":
        return Shown(table, [], parts[0].before + np.arange(table.num_rows))
    since = itertools.takewhile(lambda one: one.row >= parts[0].since, reversed(run.record.letters))
    letters = [one for one in since if one.row < parts[-1].upto][::-1]
    lost = np.sort(np.array([one.row for one in letters], np.int64))
    edges = np.searchsorted(lost, [(one.since, one.upto) for one in parts]).tolist()
    # Once there are too many failed rows not all are known, and there are more numbers than rows.
    good = [
        np.delete(np.arange(one.since, one.upto), lost[first:last] - one.since)[: one.batch.num_rows]
        for one, (first, last) in zip(parts, edges, strict=True)
    ]
    return Shown(table, letters, np.sort(np.concatenate([lost, *good])))


class Rows:
    """The output of one run, or its newest rows."""

    def __init__(self, run: Run, shown: Shown, *, newest: bool = False) -> None:
        whole, self._letters, self._labels = shown
        self._down = newest
        columns = output_columns(run, whole.schema, WIDTH)
        chosen = sorted(sorted(range(len(columns)), key=lambda index: columns[index].rank)[:COLUMNS])
        self.columns = [columns[index] for index in chosen]
        self.hidden = len(columns) - len(chosen)
        self._table = whole.select(chosen)
        names = zip(self._table.schema.names, self.columns, strict=True)
        self._inputs = [name for name, column in names if not column.output]
        self.labelled = run.spec.kind != "udaf"
        failed = np.isin(self._labels, [one.row for one in self._letters])
        # A row of the table counts from 0, a dead letter from -1 down.
        self._origin: Numbers = np.where(
            failed, -np.cumsum(failed, dtype=np.int64), np.cumsum(~failed, dtype=np.int64) - 1
        )
        self._stripes = self._odd() if run.spec.kind == "udtf" else None
        self._view = View()
        self._order: Numbers | None = None

    @property
    def total(self) -> int:
        """How many rows there are."""
        return len(self._labels)

    def head(self) -> list[dict[str, Any]]:
        """The columns: name, type, whether the function made it, whether it is a number, whether it can be sorted."""
        return [
            {
                "name": column.name,
                "type": column.type,
                "output": column.output,
                "number": column.number,
                "sortable": self._sortable(index),
            }
            for index, column in enumerate(self.columns)
        ]

    def page(self, start: int, stop: int, view: View) -> dict[str, Any]:
        """Rows ``start`` to ``stop`` of a view: ``[label, mark, cell, …]`` each, and how many the view has."""
        order = self._ordered(view)
        start = max(0, start)
        found = order[start : min(stop, start + MOST_ROWS)]
        return {"start": start, "count": len(order), "rows": self._texts(found)}

    def copy(self, start: int, stop: int, columns: Sequence[int], view: View) -> dict[str, Any]:
        """A range of cells as tab-separated ``text``, whole values, NULL as nothing; how many rows were ``copied``."""
        order = self._ordered(view)[max(0, start) : min(stop, start + MOST_COPIED)]
        values = self._values(order)
        chosen = [index for index in columns if 0 <= index < len(self.columns)]
        text = "\n".join("\t".join(_plain(row[index]) for index in chosen) for row in values)
        return {"text": text, "copied": len(order)}

    # -- order ---------------------------------------------------------------------------------------------------------

    def _ordered(self, view: View) -> Numbers:
        """The places that the view shows, in its order; the last view is kept."""
        if self._order is None or view != self._view:
            places = np.arange(self.total)[:: -1 if self._down else 1]
            if view.text:
                places = places[self._holding(view.text)[places]]
            if 0 <= view.column < len(self.columns) and self._sortable(view.column):
                places = self._sorted(places, view)
            self._view, self._order = view, places
        return self._order

    def _sortable(self, column: int) -> bool:
        kind = self._table.schema.field(column).type
        return not pa.types.is_nested(kind) and not pa.types.is_null(kind)

    def _sorted(self, places: Numbers, view: View) -> Numbers:
        """Stable; NULL after all values and failed rows after those, whichever way values go."""
        origin = self._origin[places]
        whole = places[origin >= 0]
        column = self._table.column(view.column).take(pa.array(self._origin[whole]))
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        keys = pa.table({"value": column})
        by = [("value", "descending" if view.down else "ascending")]
        return np.concatenate([whole[pc.sort_indices(keys, sort_keys=by).to_numpy()], places[origin < 0]])

    def _holding(self, text: str) -> npt.NDArray[np.bool_]:
        """Where any cell holds the text, in any case; ``NULL`` finds NULL."""
        kept = np.zeros(self._table.num_rows, bool)
        for column in self._table.columns:
            if text == "NULL":
                kept |= np.asarray(column.is_null())
            kept |= np.asarray(pc.match_substring(_as_text(column), text, ignore_case=True).fill_null(False))
        low = text.lower()
        lost = [low in " ".join([one.error_type, *map(str, one.values.values())]).lower() for one in self._letters]
        found = np.array([*kept, *reversed(lost)], bool)  # a dead letter's place is counted from the end
        return found[self._origin] if len(found) else found

    def _odd(self) -> npt.NDArray[np.bool_]:
        """Which output rows belong to every other input row: a neighbour with the same input is the same row."""
        changed = np.zeros(max(0, self._table.num_rows - 1), bool)
        for column in map(_as_text, self._table.columns[: len(self._inputs)]):
            differs = pc.not_equal(column.slice(1), column.slice(0, max(0, len(column) - 1)))
            null = np.asarray(column.is_null())
            changed |= np.asarray(differs.fill_null(False)) | (null[1:] != null[:-1])
        return np.concatenate([[False], np.cumsum(changed) % 2 == 1]) if self.total else changed

    # -- values --------------------------------------------------------------------------------------------------------

    def _values(self, places: Numbers) -> list[list[Any]]:
        """The values of some rows; a failed row has its error where the function's columns are."""
        origin = self._origin[places]
        part = self._table.take(pa.array(origin[origin >= 0]))
        values = iter(list(zip(*(_python(column) for column in part.columns), strict=True)))
        rows = []
        for one in origin.tolist():
            if one >= 0:
                rows.append(list(next(values)))
            else:
                letter = self._letters[-1 - one]
                inputs = [letter.values[name] for name in self._inputs]
                rows.append([*inputs, *[letter.error_type] * (len(self.columns) - len(inputs))])
        return rows

    def _texts(self, places: Numbers) -> list[list[Any]]:
        out = []
        for place, row in zip(places.tolist(), self._values(places), strict=True):
            mark = FAILED if self._origin[place] < 0 else 0
            if self._stripes is not None and self._stripes[place]:
                mark = STRIPE
            label = f"{self._labels[place]:,}" if self.labelled else ""
            out.append([label, mark, *(_sent(cell(value, WIDTH)) for value in row)])
        return out


def _sent(shown: Cell) -> str | None:
    if shown.kind == "null":
        return None
    return "" if shown.kind == "empty" else shown.text


def _python(column: pa.ChunkedArray) -> list[Any]:
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError):  # Arrow knows dates that Python does not
        return list(column.cast(pa.string()).to_pylist())


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column as strings, to search in: Arrow's where it has them, else JSON."""
    try:
        return column.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return pa.chunked_array([pa.array(map(_plain, _python(column)), pa.string())])


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | dict | tuple):
        return json.dumps(value, default=str, ensure_ascii=False)
    return str(value)
