"""Two versions of a function on the same rows, through real workers: what each made of them, and where that differs.

A row that fails does not end the run: its error stands where the other version has a value. The invariant: results
belong together by the number of their row in the input (udf, and udtf with all that the row gave), by their group
(udaf), or by their place in the output (script). Left out on purpose: which values are the same
(`workbench.checking.compare`), and endless data: the rows are needed twice, so they are read whole.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
import pyarrow as pa

from workbench.checking.compare import NoResult, differing, rows_of
from workbench.errors import UsageProblem
from workbench.functions import FunctionSpec
from workbench.session.binding import Binding
from workbench.session.data import Again, open_data
from workbench.session.define import names
from workbench.session.record import DeadLetter, apart
from workbench.types import DataType
from workbench.worker import values
from workbench.worker.words import counted

if TYPE_CHECKING:
    from workbench.session.function import Function
    from workbench.session.run import Run

MISSING: Final = NoResult("missing")
"""Stands where one version has no such group, or no such output row."""


@dataclass(frozen=True, slots=True, repr=False)
class Comparison:
    """Where the results of two versions differ. Made by `Function.compare`.

    ``labels`` name the two, as in ``("v1", "v2")``; ``total`` rows or groups were compared, and of the input ``failed``
    rows have no result in the one and the other. ``numbers`` are those of the rows that differ, from 0, empty for
    groups; ``keys`` their input columns, ``left`` and ``right`` their results: Python values, or `NoResult`.
    """

    specs: tuple[FunctionSpec, FunctionSpec]
    versions: tuple[int, int]
    labels: tuple[str, str]
    total: int
    failed: tuple[int, int]
    keys: pa.Table
    numbers: Sequence[int]
    left: Sequence[Any]
    right: Sequence[Any]

    @property
    def same(self) -> bool:
        """Whether both gave the same, and failed on equally many rows. Values are compared, not their types."""
        return not self.left and self.failed[0] == self.failed[1]

    @property
    def different(self) -> int:
        """How many rows or groups differ."""
        return len(self.left)

    @property
    def unit(self) -> str:
        """What was compared, in the plural."""
        kind = self.specs[0].kind
        return "groups" if kind == "udaf" else "output rows" if kind == "script" else "rows"

    def summary(self) -> str:
        """``v1 and v2: 2 of 1,000 rows differ; rows that failed: v1 0, v2 1``."""
        one, other = self.labels
        how = f"{self.different:,} of {self.total:,} {self.unit} {'differs' if self.different == 1 else 'differ'}"
        if self.same:
            how = f"the same in {self.total:,} {self.unit[:-1] if self.total == 1 else self.unit}"
        failed = f"; rows that failed: {one} {self.failed[0]:,}, {other} {self.failed[1]:,}" if any(self.failed) else ""
        return f"{one} and {other}: {how}{failed}"

    def __repr__(self) -> str:
        return f"<Comparison of {self.specs[0].name} {self.summary()}>"

    def to_pandas(self) -> pd.DataFrame:
        """The rows that differ: ``row``, the input columns, and a column of objects for each version.

        Of an aggregate the columns of the groups instead; of a script, whose rows are those of its output, no input. A
        `workbench.checking.compare.NoResult` is a text that says why there is no result.
        """
        numbered = self.specs[0].kind != "udaf"
        ours = [*(["row"] if numbered else []), *self.labels]
        frame = pd.DataFrame({"row": pd.Series(self.numbers, dtype="int64")} if numbered else {})
        frame.index = pd.RangeIndex(self.different)
        for name, column in zip(apart(self.keys.column_names, ours), self.keys.columns, strict=True):
            frame[name] = column.to_pandas()
        for label, column in zip(self.labels, (self.left, self.right), strict=True):
            frame[label] = pd.Series(column, dtype=object, index=frame.index)
        return frame


def compare(
    one: Function, other: Function, last: Any, asked: Mapping[str, Any], *, data: Any, options: Mapping[str, Any]
) -> Comparison:
    """Run both over ``data``, or over the ``last`` data as was ``asked`` for then. See `Function.compare`."""
    labels = _labels(one, other)
    if one.kind != other.kind:
        raise UsageProblem(
            f"{labels[0]} is a {one.kind}, {labels[1]} a {other.kind}: they answer in different shapes",
            hint="compare versions of one kind",
        )
    if data is None and last is None:
        raise UsageProblem(
            f"{one.name}: there are no rows to compare on: its last run in this session, if any, was over a stream",
            hint="give data, such as a frame or a file",
        )
    given = {"columns": None, "group_by": None, **(asked if data is None else {}), **options}
    opened = open_data(last if data is None else data, batch_rows=1 << 16, batch_bytes=1 << 25)
    table = pa.Table.from_batches(opened.batches, opened.schema)
    look = {"script": _by_place, "udaf": _by_group}.get(one.kind, _by_row)
    found, failed = zip(*(look(function, table, given) for function in (one, other)), strict=True)
    matched = list(dict.fromkeys([*found[0], *found[1]]))
    left, right = ([answers.get(key, MISSING) for key in matched] for answers in found)
    at = differing(left, right)
    groups = names(given["group_by"])
    return Comparison(
        (one.spec, other.spec),
        (one.version, other.version),
        labels,
        len(matched),
        failed,
        _groups(table, groups, [matched[row] for row in at]) if one.kind == "udaf" else _inputs(one.kind, table, at),
        () if one.kind == "udaf" else at,
        [left[row] for row in at],
        [right[row] for row in at],
    )


def sample_of(data: Any) -> Any:
    """What can be read again later: a frame, a table, a batch, or a path; None for anything else."""
    return data if isinstance(data, pd.DataFrame | pa.Table | pa.RecordBatch | str | os.PathLike) else None


def _labels(one: Function, other: Function) -> tuple[str, str]:
    """As short as they can be: ``v1``, with the name where that differs, with the types where it does not."""
    if one.registered_id == other.registered_id:
        raise UsageProblem(f"{one.name} v{one.version} was to be compared with itself", hint="name two versions")
    if one.key == other.key:
        return f"v{one.version}", f"v{other.version}"
    if one.name != other.name:
        return f"{one.name} v{one.version}", f"{other.name} v{other.version}"
    return f"({one.key[2]}) v{one.version}", f"({other.key[2]}) v{other.version}"


Answers = Mapping[Any, Any]
"""Results by what they are matched by: number of the row, values of the group, or place."""


def _by_row(function: Function, table: pa.Table, given: Mapping[str, Any]) -> tuple[Answers, int]:
    """The input rows are numbered in a column of their own, which comes back with the results."""
    fields = _outputs(function)
    taken = {*table.column_names, *(name for name, _ in fields)}
    number = next(name for name in map("row {}".format, itertools.count()) if name not in taken)
    chosen = names(given["columns"]) if given["columns"] is not None else None
    arguments = Binding(function.spec, table.schema, columns=chosen).argument_names
    numbered = table.append_column(number, pa.array(range(table.num_rows), pa.int64()))
    with function.run(_again(numbered), **{**given, "columns": arguments}, on_error="dead_letter") as run:
        out = run.to_arrow()
    results = zip(out.column(number).to_pylist(), _read(out, fields), strict=True)
    found: dict[int, Any] = {row: [] for row in range(table.num_rows)}
    if function.kind == "udtf":
        for row, value in results:
            found[row].append(value)
    else:
        found.update(results)
    found.update({letter.row: NoResult(f"{letter.error_type}: {letter.error}") for letter in _letters(run)})
    return found, run.record.dead


def _by_group(function: Function, table: pa.Table, given: Mapping[str, Any]) -> tuple[Answers, int]:
    """A group of which a row failed has that error instead of a result."""
    groups = list(names(given["group_by"]))
    with function.run(_again(table), **given, on_error="dead_letter") as run:
        out = run.to_arrow()
    keys = [_key(row[name] for name in groups) for row in out.select(groups).to_pylist()] or [()] * out.num_rows
    found = dict(zip(keys, _read(out, _outputs(function)), strict=True))
    failed: dict[tuple[Any, ...], list[DeadLetter]] = {}
    for letter in _letters(run):
        failed.setdefault(_key(letter.values[name] for name in groups), []).append(letter)
    for key, letters in failed.items():
        first, more = letters[0], f" (and {len(letters) - 1:,} more)" if len(letters) > 1 else ""
        found[key] = NoResult(f"row {first.row:,}: {first.error_type}: {first.error}{more}")
    return found, run.record.dead


def _by_place(function: Function, table: pa.Table, given: Mapping[str, Any]) -> tuple[Answers, int]:
    with function.run(_again(table), **given, on_invalid="skip") as run:
        return dict(enumerate(rows_of(run.to_arrow()))), run.record.skipped_rows


def _again(table: pa.Table) -> Again:
    """All rows, run as a replay runs them: what the last run was, and which rows failed in it, stays as it is."""
    return Again(table, range(table.num_rows))


_NAN: Final = float("nan")


def _key(group: Iterable[Any]) -> tuple[Any, ...]:
    """The values of a group, which are found again: a NaN is equal to nothing but the very same object."""
    return tuple(_NAN if value != value else value for value in group)  # noqa: PLR0124


def _letters(run: Run) -> Sequence[DeadLetter]:
    """The rows that failed. Raises UsageProblem if they are too many to be known one by one."""
    letters = run.record.letters
    if run.record.dead > len(letters):
        raise UsageProblem(
            f"{run.spec.name} v{run.version} fails on {counted(run.record.dead, 'row')}, "
            f"of which {len(letters):,} were kept",
            hint="compare on a smaller sample",
        )
    return letters


def _outputs(function: Function) -> Sequence[tuple[str, DataType]]:
    return function.signature.output_fields(function.kind) if function.signature is not None else ()


def _read(out: pa.Table, fields: Sequence[tuple[str, DataType]]) -> list[Any]:
    """The results as Python values, row by row; tuples where they have several columns."""
    columns = [values.reader(type_.wire)(out.column(name).combine_chunks()) for name, type_ in fields]
    return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))


def _inputs(kind: str, table: pa.Table, rows: Sequence[int]) -> pa.Table:
    """The input of these rows; that of a script's output rows is not known."""
    return (table.select([]) if kind == "script" else table).take(pa.array(rows, pa.int64()))


def _groups(table: pa.Table, names: Sequence[str], keys: Sequence[tuple[Any, ...]]) -> pa.Table:
    """The columns of these groups, in the types of the input."""
    columns = {}
    for at, name in enumerate(names):
        type_ = table.schema.field(name).type
        plain = type_.value_type if pa.types.is_dictionary(type_) else type_
        columns[name] = pa.array([key[at] for key in keys], plain)
    return pa.table(columns)
