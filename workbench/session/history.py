"""Storing what happens in a run, so that another session can look at it, also after this one was killed.

What went wrong, and how a run ended that did not complete, is stored as it happens; that one began or completed, and
that all is well, a moment later (`workbench.registry.ledger`). The invariant: no run ends for its history. What cannot
be written (the function was dropped meanwhile, the disk is full) is said in one warning. It holds no run, but what it
calls at the end keeps the function's handle, and so the session, as long as a run is open. Left out on purpose: the
tables of the run itself (`workbench.session.record`).
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

MAY_WAIT: Final = ("started", "finished", "stopped")
"""Events of a run in which all goes as it should. The end of one that was closed tells the last at once."""


class History:
    """Stores what happens in one run; ``ended`` is told of its end, unless it was collected.

    Raises RegistryError if the function is no longer registered.
    """

    def __init__(self, registry: Registry, registered_id: int, record: Record, ended: Callable[[Run], None]) -> None:
        self.record = record
        self._registry = registry
        self._ended = ended
        self._ticks: deque[Event] = deque(maxlen=STORED_TICKS)
        self._broken = False
        self._story = registry.begin_story(registered_id, self._lost)

    def event(self, event: Event) -> None:
        """Store an event; what is routine together with the next that is not."""
        self._ticks.append(event)
        if event.kind not in ROUTINE:
            self._story.events += self._ticks
            self._ticks.clear()
            self._tell(now=event.kind not in MAY_WAIT)

    def end(self, run: Run | None, status: str, error: Exception | None) -> None:
        """Store how the run ended; ``run`` is None if it was collected, where nothing may be written at once."""
        if run is not None:
            self._ended(run)
        record = self.record
        self._story.letters += [
            DeadLetter(one.batch, one.row, as_json(one.values), one.error_type, one.error, one.attempts)
            for one in [*record.letters[:STORED_LETTERS], *(record.ended_by or ())[:1]]
        ]
        self._story.end = {
            "status": status,
            "rows_in": record.rows_in,
            "rows_out": record.rows_out,
            "skipped": record.skipped,
            "dead_letters": record.dead,
            "restarts": record.restarts,
            "error": error.message if isinstance(error, WorkbenchError) else str(error or ""),
        }
        self._tell(now=run is not None and not status.startswith("completed"))

    def _tell(self, *, now: bool) -> None:
        if self._broken:
            self._story.events.clear()
            return
        self._registry.tell(self._story)
        if now:
            self._registry.flush()

    def _lost(self, error: RegistryError) -> None:
        """A history that cannot be written is worth a warning, not the results of a run."""
        if not self._broken:
            self._broken = True
            warnings.warn(f"the history of this run is not stored: {error.message}", RuntimeWarning, stacklevel=2)
