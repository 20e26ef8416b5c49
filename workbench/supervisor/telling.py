"""Telling what happens to a run's workers: events and log lines, with the time since the run began.

Left out on purpose: who listens, and what is worth telling.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from workbench.events import Event, EventKind, LogLine
from workbench.supervisor.process import Exit
from workbench.supervisor.slot import Slot
from workbench.supervisor.worker import LogSink


class Teller:
    """Makes events and log lines of one run, and hands them to ``emit`` and ``log``. ``began`` is monotonic seconds."""

    def __init__(self, emit: Callable[[Event], None], log: Callable[[LogLine], None]) -> None:
        self._emit, self._log = emit, log
        self._told: set[EventKind] = set()
        self.began = time.monotonic()

    def _clock(self) -> float:
        return time.monotonic() - self.began

    def sink(self, slot: Slot) -> LogSink:
        """Where the worker in this slot writes its log."""
        return lambda stream, text: self._log(LogLine(self._clock(), slot.life, slot.works_on, stream, text))

    def event(
        self,
        kind: EventKind,
        slot: Slot,
        *,
        batch: int | None = None,
        rows: int | None = None,
        died: Exit | None = None,
        detail: str = "",
    ) -> None:
        """Tell one thing about the worker in a slot."""
        self._emit(
            Event(
                kind,
                time=self._clock(),
                worker=slot.life or None,
                pid=slot.worker.pid if slot.worker is not None else None,
                batch=batch,
                rows=rows,
                signal=died.signal if died else None,
                exit_status=died.status if died else None,
                detail=detail,
            )
        )

    def once(self, kind: EventKind, slot: Slot, *, detail: str) -> None:
        """Tell something that is true of the whole run, the first time that a worker says it."""
        if kind not in self._told:
            self._told.add(kind)
            self.event(kind, slot, detail=detail)
