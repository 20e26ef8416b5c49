"""One run of a function on some rows, as a check needs it: who runs it is given, not known.

The invariant: an `Answer` holds a value or a failure for each row that went in (one for all, of an aggregate), or says
why the run ended. Left out on purpose: workers; the session hands in a `Trial` that has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa

from workbench.errors import UsageProblem
from workbench.functions import FunctionSpec
from workbench.worker import values

Row = tuple[Any, ...]
"""The arguments of one call, as Python values."""

HANG_SECONDS = 5.0
"""Seconds without an answer to a batch of a few rows, after which it is called a hang."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How to run: rows of a batch (None: all), workers, and what is done to them.

    ``alone``: each failing row is told, and the others go on; else the first failure ends the run. ``unmerged``: an
    aggregate's result is that of the instance that saw the rows, whose state went nowhere; ``nested``: what was merged
    is merged once more after each partial state. ``groups``: the rows are in two groups in turn, each with a result;
    ``apart``: so they are, but each group is run by itself. ``kill``: the workers are killed after the first batch;
    ``anew``: before it.
    """

    batch_rows: int | None = None
    workers: int = 1
    alone: bool = False
    unmerged: bool = False
    nested: bool = False
    groups: bool = False
    apart: bool = False
    kill: bool = False
    anew: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it. ``values``: a value for each row, a list of rows for a table function, or one for each group.

    ``failures`` are the errors of single rows as plain data; there is None in ``values`` for them.
    """

    values: Sequence[Any] = ()
    failures: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    error: Exception | None = None


class Trial(Protocol):
    """Runs the function over a table whose columns are its arguments, in order."""

    def __call__(self, table: pa.Table, setup: Setup) -> Answer: ...


def column_names(spec: FunctionSpec) -> list[str]:
    """Names for the columns of the arguments: those of the signature where they can be used."""
    if spec.signature is None:
        return []
    params = spec.signature.params
    taken = {name for name, _ in spec.signature.output_fields(spec.kind)}
    names = [param.name for param in params]
    if any(name is None or name in taken for name in names):
        return [f"argument{index}" for index in range(len(params))]
    return [str(name) for name in names]


def group_column(spec: FunctionSpec) -> str:
    """A name for the column of the groups that no other column has."""
    fields = spec.signature.output_fields(spec.kind) if spec.signature is not None else ()
    taken = {*column_names(spec), *(name for name, _ in fields)}
    return next(name for name in ("group", "group_", "group__") if name not in taken)


def table_of(spec: FunctionSpec, rows: Sequence[Row]) -> pa.Table:
    """Rows as columns of the declared types. Raises UsageProblem for a value that is none of its type."""
    params = spec.signature.params if spec.signature is not None else ()
    if not params:
        return pa.table({"no argument": pa.nulls(len(rows))})
    columns = {}
    for index, (name, param) in enumerate(zip(column_names(spec), params, strict=True)):
        write = values.writer(param.type.wire, param.type.arrow, str(param.type))
        columns[name], misfits = write([row[index] for row in rows])
        for message in misfits.values():
            raise UsageProblem(f"{spec.name}: values: {name}: {message}", hint=f"the argument is {param}")
    return pa.table(columns)
