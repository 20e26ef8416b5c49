"""Keeps workers fed and alive while a run's batches go through them, and hands the answers out in input order.

The caller's thread moves everything: `outcomes` is a generator that selects on all workers and on the source at once. So reading
and writing never wait for each other, a small call costs one wake-up, and nothing happens behind the caller's back. The invariants: each
batch that was taken from the source ends as exactly one `Outcome`, whatever died in between; what a worker had not answered when
it died is sent again to the next; an aggregate is first given back its last snapshot and what came after it. Left out on purpose:
what a batch means. Restarting is decided by `RestartPolicy`, invalid answers of scripts by ``skip_invalid``.
"""

from __future__ import annotations

import selectors
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import pyarrow as pa

from workbench import settings
from workbench.errors import (
    BatchTimeout,
    RestartsExhausted,
    UdfError,
    WorkerStartError,
    WorkerStartTimeout,
)
from workbench.events import Event, EventKind, LogLine
from workbench.supervisor.pool import Pool
from workbench.supervisor.refusal import as_udf_error, error_text, frames_of, start_hint, start_text
from workbench.supervisor.restart import RestartPolicy
from workbench.supervisor.source import Source
from workbench.supervisor.worker import Died, Launch, Worker
from workbench.transport.base import Answer, Blob, Closed, Invalid, Ready, Refused, Reply

GRACE: Final = 0.3
"""Seconds between the request for a stack and the kill of a worker that is out of time."""

Request = Literal["batch", "snapshot", "finish"]


