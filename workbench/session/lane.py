"""A run that is asked batch by batch, by somebody who has the next batch only after the answer to the last one.

The worker stands ready between two questions; the run ends with `Lane.done`, `Lane.finish`, an error, or `cancel`. The
invariant: one question, one answer, in one thread at a time. Left out on purpose: dead letters; a row that fails ends
it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from workbench.errors import RunClosed
from workbench.session.data import Data
from workbench.session.run import Run
from workbench.supervisor.outcome import Outcome
from workbench.supervisor.source import OfferedSource


@dataclass(frozen=True, slots=True)
class Offered:
    """Data that is not there yet: its columns, and what else the workers are told when they open the run."""

    schema: pa.Schema
    options: Mapping[str, Any] = field(default_factory=dict)

    def opened(self) -> Data:
        """Without a batch: they are offered to the `Lane`."""
        return Data(self.schema, iter(()), None, waits=False)


class Lane(Run):
    """Made by `Function.run` over `Offered` data."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._source: OfferedSource = OfferedSource()
        self._outcomes = self._supervisor.outcomes(self._source)

    def ask(self, batch: pa.RecordBatch) -> Outcome:
        """What the worker answered to one batch. Raises what `Run.batches` raises."""
        if self._binding is None or self.status != "running":
            raise self.error or RunClosed(f"{self.spec.name}: this run is closed", hint="run it again")
        try:
            self._source.offer(self._binding.prepare(batch, self.record.rows_in))
            outcome = next(self._outcomes)
            self._absorb(outcome)
        except BaseException as error:
            self._fail(error)
            raise
        return outcome

    def finish(self) -> pa.RecordBatch:
        """Of an aggregate: its groups and results, after the last batch."""
        self._source.exhausted = True
        try:
            (result,) = (batch for outcome in self._outcomes for batch in self._absorb(outcome))
        except BaseException as error:
            self._fail(error)
            raise
        self.record.rows_out = result.num_rows
        self.done()
        return result

    def done(self) -> None:
        """There are no more questions: the run is complete, and its worker is kept."""
        self._end("completed", None)

    def cancel(self) -> None:
        """End the waiting for an answer as by the interrupt key. From any thread."""
        self._source.cancel(KeyboardInterrupt())
