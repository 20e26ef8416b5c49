"""The channel to a raw script: Arrow streams on its stdin and stdout, and a private socket to its launcher.

The launcher (`workbench.worker.script`) tells when a batch is done and marks the place in stdout, so that the output
of each batch is delimited exactly, be it no message, one or many. What stands between two marks is not trusted:
`workbench.transport.script_output` looks at every message before pyarrow may read it. The invariant: each batch
submitted gets one `Answer`, `Refused` or `Invalid`, in order, unless the process dies first.

A script that ends cleanly before its input does answers for all that is outstanding: what it did not read comes back
empty, with ``meta["unread"]``. Output after the last batch, and all of a script that reads fd 0 by itself, is the
answer to ``finish``; such a script never reports a batch, so its batches are answered only when it ends. `bypassed`
tells it before: all of the input has been taken, and the launcher, which says so first, was not asked for any.
Left out on purpose: what is done about invalid output; text on stderr, which is the log.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import json
import os
import selectors
import socket
import termios
import time
from collections import deque
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final

import pyarrow as pa

from workbench.errors import ProtocolError
from workbench.settings import MAX_FRAME
from workbench.transport.base import Answer, Asked, Channel, Closed, Invalid, Marked, Ready, Refused, Reply
from workbench.transport.script_output import ScriptOutput
from workbench.worker import script

_PIPE: Final = 1 << 20  # bytes of a pipe, and of one read
_READS: Final = 4  # of one fd before the others have their turn; also more than a dead child's pipe can hold
_PIECES: Final = 64  # of one writev
_MAX_REPORT: Final = 16 << 20  # bytes of one message of the launcher
_UNSEEN: Final = 0.5
STDERR: Final = 2
"""The one log pipe of a script, as in `Marked`."""


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
        self.mark = self._marker = b"\0" + os.urandom(script.MARKER_BYTES - 1)

        self._sink = _Sink()
        self._writer: Any = None
        self._finishing = False
        self._grants = bytearray(self._marker)
        self._outstanding: deque[tuple[int, int]] = deque()  # number, and where it ends in the input
        self._answered = 0  # where the last batch answered ends in the input

        self.unseen = True
        self._taken_at: float | None = None  # since when all that was written is read, as seen by `bypassed`

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

    def bypassed(self) -> bool:
        """See the module. The launcher speaks before it reads, so what it said has been heard by the second look.

        A script that ends instead of asking for more has `_UNSEEN` seconds to do so.
        """
        waits = self._connected and not self._over and not self._finishing and not self._sink.pieces
        if not self.unseen or not waits or self._stdin is None or not self._sink.total:
            return False
        left = array.array("i", [0])
        fcntl.ioctl(self._stdin, termios.FIONREAD, left)
        now = time.monotonic()
        if left[0]:
            self._taken_at = None
        elif self._taken_at is None:
            self._taken_at = now
        return self._taken_at is not None and now >= self._taken_at + _UNSEEN

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
            if not script.READY <= kind <= script.MARKED or length > _MAX_REPORT:
                raise ProtocolError("the script wrote into the launcher's socket")
            end = script.HEAD.size + length
            if len(self._received) < end:
                return
            self.unseen = self.unseen and kind in (script.READY, script.MARKED)
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
            elif kind == script.MARKED:
                replies.append(Marked(STDERR))
            elif kind == script.ASKED:
                replies.append(Asked())
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
