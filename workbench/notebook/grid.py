"""Tables as plain data, ready to be drawn: a `Grid` for the output of a run, its state, its history, its dead letters.

The invariant: a grid is small (rows, columns and cells are limited, what is left out is counted) and deterministic.
The output shows the input columns and the function's side by side, failing rows in their places. Left out on purpose:
drawing (`html`, `text`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

import pyarrow as pa

from workbench.events import SIGNS
from workbench.notebook.cells import Cell, cell, shorten, visible
from workbench.session import Run
from workbench.session.record import DeadLetter
from workbench.session.report import HistoryRow, StateRow, history_rows, state_rows, type_name
from workbench.worker.words import counted


class Limits(NamedTuple):
    """How much is shown: rows of a table, its columns, characters of a cell."""

    rows: int = 20
    columns: int = 20
    width: int = 80


class Column(NamedTuple):
    """A column. ``type`` is SQL text, "" where none is known; ``output`` says that the function made it.

    Where there is no room, the columns of the highest ``rank`` are left out first.
    """

    name: str
    type: str = ""
    output: bool = False
    number: bool = False
    rank: int = 0


class Row(NamedTuple):
    """A row. ``label`` stands before it; ``tone`` is how it is drawn."""

    cells: Sequence[Cell]
    label: str = ""
    tone: Literal["", "failed", "stripe", "crashed", "restarted", "skipped", "started", "stopped"] = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table. ``total`` is how many rows there are, shown or not; ``hidden`` how many columns were left out."""

    columns: Sequence[Column]
    rows: Sequence[Row] = field(default_factory=list)
    total: int = 0
    hidden: int = 0
    labelled: bool = False

    @property
    def note(self) -> str:
        """``20 of 1,000 rows``; with how many columns are not shown."""
        count = len(self.rows)
        rows = counted(self.total, "row")
        text = rows if count == self.total else f"{count:,} of {rows}"
        return f"{text}, {counted(self.hidden, 'column')} not shown" if self.hidden else text


def output_grid(run: Run, limits: Limits) -> Grid:
    """The first rows of a finished run's result. Raises RunClosed if they were streamed and not kept."""
    table = run.to_arrow()
    columns = output_columns(run, table.schema, limits.width)
    chosen = _choose(columns, limits.columns)
    letters = {one.row: one for one in run.record.letters} if run.spec.kind == "udf" else {}
    numbers = itertools.count() if run.numbers is None or run.spec.kind != "udf" else run.numbers
    shown = list(_first_rows(table.slice(0, limits.rows), letters, itertools.islice(numbers, limits.rows)))
    rows = [_row(label, values, chosen, run.input_schema.names, limits.width) for label, values in shown]
    if run.spec.kind == "udtf":
        rows = _striped(rows, run.record.fan_out.input_rows().slice(0, len(rows)).to_pylist())
    return Grid(
        [columns[index] for index in chosen],
        rows,
        table.num_rows + len(letters),
        len(columns) - len(chosen),
        labelled=run.spec.kind != "udaf",
    )


def table_grid(table: pa.Table, limits: Limits) -> Grid:
    """The first rows of a table that no function made."""
    columns = [
        Column(
            shorten(visible(item.name), limits.width),
            shorten(type_name(item.type), limits.width),
            number=pa.types.is_integer(item.type) or pa.types.is_floating(item.type) or pa.types.is_decimal(item.type),
        )
        for item in table.schema
    ][: limits.columns]
    values = [python_values(column) for column in table.slice(0, limits.rows).columns[: limits.columns]]
    rows = [Row([cell(value, limits.width) for value in row]) for row in zip(*values, strict=True)]
    return Grid(columns, rows, table.num_rows, table.num_columns - len(columns))


def output_columns(run: Run, schema: pa.Schema, width: int) -> list[Column]:
    """The columns of a result: its input's, then those that the function made."""
    types = _output_types(run)
    known = len(schema) - len(types)
    arguments = {param.name for param in run.spec.signature.params} if run.spec.signature else set()
    return [
        Column(
            shorten(visible(item.name), width),
            shorten(types[index - known] if index >= known else type_name(item.type), width),
            output=index >= known,
            number=pa.types.is_integer(item.type) or pa.types.is_floating(item.type) or pa.types.is_decimal(item.type),
            rank=0 if index >= known else 1 if item.name in arguments else 2,
        )
        for index, item in enumerate(schema)
    ]


def _output_types(run: Run) -> list[str]:
    """The SQL types of the columns that the function made, which are the last ones; a script declares none."""
    if run.spec.signature is None:
        return []
    return [str(type_) for _, type_ in run.spec.signature.output_fields(run.spec.kind)]


def _choose(columns: Sequence[Column], most: int) -> list[int]:
    """Which columns are shown, in their order."""
    return sorted(sorted(range(len(columns)), key=lambda index: columns[index].rank)[:most])


def _first_rows(
    table: pa.Table, letters: Mapping[int, DeadLetter], numbers: Iterable[int]
) -> Iterator[tuple[int, Sequence[Any] | DeadLetter]]:
    """Rows of the result with their numbers, and between them those that were set aside, which the result lacks."""
    values = zip(*(python_values(column) for column in table.columns), strict=True)
    for number in numbers:
        if number in letters:
            yield number, letters[number]
        else:
            row = next(values, None)
            if row is None:
                return
            yield number, row


