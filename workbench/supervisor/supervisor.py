"""Keeps workers fed and alive while a run's batches go through them, and hands the answers out in input order.

The caller's thread moves everything: `outcomes` is a generator that selects on all workers and on the source at once.
So reading and writing never wait for each other, a small call costs one wake-up, and nothing happens behind the
caller's back. The invariants: each batch that was taken from the source ends as exactly one `Outcome`, whatever died
in between; what a worker had not answered when it died is sent again to the next; an aggregate is first given back
its last snapshot and what came after it. Left out on purpose: what a batch means. Restarting is decided by
`RestartPolicy`, what happens when time is up by `Deadlines`, invalid answers of scripts by ``skip_invalid``; what is
owed to whom is kept in `Slot`.
"""

from __future__ import annotations

import selectors
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa

from workbench import settings
from workbench.errors import (
    BatchTimeout,
    RunClosed,
    StateLost,
    UdfError,
)
from workbench.events import Event, LogLine
from workbench.supervisor.bell import Bell
from workbench.supervisor.deadlines import Deadlines
from workbench.supervisor.isolation import Search, look_into, loss_of, out_of_time
from workbench.supervisor.lives import Lives
from workbench.supervisor.memory import MemoryLimit
from workbench.supervisor.outcome import Outcome
from workbench.supervisor.pool import Pool
from workbench.supervisor.refusal import (
    BEFORE_READY,
    NOT_RUN,
    as_udf_error,
    death,
    error_text,
    frames_of,
    gave_up,
    in_batch,
    not_run,
    refused_to_load,
    said,
    timed_out,
)
from workbench.supervisor.restart import RestartPolicy
from workbench.supervisor.slot import ANSWERED, Slot, Work, answers
from workbench.supervisor.source import Source
from workbench.supervisor.telling import Teller
from workbench.supervisor.worker import Died, Launch
from workbench.transport.base import Answer, Blob, Closed, Fallback, Invalid, Ready, Refused, Reply
from workbench.worker.words import counted