@dataclass(slots=True)
class Work:
    """Something that a worker was asked for and owes an answer to."""

    request: Request
    number: int
    batch: pa.RecordBatch | None = None
    context: Any = None
    blobs: tuple[bytes, ...] = ()
    answered: bool = False
    sent_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one batch: the batches that came back, or the error for which a script's batch was skipped.

    ``number`` is None for what came at the end, after all input.
    """

    number: int | None
    context: Any
    batches: tuple[pa.RecordBatch, ...]
    meta: Mapping[str, Any] = field(default_factory=dict)
    invalid: Exception | None = None
    worker: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Slot:
    """A place for a worker: it outlives the worker, and keeps what the next one must be given."""

    index: int
    worker: Worker | None = None
    life: int = 0
    owed: deque[Work] = field(default_factory=deque)
    journal: list[Work] = field(default_factory=list)
    snapshot: bytes = b""
    since_snapshot: int = 0
    restart_at: float | None = None
    head_since: float = 0.0
    closing_since: float | None = None
    stack_asked_at: float | None = None
    fault: str = ""


class Supervisor:
    """One run's workers. Use `outcomes` once, then `close`; a `Supervisor` is not shared between threads."""

    def __init__(
        self,
        launch: Launch,
        *,
        schema: pa.Schema,
        options: Mapping[str, Any],
        policy: RestartPolicy,
        pool: Pool,
        emit: Callable[[Event], None],
        log: Callable[[LogLine], None],
        workers: int = 1,
        window: int = 2,
        timeout: float | None = None,
        skip_invalid: bool = False,
    ) -> None:
        self.launch = launch
        self.policy = policy
        self._schema, self._options = schema, options
        self._pool, self._emit, self._log = pool, emit, log
        self._window, self._timeout, self._skip_invalid = window, timeout, skip_invalid
        self._slots = [Slot(index) for index in range(workers)]
        self._lives = 0
        self._began = time.monotonic()
        self._done: dict[int, Outcome] = {}
        self._tail: Outcome | None = None
        self._blobs: dict[int, bytes] = {}
        self._taken = 0
        self._last_info: Mapping[str, Any] | None = None

    # -- the run -------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the first worker now, so that what cannot start fails at once. Raises WorkerStartError."""
        self._start(self._slots[0])

    def outcomes(self, source: Source) -> Iterator[Outcome]:
        """The outcome of each batch in input order, then what came at the end. Raises RunError when the run cannot go on."""
        delivered = 0
        while True:
            self._take(source, delivered)
            while delivered in self._done:
                yield self._done.pop(delivered)
                delivered += 1
                self._take(source, delivered)
            if source.exhausted and delivered == self._taken:
                break
            self._wait(source)
        yield from self._finish()

    def _take(self, source: Source, delivered: int) -> None:
        """Give batches to workers that have room, as long as the source has any at hand."""
        ahead = 2 * self._window * len(self._slots)  # a slow worker must not let the others fill the memory
        while not source.exhausted and self._taken - delivered < ahead:
            slot = self._slot_with_room()
            if slot is None:
                return
            item = source.take()
            if item is None:
                return
            work = Work("batch", self._taken, item[0], item[1])
            self._taken += 1
            self._give(slot, work)

    def _slot_with_room(self) -> Slot | None:
        if self.launch.keeps_state:  # in turn, so that the same input gives the same partial states
            slot = self._slots[self._taken % len(self._slots)]
            return slot if len(slot.owed) < self._window else None
        slot = min(self._slots, key=lambda slot: (len(slot.owed), slot.worker is None, slot.index))
        return slot if len(slot.owed) < self._window else None

    def _give(self, slot: Slot, work: Work) -> None:
        if not slot.owed:
            slot.head_since = time.monotonic()
        slot.owed.append(work)
        if slot.worker is not None:
            self._send(slot.worker, work)
        elif slot.restart_at is None:
            self._start(slot)
        if work.request == "batch" and self.launch.keeps_state:
            slot.since_snapshot += 1
            if slot.since_snapshot == settings.SNAPSHOT_BATCHES:
                slot.since_snapshot = 0
                self._give(slot, Work("snapshot", work.number))

    def _send(self, worker: Worker, work: Work) -> None:
        work.sent_at = time.monotonic()
        if work.request == "batch":
            worker.channel.submit(work.number, work.batch)
            return
        for blob in work.blobs:
            worker.channel.ask("merge", work.number, blob)
        worker.channel.ask(work.request, work.number)

    def _finish(self) -> Iterator[Outcome]:
        """What comes after the last batch: an aggregate's partial states are merged, a script sees the end of its input."""
        first = self._slots[0]
        blobs: tuple[bytes, ...] = ()
        if self.launch.keeps_state:
            used = [slot for slot in self._slots if slot.life]
            for slot in used:
                self._give(slot, Work("snapshot", self._taken))
            self._until(lambda: not any(slot.owed for slot in used))
            blobs = tuple(slot.snapshot for slot in used)
        elif self.launch.reusable:
            return
        if self.launch.keeps_state or first.life:
            self._give(first, Work("finish", self._taken, blobs=blobs))
            self._until(lambda: self._tail is not None)
            if self._tail is not None:
                yield self._tail

    def _until(self, done: Callable[[], bool]) -> None:
        while not done():
            self._wait(None)

    # -- waiting -------------------------------------------------------------------------------------------------------

    def _wait(self, source: Source | None) -> None:
        """Wait until something happens or a deadline passes, and deal with it."""
        ready: list[tuple[Slot | None, int, int]] = []
        with selectors.DefaultSelector() as selector:
            for slot in self._slots:
                if slot.worker is not None:
                    for fd, mask in slot.worker.fds().items():
                        selector.register(fd, mask, slot)
            if source is not None and source.fd is not None and not source.exhausted:
                selector.register(source.fd, selectors.EVENT_READ, None)
            for key, mask in selector.select(self._patience()):
                ready.append((key.data, key.fd, mask))
        # Logs first: what was printed before an answer is shown before it. Deaths last: they say that all else was read.
        for slot, fd, mask in ready:
            if slot is None or slot.worker is None or fd not in slot.worker.fds():
                continue
            for reply in slot.worker.on_ready(fd, mask):
                self._on_reply(slot, reply)
        self._on_time(time.monotonic())

    def _patience(self) -> float | None:
        """Seconds until the next deadline; None if there is none."""
        now = time.monotonic()
        deadlines = [deadline for slot in self._slots for deadline in self._deadlines(slot)]
        return max(0.0, min(deadlines) - now) if deadlines else None

    def _deadlines(self, slot: Slot) -> Iterator[float]:
        if slot.restart_at is not None:
            yield slot.restart_at
        if slot.worker is None:
            return
        if slot.closing_since is not None:
            yield slot.closing_since + settings.STOP_SECONDS
        if slot.worker.ready is None:
            yield slot.worker.started_at + self.launch.start_timeout
        elif self._timeout is not None and slot.owed:
            yield slot.head_since + self._timeout
        if slot.stack_asked_at is not None:
            yield slot.stack_asked_at + GRACE

    def _on_time(self, now: float) -> None:
        for slot in self._slots:
            worker = slot.worker
            if slot.restart_at is not None and now >= slot.restart_at:
                slot.restart_at = None
                self._restart(slot)
            elif worker is None:
                continue
            elif slot.closing_since is not None and now >= slot.closing_since + settings.STOP_SECONDS:
                slot.fault = slot.fault or "it closed its output and lived on"
                worker.process.kill()
                slot.closing_since = None
            elif worker.ready is None:
                if now >= worker.started_at + self.launch.start_timeout:
                    raise WorkerStartTimeout(
                        f"{self.launch.label}: the worker was not ready after {self.launch.start_timeout:g} s (phase: load)",
                        logs=worker.last_lines,
                        hint="it is still importing: look at the log, or raise start_timeout",
                    )
            elif self._timeout is not None and slot.owed and now >= slot.head_since + self._timeout:
                self._out_of_time(slot, worker, now)

    def _out_of_time(self, slot: Slot, worker: Worker, now: float) -> None:
        """First ask for the stack, then end it."""
        if slot.stack_asked_at is None:
            slot.stack_asked_at = now
            worker.process.signal(signal.SIGUSR1)
        elif now >= slot.stack_asked_at + GRACE:
            worker.drain_logs()
            number = slot.owed[0].number
            stack = "\n".join(worker.last_lines)
            self._event("stopped", slot, batch=number, detail=f"no answer after {self._timeout:g} s")
            self._drop(slot)
            raise BatchTimeout(
                f"{self.launch.label}: batch {number} was not answered within {self._timeout:g} s",
                batch=number,
                stack=stack,
                hint="raise --timeout, or look at where it was in the log",
            )

    # -- what workers say ----------------------------------------------------------------------------------------------

    def _on_reply(self, slot: Slot, reply: Reply | Died) -> None:
        match reply:
            case Ready(info):
                slot.head_since = time.monotonic()
                versions = ", ".join(f"{name} {info[name]}" for name in ("python", "pyarrow") if name in info)
                self._event("started", slot, detail=versions)
            case Answer():
                self._on_answer(slot, reply)
            case Blob(_, data):
                self._settle(slot)
                slot.snapshot, slot.journal = data, []
            case Refused(phase, number, info):
                self._on_refused(slot, phase, number, info)
            case Invalid(number, error, fatal):
                self._on_invalid(slot, number, error, fatal=fatal)
            case Closed():
                slot.closing_since = time.monotonic()
            case Died():
                self._on_death(slot, reply)

    def _settle(self, slot: Slot) -> Work:
        """The oldest request of this worker has been answered."""
        slot.head_since = time.monotonic()
        slot.stack_asked_at = None
        self.policy.finished_batch()
        return slot.owed.popleft()

    def _on_answer(self, slot: Slot, answer: Answer) -> None:
        if slot.worker is not None:
            slot.worker.drain_logs()
        work = self._settle(slot)
        number = None if work.request == "finish" else work.number
        seconds = time.monotonic() - work.sent_at
        outcome = Outcome(number, work.context, answer.batches, answer.meta, worker=slot.life, seconds=seconds)
        if number is None:
            self._tail = outcome
            return
        if self.launch.keeps_state:
            slot.journal.append(work)
        if not work.answered:
            work.answered = True
            rows = work.batch.num_rows if work.batch is not None else 0
            self._event("batch", slot, batch=number, rows=rows)
            self._done[number] = outcome

    def _on_refused(self, slot: Slot, phase: str, number: int | None, info: Mapping[str, Any]) -> None:
        frames = frames_of(info)
        if phase in ("load", "open"):
            logs = self._last_lines(slot)
            self._drop(slot)
            raise WorkerStartError(
                start_text(self.launch.label, info), frames=frames, logs=logs, hint=start_hint(info)
            )
        self._last_info = info
        if not self.launch.reusable:
            return  # a script's exception: its process ends now, which is dealt with there
        self._event("failed", slot, batch=number, detail=f"{info['error_type']}: {info['error']}")
        raise UdfError(
            f"{self.launch.label}: {error_text(info)}",
            error_type=info["error_type"],
            error=info["error"],
            batch=number if phase == "batch" else None,
            frames=frames,
            logs=self._last_lines(slot),
        )

    def _on_invalid(self, slot: Slot, number: int | None, error: Exception, *, fatal: bool) -> None:
        if fatal or not slot.owed:
            slot.fault = str(error)
            if slot.worker is not None:
                slot.worker.process.kill()
            if not self._skip_invalid or not slot.owed:
                return
        work = self._settle(slot) if slot.owed else None
        if work is None:
            return
        if not self._skip_invalid:
            self._event("failed", slot, batch=work.number, detail=str(error))
            raise error
        if work.request == "finish":
            self._tail = Outcome(None, None, (), invalid=error, worker=slot.life)
            return
        self._done[work.number] = Outcome(work.number, work.context, (), invalid=error, worker=slot.life)

    def _on_death(self, slot: Slot, died: Died) -> None:
        owed = next((work.number for work in slot.owed if work.request == "batch" and not work.answered), None)
        fault = f": {slot.fault}" if slot.fault else ""
        cause = ""
        if self._last_info is not None:
            cause = f" after {self._last_info['error_type']}: {self._last_info['error']}"
        what = f"{died.exit}{cause}{fault}" + ("" if owed is None else f" in batch {owed}")
        self._event("crashed", slot, batch=owed, exit_=died, detail=what)
        slot.worker, slot.closing_since, slot.stack_asked_at, slot.fault = None, None, None, ""
        if self._tail is not None:
            return
        delay = self.policy.died(time.monotonic())
        if delay is None:
            self._give_up(slot, died, owed)
        else:
            slot.restart_at = time.monotonic() + delay

    def _give_up(self, slot: Slot, died: Died, owed: int | None) -> None:
        info, self._last_info = self._last_info, None
        count = self.policy.restarts
        crashes = "1 crash" if count == 0 else f"{count + 1} crashes"
        message = f"{self.launch.label} stopped after {count} restarts; {crashes}, the last of {died.exit}"
        if owed is not None:
            message += f" in batch {owed}"
        if info is not None:
            message += f": {error_text(info)}"
        self._event("gave_up", slot, batch=owed, detail=f"after {count} restarts")
        raise RestartsExhausted(
            message,
            exit=str(died.exit),
            batch=owed,
            restarts=count,
            stack=died.stack,
            logs=died.last_lines,
            hint="the history shows each crash; --max-restarts N allows more",
        ) from (as_udf_error(info) if info is not None else None)

    # -- lives ---------------------------------------------------------------------------------------------------------

    def _start(self, slot: Slot) -> None:
        """Put a worker into the slot and give it all that it must know and all that is owed."""
        self._lives += 1
        slot.life = self._lives
        worker = self._pool.take(self.launch.key) if self.launch.reusable else None
        reused = worker is not None
        if worker is None:
            worker = Worker(self.launch, lambda stream, text: None)
        worker.sink = lambda stream, text: self._log(
            LogLine(self._clock(), slot.life, self._taken - 1 if self._taken else None, stream, text)
        )
        slot.worker, slot.head_since = worker, time.monotonic()
        if reused and worker.ready is not None:
            self._event("started", slot, detail="was ready")
        worker.channel.open(self._schema, self._options)
        if slot.snapshot:
            worker.channel.ask("restore", 0, slot.snapshot)
        if slot.journal:
            slot.owed.extendleft(reversed(slot.journal))
            slot.journal = []
        for work in slot.owed:
            self._send(worker, work)

    def _restart(self, slot: Slot) -> None:
        again = [str(work.number) for work in slot.owed if work.request == "batch" and not work.answered]
        kept = len(slot.journal)
        self._start(slot)
        detail = f"{self.policy.restarts}/{self.policy.allowed}"
        if again:
            detail += f"; batch {', '.join(again)} sent again"
        if self.launch.keeps_state:
            detail += f"; state restored, {kept} batches replayed" if slot.snapshot or kept else ""
        self._event("restarted", slot, detail=detail)
        if not self.launch.reusable and self._taken > len(again):
            self._event(
                "state_lost", slot, detail="what the script had in memory is gone; a script's state cannot be saved"
            )

    def _drop(self, slot: Slot) -> None:
        worker, slot.worker = slot.worker, None
        if worker is not None:
            worker.process.kill()
            worker.close()

    def close(self) -> None:
        """Give the workers back, once they owe nothing, or end them. May be called twice."""
        deadline = time.monotonic() + settings.STOP_SECONDS
        for slot in self._slots:
            worker = slot.worker
            if worker is None:
                continue
            while slot.owed and self.launch.reusable and time.monotonic() < deadline and worker.died is None:
                self._drain(slot, worker, deadline)
            slot.worker = None
            if worker.died is not None:
                continue
            if slot.owed or worker.ready is None or not self.launch.reusable:
                self._event("stopped", slot)
                worker.close()
            else:
                worker.sink = lambda stream, text: None
                self._pool.give(worker)

    def _drain(self, slot: Slot, worker: Worker, deadline: float) -> None:
        """Let a worker finish what it was given, and forget the answers."""
        with selectors.DefaultSelector() as selector:
            for fd, mask in worker.fds().items():
                selector.register(fd, mask)
            ready = [(key.fd, mask) for key, mask in selector.select(max(0.0, deadline - time.monotonic()))]
        for fd, mask in ready:
            if fd not in worker.fds():
                continue
            for reply in worker.on_ready(fd, mask):
                if isinstance(reply, Answer | Blob) or (isinstance(reply, Refused) and reply.phase == "batch"):
                    slot.owed.popleft()

    # -- telling -------------------------------------------------------------------------------------------------------

    def _clock(self) -> float:
        return time.monotonic() - self._began

    def _last_lines(self, slot: Slot) -> tuple[str, ...]:
        if slot.worker is None:
            return ()
        slot.worker.drain_logs()
        return slot.worker.last_lines

    def _event(
        self,
        kind: EventKind,
        slot: Slot,
        *,
        batch: int | None = None,
        rows: int | None = None,
        exit_: Died | None = None,
        detail: str = "",
    ) -> None:
        pid = slot.worker.pid if slot.worker is not None else None
        died = exit_.exit if exit_ is not None else None
        self._emit(
            Event(
                kind,
                time=self._clock(),
                worker=slot.life or None,
                pid=pid,
                batch=batch,
                rows=rows,
                signal=died.signal if died else None,
                exit_status=died.status if died else None,
                detail=detail,
            )
        )

