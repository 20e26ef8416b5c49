"""Frames over a socket pair: the transport of our own worker, where every byte is accounted for.

The child's end is inherited under one fd that WORKBENCH_FD names; stdin is /dev/null and stdout the log. An answer is
handed out when its end frame arrived whole, its number is the oldest unanswered one, its rows are as many as the child
says, and every batch passed Arrow's full validation. Numbers go on from one run of a child to its next, so that what
comes too late for one run is never taken for an answer in another. Of a large batch the frame says only where in
shared memory it is (`workbench.transport.shm`); both kinds mix freely. Left out on purpose: retrying; a damaged
conversation ends with a fatal `Invalid`.
"""

from __future__ import annotations

import os
import selectors
import socket
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from workbench import settings
from workbench.errors import InvalidBatch, ProtocolError
from workbench.transport import shm
from workbench.transport.arena import Region, can_share
from workbench.transport.base import Answer, Blob, Channel, Closed, Fallback, Invalid, Marked, Ready, Refused, Reply
from workbench.transport.outbox import Outbox
from workbench.worker import protocol

READ_MASK, WRITE_MASK = selectors.EVENT_READ, selectors.EVENT_WRITE
SOCKET_BUFFER = 1 << 20
ASKS = {
    "snapshot": protocol.SNAPSHOT,
    "restore": protocol.RESTORE,
    "merge": protocol.MERGE,
    "finish": protocol.FINISH,
}
REFUSALS_THAT_ANSWER = ("load", "batch", "snapshot", "finish")
PARTS = (protocol.PART, protocol.PART_PLACED)
ANSWERED_BY = {
    protocol.BATCH: protocol.END,
    protocol.PLACED: protocol.END,
    protocol.FINISH: protocol.END,
    protocol.SNAPSHOT: protocol.BLOB,
}


@dataclass(frozen=True, slots=True)
class _Expected:
    """A request that an answer must come to: the kind and number of that answer, as they travel, and its columns.

    ``placed`` is where its batch is in shared memory, ``lent`` where its answer may be.
    """

    kind: int
    number: int
    schema: pa.Schema | None = None
    placed: Region | None = None
    lent: Region | None = None


