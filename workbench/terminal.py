"""Tables, histories and errors for eyes, in a terminal of any width, with or without colour.

The invariant: colour never says anything alone; without it, in a pipe or under NO_COLOR, the same words are there. What
comes from a user's data cannot move the cursor. Left out on purpose: the words themselves, which are
`workbench.session.report`'s, and when to show what.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import pandas as pd
import pyarrow as pa
from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TextColumn
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from workbench.checking.compare import texts
from workbench.functions import FunctionSpec
from workbench.session import Run
from workbench.session.compare import Comparison
from workbench.session.doctor import Finding
from workbench.session.report import HistoryRow, StateRow, counts, function_line, type_name
from workbench.worker.words import counted

CELL: Final = 32
"""Characters of one cell; the rest is cut with an ellipsis."""

_GAP: Final = 3
_STYLES: Final = {
    "started": "green",
    "finished": "green",
    "crashed": "red",
    "failed": "red",
    "gave_up": "red",
    "restarted": "yellow",
    "recycled": "yellow",
    "state_restored": "yellow",
    "silent": "yellow",
    "interrupted": "yellow",
    "skipped": "yellow",
    "dead_letter": "yellow",
    "state_lost": "yellow",
    "fallback": "yellow",
    "ok": "green",
    "note": "yellow",
    "problem": "red",
}
_GRADES: Final = {"ok": "✓", "note": "▲", "problem": "✕"}


def console(*, stderr: bool = False) -> Console:
    """A console that draws only what it is told to: nothing is guessed to be a number, a path or markup."""
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


def function_text(spec: FunctionSpec, version: int) -> Text:
    """``clean_email(s STRING) -> STRING   UDF  v1``, the name in bold."""
    text = Text(function_line(spec, version))
    text.stylize("bold", 0, len(spec.name))
    return text


def counts_text(run: Run, width: int = 80) -> Text:
    """What became of the rows, close enough for 80 columns; a narrower line is broken between its parts only."""
    lines = [""]
    for part in counts(run):
        longer = f"{lines[-1]}  {part}" if lines[-1] else part
        if len(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(part)
    return Text("\n".join(lines))


def code(source: str) -> RenderableType:
    """Python text with line numbers, on a ground of its own: its colours can be read in dark and light terminals."""
    return Padding(Syntax(source.strip("\n"), "python", theme="monokai", line_numbers=True), (0, 0, 0, 1))


def result_table(rows: pa.Table, *, total: int, outputs: Collection[str] = (), width: int = 80) -> RenderableType:
    """The first of ``total`` rows, types under names, ``outputs`` in colour, and only as many columns as fit.

    NULL is the bare word; an empty string and the text NULL are in quotes.
    """
    cells = {
        name: [_cell(value) for value in column.to_pylist()]
        for name, column in zip(rows.schema.names, rows.columns, strict=True)
    }
    shown, hidden = _fitting(rows.schema, cells, outputs, width)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in shown:
        if name is None:
            table.add_column(Text("…\n"))
            continue
        style = "cyan" if name in outputs else ""
        title = Text(_cut(name), style=f"bold {style}").append(f"\n{_type(rows.schema, name)}", style="dim not bold")
        numeric = pa.types.is_primitive(rows.schema.field(name).type)
        table.add_column(title, justify="right" if numeric else "left", style=style, no_wrap=True)
    for index in range(rows.num_rows):
        table.add_row(*("…" if name is None else cells[name][index] for name in shown))
    count = counted(total, "row")
    count = f"{rows.num_rows:,} of {count}" if rows.num_rows < total else count
    more = f"; {counted(len(hidden), 'more column')}: {', '.join(_cut(name) for name in hidden)}" if hidden else ""
    return Group(table, Text(count, style="dim").append(more))


def _fitting(
    schema: pa.Schema, cells: dict[str, list[Text]], outputs: Collection[str], width: int
) -> tuple[list[str | None], list[str]]:
    """The columns to show, None for a gap, and those left out: outputs first, then inputs from the left."""
    names = list(schema.names)
    wide = {
        name: max(len(_cut(name)), len(_type(schema, name)), *(cell.cell_len for cell in cells[name]), 0) + _GAP
        for name in names
    }
    kept = {name for name in names if name in outputs}
    room = width - sum(wide[name] for name in kept) - 1 - _GAP
    for name in names:
        if name in kept:
            continue
        room -= wide[name]
        if room < 0 and kept:
            break
        kept.add(name)
    hidden = [name for name in names if name not in kept]
    shown: list[str | None] = []
    for name in names:
        if name in kept:
            shown.append(name)
        elif not shown or shown[-1] is not None:
            shown.append(None)
    return shown, hidden


def _type(schema: pa.Schema, name: str) -> str:
    return _cut(type_name(schema.field(name).type))


def _cell(value: Any) -> Text:
    if value is None or value is pd.NaT:
        return Text("NULL", style="dim italic")
    if value in ("", "NULL"):
        return Text(f'"{value}"')
    return Text(_cut(_number(value) if isinstance(value, float) else str(value)))


def _number(value: float) -> str:
    """Six digits are enough for eyes."""
    text = repr(value)
    if len(text) <= CELL // 3 or value != value:  # noqa: PLR0124 - NaN
        return text
    return f"{value:.6g}" if abs(value) < 1e6 else f"{value:,.1f}" if abs(value) < 1e15 else f"{value:.6e}"  # noqa: PLR2004 - how long it gets


def _cut(text: str) -> str:
    """One short line of printable characters."""
    safe = _safe(text[: CELL + 1])
    return safe if len(safe) <= CELL else safe[: CELL - 1] + "…"


def _safe(text: str) -> str:
    """With signs that could move the cursor written out."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def _grid(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold", no_wrap=name != columns[-1])
    return table


