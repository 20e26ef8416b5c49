"""The worker's loop: one request after the other from the parent's socket, answered in the same order.

The protocol has a socket of its own, which no program that the function starts inherits; ``print`` and C code write to
fds 1 and 2, the logs. Large batches lie in memory that the parent shares (`arena`). A failing function is an answer,
not an end: the loop ends when the parent closes the socket.
"""

from __future__ import annotations

import _thread
import array
import faulthandler
import os
import platform
import signal
import socket
import sys
import time
from typing import Any, Dict, List, Optional

from . import failures, loading, protocol, pulse
from .arena import Arena, Room
from .interrupt import Interrupted, Interrupts
from .marks import Marks

LIMIT = 1 << 30  # bytes of one frame
SMALL = 1 << 16  # bytes of a frame that may wait for the next, so that both wake the parent once
MOST_HELD = 64  # pieces of frames that wait
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
LINE_BUFFERED = 1  # _IOLBF of <stdio.h>, of glibc, musl and macOS
ONE_FD = socket.CMSG_SPACE(array.array("i").itemsize)
CLOSE_ON_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)  # Linux, where shared memory is


class ParentGone(Exception):
    """Nobody is at the other end any more. Not an OSError: those are also raised by the user's code."""


class AnswerTooLarge(Exception):
    """An answer does not fit into a frame."""


class Parent:
    """The socket to the parent: whole frames in, whole frames out. Raises ParentGone."""

    def __init__(self, fd: int) -> None:
        self._socket = socket.socket(fileno=fd)
        self._socket.set_inheritable(False)
        self._frames = protocol.FrameReader(LIMIT)
        self._sending = _thread.allocate_lock()
        self._held: List[Any] = []
        self.fds: List[int] = []
        """What came along with the last frames; whoever uses one takes it out."""

    def receive(self) -> Any:
        """The next frame as (kind, number, payload)."""
        while True:
            try:
                count, passed, _, _ = self._socket.recvmsg_into([self._frames.target], ONE_FD, CLOSE_ON_EXEC)
            except OSError as error:
                raise ParentGone from error
            for level, kind, data in passed:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    self.fds += array.array("i", data)
            if not count:
                raise ParentGone
            frame = self._frames.received(count)
            if frame is not None:
                return frame

    def send(self, kind: int, number: int, payload: Any, *, more: bool = False) -> None:
        """Send one frame; the payload is bytes or an Arrow buffer. With ``more``, a small one may wait for the next."""
        view = memoryview(payload).cast("B")
        if len(view) > LIMIT:
            raise AnswerTooLarge(f"{len(view):,} bytes at once, the limit is {LIMIT:,}: use smaller batches")
        with self._sending:
            self._held += [memoryview(protocol.header(kind, number, view)), view]
            if not more or len(view) > SMALL or len(self._held) > MOST_HELD:
                self._send(self._held)

    def beat(self, phase: int = 0) -> None:
        """Say that we are alive, unless just now something else is being said. Nobody there is for `receive` to see."""
        if self._sending.acquire(False):
            try:
                self._send([memoryview(protocol.header(protocol.BEAT, phase, b""))])
            except ParentGone:
                return
            finally:
                self._sending.release()

    def _send(self, pieces: List[Any]) -> None:
        while pieces:
            try:
                sent = self._socket.sendmsg(pieces)
            except OSError as error:
                raise ParentGone from error
            while pieces and sent >= len(pieces[0]):
                sent -= len(pieces.pop(0))
            if sent:
                pieces[0] = pieces[0][sent:]