class FramedChannel(Channel):
    """See `workbench.transport.base.Channel`; the child is `workbench.worker`.

    Batches of ``threshold`` bytes go through shared memory; None is never.
    """

    def __init__(self, threshold: int | None = shm.THRESHOLD) -> None:
        self._socket, self._child = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        for end in (self._socket, self._child):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)
        self.pass_fds = (self._child.fileno(),)
        self.environment = {"WORKBENCH_FD": str(self._child.fileno())}
        self.mark = b"\0" + os.urandom(protocol.MARK_BYTES - 1)
        self._frames = protocol.FrameReader(settings.MAX_FRAME, pa.allocate_buffer)
        self._out = Outbox()
        self._expected: deque[_Expected] = deque()
        self._first = self._next = 0  # numbers as they travel: of the first batch of this run, and of the next run
        self._parts: list[pa.RecordBatch] = []
        self._schema: pa.Schema | None = None
        self._merged_schema: pa.Schema | None = None
        self._over = False
        self.heard_at = time.monotonic()
        self._threshold = threshold if can_share() else None
        self._inputs, self._outputs = shm.Lender(), shm.Lender()
        self._largest_answer = self._arrived = 0
        self._fell_back = False

    def spawned(self) -> None:
        self._child.close()

    def load(self, setup: Mapping[str, Any]) -> None:
        self._schema = pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(setup["output_schema"])))
        self._queue(protocol.LOAD, 0, protocol.encode({**setup, "mark": self.mark.hex()}))
        self._expected.append(_Expected(protocol.READY, 0))

    def open(self, schema: pa.Schema, options: Mapping[str, Any]) -> None:
        if self._schema is None:
            raise RuntimeError("load comes before open")
        self._inputs.open()
        self._outputs.open()
        self._largest_answer, self._fell_back = 0, False
        self._first = self._next
        width = options.get("group_width", 0)
        self._merged_schema = pa.schema([*(schema.field(i) for i in range(width)), *self._schema])
        self._queue(protocol.OPEN, 0, protocol.encode({**options, "schema": schema.serialize().to_pybytes().hex()}))

    def submit(self, number: int, batch: pa.RecordBatch) -> None:
        if self._over:
            return
        self._put_batch(number, batch)
        self._write()  # now, rather than after asking whether it can be done: that is worth a wake-up

    def _put_batch(self, number: int, batch: pa.RecordBatch) -> None:
        if self._threshold is None or batch.nbytes < self._threshold:
            lent = self._lend(number, self._largest_answer)
            self._queue(protocol.BATCH, number, batch.serialize(), lent=lent)
            return
        size, room = shm.message_bytes(batch)
        placed = self._region(self._inputs, protocol.INPUTS, room)
        # Until there was an answer, the input is the best guess of how large it will be.
        lent = self._lend(number, self._largest_answer or room)
        if placed is None:
            self._queue(protocol.BATCH, number, batch.serialize(), lent=lent)
        else:
            place = protocol.place(*placed.write(batch, size))
            self._queue(protocol.PLACED, number, place, placed=placed, lent=lent)

    def ask(self, what: str, number: int, data: bytes = b"") -> None:
        self._queue(ASKS[what], number, data)

    def _region(self, lender: shm.Lender, kind: int, size: int) -> Region | None:
        """A region for ``size`` bytes; an arena that is new is told to the child before."""
        region, new = lender.lend(size)
        if new is not None:
            self._out.put(memoryview(protocol.header(kind, 0, b"")), new.fd)
        return region

    def _lend(self, number: int, size: int) -> Region | None:
        """Lend the child memory for an answer that is expected to have ``size`` bytes, if that is worth it."""
        if self._threshold is None or size < max(1, self._threshold):
            return None
        region = self._region(self._outputs, protocol.OUTPUTS, size)
        if region is not None:
            self._queue(protocol.LENT, number, protocol.place(region.offset, region.length))
        return region

    def _queue(
        self, kind: int, number: int, payload: Any, *, placed: Region | None = None, lent: Region | None = None
    ) -> None:
        if self._over:
            return
        view = memoryview(payload).cast("B")
        number += self._first
        self._out.put(memoryview(protocol.header(kind, number, view)))
        if len(view):
            self._out.put(view)
        if kind in ANSWERED_BY:
            schema = self._merged_schema if kind == protocol.FINISH else self._schema
            self._expected.append(_Expected(ANSWERED_BY[kind], number, schema, placed, lent))
            self._next = max(self._next, number + 1)

    def _settle(self) -> None:
        """The oldest request was answered: its memory is free again."""
        done = self._expected.popleft()
        for region in (done.placed, done.lent):
            if region is not None:
                region.give_back()

    def rest(self) -> None:
        idle = not self._over and not self._expected and not self._out
        if idle and self._inputs.size + self._outputs.size > shm.KEPT:
            self._inputs.close()
            self._outputs.close()
            self._queue(protocol.FORGET, 0, b"")
            self._write()

    def fds(self) -> Mapping[int, int]:
        if self._over:
            return {}
        return {self._socket.fileno(): READ_MASK | WRITE_MASK if self._out else READ_MASK}

    def on_ready(self, fd: int, mask: int) -> Iterable[Reply]:
        if self._over:
            return ()
        replies: list[Reply] = []
        full = self._inputs.full or self._outputs.full
        if full and not self._fell_back:
            self._fell_back = True
            replies.append(Fallback(full))
        try:
            if mask & WRITE_MASK:
                self._write()
            if mask & READ_MASK:
                self._read(replies)
        except (protocol.FrameError, ProtocolError) as error:
            # Nothing after this can be trusted to be what it says.
            number = self._expected[0].number - self._first if self._expected else None
            shown = error if isinstance(error, ProtocolError) else ProtocolError(f"protocol error: {error}")
            replies.append(Invalid(number, shown, fatal=True))
            self._over = True  # not closed: that the child dies of a kill, and not of our going, is how it is told
        except ConnectionError:
            replies.append(Closed())
            self._over = True
        return replies

    def _write(self) -> None:
        try:
            self._out.send(self._socket)
        except BlockingIOError:
            return
        except ConnectionError:
            self._out.clear()  # the child is gone; what it still answered is read before that is told

    def _read(self, replies: list[Reply]) -> None:
        while True:
            try:
                count = self._socket.recv_into(self._frames.target)
            except BlockingIOError:
                return
            if not count:
                replies.append(Closed())
                self._over = True
                return
            self.heard_at = time.monotonic()
            frame = self._frames.received(count)
            if frame is not None:
                reply = self._understand(*frame)
                if reply is not None:
                    replies.append(reply)

    def _understand(self, kind: int, number: int, payload: Any) -> Reply | None:
        if kind == protocol.BEAT:
            if 0 < number < len(protocol.PHASES):
                self.phase = protocol.PHASES[number]
            return None
        if kind == protocol.MARKED:
            return Marked(number)
        awaited = self._expected[0] if self._expected else None
        if kind == protocol.REFUSED:
            info = {"phase": "batch", "error_type": "", "error": "", "frames": [], **_plain(payload)}
            if awaited is not None and awaited.number == number and info["phase"] in REFUSALS_THAT_ANSWER:
                self._settle()
            self._parts, self._arrived = [], 0
            return Refused(str(info["phase"]), number - self._first, info)
        asked, number = number, number - self._first
        if awaited is None or awaited.number != asked or kind not in (awaited.kind, *PARTS):
            whose = f"batch {number}" if number >= 0 else "an earlier run"
            raise ProtocolError(f"protocol error: unexpected frame {kind} for {whose}")
        if kind in PARTS and awaited.kind == protocol.END:
            message = payload if kind == protocol.PART else _placed(number, payload, awaited.lent)
            self._arrived += len(message)
            self._parts.append(_decode(message, awaited.schema))
            return None
        if kind != awaited.kind:
            raise ProtocolError(f"protocol error: unexpected frame {kind} for batch {number}")
        reply = self._answer(kind, number, payload)
        self._settle()
        return reply

    def _answer(self, kind: int, number: int, payload: Any) -> Reply:
        if kind == protocol.BLOB:
            return Blob(number, bytes(memoryview(payload)))
        meta = _plain(payload)
        if kind == protocol.READY:
            return Ready(meta)
        parts, self._parts = tuple(self._parts), []
        self._largest_answer, self._arrived = max(self._largest_answer, self._arrived), 0
        rows = sum(part.num_rows for part in parts)
        if rows != meta.get("rows"):
            raise ProtocolError(f"batch {number}: {meta.get('rows')} rows were announced and {rows} arrived")
        return Answer(number, parts, meta)

    def close(self) -> None:
        self._over = True
        self._socket.close()
        self._child.close()
        self._out.clear()
        self._expected.clear()
        self._inputs.close()
        self._outputs.close()


def _plain(payload: Any) -> Mapping[str, Any]:
    """What a frame says as JSON, which has to be an object."""
    value = protocol.decode(payload)
    if not isinstance(value, dict):
        raise protocol.FrameError("a frame holds JSON that is no object")
    return value


def _placed(number: int, payload: Any, lent: Region | None) -> pa.Buffer:
    """A copy of a part of an answer that the child says is in the memory that was lent for it."""
    offset, length = protocol.read_place(payload)
    if lent is None or not lent.holds(offset, length):
        raise ProtocolError(f"batch {number}: its answer is said to be in memory that was not lent for it")
    return lent.copy(offset, length)


def _decode(payload: Any, schema: pa.Schema) -> pa.RecordBatch:
    """A batch of these columns, checked in full before anything else touches it."""
    try:
        batch = pa.ipc.read_record_batch(pa.ipc.read_message(pa.py_buffer(payload)), schema)
        batch.validate(full=True)
    except (pa.ArrowException, OSError, EOFError) as error:
        raise InvalidBatch(f"a damaged Arrow batch came back: {error}") from error
    return batch
