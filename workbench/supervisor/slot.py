"""A place for a worker in a run: it outlives its workers, and keeps what the next one must be given.

The invariant: ``owed`` holds, in order, every request that the worker has not answered; ``journal`` the batches that
it answered since its last snapshot. Both together are what a successor must do again. Left out on purpose: when a
worker is started, and what an answer means (`workbench.supervisor.supervisor`).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import pyarrow as pa

from workbench import settings
from workbench.errors import BatchTimeout
from workbench.supervisor.worker import Died, Worker
from workbench.transport.base import Answer, Asked, Blob, Closed, Invalid, Marked, Ready, Refused, Reply

GRACE: Final = 0.3
"""Seconds between the request for a stack, by a worker that is out of time, and the request to give up."""

ANSWERED: Final = ("batch", "snapshot", "finish")
"""Requests that get one answer each; to be refused is an answer too."""

Request = Literal["batch", "snapshot", "finish"]


@dataclass(slots=True)
class Work:
    """Something that a worker was asked for and owes an answer to.

    ``deaths`` are the workers that ended over it; a piece of a batch that is looked into has its ``search``, and
    begins at row ``start`` of it.
    """

    request: Request
    number: int
    batch: pa.RecordBatch | None = None
    context: Any = None
    blobs: tuple[bytes, ...] = ()
    answered: bool = False
    sent_at: float = 0.0
    deaths: int = 0
    search: Any = None
    start: int = 0

    @property
    def rows(self) -> str:
        """Which rows of its batch it holds, in words."""
        last = self.start + (self.batch.num_rows if self.batch is not None else 0) - 1
        return f"row {self.start}" if last == self.start else f"rows {self.start} to {last}"


@dataclass(slots=True)
class Slot:
    """See the module. Times are monotonic seconds; ``fault`` is why we ended the worker, ``refused`` what it said.

    ``snapshot`` is the state as it was after batch ``saved``; ``last_batch`` is the one answered last. ``loaded`` is
    whether a worker is there that can work on one. ``taken`` is what was owed that an answer was heard to, until it is
    settled: an interrupt may come between. ``new_size`` is its memory after its first batch, in bytes; a
    ``tired`` one is to be replaced once it owes nothing; a ``silent`` one was told to be not responding. Of one that
    is out of time, ``overdue`` is the error with the stack that it hung in, once it is there; it is ended at
    ``give_up_at``.
    """

    index: int
    worker: Worker | None = None
    life: int = 0
    owed: deque[Work] = field(default_factory=deque)
    heard: deque[Reply | Died] = field(default_factory=deque)
    journal: list[Work] = field(default_factory=list)
    snapshot: bytes = b""
    saved: int | None = None
    since_snapshot: int = 0
    last_batch: int | None = None
    loaded: bool = False
    taken: Work | None = None
    restart_at: float | None = None
    started_at: float = 0.0
    head_since: float = 0.0
    closing_since: float | None = None
    stack_asked_at: float | None = None
    give_up_at: float | None = None
    overdue: BatchTimeout | None = None
    fault: Exception | None = None
    refused: Mapping[str, Any] | None = None
    new_size: int = 0
    tired: bool = False
    silent: bool = False

    def occupy(self, worker: Worker, life: int) -> None:
        """Take a new worker, which has everything to do again that its predecessor owes or has not saved."""
        self.worker, self.life = worker, life
        self.started_at = self.head_since = time.monotonic()
        self.owed.extendleft(reversed(self.journal))
        self.journal = []

    def vacate(self) -> None:
        """The worker is gone; what it owes stays."""
        self.worker = self.closing_since = self.fault = self.refused = self.taken = None
        self.in_time()
        self.new_size, self.tired, self.silent, self.loaded = 0, False, False, False
        self.heard.clear()

    def send(self, work: Work) -> None:
        """Ask the worker, if there is one, for something that it owes."""
        if self.worker is None:
            return
        work.sent_at = time.monotonic()
        if work.request == "batch":
            self.worker.channel.submit(work.number, work.batch)
            return
        for blob in work.blobs:
            self.worker.channel.ask("merge", work.number, blob)
        self.worker.channel.ask(work.request, work.number)

    def settle(self) -> Work:
        """The oldest request has been answered."""
        self.head_since = time.monotonic()
        self.in_time()
        self.taken = None
        work = self.owed.popleft()
        if work.request == "batch":
            self.last_batch = work.number
        return work

    @property
    def works_on(self) -> int | None:
        """The batch whose answer is the next to come; None while the worker loads, ends, or has nothing to do."""
        head = self.owed[0] if self.loaded and self.owed else None
        return head.number if head is not None and head.request == "batch" else None

    def hear(self) -> Iterator[Reply | Died]:
        """What the worker said, oldest first; its log lines are handed on where they belong between that."""
        while True:
            while self.heard:
                reply = self.heard.popleft()
                match reply:
                    case Marked(pipes):
                        if self.worker is not None:
                            self.worker.pass_marks(pipes)
                        continue
                    case Asked():
                        self.loaded = True
                        continue
                    case Ready() if self.worker is not None:
                        self.loaded = self.worker.launch.reusable
                    case Died() if self.worker is not None:
                        self.worker.tell_logs()
                self.taken = self.owed[0] if self.owed and answers(reply) else None
                yield reply
            if self.worker is None:
                return
            self.heard.extend(self.worker.settle_logs())
            if not self.heard:
                return

    def in_time(self) -> None:
        """What it works on now is not out of time."""
        self.stack_asked_at = self.give_up_at = self.overdue = None

    def deadlines(self, start_timeout: float, timeout: float | None) -> Iterator[float]:
        """When something must be done about this slot, if nothing happens before."""
        if self.restart_at is not None:
            yield self.restart_at
        if self.worker is None:
            return
        if self.closing_since is not None:
            yield self.closing_since + settings.STOP_SECONDS
        if self.worker.ready is None:
            yield self.started_at + start_timeout
        elif self.give_up_at is not None:
            yield self.give_up_at
        elif self.stack_asked_at is not None:
            yield self.stack_asked_at + GRACE
        elif timeout is not None and self.owed:
            yield self.head_since + timeout
        if not self.silent and (since := self._quiet_since()) is not None:
            yield since + settings.SILENT_SECONDS

    def _quiet_since(self) -> float | None:
        """Since when nothing was heard of a worker that should be working; None if it need not be heard."""
        if self.worker is None or self.worker.ready is None or not self.owed or self.worker.channel.heard_at is None:
            return None
        return max(self.worker.channel.heard_at, self.head_since)

    def fell_silent(self, now: float) -> bool:
        """Whether the worker is not responding, and was until now: true once for each silence."""
        since = self._quiet_since()
        before, self.silent = self.silent, since is not None and now >= since + settings.SILENT_SECONDS
        return self.silent and not before

    def postpone(self, seconds: float) -> None:
        """Nobody looked at the worker for so long: that is not its fault."""
        self.started_at += seconds
        self.head_since += seconds
        if self.closing_since is not None:
            self.closing_since += seconds
        if self.stack_asked_at is not None:
            self.stack_asked_at += seconds
        if self.give_up_at is not None:
            self.give_up_at += seconds

    def last_lines(self) -> tuple[str, ...]:
        """The end of the worker's log as of now."""
        if self.worker is None:
            return ()
        self.worker.drain_logs()
        return self.worker.last_lines

    def forgets(self) -> bool:
        """Drop what was heard, after the end of the run; whether there is more to come that must be dropped."""
        if self.owed and self.owed[0] is self.taken:  # the answer was heard when an interrupt came
            self.owed.popleft()
        for reply in self.hear():  # also what came together with the error that ended the run
            if ends(reply):
                return False
            if answers(reply) and self.owed:
                self.owed.popleft()
        return bool(self.owed) and self.worker is not None and self.worker.died is None


def answers(reply: Reply | Died) -> bool:
    """Whether a reply is the answer to the oldest request."""
    return isinstance(reply, Answer | Blob | Invalid) or (isinstance(reply, Refused) and reply.phase in ANSWERED)


def ends(reply: Reply | Died) -> bool:
    """Whether no answer can come after this one."""
    return isinstance(reply, Closed | Died) or (isinstance(reply, Invalid) and reply.fatal)
