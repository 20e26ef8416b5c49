"""The lives of the workers in a run's slots: how each begins, and how each ends that we end.

The invariant: whoever begins is told everything that its predecessor owed or had not saved, before anything new. Left
out on purpose: deciding when; and the ends that are not our doing (`workbench.supervisor.supervisor`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from workbench import settings
from workbench.supervisor.draining import drain
from workbench.supervisor.pool import Pool
from workbench.supervisor.restart import RestartPolicy
from workbench.supervisor.slot import Slot
from workbench.supervisor.telling import Teller
from workbench.supervisor.worker import Launch, Worker, ignore


class Lives:
    """Begins and ends workers of one launch for one run. Lives count from 1."""

    def __init__(
        self,
        launch: Launch,
        *,
        schema: pa.Schema,
        options: Mapping[str, Any],
        policy: RestartPolicy,
        pool: Pool,
        teller: Teller,
    ) -> None:
        self._launch, self._schema, self._options = launch, schema, options
        self._policy, self._pool, self._teller = policy, pool, teller
        self._count = 0

    def start(self, slot: Slot) -> None:
        """Put a worker into the slot and give it all that it must know and all that is owed."""
        self._pool.check_open()
        self._count += 1
        worker = self._pool.take(self._launch.key) if self._launch.reusable else None
        reused = worker is not None
        if worker is None:
            worker = Worker(self._launch, ignore, self._pool.templates)
        slot.occupy(worker, self._count)
        worker.sink = self._teller.sink(slot)
        if reused:
            worker.forget()
            slot.loaded = True
            self._teller.event("started", slot, detail="was ready")
        worker.channel.open(self._schema, self._options)
        if slot.snapshot:
            worker.channel.ask("restore", 0, slot.snapshot)
        for work in slot.owed:
            slot.send(work)

    def restart(self, slot: Slot, *, began: int) -> None:
        """Start after a death, and tell what is done again. ``began`` is how many batches the run has taken so far."""
        again = dict.fromkeys(str(work.number) for work in slot.owed if work.request == "batch" and not work.answered)
        head = slot.owed[0] if slot.owed else None
        journal = [work.number for work in slot.journal]
        self.start(slot)
        detail = f"{self._policy.restarts}/{self._policy.allowed}"
        if head is not None and head.search is not None:
            detail = f"looking for the row in batch {head.number}: {head.rows}"
        elif again:
            detail += f"; batch {', '.join(again)} sent again"
        if self._launch.keeps_state and (slot.snapshot or journal):
            detail += f"; state restored{_from(slot.saved, journal)}"
        self._teller.event("restarted", slot, detail=detail)
        if not self._launch.reusable and began > len(again):
            lost = "what the script had in memory is gone; a script's state cannot be saved"
            self._teller.event("state_lost", slot, detail=lost)

    def replace(self, slot: Slot, why: str) -> None:
        """Put a new worker in the place of one that owes nothing. No crash, and not counted as one."""
        self._teller.event("recycled", slot, batch=slot.last_batch, detail=why)
        self.end(slot)
        self.start(slot)

    def end(self, slot: Slot) -> None:
        """Kill the worker in the slot, if there is one; what it owes stays."""
        worker = slot.worker
        slot.vacate()
        if worker is not None:
            worker.process.kill()
            worker.close()

    def _fit(self, slot: Slot) -> bool:
        """Whether its worker may serve another run, once it owes nothing."""
        known = self._launch.reusable and slot.worker is not None and slot.worker.ready is not None
        return known and slot.fault is None and slot.closing_since is None

    def close(self, slots: Sequence[Slot]) -> None:
        """Give the workers back, once they owe nothing, or end them."""
        drain([slot for slot in slots if self._fit(slot)], time.monotonic() + settings.STOP_SECONDS)
        for slot in slots:
            worker = slot.worker
            if worker is None:
                continue
            if self._fit(slot) and not slot.owed and worker.died is None:
                worker.drain_logs()
                worker.tell_dropped()
                worker.sink = ignore
                worker.channel.rest()
                self._pool.give(worker)
            elif worker.died is None:
                self._teller.event("stopped", slot)
                worker.close()
            slot.vacate()


def _from(saved: int | None, journal: Sequence[int]) -> str:
    """Where a state comes from that is restored: the snapshot after a batch, and batches that are done again."""
    snapshot = "" if saved is None else f" from the snapshot after batch {saved}"
    if not journal:
        return snapshot
    first, last, count = journal[0], journal[-1], len(journal)
    if count == 1:
        again = f"batch {first}"
    else:
        again = f"batches {first} to {last}" if last - first == count - 1 else f"{count} batches"
    return f"{snapshot}, {again} replayed"
