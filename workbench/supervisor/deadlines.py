"""What becomes of workers as time passes: they are restarted, called silent, or stopped when they may take no longer.

The clock is looked at after each wake-up, and `Deadlines.patience` says when the next wake-up is due at the latest. The
invariant: no wait of a run is longer than its next deadline. Left out on purpose: what workers say in time, and what
becomes of the batches of one that died (`workbench.supervisor.supervisor`).
"""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from workbench import settings
from workbench.errors import BatchTimeout, ProtocolError, WorkerOutOfMemory
from workbench.supervisor.lives import Lives
from workbench.supervisor.memory import LOOK_SECONDS, MemoryLimit, resident
from workbench.supervisor.refusal import not_ready, timed_out, with_frames
from workbench.supervisor.slot import GRACE, Slot
from workbench.supervisor.telling import Teller
from workbench.supervisor.worker import Launch, Worker

UNSEEN_SECONDS: Final = 0.2
"""How often to look at a script that was given input and has not asked for any."""


class Deadlines:
    """The deadlines of one run. ``timeout`` is seconds for a batch; where it is isolated, the run goes on."""

    def __init__(
        self,
        launch: Launch,
        lives: Lives,
        teller: Teller,
        *,
        timeout: float | None,
        isolate: bool,
        memory: MemoryLimit | None,
    ) -> None:
        self._launch, self._lives, self._teller = launch, lives, teller
        self._timeout, self._isolate, self._memory = timeout, isolate, memory

    def patience(self, slots: Sequence[Slot]) -> float | None:
        """Seconds until the next deadline; None if there is none."""
        now = time.monotonic()
        start = self._launch.start_timeout
        deadlines = [deadline for slot in slots for deadline in slot.deadlines(start, self._timeout)]
        if self._memory is not None and any(slot.owed for slot in slots):
            deadlines.append(now + LOOK_SECONDS)
        if any(slot.owed and slot.worker is not None and slot.worker.channel.unseen for slot in slots):
            deadlines.append(now + UNSEEN_SECONDS)
        return max(0.0, min(deadlines) - now) if deadlines else None

    def look(self, slots: Sequence[Slot], now: float, *, began: int) -> None:
        """Deal with what is due ``now``. ``began`` is how many batches the run has taken so far.

        Raises WorkerStartTimeout, BatchTimeout, and ProtocolError for a script that reads past `sys.stdin`.
        """
        for slot in slots:
            worker = slot.worker
            if slot.fell_silent(now):
                silence = f"not responding: no sign of life for {settings.SILENT_SECONDS:g} s"
                self._teller.event("silent", slot, batch=slot.owed[0].number, detail=silence)
            if slot.restart_at is not None and now >= slot.restart_at:
                slot.restart_at = None
                self._lives.restart(slot, began=began)
            elif worker is None:
                continue
            elif slot.closing_since is not None and now >= slot.closing_since + settings.STOP_SECONDS:
                slot.fault = slot.fault or ProtocolError("it closed its output and lived on")
                worker.process.kill()
                slot.closing_since = None
            elif worker.ready is None:
                if now >= slot.started_at + self._launch.start_timeout:
                    raise not_ready(self._launch, slot.last_lines(), worker.channel.phase)
            elif slot.owed and worker.channel.bypassed():
                raise ProtocolError(
                    f"{self._launch.label} reads its input past sys.stdin: nothing tells when it is done with a batch",
                    hint="read sys.stdin.buffer, as in pyarrow.ipc.open_stream(sys.stdin.buffer); neither fd 0, nor "
                    "/dev/stdin, nor in a program that the script starts",
                )
            elif self._memory is not None and slot.owed and self._memory.exceeded(resident(worker.pid) or 0):
                slot.fault = slot.fault or WorkerOutOfMemory(f"it used more memory than its limit of {self._memory}")
                worker.process.kill()
            elif self._timeout is not None and slot.owed and now >= slot.head_since + self._timeout:
                self._out_of_time(slot, worker, now, self._timeout)

    @property
    def interrupts(self) -> bool:
        """Whether a worker is kept that gives up on a batch. Not if it has a state, half changed, that is to go on."""
        return self._launch.reusable and not (self._isolate and self._launch.keeps_state)

    def _out_of_time(self, slot: Slot, worker: Worker, now: float, timeout: float) -> None:
        """First its stack, so that it is the one that it hung in; then the request to give up; then its end."""
        if slot.stack_asked_at is None:
            slot.stack_asked_at = now
            worker.process.signal(signal.SIGUSR1)
        elif slot.give_up_at is None and now >= slot.stack_asked_at + GRACE:
            slot.overdue = self.overdue(slot)
            slot.give_up_at = now
            if self.interrupts:
                slot.give_up_at += settings.STOP_SECONDS
                worker.process.signal(signal.SIGUSR2)
        if slot.give_up_at is None or now < slot.give_up_at:
            return
        error = self.overdue(slot)
        if self._isolate:
            slot.in_time()
            slot.fault, slot.head_since = error, now
            worker.process.kill()
            return
        self._teller.event("stopped", slot, batch=error.batch, detail=f"no answer after {timeout:g} s")
        self._lives.end(slot)
        raise error

    def overdue(self, slot: Slot, info: Mapping[str, Any] | None = None) -> BatchTimeout:
        """The error of a batch that is out of time. ``info`` is what its worker said when it was interrupted."""
        if slot.overdue is not None:
            return with_frames(slot.overdue, info)
        logs = slot.last_lines()
        stack = slot.worker.stack if slot.worker is not None else ""
        return timed_out(self._launch.label, slot.owed[0].number, self._timeout, stack, logs)