class Supervisor:
    """One run's workers. Use `outcomes` once, then `close`; only `stop` and `kill` may be called from other threads."""

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
        isolate_timeouts: bool = False,
        memory: MemoryLimit | None = None,
    ) -> None:
        self.launch = launch
        self.policy = policy
        teller = Teller(emit, log)
        self.began = teller.began
        self._tell, self._tell_once = teller.event, teller.once
        self._lives = Lives(launch, schema=schema, options=options, policy=policy, pool=pool, teller=teller)
        self._window, self._timeout, self._skip_invalid = window, timeout, skip_invalid
        self._isolate_timeouts, self._memory = isolate_timeouts, memory
        self._deadlines = Deadlines(
            launch, self._lives, teller, timeout=timeout, isolate=isolate_timeouts, memory=memory
        )
        self._slots = [Slot(index) for index in range(workers)]
        self._done: dict[int, Outcome] = {}
        self._tail: Outcome | None = None
        self._taken = 0
        self._left_at = time.monotonic()
        self._bell = Bell()

    # -- the run -------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the first worker now, so that what cannot start fails at once. Raises WorkerStartError."""
        self._lives.start(self._slots[0])
        self._left_at = time.monotonic()

    def outcomes(self, source: Source) -> Iterator[Outcome]:
        """The outcome of each batch in input order, then what came at the end.

        Raises RunError when the run cannot go on, and whatever the source raises.
        """
        delivered = 0
        self._back()
        while True:
            hungry = self._take(source, delivered)
            while delivered in self._done:
                outcome = self._done.pop(delivered)
                delivered += 1
                self._left_at = time.monotonic()
                yield outcome
                self._check_stopped()
                self._back()
                hungry = self._take(source, delivered)
            if source.exhausted and delivered == self._taken:
                break
            # A source that is ahead is not listened to while there is no room: it would wake us without end.
            self._wait(source if hungry else None)
        yield from self._finish()

    @property
    def taken(self) -> int:
        """How many batches have come from the source."""
        return self._taken

    def _back(self) -> None:
        """The consumer wants more. While it did something else nobody listened, so no deadline can have passed."""
        away = time.monotonic() - self._left_at
        for slot in self._slots:
            slot.postpone(away)

    def _take(self, source: Source, delivered: int) -> bool:
        """Give batches to workers that have room; whether there is still room, and the source has none at hand."""
        ahead = 2 * self._window * len(self._slots)  # a slow worker must not let the others fill the memory
        while not source.exhausted and self._taken - delivered < ahead:
            slot = self._slot_with_room()
            if slot is None:
                return False
            item = source.take()
            if item is None:
                return not source.exhausted
            work = Work("batch", self._taken, item[0], item[1])
            self._taken += 1
            self._give(slot, work)
        return False

    def _slot_with_room(self) -> Slot | None:
        if self.launch.keeps_state:  # in turn, so that the same input gives the same partial states
            slot = self._slots[self._taken % len(self._slots)]
        else:
            slot = min(self._slots, key=lambda slot: (slot.tired, len(slot.owed), slot.worker is None, slot.index))
        return slot if len(slot.owed) < self._window and not slot.tired else None

    def _give(self, slot: Slot, work: Work) -> None:
        if not slot.owed:
            slot.head_since = time.monotonic()
        slot.owed.append(work)
        if slot.worker is not None:
            slot.send(work)
        elif slot.restart_at is None:
            self._lives.start(slot)
        if work.request == "batch" and self.launch.keeps_state:
            slot.since_snapshot += 1
            if slot.since_snapshot == settings.SNAPSHOT_BATCHES:
                slot.since_snapshot = 0
                self._give(slot, Work("snapshot", work.number))

    def _finish(self) -> Iterator[Outcome]:
        """What comes after the last batch: an aggregate's states are merged, a script sees the end of its input."""
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
        self._check_stopped()
        # Asked anew each time: one system call for a handful of fds, where an epoll takes one for each of them.
        with selectors.PollSelector() as selector:
            selector.register(self._bell.fd, selectors.EVENT_READ, None)
            for slot in self._slots:
                if slot.worker is not None:
                    for fd, mask in slot.worker.fds().items():
                        selector.register(fd, mask, slot)
            if source is not None and source.fd is not None and not source.exhausted:
                selector.register(source.fd, selectors.EVENT_READ, None)
            ready = [(key.data, key.fd, mask) for key, mask in selector.select(self._deadlines.patience(self._slots))]
        self._check_stopped()
        # What one of them says may end the worker that the next one belonged to.
        for place, fd, mask in ready:
            if place is None or place.worker is None or fd not in place.worker.fds():
                continue
            place.heard.extend(place.worker.on_ready(fd, mask))
            for reply in place.hear():
                self._on_reply(place, reply)
        self._deadlines.look(self._slots, time.monotonic(), began=self._taken)

    def _check_stopped(self) -> None:
        if self._bell.rung:
            raise RunClosed(f"{self.launch.label}: this run was closed", hint="run it again")

    # -- what workers say ----------------------------------------------------------------------------------------------

    def _on_reply(self, slot: Slot, reply: Reply | Died) -> None:
        late = slot.stack_asked_at is not None
        if late and answers(reply) and self._deadlines.interrupts:
            self._gave_way(slot, reply)
            return
        if (late or isinstance(slot.fault, BatchTimeout)) and not isinstance(reply, Died):
            return  # as in `_gave_way`, it is not believed
        match reply:
            case Ready(info):
                slot.head_since = time.monotonic()
                versions = ", ".join(f"{name} {info[name]}" for name in ("python", "pyarrow") if name in info)
                self._tell("started", slot, detail=versions)
            case Answer():
                self._on_answer(slot, reply)
            case Blob(_, data):
                self._saved(slot, slot.settle(), data)
                if slot.tired and not slot.owed:
                    self._lives.replace(slot, f"near its memory limit of {self._memory}")
            case Refused(phase, number, info):
                self._on_refused(slot, phase, number, info)
            case Invalid(_, error, fatal):
                self._on_invalid(slot, error, fatal=fatal)
            case Fallback(detail):
                self._tell_once("fallback", slot, detail=detail)
            case Closed():
                slot.closing_since = time.monotonic()
            case Died():
                self._on_death(slot, reply)

    def _saved(self, slot: Slot, work: Work, data: bytes) -> None:
        """Keep a snapshot, after which nothing before it need be done again; that of the end is no news."""
        slot.snapshot = data
        if slot.journal:
            slot.saved = slot.journal.pop().number
            slot.journal = []
            if work.number < self._taken:
                self._tell("snapshot", slot, batch=slot.saved)

    def _gave_way(self, slot: Slot, reply: Reply | Died) -> None:
        """A worker that is out of time gave up its batch, or finished it meanwhile: it is kept, the batch is not.

        The signal that asked for the stack interrupts system calls: what is answered then may be wrong.
        """
        error = self._deadlines.overdue(slot, reply.info if isinstance(reply, Refused) else None)
        work = slot.settle()
        if slot.worker is not None:
            slot.worker.forget()  # or a later error would show this stack
        self._tell("interrupted", slot, batch=work.number, detail=f"no answer after {self._timeout:g} s; worker kept")
        if not self._isolate_timeouts:
            raise error
        again = deque([work])
        search = look_into(again, out_of_time(error))
        for piece in again:
            self._give(slot, piece)
        if search is not None and search.exhausted:
            raise error
        if search is not None:
            self._found(slot, search)

    def _on_answer(self, slot: Slot, answer: Answer) -> None:
        work = slot.settle()
        if not work.answered and work.search is None:  # what is replayed, or a piece, was no progress
            self.policy.finished_batch()
        number = None if work.request == "finish" else work.number
        seconds = time.monotonic() - work.sent_at
        outcome = Outcome(number, work.context, answer.batches, answer.meta, worker=slot.life, seconds=seconds)
        if number is None:
            self._tail = outcome
            return
        if self.launch.keeps_state:
            slot.journal.append(work)
        self._publish(slot, work, answer, outcome)
        self._weigh(slot, answer.meta.get("rss", 0))  # now: who takes its place has not answered this

    def _publish(self, slot: Slot, work: Work, answer: Answer, outcome: Outcome) -> None:
        if work.answered:
            return
        work.answered = True
        if work.search is not None:
            work.search.answers[work.start] = answer
            work.search.open -= 1
            self._found(slot, work.search)
            return
        rows = work.batch.num_rows if work.batch is not None else 0
        self._tell("batch", slot, batch=work.number, rows=rows)
        self._done[work.number] = outcome

    def _weigh(self, slot: Slot, used: int) -> None:
        """After a batch: a worker that has grown near the limit is replaced once it owes nothing."""
        if self._memory is None:
            return
        slot.new_size = slot.new_size or used
        if not slot.tired and self._memory.tired(used, slot.new_size):
            slot.tired = True
            if self.launch.keeps_state:
                slot.since_snapshot = 0
                self._give(slot, Work("snapshot", self._taken - 1))
        if slot.tired and not slot.owed:
            self._lives.replace(slot, f"near its memory limit of {self._memory}")

    def _found(self, slot: Slot, search: Search) -> None:
        """Publish a batch that was looked into, once nothing of it is open."""
        if search.open:
            return
        batches, meta = search.whole()
        work = search.work
        seconds = time.monotonic() - work.sent_at
        rows = work.batch.num_rows if work.batch is not None else 0
        self._tell("batch", slot, batch=work.number, rows=rows - len(search.lost))
        self._done[work.number] = Outcome(
            work.number, work.context, batches, meta, lost=search.lost, worker=slot.life, seconds=seconds
        )
        self.policy.finished_batch()

    def _on_refused(self, slot: Slot, phase: str, number: int | None, info: Mapping[str, Any]) -> None:
        label, logs = self.launch.label, slot.worker.last_lines if slot.worker is not None else ()
        if not self.launch.reusable:  # a script that fails while it loads puts no mark before it says so
            logs = slot.last_lines()
        if phase in ("load", "open"):
            self._lives.end(slot)
            raise refused_to_load(label, info, logs)
        if not self.launch.reusable:
            slot.refused = info
            return  # a script's exception: its process ends now, which is dealt with there
        work = slot.settle() if phase in ANSWERED and slot.owed else None
        if info.get("interrupted") and work is not None:
            self._give(slot, work)  # it was meant for the batch before, which was answered at that moment
            return
        self._tell("failed", slot, batch=number, detail=f"{info['error_type']}: {info['error']}")
        if phase == "restore":
            raise StateLost(f"{label}: the state could not be restored after a crash: {error_text(info)}")
        raise UdfError(
            f"{label}: {error_text(info)}",
            error_type=info["error_type"],
            error=info["error"],
            batch=number if phase == "batch" else None,
            frames=frames_of(info),
            hint=info.get("hint", ""),
            logs=logs,
        )

    def _on_invalid(self, slot: Slot, error: Exception, *, fatal: bool) -> None:
        if (fatal or not slot.owed) and slot.worker is not None:
            slot.fault = error
            slot.worker.process.kill()
            if self.launch.reusable:
                return  # damage on the way: the death is dealt with like any other, what is owed is sent again
        work = slot.settle() if slot.owed else None
        if not self._skip_invalid:
            self._tell("failed", slot, batch=work.number if work is not None else None, detail=said(error))
            raise error
        if work is None:
            return
        self.policy.finished_batch()
        outcome = Outcome(work.number, work.context, (), invalid=error, worker=slot.life)
        if work.request == "finish":
            self._tail = replace(outcome, number=None)
        else:
            self._done[work.number] = outcome

    def _on_death(self, slot: Slot, died: Died) -> None:
        owed = next((work.number for work in slot.owed if work.request == "batch" and not work.answered), None)
        fault, refused, asked = slot.fault, slot.refused, slot.stack_asked_at
        was_ready = slot.worker is not None and slot.worker.ready is not None
        where = in_batch(owed, died.stack) if owed is not None else ""
        if self.launch.reusable and not was_ready:  # a script is given its batches as soon as it lives
            where = BEFORE_READY
        what = death(died, refused, fault) + where
        if slot.owed and slot.owed[0].search is not None:
            what += f", {slot.owed[0].rows}"
        self._tell("crashed", slot, batch=owed, died=died.exit, detail=what)
        slot.vacate()
        if asked is not None and slot.owed and not isinstance(fault, BatchTimeout):
            # It had no handler for the request of its stack.
            fault = timed_out(self.launch.label, slot.owed[0].number, self._timeout, died.stack, died.last_lines)
            if not self._isolate_timeouts:
                raise fault
        if not was_ready and died.exit.status in NOT_RUN:
            raise not_run(self.launch, died)
        if self._tail is not None:
            return
        if was_ready and self.launch.reusable:
            search = look_into(slot.owed, loss_of(died, fault))
            if search is not None:
                self._look_into(slot, search, died, where, fault)
                return
        delay = self.policy.died(time.monotonic())
        if delay is not None:
            slot.restart_at = time.monotonic() + delay
            return
        self._tell("gave_up", slot, batch=owed, detail=f"after {counted(self.policy.restarts, 'restart')}")
        cause = fault if refused is None else as_udf_error(refused)
        raise gave_up(self.launch.label, died, owed, self.policy.restarts, cause, where=where) from cause

    def _look_into(self, slot: Slot, search: Search, died: Died, where: str, fault: Exception | None) -> None:
        """A batch killed again: go on with a piece of it at once, on a fresh worker."""
        number = search.work.number
        if search.exhausted:
            found = f"; rows found so far: {', '.join(map(str, search.lost))}" if search.lost else ""
            self._tell(
                "gave_up", slot, batch=number, detail=f"batch {number} killed {counted(search.deaths, 'worker')}{found}"
            )
            raise gave_up(self.launch.label, died, number, search.deaths - 1, fault, where=where) from fault
        self._found(slot, search)
        slot.restart_at = time.monotonic()

    def kill(self) -> int:
        """Kill the workers and nothing else, so that any thread may: the deaths are found like any other."""
        workers = [worker for slot in self._slots if (worker := slot.worker) is not None]
        for worker in workers:
            worker.process.kill()
        return len(workers)

    def stop(self) -> None:
        """Let whoever waits in `outcomes` get RunClosed, from any thread. The workers stay, until `close`."""
        self._bell.ring()

    def close(self) -> None:
        """Give the workers back, once they owe nothing, or end them. May be called twice."""
        self._bell.ring()
        self._bell.close()
        self._lives.close(self._slots)
