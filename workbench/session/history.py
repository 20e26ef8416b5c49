"""Storing what happens in a run, as it happens, so that another session can look at it later.

The invariant: no run ends for its history. What cannot be written (the function was dropped meanwhile, the disk is
full) is said in one warning. It holds no run, but what it calls at the end keeps the function's handle, and so the
session, as long as a run is open. Left out on purpose: the tables of the run itself (`workbench.session.record`).
"""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable
from typing import Final

from workbench.errors import RegistryError, WorkbenchError
from workbench.events import ROUTINE, Event
from workbench.registry import DeadLetter, Registry
from workbench.session.record import Record, as_json
from workbench.session.run import Run

STORED_TICKS: Final = 1_000
"""Finished batches stored between two events of another kind; the newest are kept."""

STORED_LETTERS: Final = 1_000
"""Dead letters stored of one run; `Run.dead_letters` has more of them."""


class History:
    """Stores what happens in one run; ``ended`` is told of its end, unless it was collected."""

    def __init__(self, registry: Registry, run_id: int, record: Record, ended: Callable[[Run], None]) -> None:
        self.record = record
        self._registry = registry
        self._run_id = run_id
        self._ended = ended
        self._ticks: deque[Event] = deque(maxlen=STORED_TICKS)
        self._broken = False

    def event(self, event: Event) -> None:
        """Store an event; what is routine together with the next that is not."""
        self._ticks.append(event)
        if event.kind not in ROUTINE:
            events = list(self._ticks)
            self._ticks.clear()
            self._try(lambda: self._registry.add_events(self._run_id, events))

    def end(self, run: Run | None, status: str, error: Exception | None) -> None:
        """Store how the run ended; ``run`` is None if it was collected."""
        if run is not None:
            self._ended(run)
        self._try(lambda: self._store_end(status, error))

    def _store_end(self, status: str, error: Exception | None) -> None:
        record = self.record
        letters = [
            DeadLetter(one.batch, one.row, as_json(one.values), one.error_type, one.error, one.attempts)
            for one in [*record.letters[:STORED_LETTERS], *(record.ended_by or ())[:1]]
        ]
        if letters:  # a transaction takes longer than a row
            self._registry.add_dead_letters(self._run_id, letters)
        self._registry.end_run(
            self._run_id,
            status,
            rows_in=record.rows_in,
            rows_out=record.rows_out,
            skipped=record.skipped,
            dead_letters=record.dead,
            restarts=record.restarts,
            error=error.message if isinstance(error, WorkbenchError) else str(error or ""),
        )

    def _try(self, store: Callable[[], None]) -> None:
        """A history that cannot be written is worth a warning, not the results of a run."""
        if self._broken:
            return
        try:
            store()
        except RegistryError as error:
            self._broken = True
            warnings.warn(f"the history of this run is not stored: {error.message}", RuntimeWarning, stacklevel=2)