class Host:
    """Carries out requests. ``kind`` of the setup decides which of scalar, table and aggregate does the work."""

    def __init__(self, parent: Parent) -> None:
        self._parent = parent
        self._roots: List[str] = []
        self._work: Any = None
        self._schema: Any = None
        self._inputs: Any = None  # arenas, which the parent announces before it speaks of them
        self._outputs: Any = None
        self._room: Optional[Room] = None
        self._interrupts = Interrupts()
        self._marks: Optional[Marks] = None
        self._fail = False
        self._cancelled = False
        """Whether the run is over, as a batch of it was interrupted: what was sent ahead is not begun."""
        self._shares = True
        """Whether a batch may be read where it is: not if the function gets Arrow arrays, which it may keep."""

    def listen(self) -> None:
        """Be ready to be interrupted."""
        self._interrupts.listen()

    def load(self, number: int, payload: Any) -> None:
        started = time.perf_counter()
        setup: Dict[str, Any] = protocol.decode(payload)
        self._roots = setup["roots"]
        self._marks = Marks(bytes.fromhex(setup["mark"])) if "mark" in setup else None
        self._shares = setup.get("mode") != "columns"
        self._parent.beat(protocol.PHASES.index("import"))
        # Functions use pa.compute and pa.ipc without importing them, which works in most programs by accident.
        import pyarrow as pa
        import pyarrow.compute
        import pyarrow.ipc

        self._parent.beat(protocol.PHASES.index("load"))
        function = loading.load(setup)
        if setup["kind"] == "udf":
            from .scalar import Scalar as Work
        elif setup["kind"] == "udtf":
            from .table import Table as Work  # type: ignore[assignment]
        else:
            from .aggregate import Aggregate as Work  # type: ignore[assignment]
        self._work = Work(function, setup)
        info = {
            "python": platform.python_version(),
            "pyarrow": pa.__version__,
            "load_seconds": time.perf_counter() - started,
        }
        self._reply(protocol.READY, number, protocol.encode(info))

    def open(self, number: int, payload: Any) -> None:
        import pyarrow as pa

        options = protocol.decode(payload)
        self._schema = pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(options["schema"])))
        self._fail, self._cancelled = options["on_error"] == "fail", False
        options["schema"] = self._schema
        self._work.open(options)

    def batch(self, number: int, payload: Any) -> None:
        import pyarrow as pa

        room, self._room = self._room, None
        batch = pa.ipc.read_record_batch(pa.py_buffer(payload), self._schema)
        if self._cancelled:
            raise Interrupted("the run is over")
        started = time.perf_counter()
        with self._interrupts:
            parts, meta = self._work.batch(number, batch)
        self._answer(number, parts, dict(meta, seconds=time.perf_counter() - started), room)

    def inputs(self, number: int, payload: Any) -> None:
        self._inputs = Arena(self._parent.fds.pop(0), writable=False)

    def outputs(self, number: int, payload: Any) -> None:
        self._outputs = Arena(self._parent.fds.pop(0), writable=True)

    def forget(self, number: int, payload: Any) -> None:
        self._inputs = self._outputs = self._room = None

    def placed(self, number: int, payload: Any) -> None:
        view = self._inputs.view(*protocol.read_place(payload))
        self.batch(number, view if self._shares else bytes(view))

    def lent(self, number: int, payload: Any) -> None:
        self._room = Room(self._outputs, *protocol.read_place(payload))

    def finish(self, number: int, payload: Any) -> None:
        room, self._room = self._room, None
        started = time.perf_counter()
        with self._interrupts:
            parts, meta = self._work.finish()
        self._answer(number, parts, dict(meta, seconds=time.perf_counter() - started), room)

    def _answer(self, number: int, parts: List[Any], meta: Dict[str, Any], room: Optional[Room]) -> None:
        for part in parts:
            place = room.write(part) if room is not None else None
            if place is not None:
                self._parent.send(protocol.PART_PLACED, number, protocol.place(*place), more=True)
            else:
                self._parent.send(protocol.PART, number, part.serialize(), more=True)
        meta["rows"] = sum(part.num_rows for part in parts)
        meta["rss"] = resident()
        for stream in (sys.stdout, sys.stderr):  # what was printed for this batch is in the log before its end is told
            if stream is not None and not stream.closed:
                stream.flush()
        self._reply(protocol.END, number, protocol.encode(meta))

    def _reply(self, kind: int, number: int, payload: Any) -> None:
        """Answer, and say where in the log that is."""
        if self._marks is not None:
            try:
                marked = self._marks.put()
            except OSError as error:
                raise ParentGone from error
            if marked:
                self._parent.send(protocol.MARKED, marked, b"", more=True)
        self._parent.send(kind, number, payload)

    def snapshot(self, number: int, payload: Any) -> None:
        with self._interrupts:
            state = self._work.snapshot()
        self._reply(protocol.BLOB, number, state)

    def restore(self, number: int, payload: Any) -> None:
        self._work.restore(bytes(payload))

    def merge(self, number: int, payload: Any) -> None:
        self._work.merge(bytes(payload))

    def refuse(self, phase: str, number: int, error: BaseException) -> None:
        from .aggregate import AggregateError

        prefix = hint = ""
        if isinstance(error, (AggregateError, loading.NotLoaded)):
            hint = error.hint
        if isinstance(error, AggregateError) and error.__cause__ is not None:
            prefix, error = str(error), error.__cause__
        interrupted = isinstance(error, Interrupted)
        self._cancelled = self._cancelled or (interrupted and self._fail)
        info = dict(failures.info(error, self._roots, prefix), phase=phase, hint=hint, interrupted=interrupted)
        self._reply(protocol.REFUSED, number, protocol.encode(info))


