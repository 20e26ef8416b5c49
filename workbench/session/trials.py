"""Runs of a check: the workers, limits and conversions of an ordinary run, and none of its traces.

The invariant: nothing is written to the registry, and the function's last run and failing rows stay what they were.
The workers are those of the pool, so that a run costs a few milliseconds. Left out on purpose: what is tried and
compared (`workbench.checking`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pyarrow as pa

from workbench.checking import Answer, Setup
from workbench.checking.trial import HANG_SECONDS, group_column
from workbench.errors import RunError, WorkerStartError
from workbench.events import Event, LogLine
from workbench.functions import FunctionSpec
from workbench.session.binding import Binding, Prepared
from workbench.supervisor.outcome import Outcome
from workbench.supervisor.pool import Pool
from workbench.supervisor.restart import RestartPolicy
from workbench.supervisor.source import Item, Source
from workbench.supervisor.supervisor import Supervisor
from workbench.supervisor.worker import Launch
from workbench.worker import values

MOST_RESTARTS: Final = 4
"""Of one run: a worker that dies again and again is a finding, and waiting for more of it tells no more."""


class Trials:
    """Runs one function, as `workbench.checking.Trial` says."""

    def __init__(self, spec: FunctionSpec, launch: Launch, pool: Pool) -> None:
        self._spec, self._launch, self._pool = spec, launch, pool
        fields = spec.signature.output_fields(spec.kind) if spec.signature is not None else ()
        self._read = [values.reader(type_.wire) for _, type_ in fields]
        self._names = [name for name, _ in fields]

    def __call__(self, table: pa.Table, setup: Setup) -> Answer:
        if setup.apart:
            return self._apart(table)
        columns, group_by = self._columns(table), []
        if setup.groups:
            group_by = [group_column(self._spec)]
            table = table.append_column(group_by[0], pa.array([row % 2 for row in range(table.num_rows)], pa.int64()))
        binding = Binding(self._spec, table.schema, columns=columns, group_by=group_by)
        on_error = "dead_letter" if setup.alone else "fail"
        supervisor = Supervisor(
            self._launch,
            schema=binding.sent_schema,
            options={
                **binding.options(on_error=on_error, report=0),
                "unmerged": setup.unmerged,
                "nested": setup.nested,
            },
            policy=RestartPolicy(MOST_RESTARTS),
            pool=self._pool,
            emit=_ignore_event,
            log=_ignore_line,
            workers=setup.workers,
            timeout=HANG_SECONDS,
        )
        source = Source(_items(table, binding, setup.batch_rows))
        failures: dict[int, Mapping[str, Any]] = {}
        found: list[Any] = []
        try:
            supervisor.start()
            if setup.anew:
                supervisor.kill()
            for outcome in supervisor.outcomes(source):
                found += self._absorb(binding, outcome, failures)
                if failures and not setup.alone:
                    break
                if setup.kill and outcome.number == 0:
                    supervisor.kill()
        except WorkerStartError:  # nothing can be tried: the caller is told
            raise
        except RunError as error:
            return Answer(found, failures, error)
        finally:
            source.close()
            supervisor.close()
        if self._spec.kind == "udaf" and not self._spec.always_nullable and not setup.alone and None in found:
            failures[0] = {"error_type": "NullResult", "error": "the result is NULL"}  # a run lets it pass
        return Answer(found, failures)

    def _apart(self, table: pa.Table) -> Answer:
        """What the groups of ``groups`` give, each run by itself."""
        found: list[Any] = []
        for group in range(min(2, table.num_rows)):
            answer = self(table.take(pa.array(range(group, table.num_rows, 2), pa.int64())), Setup())
            if answer.failures or answer.error is not None:
                return answer
            found += answer.values
        return Answer(found)

    def _columns(self, table: pa.Table) -> list[str]:
        return list(table.schema.names) if self._spec.signature and self._spec.signature.params else []

    def _absorb(self, binding: Binding, outcome: Outcome, failures: dict[int, Mapping[str, Any]]) -> list[Any]:
        """The values of one batch; its failures are noted."""
        if outcome.number is None:
            answer = binding.aggregate_result(outcome.batches)
            return [value for batch in answer for value in self._read[0](batch.column(batch.num_columns - 1))]
        prepared: Prepared = outcome.context
        errors = prepared.errors(outcome.meta["errors"], outcome.lost)
        failures |= {prepared.number(error.row): error.info for error in errors}
        if self._spec.kind == "udaf" or (errors and not outcome.batches):
            return []
        rows = prepared.original.num_rows
        columns = [
            [value for batch in outcome.batches for value in read(batch.column(at))]
            for at, read in enumerate(self._read)
        ]
        if self._spec.kind == "udtf":
            items: Iterator[Any] = zip(*columns, strict=True) if len(columns) > 1 else iter(columns[0])
            counts = iter(outcome.meta.get("counts", ()))
            return [
                None if row in outcome.lost else list(itertools.islice(items, next(counts, 0))) for row in range(rows)
            ]
        results = iter(columns[0])
        return [None if row in outcome.lost else next(results, None) for row in range(rows)]


def _items(table: pa.Table, binding: Binding, batch_rows: int | None) -> Iterator[Item]:
    """The batches of a run; a table without rows is one that is empty."""
    whole = table.combine_chunks()
    (batch,) = whole.to_batches() or [pa.RecordBatch.from_pylist([], schema=table.schema)]
    step = batch_rows or max(1, batch.num_rows)
    for start in range(0, max(1, batch.num_rows), step):
        yield binding.prepare(batch.slice(start, step), start)


def _ignore_event(_event: Event) -> None:
    """What happens to the workers of a check is no part of the function's history."""


def _ignore_line(_line: LogLine) -> None:
    """What they print neither."""
