"""The rows of a run that have no result, kept so that they can be run again: exactly these, in the types they had.

They are the rows that were set aside and the one that ended the run, with the numbers that they had in its input. The
invariant: a row is run again with the values that it had, or not at all. Of a run of this session the rows are kept as
Arrow; of an earlier one the registry has them as JSON text, from which only what the signature names by type is made
again, and nothing is guessed. Left out on purpose: running (`workbench.session.function`).
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pandas as pd
import pyarrow as pa

from workbench.errors import UsageProblem, WorkbenchError
from workbench.functions import FunctionSpec
from workbench.registry import DeadLetter as StoredLetter
from workbench.session.data import Again
from workbench.session.record import DeadLetter, letters_frame
from workbench.session.run import Run
from workbench.types import DataType

STORED_TIMEOUT: Final = 10.0
"""Seconds for rows that were out of time in an earlier session, whose limit is not stored: they may never end."""


@dataclass(frozen=True, slots=True)
class Failing:
    """The rows of one run without a result. ``letters`` and the rows of ``table`` belong together, one by one.

    ``total`` counts also those of which there was no room to keep the values. ``options`` are those of `Function.run`
    that a replay needs again; ``how`` says how the run ended.
    """

    letters: Sequence[DeadLetter]
    table: pa.Table
    total: int
    options: Mapping[str, Any] = field(default_factory=dict)
    how: str = ""

    def frame(self) -> pd.DataFrame:
        """As `Run.dead_letters`."""
        return letters_frame(self.letters, self.table.schema.names)

    def again(self, name: str, row: int | None) -> Again:
        """The rows to run again: all, or the one of this number. Raises UsageProblem if there is none."""
        numbers = [letter.row for letter in self.letters]
        if not numbers:
            raise UsageProblem(f"{name}: there is no row to run again: the last run {self.how}", hint="run it first")
        if row is None:
            return Again(self.table, numbers)
        if row not in numbers:
            few = ", ".join(map(str, itertools.islice(numbers, 8))) + (" …" if len(numbers) > 8 else "")  # noqa: PLR2004 - a line's worth
            raise UsageProblem(f"{name}: row {row} did not fail in the last run", hint=f"these did: {few}")
        return Again(self.table.slice(numbers.index(row), 1), [row])


def failing_rows(run: Run) -> Failing:
    """Those of a run of this session."""
    record = run.record
    letters, rows = list(record.letters), list(record.rows)
    how = f"{run.status} without one"
    if record.ended_by is not None:
        letters.append(record.ended_by[0])
        rows.append(record.ended_by[1])
    elif run.error is not None:
        text = run.error.message if isinstance(run.error, WorkbenchError) else str(run.error)
        how = f"failed, and not over one row: {text.partition(chr(10))[0]}"
    table = pa.Table.from_batches(rows, run.input_schema)
    return Failing(letters, table, record.dead + (record.ended_by is not None), run.options, how)


def stored_rows(spec: FunctionSpec, stored: Sequence[StoredLetter]) -> Failing:
    """Those of an earlier session. Raises UsageProblem where their values cannot be made again from text."""
    values = [json.loads(one.values) for one in stored]
    letters = [
        DeadLetter(one.batch or 0, one.row or 0, row, one.error_type, one.error, one.attempts)
        for one, row in zip(stored, values, strict=True)
    ]
    types = {param.name: param.type for param in spec.signature.params} if spec.signature else {}
    names = list(dict.fromkeys(name for row in values for name in row))
    if spec.signature is None:
        raise _not_exact(spec.name, "a script declares no types")
    if not set(types) <= set(names):
        raise _not_exact(spec.name, f"their columns are {', '.join(names)}, the signature is {spec.signature}")
    columns = {name: _column(spec.name, name, [row.get(name) for row in values], types.get(name)) for name in names}
    late = any(letter.error_type == "BatchTimeout" for letter in letters)
    return Failing(letters, pa.table(columns), len(letters), {"timeout": STORED_TIMEOUT} if late else {})


def _column(function: str, name: str, values: list[Any], wanted: DataType | None) -> pa.Array:
    """A column out of what JSON has kept: exact for an argument, as it reads for a column that is only passed on."""
    if wanted is None:
        return pa.array([value if value is None else str(value) for value in values], pa.string())
    if pa.types.is_binary(wanted.arrow) or pa.types.is_nested(wanted.arrow):
        raise _not_exact(function, f"{name} is {wanted}")
    try:
        texts = any(isinstance(value, str) for value in values)
        return pa.array(values).cast(wanted.arrow) if texts else pa.array(values, wanted.arrow)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError) as error:
        raise _not_exact(function, f"{name}: {error}") from error


def _not_exact(function: str, why: str) -> UsageProblem:
    return UsageProblem(
        f"{function}: the failing rows of an earlier session are kept as text and cannot be made again exactly: {why}",
        hint="run it again on the data, and replay then",
    )
