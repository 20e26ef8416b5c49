"""The channel to a raw script: Arrow streams on its stdin and stdout, and a private socket to its launcher.

The launcher (`workbench.worker.script`) tells when a batch is done and marks the place in stdout, so that the output of
each batch is delimited exactly, be it no message, one or many. What stands between two marks is not trusted:
`ScriptOutput` looks at every message before pyarrow may read it. The invariant: each batch submitted gets one `Answer`,
`Refused` or `Invalid`, in order, unless the process dies first.

A script that ends cleanly before its input does answers for all that is outstanding: what it did not read comes back
empty, with ``meta["unread"]``. Output after the last batch, and all of a script that reads fd 0 by itself, is the
answer to ``finish``; such a script never reports a batch, so its batches are answered only when it ends.
Left out on purpose: what is done about invalid output; text on stderr, which is the log.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import selectors
import socket
import struct
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

import pyarrow as pa

from workbench.errors import InvalidBatch, ProtocolError, SchemaMismatch, StdoutPolluted
from workbench.settings import MAX_FRAME
from workbench.transport.base import Answer, Channel, Closed, Invalid, Ready, Refused, Reply
from workbench.worker import script

_PIPE: Final = 1 << 20  # bytes of a pipe, and of one read
_READS: Final = 4  # of one fd before the others have their turn; also more than a dead child's pipe can hold
_PIECES: Final = 64  # of one writev
_MAX_REPORT: Final = 16 << 20  # bytes of one message of the launcher
_MAX_METADATA: Final = 16 << 20  # bytes of the metadata of one Arrow message
_TRIES: Final = 10_000  # places looked at for the next message behind something that is none
_EXCERPT: Final = 80  # characters of polluting text that are shown
_PREFIX: Final = struct.Struct("<4si")
_CONTINUATION: Final = b"\xff\xff\xff\xff"


class ScriptOutput:
    """What a script wrote, segment by segment, as validated batches. One reader for all: it knows the dictionaries."""

    def __init__(self) -> None:
        self._first: pa.Schema | None = None
        self._feed = _Feed()
        self._reader: Any = None
        self._dictionaries: list[pa.Buffer] = []

    def decode(self, number: int | None, segment: bytes | bytearray) -> Answer | Invalid:
        """The bytes that were written for batch ``number``. Never raises for what they are.

        Of an invalid segment, schema and dictionaries are still read, so that later batches decode. It is fatal if that
        is not certain: the schema is missing when a batch comes, or a damaged part may have held a dictionary.
        """
        batches: list[pa.RecordBatch] = []
        metadata: list[dict[bytes, bytes] | None] = []
        errors: list[ProtocolError] = []
        damaged = lost = False
        for kind, message in _messages(segment):
            try:
                if kind == "junk":
                    errors.append(_junk(bytes(message)))
                    damaged |= not _is_text(bytes(message))
                elif kind == "schema":
                    self._start(message)
                elif kind == "dictionary":
                    self._dictionaries.append(message)
                elif kind == "end":
                    self._reader = None
                elif kind == "record batch":
                    lost |= self._reader is None
                    batch, custom = self._batch(message)
                    batches.append(batch)
                    metadata.append(custom)
                else:
                    errors.append(InvalidBatch(f"the script wrote a {kind}, which is no record batch"))
            except ProtocolError as error:
                errors.append(error)
                damaged |= isinstance(error, InvalidBatch)
        if errors:
            ambiguous = self._reader is not None and any(
                pa.types.is_dictionary(field.type) for field in _fields(self._reader.schema)
            )
            return Invalid(number, errors[0], fatal=lost or (damaged and ambiguous))
        return Answer(number or 0, tuple(batches), {"custom_metadata": tuple(metadata)} if any(metadata) else {})

    def _start(self, message: pa.Buffer) -> None:
        """Begin to read a stream. The columns of the first one are what the script promised."""
        self._dictionaries.clear()
        self._feed = _Feed()
        self._feed.put([message])
        self._reader = None
        try:
            reader = pa.ipc.open_stream(self._feed)
            # pyarrow reads names that are no UTF-8, and raises when one is looked at.
            for field in _fields(reader.schema):
                field.name  # noqa: B018
        except Exception as error:
            raise InvalidBatch(f"the script wrote a schema that cannot be read: {error}") from error
        self._reader = reader
        if self._first is not None:
            self._compare()
            raise SchemaMismatch("the script began a second Arrow stream", hint="keep one writer for the whole run")
        self._first = self._reader.schema

    def _batch(self, message: pa.Buffer) -> tuple[pa.RecordBatch, dict[bytes, bytes] | None]:
        if self._reader is None:
            raise InvalidBatch("the script wrote a batch outside of an Arrow stream: no schema came before it")
        self._feed.put([*self._dictionaries, message])
        self._dictionaries.clear()
        try:
            batch, custom = self._reader.read_next_batch_with_custom_metadata()
            # Without this, an offset that points outside segfaults this process when the value is looked at (measured).
            batch.validate(full=True)
        except Exception as error:
            raise InvalidBatch(f"the script wrote a damaged batch: {error}") from error
        self._compare()
        return batch, None if custom is None else dict(custom)

    def _compare(self) -> None:
        if not self._reader.schema.equals(self._first):
            was, now = _columns(self._first), _columns(self._reader.schema)
            raise SchemaMismatch(
                f"the script changed the columns of its output from ({was}) to ({now})",
                hint="give every batch the same columns, and keep one writer for the whole run",
            )


class _Feed:
    """A file for pyarrow that holds exactly the messages it may read; nothing is copied."""

    closed = False

    def __init__(self) -> None:
        self._buffers: deque[pa.Buffer] = deque()

    def put(self, messages: Iterable[pa.Buffer]) -> None:
        """Hold these whole messages, and nothing left over from before."""
        self._buffers = deque(messages)

    def read(self, count: int) -> pa.Buffer:
        while self._buffers and not self._buffers[0].size:
            self._buffers.popleft()
        if not self._buffers:
            return pa.py_buffer(b"")
        head = self._buffers[0]
        self._buffers[0] = head.slice(min(count, head.size))
        return head.slice(0, min(count, head.size))

    read_buffer = read

    def readable(self) -> bool:
        return True


def _messages(segment: bytes | bytearray) -> Iterator[tuple[str, pa.Buffer]]:
    """Kind and bytes of each Arrow message; ``junk`` is whatever stands before the next one, ``end`` the end marker."""
    data = pa.py_buffer(segment)
    at, tries = 0, _TRIES
    while at < data.size:
        kind, end = _message(segment, data, at)
        if kind == "junk":
            end = at
            while kind == "junk":
                end = segment.find(_CONTINUATION, end + 1) if tries else -1
                if end < 0:
                    end = data.size
                    break
                tries -= 1
                kind, _ = _message(segment, data, end)
            kind = "junk"
        yield kind, data.slice(at, end - at)
        at = end


def _message(segment: bytes | bytearray, data: pa.Buffer, at: int) -> tuple[str, int]:
    """Kind and end of the message at ``at``; ``junk`` unless all of it is there. pyarrow looks at it last."""
    if data.size - at < _PREFIX.size:
        return "junk", at
    continuation, length = _PREFIX.unpack_from(segment, at)
    if continuation != _CONTINUATION or not 0 <= length <= min(_MAX_METADATA, data.size - at - _PREFIX.size):
        return "junk", at
    if length == 0:
        return "end", at + _PREFIX.size
    source = pa.BufferReader(data.slice(at))
    try:
        kind: str = pa.ipc.read_message(source).type
    except Exception:  # noqa: BLE001 - whatever pyarrow says of it: this is no message
        return "junk", at
    return kind, at + source.tell()


def _junk(data: bytes) -> ProtocolError:
    if data.startswith(_CONTINUATION):
        return InvalidBatch("the script wrote an Arrow message that is damaged or not complete")
    cut = data[: 4 * _EXCERPT]
    excerpt = repr(cut.decode("utf-8", "replace")[:_EXCERPT]) if _is_text(data) else repr(cut[: _EXCERPT // 4])
    return StdoutPolluted(
        f"the script printed {excerpt}{'…' if len(data) > _EXCERPT else ''} into its Arrow output",
        hint="print to the log instead: print(..., file=sys.stderr)",
    )


def _is_text(data: bytes) -> bool:
    try:
        return all(letter.isprintable() or letter.isspace() for letter in data.decode())
    except UnicodeDecodeError:
        return False


def _fields(fields: Iterable[pa.Field]) -> Iterator[pa.Field]:
    """These and all that are nested in them."""
    for field in fields:
        yield field
        kind = field.type
        if isinstance(kind, pa.BaseExtensionType):
            yield from _fields([field.with_type(kind.storage_type)])
        elif pa.types.is_dictionary(kind):
            yield from _fields([field.with_type(kind.value_type)])
        else:
            yield from _fields(kind.field(at) for at in range(kind.num_fields))


def _columns(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} {field.type}" for field in schema)


class RawChannel(Channel):
    """One script. ``max_output`` bounds what it may write before it asks for more input."""

    def __init__(self, *, max_output: int = MAX_FRAME) -> None:
        with contextlib.ExitStack() as undo:
            self._control, theirs = socket.socketpair()
            undo.callback(self._control.close)
            undo.callback(theirs.close)
            pipes = []
            for _ in range(2):
                pipes.append(os.pipe())
                undo.callback(os.close, pipes[-1][0])
                undo.callback(os.close, pipes[-1][1])
            (self.stdin, stdin), (stdout, self.stdout) = pipes
            for fd in (stdin, stdout, self._control.fileno()):
                os.set_blocking(fd, False)
            undo.pop_all()
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            for fd in (stdin, stdout):
                # Larger pipes mean fewer wake-ups. The system may refuse; nothing depends on it.
                with contextlib.suppress(OSError):
                    fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE)
        self.pass_fds = (theirs.fileno(),)
        self.environment = {"WORKBENCH_FD": str(theirs.fileno())}
        self._theirs: socket.socket | None = theirs
        self._stdin: int | None = stdin
        self._stdout: int | None = stdout
        self._max_output = max_output
        self._marker = os.urandom(script.MARKER_BYTES)

        self._sink = _Sink()
        self._writer: Any = None
        self._finishing = False
        self._grants = bytearray(self._marker)
        self._outstanding: deque[tuple[int, int]] = deque()  # number, and where it ends in the input
        self._answered = 0  # where the last batch answered ends in the input

        self._output = bytearray()
        self._searched = 0
        self._decoder = ScriptOutput()
        self._received = bytearray()
        self._reports: deque[tuple[int, bytes]] = deque()
        self._connected = True
        self._over = False

    def spawned(self) -> None:
        if self._theirs is not None and self.stdin is not None and self.stdout is not None:
            self._theirs.close()
            os.close(self.stdin)
            os.close(self.stdout)
        self._theirs = self.stdin = self.stdout = None
        self.pass_fds = ()

    def load(self, setup: Mapping[str, Any]) -> None:
        """Nothing to ask: the script is named on the launcher's command line."""

    def open(self, schema: pa.Schema, options: Mapping[str, Any]) -> None:
        """Start the script's one input stream. Raises RuntimeError the second time: a script cannot begin anew."""
        if self._writer is not None:
            raise RuntimeError("a script has one input stream: start another process for another run")
        self._writer = pa.ipc.new_stream(self._sink, schema)

    def submit(self, number: int, batch: pa.RecordBatch) -> None:
        self._check_open()
        self._writer.write_batch(batch)
        self._grant(number, last=False)

    def ask(self, what: str, number: int, data: bytes = b"") -> None:
        """``finish`` ends the input; its answer is what the script wrote after the last batch."""
        if what != "finish":
            raise RuntimeError(f"a script cannot be asked for {what!r}, only for 'finish'")
        self._check_open()
        self._writer.close()
        self._finishing = True
        self._grant(number, last=True)

    def _check_open(self) -> None:
        if self._writer is None or self._finishing:
            raise RuntimeError("the input of the script has ended" if self._finishing else "open() comes first")

    def _grant(self, number: int, *, last: bool) -> None:
        self._outstanding.append((number, self._sink.total))
        self._grants += script.GRANT.pack(self._sink.total, last)

    def fds(self) -> Mapping[int, int]:
        found: dict[int, int] = {}
        if self._over:
            return found
        if self._connected:
            found[self._control.fileno()] = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._grants else 0)
        if self._stdout is not None:
            found[self._stdout] = selectors.EVENT_READ
        if self._stdin is not None and (self._sink.pieces or self._finishing):
            found[self._stdin] = selectors.EVENT_WRITE
        return found

    def on_ready(self, fd: int, mask: int) -> Iterable[Reply]:
        if self._over:
            return []
        replies: list[Reply] = []
        try:
            if fd == self._stdin:
                self._write_input()
            elif fd == self._stdout:
                self._read_output()
            elif mask & selectors.EVENT_WRITE:
                self._write_grants()
            if fd == self._control.fileno() and mask & selectors.EVENT_READ:
                self._read_reports()
            self._advance(replies)
        except ProtocolError as error:
            replies.append(Invalid(self._outstanding[0][0] if self._outstanding else None, error, fatal=True))
        self._over |= any(
            isinstance(reply, Closed) or (isinstance(reply, Invalid) and reply.fatal) for reply in replies
        )
        return replies

    def _write_input(self) -> None:
        pieces = self._sink.pieces
        try:
            while pieces:
                count = os.writev(self._stdin, list(islice(pieces, _PIECES)))  # type: ignore[arg-type]
                while pieces and count >= len(pieces[0]):
                    count -= len(pieces.popleft())
                if count:
                    pieces[0] = pieces[0][count:]
        except BlockingIOError:
            return
        except BrokenPipeError:
            pieces.clear()  # the script reads no more; its end or its death will be told
            self._close_input()
        if self._finishing:
            self._close_input()

    def _close_input(self) -> None:
        if self._stdin is not None:
            os.close(self._stdin)
        self._stdin = None

    def _read_output(self) -> None:
        for _ in range(_READS):
            if self._stdout is None:
                return
            try:
                data = os.read(self._stdout, _PIPE)
            except BlockingIOError:
                return
            if not data:
                os.close(self._stdout)
                self._stdout = None
            self._output += data
            if len(self._output) > self._max_output:
                raise ProtocolError(
                    f"the script wrote more than {self._max_output} bytes before it asked for more input",
                    hint="write the output of a batch before the next one is read, in smaller batches",
                )

    def _write_grants(self) -> None:
        with contextlib.suppress(BlockingIOError):
            try:
                del self._grants[: self._control.send(self._grants)]
            except ConnectionError:
                self._grants.clear()  # the launcher is gone; its last reports are still to be read

    def _read_reports(self) -> None:
        try:
            data = self._control.recv(_PIPE)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""  # it ended without reading all of what we sent
        self._received += data
        if not data:
            self._connected = False
            self._read_output()  # whatever a dead process wrote is in the pipe by now
        while len(self._received) >= script.HEAD.size:
            kind, length = script.HEAD.unpack_from(self._received)
            if kind not in (script.READY, script.REPORT, script.ENDED, script.REFUSED) or length > _MAX_REPORT:
                raise ProtocolError("the script wrote into the launcher's socket")
            end = script.HEAD.size + length
            if len(self._received) < end:
                return
            self._reports.append((kind, bytes(self._received[script.HEAD.size : end])))
            del self._received[:end]

    def _advance(self, replies: list[Reply]) -> None:
        """Turn reports into replies, in order, as far as the output they speak of has arrived."""
        while self._reports:
            kind, payload = self._reports[0]
            if kind in (script.REPORT, script.ENDED):
                segment = self._segment()
                if segment is None:
                    if self._connected and self._stdout is not None:
                        return
                    raise ProtocolError("the script closed its output")
                consumed = int.from_bytes(payload, "little")
                replies += self._done(consumed, segment) if kind == script.REPORT else self._ended(consumed, segment)
            else:
                info = _plain(payload)
                number = self._outstanding[0][0] if self._outstanding else None
                phase = info.pop("phase")
                replies.append(Ready(info) if kind == script.READY else Refused(phase, number, info))
            self._reports.popleft()
        if not self._connected:
            replies.append(Closed())

    def _segment(self) -> bytearray | None:
        at = self._output.find(self._marker, self._searched)
        if at < 0:
            self._searched = max(0, len(self._output) - len(self._marker) + 1)
            return None
        segment = self._output[:at]
        del self._output[: at + len(self._marker)]
        self._searched = 0
        return segment

    def _done(self, consumed: int, segment: bytearray) -> list[Reply]:
        if not self._outstanding or self._outstanding[0][1] != consumed:
            raise ProtocolError("the launcher reported a batch that it was not given")
        number, self._answered = self._outstanding.popleft()
        return [self._decoder.decode(number, segment)]

    def _ended(self, consumed: int, segment: bytearray) -> list[Reply]:
        """A clean end answers for everything that is outstanding; see the module."""
        if not self._outstanding:
            if segment:
                raise ProtocolError("the script ended before it was given input: its output belongs to no batch")
            return []
        reading = consumed > self._answered or not self._finishing
        owner = self._outstanding[0 if reading else -1][0]
        replies: list[Reply] = [
            self._decoder.decode(number, segment) if number == owner else Answer(number, (), {"unread": True})
            for number, _ in self._outstanding
        ]
        self._outstanding.clear()
        return replies

    def close(self) -> None:
        self._over = True
        self.spawned()
        self._close_input()
        if self._stdout is not None:
            os.close(self._stdout)
        self._stdout = None
        self._control.close()


def _plain(payload: bytes) -> dict[str, Any]:
    try:
        return {"phase": "batch", **json.loads(payload)}
    except (ValueError, TypeError) as error:
        raise ProtocolError("the script wrote into the launcher's socket") from error


class _Sink:
    """A file for pyarrow's writer: keeps what is still to be sent, without copying it, and counts."""

    closed = False

    def __init__(self) -> None:
        self.pieces: deque[memoryview] = deque()
        self.total = 0

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        if view:
            self.pieces.append(view)
        self.total += view.nbytes
        return view.nbytes

    def writable(self) -> bool:
        return True

    def flush(self) -> None:
        """Nothing waits anywhere else."""
