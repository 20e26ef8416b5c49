"""The stages of a statement over many rows: batches from an inner query go through the functions, and on into DuckDB.

A stage is read on a cursor of its own and is a table for the next one, which pulls: nothing is kept but the batches on
their way. The invariant: a statement runs in stages only if all it takes was seen before the first row was read, and
columns have the types that they have in the statement as it is. Left out on purpose: finding stages
(`workbench.sql.queries_staged`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import pyarrow as pa

from workbench.engines.duckdb_types import stored
from workbench.errors import QueryError
from workbench.sql.queries_staged import Stage, Staged
from workbench.types import DataType

MANY_ROWS: Final = 20_000
"""From this estimate on stages pay: ten of DuckDB's calls."""

BATCH_ROWS: Final = 32_768
"""Rows of a batch: 16 of DuckDB's vectors; the wake-up of a worker is lost in it, and workers share the rest evenly."""


class Passing(Protocol):
    """What a function must be able to do for a stage."""

    @property
    def returns(self) -> DataType:
        """The type of its values."""

    @property
    def stageable(self) -> bool:
        """Whether it may be given large batches."""

    def passed(
        self, batches: Iterator[pa.RecordBatch], schema: pa.Schema, columns: Sequence[str], workers: int
    ) -> Iterator[tuple[pa.RecordBatch, pa.Array]]:
        """The batches, cut smaller if need be, each with a value for each row of the arguments in ``columns``."""


@dataclass(frozen=True, slots=True)
class Filled:
    """An open call that was filled in: its function, and DuckDB's names of the types of arguments and result."""

    function: Passing
    arguments: Sequence[str]
    returns: str
    pure: bool


def many_rows(plan: str) -> bool:
    """Whether a plan (of ``EXPLAIN (FORMAT json)``) reads many rows anywhere."""
    return _most(json.loads(plan)) >= MANY_ROWS


def _most(nodes: Sequence[Mapping[str, Any]]) -> int:
    """The largest estimate in a plan."""
    own = [int(node["extra_info"].get("Estimated Cardinality", 0)) for node in nodes]
    return max([*own, *(_most(node["children"]) for node in nodes)], default=0)


def _first(nodes: Sequence[Mapping[str, Any]]) -> int:
    """The estimate of a plan's result."""
    while nodes:
        given = nodes[0]["extra_info"].get("Estimated Cardinality")
        if given is not None:
            return int(given)
        nodes = nodes[0]["children"]
    return 0


class Stages:
    """The stages of one statement. ``open_cursor`` gives one that sees the statement's tables."""

    def __init__(
        self,
        staged: Staged,
        calls: Mapping[int, Filled],
        open_cursor: Callable[[], Any],
        failed: Callable[[Exception], None],
    ) -> None:
        self._stages, self._calls = staged.stages, calls
        self._open_cursor, self._failed = open_cursor, failed
        self.cursors: list[Any] = []

    def prepare(self, last: Any) -> bool:
        """Make the last stage a table of the cursor ``last``. False if the statement is not for stages."""
        for stage in self._stages:
            for call in stage.calls:
                filled = self._calls[call.number]
                if not filled.function.stageable or (call.uses > 1 and not filled.pure):
                    return False
        cursors = [self._open_cursor() for _ in self._stages]
        self.cursors += cursors
        for stage, cursor, target in zip(self._stages, cursors, [*cursors[1:], last], strict=True):
            if not self._prepare(stage, cursor, target):
                return False
        return True

    def _prepare(self, stage: Stage, cursor: Any, target: Any) -> bool:
        inner = cursor.sql(stage.sql)
        names, arguments = list(inner.columns), {name for call in stage.calls for name in call.arguments}
        if len({name.lower() for name in names}) < len(names):
            return False
        if stage is self._stages[0]:
            (plan,) = cursor.execute(f"EXPLAIN (FORMAT json) {stage.sql}").fetchall()
            if _first(json.loads(plan[1])) < MANY_ROWS:
                return False
        casts = [
            f"CAST({name} AS {type_}) AS {name}"
            for call in stage.calls
            for name, type_ in zip(call.arguments, self._calls[call.number].arguments, strict=True)
        ]
        text = f"SELECT * REPLACE ({', '.join(casts)}) FROM ({stage.sql})"  # noqa: S608 - a query of ours
        schema = cursor.sql(f"SELECT * FROM ({text}) LIMIT 0").to_arrow_table().schema  # noqa: S608
        wanted = [type_ for name, type_ in zip(names, inner.types, strict=True) if name not in arguments]
        wanted += [cursor.type(self._calls[call.number].returns) for call in stage.calls]
        kept = [name for name in names if name not in arguments]
        made = self._schema(schema, kept, stage)
        reader = pa.RecordBatchReader.from_batches(made, self._rows(stage, cursor, text, schema, made))
        target.register(stage.name, reader)
        return list(target.sql(f"SELECT * FROM {stage.name}").types) == wanted  # noqa: S608 - a name of ours

    def _schema(self, schema: pa.Schema, kept: Sequence[str], stage: Stage) -> pa.Schema:
        results = [
            pa.field(call.result, stored(pa.nulls(0, self._calls[call.number].function.returns.arrow)).type)
            for call in stage.calls
        ]
        return pa.schema([*(schema.field(name) for name in kept), *results])

    def _rows(
        self, stage: Stage, cursor: Any, text: str, schema: pa.Schema, made: pa.Schema
    ) -> Iterator[pa.RecordBatch]:
        """What the stage's table holds, in the thread that asks for it."""
        try:
            workers = int(cursor.execute("SELECT current_setting('threads')").fetchall()[0][0])
            rows = _read(cursor, text)
            for call in stage.calls:
                function = self._calls[call.number].function
                rows = _beside(function.passed(rows, schema, call.arguments, workers), call.result)
                schema = schema.append(pa.field(call.result, pa.null()))
            for batch in rows:
                yield batch.select(made.names)
        except Exception as error:
            self._failed(error)
            raise


def _read(cursor: Any, text: str) -> Iterator[pa.RecordBatch]:
    """What a query gives, as it comes."""
    try:
        yield from cursor.sql(text).to_arrow_reader(BATCH_ROWS)
    except OSError as error:  # which is what Arrow makes of DuckDB's own
        raise QueryError(str(error).partition("\n\nLINE ")[0].strip()) from error


def _beside(rows: Iterator[tuple[pa.RecordBatch, pa.Array]], name: str) -> Iterator[pa.RecordBatch]:
    """Batches with one more column."""
    return (batch.append_column(name, stored(values)) for batch, values in rows)