def main(fd: int) -> None:
    """Serve until the parent closes the socket.

    A request that fails is refused; after a failed load nothing else makes sense.
    """
    die_with(os.getppid())
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=True)  # how the parent asks where a batch is stuck
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the ■ of a notebook is the parent's to handle
    # The lines before a segmentation fault are the ones that matter, and a character that the locale cannot write is no
    # reason for a row to fail.
    sys.stdout.reconfigure(errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    line_by_line()
    parent = Parent(fd)
    host = Host(parent)
    host.listen()
    alive = pulse.Pulse(parent.beat)
    actions = {
        protocol.LOAD: ("load", host.load),
        protocol.OPEN: ("open", host.open),
        protocol.BATCH: ("batch", host.batch),
        protocol.SNAPSHOT: ("snapshot", host.snapshot),
        protocol.RESTORE: ("restore", host.restore),
        protocol.MERGE: ("merge", host.merge),
        protocol.FINISH: ("finish", host.finish),
        protocol.INPUTS: ("open", host.inputs),
        protocol.OUTPUTS: ("open", host.outputs),
        protocol.FORGET: ("open", host.forget),
        protocol.PLACED: ("batch", host.placed),
        protocol.LENT: ("open", host.lent),
    }
    alive.start()
    try:
        while True:
            kind, number, payload = parent.receive()
            phase, action = actions[kind]
            alive.busy = True
            try:
                action(number, payload)
            except ParentGone:
                raise
            except BaseException as error:
                host.refuse(phase, number, error)
                if phase in ("load", "open"):
                    return
            alive.busy = False
    except ParentGone:
        return


def resident() -> int:
    """Bytes of memory that this process holds now; where the system does not tell, the most that it ever held."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def die_with(parent: int) -> None:
    """Ask the kernel to end this process with the thread that spawned it: a busy loop would never see the socket close.

    Linux only, and only where ctypes is; elsewhere the end of the socket tells it, or `pulse` if it is busy.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        import ctypes
    except ImportError:
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the kernel knew
        os._exit(1)


def line_by_line() -> None:
    """Let C code write what it prints line by line, as Python does: into a pipe it would write only every 4 kB."""
    try:
        import ctypes
    except ImportError:
        return
    libc = ctypes.CDLL(None)
    for name in ("stdout", "__stdoutp"):  # Linux, macOS
        if hasattr(libc, name):
            libc.setvbuf(ctypes.c_void_p.in_dll(libc, name), None, LINE_BUFFERED, 0)
