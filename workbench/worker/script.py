"""The launcher of raw scripts: ``python script.py SCRIPT [args]`` runs SCRIPT unmodified, batch by batch.

A script reads an Arrow stream from stdin and writes one to stdout, as Fungi's operators do. The parent says over a
private socket (the variable WORKBENCH_FD) at which byte each batch ends in the input; `_Input` never reads across such
an end. When the script asks for more, everything before is processed: stdout is flushed, a secret marker is written
into it, and the bytes read are reported. So the output of a batch is delimited exactly and without any timeout, whether
it is no message, one or many. A count of the bytes written would not do: C code and grandchildren write to fd 1 too.
stdout stays buffered: an unbuffered one may write short when a signal arrives, and pyarrow ignores the count.

Left out on purpose: scripts that read fd 0 by themselves. They are not seen to progress, and the parent, which was told
of no first read, refuses them. This file is started by path and uses nothing beside it, so that the script's folder
can take its place on `sys.path`.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    _HERE = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or os.curdir) != _HERE]

import _thread
import array
import atexit
import contextlib
import faulthandler
import fcntl
import io
import json
import linecache
import platform
import reprlib
import select
import signal
import socket
import stat
import struct
import sysconfig
import termios
import time
import traceback
import types
from typing import Any, Callable, Dict, List, Optional

# Parent to child: first the marker, then one grant per batch.
MARKER_BYTES = 16
GRANT = struct.Struct("<Q?")  # where the batch ends in the input; whether it is the end of all input
# Child to parent.
HEAD = struct.Struct("<BI")  # kind, length of the payload
COUNT = struct.Struct("<Q")  # bytes read from stdin when the marker was written
READY, REPORT, ENDED, REFUSED, ASKED, MARKED = 1, 2, 3, 4, 5, 6

_TEXT = 65_536  # characters of an error's message
_LOCALS = 20  # variables of one frame
_FRAMES = 50


class _Control:
    """The private socket to the parent."""

    def __init__(self, fd: int) -> None:
        os.set_inheritable(fd, False)
        self._socket = socket.socket(fileno=fd)
        self._owner = os.getpid()
        self.marker = self.receive(MARKER_BYTES)

    def receive(self, count: int) -> bytes:
        """Exactly ``count`` bytes."""
        data = b""
        while len(data) < count:
            piece = self._socket.recv(count - len(data))
            if not piece:
                _orphaned()
            data += piece
        return data

    def send(self, kind: int, payload: bytes) -> None:
        """Report to the parent. A process that the script forked has nothing to say in its name."""
        if os.getpid() == self._owner:
            try:
                self._socket.sendall(HEAD.pack(kind, len(payload)) + payload)
            except ConnectionError:
                _orphaned()


def _orphaned() -> None:
    """End at once: an input that is cut short must not look complete to the script, and nobody is left to be told."""
    os._exit(1)


class _Output(io.RawIOBase):
    """fd 1, never written short."""

    name = "<stdout>"
    mode = "wb"

    def __init__(self, marker: bytes) -> None:
        super().__init__()
        self._marker = marker
        self._private = os.dup(1)  # the marker arrives even if the script points fd 1 elsewhere

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1

    def write(self, data: Any) -> int:
        return _write(1, data)

    def mark(self) -> None:
        """Delimit what was written so far."""
        _write(self._private, self._marker)


class _Log:
    """fd 2, with marks as those of `marks.Marks`, said again because this file uses nothing beside it."""

    def __init__(self, control: _Control) -> None:
        self._control = control
        self._fd = os.dup(2)
        self._is_pipe = stat.S_ISFIFO(os.fstat(2).st_mode)
        self._read = -1
        self._unread = array.array("i", [0])

    def mark(self) -> None:
        """Mark what was printed until now, if anything may have been."""
        if not self._is_pipe:
            return
        with contextlib.suppress(Exception):  # whatever the script has put there
            sys.stderr.flush()
        fcntl.ioctl(self._fd, termios.FIONREAD, self._unread)
        read = os.fstat(self._fd).st_mtime_ns
        if self._unread[0] or read != self._read:
            self._read = read
            _write(self._fd, self._control.marker)
            self._control.send(MARKED, b"")


def _write(fd: int, data: Any) -> int:
    view = memoryview(data).cast("B")
    count = view.nbytes
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:  # a program that was started here, as ssh, has made the pipe so for all
            select.select([], [fd], [])
    return count


class _Input(io.RawIOBase):
    """fd 0, up to the end of the batch that the parent granted; asking for more means that this batch is done."""

    name = "<stdin>"
    mode = "rb"

    def __init__(self, control: _Control, done: Callable[[], None], log: _Log) -> None:
        super().__init__()
        self._control = control
        self._done = done
        self._log = log
        self._granted = 0
        self._last = False
        self.count = 0
        self.asked = False

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 0

    def readinto(self, target: Any) -> int:
        if not self.asked:
            self.asked = True
            self._log.mark()
            self._control.send(ASKED, b"")
        if self.count == self._granted:
            if self._last:
                return 0
            if self.count:
                self._done()
            self._granted, self._last = GRANT.unpack(self._control.receive(GRANT.size))
        view = memoryview(target).cast("B")
        count = os.readv(0, [view[: self._granted - self.count]])
        self.count += count
        if not count:
            self._granted, self._last = self.count, True
        return count


class _Launcher:
    """One run of one script."""

    def __init__(self, control: _Control) -> None:
        self._control = control
        self._raw_out = _Output(control.marker)
        self._log = _Log(control)
        self._out = io.BufferedWriter(self._raw_out, 1 << 16)
        self._in = _Input(control, self._report, self._log)
        self._ended = False
        # write_through: printed text lands among the messages where it was printed, never later.
        sys.stdout = io.TextIOWrapper(self._out, sys.stdout.encoding, sys.stdout.errors, write_through=True)
        sys.stdin = io.TextIOWrapper(io.BufferedReader(self._in, 1 << 16), sys.stdin.encoding, sys.stdin.errors)
        sys.__stdin__, sys.__stdout__ = sys.stdin, sys.stdout  # type: ignore[misc]

    def run(self, argv: List[str]) -> int:
        """Run ``argv[0]`` as Python would; returns the exit status, or raises the script's own SystemExit."""
        path, started = argv[0], time.monotonic()
        try:
            # Scripts use pa.compute and pa.ipc without importing them.
            import pyarrow as pa
            import pyarrow.compute
            import pyarrow.ipc

            with io.open_code(os.path.abspath(path)) as file:
                code = compile(file.read(), path, "exec", dont_inherit=True)
        except Exception as error:
            return self._failed(error, "load")
        module = types.ModuleType("__main__")
        module.__dict__.update(__file__=path, __builtins__=sys.modules["builtins"], __cached__=None, __package__=None)
        sys.modules["__main__"] = module
        sys.argv = argv
        sys.path.insert(0, os.path.dirname(os.path.realpath(path)))
        seconds = round(time.monotonic() - started, 3)
        info = {"python": platform.python_version(), "pyarrow": pa.__version__, "load_seconds": seconds}
        self._control.send(READY, json.dumps(info).encode("ascii"))
        # Registered before anything that the script registers, it runs after that, and after the script's threads.
        atexit.register(self._end)
        try:
            exec(code, module.__dict__)
        except SystemExit as leaving:
            if leaving.code not in (None, 0):
                self._refuse(leaving, self._phase)
            else:
                self._ended = True
            raise
        except BaseException as error:
            return self._failed(error, self._phase)
        self._ended = True
        return 0

    @property
    def _phase(self) -> str:
        """A script that fails before it asked for any input would fail again: it cannot be loaded."""
        return "batch" if self._in.asked else "load"

    def _report(self, kind: int = REPORT) -> None:
        for stream in (sys.stdout, self._out):
            if stream is not None and not stream.closed:
                stream.flush()
        self._raw_out.mark()
        self._log.mark()
        self._control.send(kind, COUNT.pack(self._in.count))

    def _end(self) -> None:
        if self._ended:
            self._report(ENDED)

    def _failed(self, error: BaseException, phase: str) -> int:
        """Report the error and print it as Python would, without our own frames."""
        self._refuse(error, phase)
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        if isinstance(error, KeyboardInterrupt):
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
        return 1

    def _refuse(self, error: BaseException, phase: str) -> None:
        info = {"phase": phase, "error_type": type(error).__name__, "error": _message(error), "frames": _frames(error)}
        self._control.send(REFUSED, json.dumps(info).encode("ascii"))


