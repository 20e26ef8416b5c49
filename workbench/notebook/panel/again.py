"""Rows that failed, run again in their place: beside what the panel shows, and with an outcome for each of them.

The invariant: the run that is shown stays what it is; the rows run with the values, numbers and limits that they had.
Left out on purpose: a replay that is a run to look at (`workbench.session.Function.replay`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from workbench.errors import WorkbenchError
from workbench.events import SIGNS
from workbench.notebook.cells import cell, shorten, visible
from workbench.notebook.grid import python_values
from workbench.session import Function, Run
from workbench.session.replay import failing_rows
from workbench.worker.words import counted

OUTCOMES: Final = 1_000
"""Rows of which it is told what came out of them."""

WIDTH: Final = 160

Outcome = list[Any]
"""The number of a row, whether it has a result now, and what came out, as text."""


def replayed(function: Function, run: Run, number: int | None) -> dict[str, Any]:
    """Run the failing rows of a run again, or one of them: a line about all, and the ``outcomes``. May take long."""
    try:
        failing = failing_rows(run)
        rows = failing.again(function.name, number)
        options = dict(failing.options)
        if function.kind == "script":
            options |= {"batch_rows": 1, "on_invalid": "skip"}
        else:
            options["on_error"] = "dead_letter"
        done = function.run(rows, **options).wait()
    except WorkbenchError as error:
        text = shorten(visible(str(error).partition("\n")[0]), 4 * WIDTH)
        return {"text": text, "outcomes": [] if number is None else [[number, False, text]]}
    failed = {letter.row: f"{letter.error_type}: {letter.error}" for letter in done.record.letters}
    results = dict(_results(done, [row for row in rows.numbers if row not in failed]))
    outcomes = [
        [row, row not in failed, shorten(visible(failed.get(row, results.get(row, "no error"))), WIDTH)]
        for row in rows.numbers[:OUTCOMES]
    ]
    count, bad = len(rows.numbers), len(failed)
    if number is not None:
        sign = SIGNS["failed"] if bad else SIGNS["finished"]
        return {"text": f"row {number:,} again: {sign} {outcomes[0][2]}", "outcomes": outcomes}
    text = f"{counted(count, 'row')} again: {count - bad:,} without an error, {bad:,} failed again"
    return {"text": text, "outcomes": outcomes}


def _results(run: Run, numbers: list[int]) -> Iterator[tuple[int, str]]:
    """What came out of the rows that did not fail, as far as it can be told of one row."""
    table, kind = run.to_arrow(), run.spec.kind
    if kind == "udf":
        yield from zip(numbers, (cell(value).text for value in python_values(table.column(-1))), strict=True)
    elif kind == "udtf":
        counts = Counter(run.record.fan_out.input_rows().to_pylist())
        yield from ((row, "1 row" if counts[row] == 1 else f"{counts[row]:,} rows") for row in numbers)
    elif len(numbers) == 1 and table.num_rows == 1:
        row = {name: python_values(column)[0] for name, column in zip(table.column_names, table.columns, strict=True)}
        yield numbers[0], ", ".join(f"{name}={cell(value).text}" for name, value in row.items())
