"""What the panel shows of rows that have no result: the first ones, how many of each type of error, one in full.

The invariant: what is sent is small however many there are; the rows of one type, one row in full and a copy are asked
for. Left out on purpose: running them again (`again`).
"""

from __future__ import annotations

import io
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import pandas as pd

from workbench.notebook.cells import cell, shorten, visible
from workbench.notebook.grid import Limits, letters_grid
from workbench.session import Run
from workbench.session.record import DeadLetter, letters_frame
from workbench.session.report import frame_lines

LETTERS: Final = 200
COPIED: Final = 10_000
TYPES: Final = 12
FIELDS: Final = 100
ERROR: Final = 4_000
LINE: Final = 400
WORD: Final = 60

Facts = dict[str, Any]


def letters(run: Run, kind: str = "") -> Facts:
    """The first rows without a result, with their values and errors; ``kind`` is a type of error, "" is any."""
    record = run.record
    kept, total = _kept(run), record.dead + (record.ended_by is not None)
    last = [] if record.ended_by is None else [record.ended_by[0].error_type]
    counts = Counter(dict(record.failures)) + Counter(last)
    found = list(itertools.islice(_of(kept, kind), LETTERS))
    grid = letters_grid(found, run.input_schema.names, total, Limits(LETTERS, 12, 80))
    return {
        "run": id(run),
        "columns": [column.name for column in grid.columns],
        "hidden": grid.hidden,
        "rows": [[[one.text, one.kind] for one in row.cells] for row in grid.rows],
        "numbers": [letter.row for letter in found],
        "where": [_where(letter) for letter in found],
        "types": [[shorten(visible(name), WORD), name, count] for name, count in counts.most_common(TYPES)],
        "kind": kind,
        "found": counts[kind] if kind else len(kept),
        "total": total,
        "ended": record.ended_by is not None,
    }


def _kept(run: Run) -> list[DeadLetter]:
    """The rows whose values are known, with the one that ended the run."""
    ended = run.record.ended_by
    return [*run.record.letters, *([] if ended is None else [ended[0]])]


def _of(kept: Sequence[DeadLetter], kind: str) -> Iterator[DeadLetter]:
    return (letter for letter in kept if not kind or letter.error_type == kind)


def _where(letter: DeadLetter) -> str:
    """``line 3: return a / b``, or ``line 3``; "" where it is not known."""
    if not letter.frames:
        return ""
    frame = letter.frames[-1]
    return shorten(visible(f"line {frame.line}: {frame.text.strip()}".removesuffix(": ")), 2 * WORD)


def in_full(run: Run, number: int, names: Mapping[str, str]) -> list[str]:
    """One row: its whole error, where it came from, and its values. ``names`` says what files are called."""
    letter = next((letter for letter in _kept(run) if letter.row == number), None)
    if letter is None:
        return ["it is no longer kept"]
    values = [f"  {name} = {cell(value, 2 * LINE).text}" for name, value in letter.values.items()]
    more = [f"  and {len(values) - FIELDS:,} more columns"] if len(values) > FIELDS else []
    sent = "" if letter.attempts == 1 else f"; sent {letter.attempts} times"
    unknown = ["  the line is not known: it is kept of the first rows that fail"]
    lines = [
        *f"{letter.error_type}: {letter.error[:ERROR]}".splitlines(),
        *(frame_lines(letter.frames, names) if letter.frames else unknown),
        f"row {letter.row:,} (batch {letter.batch:,}{sent})",
        *values[:FIELDS],
        *more,
    ]
    return [shorten(visible(line), 2 * LINE) for line in lines]


def copied(run: Run, form: Literal["csv", "pandas"], kind: str = "") -> str:
    """The rows as CSV with their errors, or their input columns as a Python expression."""
    found = list(_of(_kept(run), kind))
    names = run.input_schema.names
    if form == "csv":
        out = io.StringIO()
        letters_frame(found[:COPIED], names).to_csv(out, index=False)
        return out.getvalue()
    return expression(names, found[:LETTERS], len(found))


def expression(names: Sequence[str], found: Sequence[DeadLetter], total: int) -> str:
    """Python that makes a DataFrame of the input columns, with the imports that it needs."""
    columns = {name: [_plain(letter.values[name]) for letter in found] for name in names}
    lines = "".join(f"    {name!r}: {values!r},\n" for name, values in columns.items())
    modules = {"datetime": "import datetime", "Decimal(": "from decimal import Decimal", "pd": "import pandas as pd"}
    text = f"pd.DataFrame({{\n{lines}}}, index={[letter.row for letter in found]})"
    head = [line for word, line in modules.items() if word in text]
    head += [f"from math import {word}" for word in ("inf", "nan") if word in lines]
    some = [f"# the first {len(found):,} of {total:,}"] if len(found) < total else []
    return "\n".join([*head, *some, text])


def _plain(value: Any) -> Any:
    """A time of pandas as one of the standard library's, whose repr is an expression."""
    return value.to_pydatetime(warn=False) if isinstance(value, pd.Timestamp) else value
