"""A function as an engine calls it: with columns, from several threads at once, and again and again within a statement.

Each thread that calls has a lane of its own, which is a run that is asked batch by batch: its worker is taken from
those that are ready, stays for the statement, and is kept for the next. So a failing row ends as in any other run, with
the line of the function, and can be replayed. The invariant: a lane is used by one thread at a time; all are closed
when the statement is. Aggregates are whole runs, so that states travel and are merged. Left out on purpose: SQL.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from workbench.errors import RunClosed, UdfError
from workbench.functions import Kind, Volatility
from workbench.session.binding import joined
from workbench.session.data import Data, cut
from workbench.session.function import Function
from workbench.session.lane import Lane, Offered
from workbench.session.run import Run
from workbench.settings import Settings
from workbench.types import DataType, String

GROUP: Final = "group of the query"
NOTHING: Final = "no argument"
HINT: Final = "the statement ended here; run the function over these rows to set failing ones aside"


class SqlFunction:
    """See `workbench.engines.duckdb.SqlFunction`, which this is."""

    def __init__(self, function: Function, limits: Mapping[str, Any] | None = None) -> None:
        if function.signature is None:
            raise ValueError(f"{function.name} has no signature")
        self.function = function
        self.name: str = function.name
        self.kind: Kind = function.kind
        self.volatility: Volatility = function.spec.volatility
        self.arguments: tuple[DataType, ...] = tuple(param.type for param in function.signature.params)
        self.returns: DataType = function.signature.returns
        self.rows = 0
        """How many have come in so far, in all threads."""
        self._limits = limits or {}
        self._names = _names(function)
        self._batch_rows = Settings().batch_rows
        self._lock = threading.Lock()
        self._idle: dict[pa.Schema, list[Lane]] = {}
        self._busy: list[Lane] = []
        self._passing: list[Run] = []
        self._cancelled = False

    # -- calls ---------------------------------------------------------------------------------------------------------

    def scalar(self, columns: Sequence[pa.Array], rows: int) -> pa.Array:
        batch = self._batch(columns, rows)
        with self._lane(batch.schema) as lane:
            return joined(lane.ask(batch).batches, 0, self.returns.arrow)

    @property
    def stageable(self) -> bool:
        """Whether large batches are the same to it: a timeout is for one call."""
        return self._limits.get("timeout") is None

    def passed(
        self, batches: Iterator[pa.RecordBatch], schema: pa.Schema, columns: Sequence[str], workers: int
    ) -> Iterator[tuple[pa.RecordBatch, pa.Array]]:
        """One run over all batches, in the thread that asks."""
        waiting: deque[pa.RecordBatch] = deque()
        none = [pa.array([], schema.field(name).type) for name in columns]

        def arguments() -> Iterator[pa.RecordBatch]:
            settings = Settings()
            for batch in cut(batches, settings.batch_rows, settings.batch_bytes):
                if self._cancelled:
                    raise RunClosed(f"{self.name}: the statement was interrupted")
                if batch.num_rows:
                    waiting.append(batch)
                    yield self._batch([batch.column(name) for name in columns], batch.num_rows)

        data = Data(self._batch(none, 0).schema, arguments(), None, waits=False)
        run = self.function.run(data, columns=self._names, workers=workers, **self._limits)
        with self._lock:
            self._passing.append(run)
        try:
            for result in run.batches():
                yield waiting.popleft(), result.column(result.num_columns - 1)
        except UdfError as error:
            error.hint = HINT
            raise

    def table(self, columns: Sequence[pa.Array], rows: int) -> tuple[list[pa.Array], pa.Array]:
        batch = self._batch(columns, rows)
        with self._lane(batch.schema) as lane:
            outcome = lane.ask(batch)
        signature = self.function.spec.signature
        fields = signature.output_fields(self.kind) if signature is not None else ()
        counts = pa.array(outcome.meta["counts"], pa.int32())
        return [joined(outcome.batches, index, type_.arrow) for index, (_, type_) in enumerate(fields)], counts

    def aggregate(self, groups: pa.Array, columns: Sequence[pa.Array], count: int) -> pa.Array:
        batch = self._batch(columns, len(groups), groups)
        with self._lane(batch.schema, group_by=GROUP) as lane:
            for part in self._parts(batch):
                lane.ask(part)
            made = lane.finish()
        places = pc.index_in(pa.array(range(count), groups.type), made.column(0))
        if not places.null_count:
            return made.column(1).take(places)
        with self._lane(batch.schema) as lane:  # a group without rows: what a fresh instance gives
            empty = lane.finish().column(0)
        return pa.concat_arrays([made.column(1), empty]).take(places.fill_null(made.num_rows))

    def running(self, groups: pa.Array, columns: Sequence[pa.Array]) -> pa.Array:
        batch = self._batch(columns, len(groups), groups)
        with self._lane(batch.schema, group_by=GROUP, running=True) as lane:
            answers = [answer for part in self._parts(batch) for answer in lane.ask(part).batches]
            lane.done()
        return joined(answers, 0, self.returns.arrow)

    def _batch(self, columns: Sequence[pa.Array], rows: int, groups: pa.Array | None = None) -> pa.RecordBatch:
        with self._lock:
            self.rows += rows
        arrays = {
            name: _as_text(column) if isinstance(type_, String) else column
            for name, column, type_ in zip(self._names, columns, self.arguments, strict=True)
        }
        if groups is not None:
            arrays = {GROUP: groups, **arrays}
        return pa.RecordBatch.from_pydict(arrays or {NOTHING: pa.nulls(rows)})

    def _parts(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        step = self._batch_rows
        return (batch.slice(start, step) for start in range(0, batch.num_rows, step))

    # -- lanes ---------------------------------------------------------------------------------------------------------

    @contextmanager
    def _lane(self, schema: pa.Schema, *, group_by: str | None = None, running: bool = False) -> Iterator[Lane]:
        """A lane that nobody else uses: one that is idle, or a new one. Those of aggregates are used once."""
        shared = self.kind != "udaf"
        with self._lock:
            idle = self._idle.setdefault(schema, [])
            lane = idle.pop() if shared and idle else None
        if lane is None:
            lane = self._open(schema, group_by, running=running)
        with self._lock:
            self._busy.append(lane)
            cancelled = self._cancelled
        try:
            if cancelled:
                raise RunClosed(f"{self.name}: the statement was interrupted")
            yield lane
        except UdfError as error:
            error.hint = HINT
            raise
        finally:
            with self._lock:
                self._busy.remove(lane)
                if shared and lane.status == "running":
                    idle.append(lane)
            if not shared:
                lane.close()

    def _open(self, schema: pa.Schema, group_by: str | None, *, running: bool) -> Lane:
        options = {"running": True} if running else {}
        lane = self.function.run(Offered(schema, options), columns=self._names, group_by=group_by, **self._limits)
        if not isinstance(lane, Lane):
            raise TypeError("a run over offered data is a lane")
        return lane

    def cancel(self) -> None:
        with self._lock:
            self._cancelled = True
            busy, passing = list(self._busy), list(self._passing)
        for lane in busy:
            lane.cancel()
        for run in passing:
            run.close()

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, {}
            passing, self._passing = self._passing, []
        for run in passing:
            run.close()
        for lanes in idle.values():
            for lane in lanes:
                lane.done()


def _names(function: Function) -> tuple[str, ...]:
    """What the columns of the arguments are called, so that an error shows them as the signature does."""
    signature = function.signature
    if signature is None:
        return ()
    taken = {GROUP, NOTHING, *(name for name, _ in signature.output_fields(function.kind))}
    return tuple(
        f"argument {index}" if param.name is None or param.name in taken else param.name
        for index, param in enumerate(signature.params)
    )


def _as_text(column: pa.Array) -> pa.Array:
    """Numbers and dates as the text that Doris makes of them."""
    return column if pa.types.is_string(column.type) else column.cast(pa.string())