def _message(error: BaseException) -> str:
    try:
        return str(error)[:_TEXT]
    except Exception as broken:
        return f"<no message: its __str__ raised {type(broken).__name__}>"


def _frames(error: BaseException) -> List[Dict[str, Any]]:
    """The user's own frames, outermost first, with short reprs of their variables."""
    libraries = tuple({os.path.join(path, "") for path in sysconfig.get_paths().values()})
    found: List[Dict[str, Any]] = []
    for frame, line in traceback.walk_tb(error.__traceback__):
        name = frame.f_code.co_filename
        if name != __file__ and os.path.isfile(name) and not os.path.abspath(name).startswith(libraries):
            found.append(_frame(name, line, frame.f_code.co_name, frame.f_locals))
    if isinstance(error, SyntaxError) and error.filename:
        found.append(_frame(error.filename, error.lineno or 0, "<module>", {}))
    return found[-_FRAMES:]


def _frame(name: str, line: int, function: str, values: Dict[str, Any]) -> Dict[str, Any]:
    shorten = reprlib.Repr()
    shorten.maxstring = shorten.maxother = 120
    shown = [
        (key, value)
        for key, value in values.items()
        if not key.startswith("__") and not isinstance(value, (types.ModuleType, type, types.FunctionType))
    ]
    text = linecache.getline(name, line).strip()
    variables = {key: shorten.repr(value) for key, value in shown[:_LOCALS]}
    return {"file": name, "line": line, "function": function, "text": text, "locals": variables}


def _die_with(parent: int) -> None:
    """As `host.die_with`, said again because this file uses nothing beside it: a busy script sees no socket close.

    Where the kernel cannot be asked, a thread looks; it is none that `threading` lists.
    """
    if sys.platform.startswith("linux"):
        with contextlib.suppress(ImportError):
            import ctypes

            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
            if os.getppid() != parent:
                os._exit(1)
            return
    _thread.start_new_thread(_watch, (parent,))


def _watch(parent: int) -> None:
    """End this process when it is an orphan."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def main() -> Optional[int]:
    """Run the script named on the command line."""
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=True)  # how the parent asks where a batch is stuck
    _die_with(os.getppid())
    control = _Control(int(os.environ.pop("WORKBENCH_FD")))
    return _Launcher(control).run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
