"""One run: data goes through a function's workers, and what comes back is handed out as it comes.

A run is moved by whoever consumes it (`batches`, `wait`, `to_arrow`) and by nobody else; it holds at most a window of
batches, so an endless source is a legal one. The invariant: each input row ends in the result, as a dead letter, or
with the error that ended the run; ``rows_in == results + dead letters`` is checked for scalar functions at the end.
Left out on purpose: screens.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import pandas as pd
import pyarrow as pa

from workbench.errors import ProtocolError, RunClosed, RunError, SchemaMismatch
from workbench.events import Event, EventKind
from workbench.functions import FunctionSpec
from workbench.session.binding import Binding, Prepared, RowError
from workbench.session.blame import first_line, letter, udf_error
from workbench.session.data import Data, describe
from workbench.session.gate import Gate, Gated
from workbench.session.record import DeadLetter, Notes
from workbench.supervisor.outcome import Outcome
from workbench.supervisor.refusal import in_short
from workbench.supervisor.source import Item, Source, ThreadedSource
from workbench.supervisor.supervisor import Supervisor
from workbench.worker.words import counted

Ending = Callable[["Run | None", str, Exception | None], None]
"""Told once that a run has ended: the run (None if it was collected), how, and its error."""


class Run(Gated):
    """A run of a function over some data; made by `Function.run`. A context manager; closed when it is collected.

    `batches` streams the result once and keeps nothing. `to_arrow`, `to_pandas` and `wait` finish the run, keep its
    result, and may be repeated. All of them raise the run's error, each time.
    """

    def __init__(
        self,
        spec: FunctionSpec,
        version: int,
        data: Data,
        binding: Binding | None,
        supervisor: Supervisor,
        *,
        on_error: str,
        outer: bool,
        skip_invalid: bool,
        notes: Notes,
        on_end: Ending,
        ahead: int,
    ) -> None:
        self.spec, self.version, self.on_error = spec, version, on_error
        self._skip_invalid, self._outer = skip_invalid, outer
        self._notes = notes
        self.record = notes.record
        self.rows_total = data.rows
        self.input_schema: pa.Schema = data.schema
        self.numbers = data.numbers
        """Of a replay: which rows of the earlier run these are. None for a run of its own."""
        self.options: Mapping[str, Any] = {}
        """What a replay of its rows must be told again."""
        self.error: Exception | None = None
        self.status = "running"
        self.listeners: list[Callable[[Run], None]] = []
        """Called after each batch, in the thread that moves the run. Must be quick."""
        self._binding = binding
        self._schema: pa.Schema | None = binding.schema if binding else None
        self._on_end: Ending | None = on_end
        self._began = supervisor.began  # one clock for what both tell
        self._took: float | None = None
        self._table: pa.Table | None = None
        self._streamed = False
        self._supervisor = supervisor
        self._gate = Gate()
        items = _items(data, binding)
        self._source = ThreadedSource(items, ahead) if data.waits else Source(items)
        # Closing must not need the run itself, or it would never be collected.
        self._finalizer = weakref.finalize(self, _abandoned, self._supervisor, self._source, notes, self._began, on_end)
        try:
            self._supervisor.start()
        except BaseException as error:
            self._fail(error)
            raise

    def __repr__(self) -> str:
        return f"<Run of {self.spec.name} v{self.version}: {self.summary()}>"

    def summary(self) -> str:
        """What became of the rows, in one line."""
        record = self.record
        text = f"{self.status}; in {counted(record.rows_in, 'row')}, out {record.rows_out:,}, "
        return text + f"skipped {record.skipped_rows:,}, dead letters {record.dead:,}, restarts {record.restarts}"

    # -- results -------------------------------------------------------------------------------------------------------

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The result, batch by batch as it comes, once. Empty batches are left out."""
        if self._table is not None:
            yield from self._table.to_batches()
            return
        if self.error is not None:
            raise self.error
        if self._streamed:
            raise RunClosed(f"{self.spec.name}: the results of this run were streamed already", hint="run it again")
        self._streamed = True
        yield from self._advance()

    def wait(self) -> Self:
        """Finish the run and keep its result."""
        self.to_arrow()
        return self

    def to_arrow(self) -> pa.Table:
        """The whole result. See `Function.run` for its columns."""
        if self._table is None:
            if self.error is not None:
                raise self.error
            if self._streamed:
                raise RunClosed(
                    f"{self.spec.name}: the results of this run were streamed, not kept", hint="run it again"
                )
            self._streamed = True
            self.record.fan_out.keep()
            batches = list(self._advance())
            # A script that emitted nothing has told no columns either.
            self._table = pa.Table.from_batches(batches, self._schema or pa.schema([]))
        return self._table

    def to_pandas(self) -> pd.DataFrame:
        """The whole result as a data frame."""
        frame: pd.DataFrame = self.to_arrow().to_pandas()
        return frame

    def _advance(self) -> Iterator[pa.RecordBatch]:
        """Move the run to its end. Every way out of here ends it, early or late."""
        if self.status != "running":
            raise self.error or RunClosed(f"{self.spec.name}: this run is closed", hint="run it again")
        try:
            self._gate.enter()
            self._gate.between()
            for outcome in self._supervisor.outcomes(self._source):
                for batch in self._absorb(outcome):
                    self.record.recent.keep(batch, self.record.rows_in)
                    self.record.rows_out += batch.num_rows
                    self._tell()
                    if batch.num_rows:
                        self._gate.leave()
                        yield batch
                        self._gate.enter()
                self._tell()
                self._gate.between()
            self._check_counts()
            dead = self.record.dead
            self._end(f"completed with {counted(dead, 'dead row')}" if dead else "completed", None)
        except GeneratorExit:
            self._end("closed", None)
            raise
        except BaseException as error:
            if isinstance(error, RunError) and not error.function:  # the supervisor knows no functions
                error.function, error.version = self.spec.name, self.version
            self._fail(error)
            raise
        finally:
            self._gate.leave()

    def _tell(self) -> None:
        for listener in self.listeners:
            listener(self)

    def _check_counts(self) -> None:
        if self.spec.kind == "udf" and self.record.rows_in != self.record.rows_out + self.record.dead:
            raise ProtocolError(
                f"{self.spec.name}: {counted(self.record.rows_in, 'row')} went in, {self.record.rows_out} came out and "
                f"{self.record.dead} were set aside: rows are missing"
            )

    # -- what comes back -----------------------------------------------------------------------------------------------

    def _absorb(self, outcome: Outcome) -> list[pa.RecordBatch]:
        """The result of one batch; its errors are raised or noted."""
        record = self.record
        if outcome.number is None:
            return self._absorb_end(outcome)
        prepared: Prepared = outcome.context
        rows = prepared.original.num_rows
        record.batches_in += 1
        record.rows_in += rows
        if self._binding is None:
            return self._absorb_script(outcome, prepared)
        failing = prepared.errors(outcome.meta["errors"], outcome.lost)
        if outcome.lost:
            prepared = prepared.without(outcome.lost)
        if failing:
            self._fail_or_note(outcome, prepared, failing)
        binding, kind = self._binding, self.spec.kind
        if kind == "udf":
            dropped = [error.row for error in failing] if self.on_error == "dead_letter" else []
            out = [binding.scalar_result(prepared, outcome.batches, dropped)]
        elif kind == "udtf":
            failed = {error.row for error in failing}
            owners = record.fan_out.note(outcome.meta.get("counts", []), prepared, failed, outer=self._outer)
            out = binding.table_result(prepared, outcome.batches, owners)
        else:
            record.states(outcome.number, outcome.meta.get("states", ()))
            out = []
        rows_out = sum(batch.num_rows for batch in out)
        record.measured(
            outcome.number,
            outcome.worker,
            rows_in=rows,
            rows_out=rows_out,
            seconds=outcome.meta["seconds"],
            latency=outcome.seconds,
        )
        return out

    def _absorb_end(self, outcome: Outcome) -> list[pa.RecordBatch]:
        if self._binding is None:
            invalid = self._invalid(outcome)
            if invalid is not None:
                self._event("skipped", detail=f"at the end of the input: {first_line(invalid)}")
                self.record.skipped += 1
                return []
            return list(outcome.batches)
        self.record.states(max(0, self.record.batches_in - 1), outcome.meta["states"], final=True)
        return self._binding.aggregate_result(outcome.batches)

    def _absorb_script(self, outcome: Outcome, prepared: Prepared) -> list[pa.RecordBatch]:
        record, rows = self.record, prepared.original.num_rows
        number = outcome.number or 0
        invalid = self._invalid(outcome)
        if invalid is not None:
            name, text = type(invalid).__name__, first_line(invalid)
            record.skipped += 1
            record.skipped_rows += rows
            self._event("skipped", batch=number, rows=rows, worker=outcome.worker, detail=text)
            values = enumerate(prepared.original.to_pylist() if record.has_room else ())
            letters = (DeadLetter(number, prepared.number(row), one, name, text) for row, one in values)
            record.lost(rows, letters, prepared.original)
            return []
        rows_out = sum(batch.num_rows for batch in outcome.batches)
        record.measured(
            number,
            outcome.worker,
            rows_in=rows,
            rows_out=rows_out,
            seconds=outcome.seconds,
            latency=outcome.seconds,
        )
        return list(outcome.batches)

    def _invalid(self, outcome: Outcome) -> Exception | None:
        """Why a script's output is none. One that was restarted begins a new stream, which may have other columns."""
        if outcome.invalid is not None:
            return outcome.invalid
        for batch in outcome.batches:
            self._schema = self._schema or batch.schema
            if not batch.schema.equals(self._schema):
                error = SchemaMismatch(
                    f"the script changed the columns of its output from ({describe(self._schema)}) "
                    f"to ({describe(batch.schema)})",
                    hint="give every batch the same columns, also after a restart",
                )
                if not self._skip_invalid:
                    raise error
                return error
        return None

    def _fail_or_note(self, outcome: Outcome, prepared: Prepared, failing: list[RowError]) -> None:
        number = outcome.number or 0
        first = failing[0]
        self.record.places.failed((prepared.number(error.row), error.info) for error in failing)
        if self.on_error == "fail":
            self.record.ended_by = letter(number, prepared, first), prepared.original.slice(first.row, 1)
            # A batch that was sent ahead may have printed too: that is none of this one's words.
            told = [line.text for line in self.record.lines if line.batch is None or line.batch <= number]
            raise udf_error(self.spec, number, prepared, first, version=self.version, logs=told[-20:])
        if self.on_error == "dead_letter":  # a NULL result is a result: nothing is missing, and the event tells of it
            # Copied, so that the rest of the batch need not be kept with them.
            rows = prepared.original.take(pa.array([error.row for error in failing], pa.int64()))
            self.record.lost(len(failing), (letter(number, prepared, error) for error in failing), rows)
        what = "set to NULL" if self.on_error == "null" else "set aside"
        count = counted(len(failing), "row")
        self._event(
            "dead_letter",
            batch=number,
            rows=len(failing),
            worker=outcome.worker,
            detail=f"{count} {what}; row {prepared.number(first.row)}: {in_short(first.info)}",
        )

    def _event(self, kind: EventKind, *, detail: str = "", **more: Any) -> None:
        self._notes.event(Event(kind, time=time.monotonic() - self._began, detail=detail, **more))

    # -- the end -------------------------------------------------------------------------------------------------------

    def _fail(self, error: BaseException) -> None:
        """End the run with an error, or because somebody wants to end more than the run."""
        if isinstance(error, RunClosed):
            self._end("closed", None)
        elif isinstance(error, Exception):
            self._end("failed", error)
        else:
            self._end("interrupted", None)

    def _end(self, status: str, error: Exception | None) -> None:
        # Of two threads one gets it. Or Python ends: it was called already, and this is a generator's last word.
        if self._finalizer.detach() is None:
            return
        self.status, self.error = status, error
        try:
            _close(self._supervisor, self._source)
        finally:
            self._took = time.monotonic() - self._began
            if error is not None:
                self._event("failed", detail=first_line(error))
            elif status.startswith("completed"):
                self._event("finished", rows=self.record.rows_in)
            else:
                self._event("stopped", detail=status)
            on_end, self._on_end = self._on_end, None
            if on_end is not None:
                on_end(self, status, error)

    def kill(self) -> int:
        """Kill its workers, as a crash would; how many. It goes on with others. Safe to call from any thread."""
        return self._supervisor.kill()

    def close(self) -> None:
        """End the run wherever it is; its workers are given back. May be called twice, and from any thread.

        A thread that waits for a batch of this run, or is held by `pause`, gets RunClosed.
        """
        self._supervisor.stop()
        with self._gate.shut():
            self._end("closed", None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def schema(self) -> pa.Schema | None:
        """The columns of the result; None for a script, whose first batch tells them."""
        return self._schema

    @property
    def restarts_counted(self) -> int:
        """The restarts that use up those allowed; a worker that is restarted to look for a bad row does not."""
        return self._supervisor.policy.restarts

    @property
    def restarts_allowed(self) -> int:
        """The number after the slash of ``restarts 1/3``."""
        return self._supervisor.policy.allowed

    @property
    def seconds(self) -> float:
        """How long it took, or has taken by now."""
        return self._took if self._took is not None else time.monotonic() - self._began

    @property
    def queue(self) -> int:
        """Batches on their way: read ahead, with a worker, or answered before their turn."""
        return self._source.waiting + self._supervisor.taken - self.record.batches_in

    # -- tables --------------------------------------------------------------------------------------------------------

    @property
    def events(self) -> pd.DataFrame:
        """What happened, one row an event; see `workbench.events.Event` for the columns."""
        return self.record.events_frame()

    @property
    def dead_letters(self) -> pd.DataFrame:
        """The rows that have no result: batch, row, the input columns, error_type, error, attempts."""
        return self.record.letters_frame(self.input_schema.names)

    @property
    def metrics(self) -> pd.DataFrame:
        """One row a batch: batch, worker, rows_in, rows_out, seconds in the worker, latency in seconds."""
        return self.record.metrics_frame()

    @property
    def state(self) -> pd.DataFrame:
        """An aggregate's state after each batch: batch, the group columns, result, state (JSON text), changed."""
        return self.record.states_frame()

    @property
    def logs(self) -> pd.DataFrame:
        """What the workers printed: time, worker, batch, stream, text. Batch is NULL while none was worked on."""
        return self.record.logs_frame()


def _items(data: Data, binding: Binding | None) -> Iterator[Item]:
    """The batches to send, each with what is needed to understand its answer."""
    offset = 0
    for batch in data.batches:
        sent, prepared = (
            (batch, Prepared(batch, offset, None, ())) if binding is None else binding.prepare(batch, offset)
        )
        if data.numbers is not None:
            prepared = replace(prepared, numbers=data.numbers[offset : offset + batch.num_rows])
        yield sent, prepared
        offset += batch.num_rows


def _close(supervisor: Supervisor, source: Source) -> None:
    source.close()
    try:
        supervisor.close()
    except KeyboardInterrupt:  # pressed again while workers were given back: they are not left behind for that
        supervisor.close()
        raise


def _abandoned(supervisor: Supervisor, source: Source, notes: Notes, began: float, on_end: Ending) -> None:
    """The end of a run that nobody holds any more."""
    _close(supervisor, source)
    notes.event(Event("stopped", time=time.monotonic() - began, detail="closed"))
    on_end(None, "closed", None)