def python_values(column: pa.ChunkedArray) -> list[Any]:
    """The values of a column, as text where Python has none."""
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError):  # Arrow knows dates that Python does not
        return list(column.cast(pa.string()).to_pylist())


def _row(
    number: int, values: Sequence[Any] | DeadLetter, chosen: Sequence[int], names: Sequence[str], width: int
) -> Row:
    """One row of the output; ``names`` are those of the input columns, which come first."""
    if not isinstance(values, DeadLetter):
        return Row([cell(values[index], width) for index in chosen], f"{number:,}")
    cells = [
        cell(values.values[names[index]], width)
        if index < len(names)
        else Cell(shorten(visible(values.error_type), width))
        for index in chosen
    ]
    return Row(cells, f"{number:,} {SIGNS['failed']}", "failed")


def _striped(rows: Sequence[Row], inputs: Sequence[int]) -> list[Row]:
    """The output rows of every other input row marked."""
    odd, out = False, []
    for index, row in enumerate(rows):
        if index and inputs[index] != inputs[index - 1]:
            odd = not odd
        out.append(row._replace(tone="stripe") if odd else row)
    return out


def state_grid(run: Run, limits: Limits) -> Grid:
    """An aggregate's state after each batch, the newest last, of as many groups as there is room for."""
    names = ["batch", *(["group"] if run.record.groups else []), "result", "state", "changed"]
    rows = [
        Row(
            [
                Cell(f"{row.batch:,}", "number"),
                *([Cell(shorten(visible(row.group), limits.width))] if run.record.groups else []),
                result_cell(row.result, limits.width),
                Cell(shorten(visible(row.state), limits.width)),
                Cell(shorten(visible(row.changed), limits.width)),
            ]
        )
        for row in _stories(state_rows(run), limits.rows)
    ]
    numbers = {"batch", *(["result"] if _numbers(row.cells[-3] for row in rows) else [])}
    columns = [Column(name, output=name == "result", number=name in numbers) for name in names]
    return Grid(columns, rows, len(run.record.all_states))


def result_cell(text: str, width: int) -> Cell:
    """The result of an aggregate, which comes as text, as the output shows it."""
    try:
        number = float(text)
    except ValueError:
        return Cell(shorten(visible(text), width), "null" if text == "NULL" else "text")
    return cell(number, width) if "." in text else Cell(shorten(text, width), "number")


def _numbers(cells: Iterable[Cell]) -> bool:
    """Whether there is nothing but numbers in a column, and one at least."""
    kinds = {one.kind for one in cells} - {"null"}
    return kinds == {"number"}


def _stories(rows: Sequence[StateRow], most: int) -> Sequence[StateRow]:
    """All rows of the first groups that fit, in their order; the last rows of the first group if it does not fit."""
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.group] = counts.get(row.group, 0) + 1
    chosen: set[str] = set()
    room = most
    for group, count in counts.items():
        if chosen and count > room:
            break
        chosen.add(group)
        room -= count
    return [row for row in rows if row.group in chosen][-most:]


_TONES: Final[dict[str, Literal["crashed", "restarted", "skipped", "started", "stopped"]]] = {
    "crashed": "crashed",
    "gave_up": "crashed",
    "failed": "crashed",
    "restarted": "restarted",
    "recycled": "restarted",
    "state_restored": "restarted",
    "silent": "skipped",
    "interrupted": "skipped",
    "skipped": "skipped",
    "dead_letter": "skipped",
    "state_lost": "skipped",
    "fallback": "skipped",
    "started": "started",
    "finished": "started",
}


def event_grid(rows: Sequence[HistoryRow], limits: Limits, *, runs: Sequence[int] = ()) -> Grid:
    """What happened, each thing its own row, the newest last; ``runs`` has the run of each, if there are several."""
    first = max(0, len(rows) - limits.rows)
    drawn = []
    for index, row in enumerate(rows[first:], first):
        cells = [
            Cell(f"{row.sign} {row.word.replace('_', ' ')}", "word"),
            Cell(row.worker, "number"),
            Cell(row.batch, "number"),
            Cell(shorten(visible(row.detail), 2 * limits.width)),
        ]
        lead = [Cell(str(runs[index]), "number")] if runs else []
        drawn.append(Row([*lead, *cells], tone=_TONES.get(row.word, "stopped")))
    names = [*(["run"] if runs else []), "what", "worker", "batch", "detail"]
    return Grid([Column(name, number=name in ("run", "worker", "batch")) for name in names], drawn, len(rows))


def history_grid(run: Run, limits: Limits) -> Grid:
    """What happened in one run."""
    return event_grid(history_rows(run), limits)


def letters_grid(letters: Sequence[DeadLetter], names: Sequence[str], total: int, limits: Limits) -> Grid:
    """Rows that have no result, of ``total`` such rows: where they were, what was in them, and why."""
    most = max(1, limits.columns - 4)
    rows = [
        Row(
            [
                Cell(f"{letter.row:,}", "number"),
                Cell(f"{letter.batch:,}", "number"),
                *(cell(letter.values[name], limits.width) for name in names[:most]),
                Cell(shorten(visible(f"{letter.error_type}: {letter.error}"), 2 * limits.width), "word"),
            ],
            tone="crashed",
        )
        for letter in letters[: limits.rows]
    ]
    columns = [
        Column(shorten(visible(name), limits.width), number=_numbers(row.cells[at] for row in rows))
        for at, name in enumerate(["row", "batch", *names[:most], "error"])
    ]
    return Grid(columns, rows, total, max(0, len(names) - most))