def history_table(rows: Iterable[HistoryRow]) -> RenderableType:
    """One row a thing that happened, with its sign and its word."""
    table = _grid("what", "worker", "batch", "detail")
    for row in rows:
        what = Text(f"{row.sign} {row.word}", style=_STYLES.get(row.word, ""))
        table.add_row(what, Text(row.worker), Text(row.batch), Text(_safe(row.detail)))
    return table


def state_table(rows: Sequence[StateRow]) -> RenderableType:
    """The state of groups after batches."""
    table = _grid("batch", "group", "result", "changed", "state")
    for row in rows:
        table.add_row(
            str(row.batch),
            Text(_cut(row.group)),
            Text(_cut(_number(float(row.result)) if _is_float(row.result) else row.result)),
            Text(_cut(row.changed)),
            Text(_safe(row.state)),
        )
    return table


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "." in text


def letters_table(letters: pd.DataFrame, limit: int) -> RenderableType:
    """The first dead letters: where they were and why they have no result."""
    table = _grid("row", "batch", "error")
    for letter in letters.head(limit).to_dict("records"):
        table.add_row(
            str(letter["row"]), str(letter["batch"]), Text(_safe(f"{letter['error_type']}: {letter['error']}"))
        )
    return Group(table, Text(f"{min(limit, len(letters)):,} of {len(letters):,} dead letters", style="dim"))


def logs_table(logs: pd.DataFrame, limit: int) -> RenderableType:
    """The last lines that the workers printed."""
    table = _grid("batch", "stream", "text")
    for line in logs.tail(limit).to_dict("records"):
        batch = "" if pd.isna(line["batch"]) else str(line["batch"])
        table.add_row(batch, str(line["stream"]), Text(_safe(str(line["text"]))))
    return table


@contextmanager
def progress(run: Run, on: Console) -> Iterator[None]:
    """While it lasts, show how far a run is; nothing where nobody looks. What it drew is gone at the end."""
    if not on.is_terminal:
        yield
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[rate]}"))
    with Progress(*columns, console=on, transient=True) as bar:
        task = bar.add_task(run.spec.name, total=run.rows_total, rate="starting")

        def show(moved: Run) -> None:
            rows, speed = moved.record.rows_in, moved.record.rows_in / max(moved.seconds, 1e-9)
            bar.update(task, completed=rows, rate=f"{counted(rows, 'row')}, {speed:,.0f} rows/s")

        run.listeners.append(show)
        yield


def error_box(lines: Sequence[str]) -> RenderableType:
    """An error's lines behind a bar; the line of code that failed stands out."""
    table = Table.grid(padding=(0, 1))
    for index, line in enumerate(lines):
        style = "bold red" if index == 0 else "red" if line.lstrip().startswith("> ") else ""
        table.add_row(Text("▌", style="red"), Text(_safe(line), style=style))
    return table


def functions_table(functions: Iterable[tuple[FunctionSpec, int]]) -> RenderableType:
    """Registered functions with their versions."""
    table = _grid("kind", "version", "function")
    for spec, version in functions:
        table.add_row(spec.kind.upper(), f"v{version}", Text(str(spec.signature or spec.name)))
    return table


def versions_table(versions: Iterable[tuple[FunctionSpec, int, str]]) -> RenderableType:
    """Versions of a function, and what each changed."""
    table = _grid("version", "signature", "changed")
    for spec, version, changed in versions:
        table.add_row(f"v{version}", Text(str(spec.signature or spec.name)), Text(_safe(changed)))
    return table


def difference_table(comparison: Comparison, limit: int) -> RenderableType:
    """The first rows on which two versions differ: number, input columns, both results."""
    keys = comparison.keys.slice(0, limit)
    table = _grid(*(["row"] if comparison.numbers else []), *map(_cut, keys.column_names), *comparison.labels)
    inputs = [column.to_pylist() for column in keys.columns]
    for at, (one, other) in enumerate(zip(comparison.left[:limit], comparison.right, strict=False)):
        number = [str(comparison.numbers[at])] if comparison.numbers else []
        table.add_row(
            *number,
            *(_cell(column[at]) for column in inputs),
            *(Text(_safe(text), style="cyan") for text in texts(one, other, CELL)),
        )
    shown = min(limit, comparison.different)
    return Group(table, Text(f"{shown:,} of {comparison.different:,} {comparison.unit} that differ", style="dim"))


def findings_table(findings: Iterable[Finding]) -> RenderableType:
    """What the doctor found, each problem with its remedy below."""
    table = Table.grid(padding=(0, 2))
    for finding in findings:
        grade = Text(f"{_GRADES[finding.grade]} {finding.grade}", style=_STYLES[finding.grade])
        text = Text(_safe(finding.text))
        if finding.remedy and finding.grade != "ok":
            text.append(f"\n{_safe(finding.remedy)}", style="dim")
        table.add_row(grade, Text(_safe(finding.about)), text)
    return table
