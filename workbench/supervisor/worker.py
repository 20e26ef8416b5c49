"""One live subprocess: its process, its channel and its logs, seen as one thing that answers and may die.

The invariant: `Died` is the last thing a worker says, and it says it once, after everything that it had answered and logged before
its death has been read. Left out on purpose: what to do about it (`workbench.supervisor.supervisor`).
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final


from workbench import settings
from workbench.errors import PythonNotFound, WorkerStartError
from workbench.supervisor import process as processes
from workbench.supervisor.process import Exit, Process
from workbench.transport.base import Channel, Closed, Ready, Reply

READ: Final = 1
READ_SIZE: Final = 65_536
STACK_LINES: Final = 60
LAST_LINES: Final = 20
LogSink = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a worker. ``setup`` is what its channel loads; ``key`` tells which workers may stand in for each other.

    ``keeps_state`` workers hold an aggregate's state that can be saved and restored; a worker that is not ``reusable`` serves one run.
    """

    label: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    channel: Callable[[], Channel]
    setup: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    start_timeout: float = 30.0
    keeps_state: bool = False
    reusable: bool = True


@dataclass(frozen=True, slots=True)
class Died:
    """The process ended. ``stack`` is faulthandler's dump, if it left one; ``last_lines`` the end of its log."""

    exit: Exit
    stack: str
    last_lines: tuple[str, ...]


class Worker:
    """A subprocess that was spawned and is told what to do through `channel`. Usable from one thread at a time."""

    def __init__(self, launch: Launch, sink: LogSink) -> None:
        self.launch = launch
        self.sink = sink
        self.ready: Ready | None = None
        self.died: Died | None = None
        self.started_at = time.monotonic()
        self._last: deque[str] = deque(maxlen=STACK_LINES + LAST_LINES)
        self._logs: dict[int, _LogPipe] = {}
        with ExitStack() as undo:
            self.folder = tempfile.mkdtemp(prefix="udf-worker-")
            undo.callback(shutil.rmtree, self.folder, ignore_errors=True)
            self.channel = launch.channel()
            undo.callback(self.channel.close)
            undo.callback(self.channel.spawned)
            self.process = self._spawn(undo)
            self.channel.spawned()
            undo.pop_all()
        self.channel.load(launch.setup)

    def __repr__(self) -> str:
        state = f"died of {self.died.exit}" if self.died else "ready" if self.ready else "starting"
        return f"<Worker of {self.launch.label}, {state}>"

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The end of its log."""
        return tuple(self._last)[-LAST_LINES:]

    def _spawn(self, undo: ExitStack) -> Process:
        pipes = {"stderr": os.pipe()}
        if self.channel.stdout is None:
            pipes["stdout"] = os.pipe()
        for stream, (read, write) in pipes.items():
            os.set_blocking(read, False)
            self._logs[read] = _LogPipe(stream)
            undo.callback(os.close, read)
        try:
            return processes.spawn(
                self.launch.argv,
                env={**self.launch.env, **self.channel.environment, "TMPDIR": self.folder},
                cwd=self.folder,
                stdin=self.channel.stdin,
                stdout=pipes["stdout"][1] if self.channel.stdout is None else self.channel.stdout,
                stderr=pipes["stderr"][1],
                pass_fds=self.channel.pass_fds,
            )
        except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
            python = self.launch.argv[0]
            raise PythonNotFound(
                f"{python!r} cannot be executed ({error.strerror}); no worker was started",
                hint="give --python an executable; workbench doctor lists those found",
            ) from error
        except OSError as error:
            raise WorkerStartError(f"{self.launch.label}: no process could be started: {error.strerror}") from error
        finally:
            for _, write in pipes.values():
                os.close(write)

    def fds(self) -> dict[int, int]:
        """What to select on now."""
        if self.died:
            return {}
        return {**self.channel.fds(), **dict.fromkeys(self._logs, READ), self.process.exit_fd: READ}

    def on_ready(self, fd: int, mask: int) -> list[Reply | Died]:
        """What became known from one fd that is ready."""
        if fd in self._logs:
            self._read_log(fd)
            return []
        if fd == self.process.exit_fd:
            return self._bury()
        return self._note(self.channel.on_ready(fd, mask))

    def _note(self, replies: Any) -> list[Reply | Died]:
        kept: list[Reply | Died] = []
        for reply in replies:
            if isinstance(reply, Ready):
                self.ready = reply
            kept.append(reply)
        return kept

    def _read_log(self, fd: int) -> bool:
        """Read once; whether there was anything."""
        pipe = self._logs[fd]
        try:
            data = os.read(fd, READ_SIZE)
        except BlockingIOError:
            return False
        for line in pipe.lines(data):
            self._last.append(line)
            self.sink(pipe.stream, line)
        if not data:
            os.close(fd)
            del self._logs[fd]
        return bool(data)

    def drain_logs(self) -> None:
        """Read what is in the log pipes now, at most a megabyte each: what was printed before an answer is shown before it."""
        for fd in list(self._logs):
            for _ in range(16):
                if not self._read_log(fd):
                    break

    def _bury(self) -> list[Reply | Died]:
        """Read all that is left of a dead process, then say that it died."""
        replies: list[Reply | Died] = []
        exit_ = self.process.wait(settings.STOP_SECONDS)
        if exit_ is None:
            return []
        for fd, mask in dict(self.channel.fds()).items():
            if mask & READ:
                replies += [r for r in self._note(self.channel.on_ready(fd, READ)) if not isinstance(r, Closed)]
        self.drain_logs()
        self.died = Died(exit_, _stack(list(self._last)), self.last_lines)
        self._release()
        return [*replies, self.died]

    def _release(self) -> None:
        self.channel.close()
        for fd in self._logs:
            os.close(fd)
        self._logs.clear()
        self.process.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def close(self) -> None:
        """End it: its input is closed, and what is not gone after a moment is killed. May be called twice."""
        if self.died is None:
            self.channel.close()
            if self.process.wait(0.2) is None:
                self.process.kill()
            exit_ = self.process.wait(settings.STOP_SECONDS) or Exit()
            self.died = Died(exit_, "", ())
            self._release()


class _LogPipe:
    """Cuts what arrives into lines; a line that does not end is cut at its limit."""

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self._rest = b""

    def lines(self, data: bytes) -> Sequence[str]:
        """The lines that ``data`` completes; no data means the end, and completes what is left."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > settings.MAX_LOG_LINE or (not data and self._rest):
            whole.append(self._rest)
            self._rest = b""
        return [line[: settings.MAX_LOG_LINE].decode(errors="replace").rstrip("\r") for line in whole]


def _stack(lines: Sequence[str]) -> str:
    """Faulthandler's dump at the end of a log, if there is one."""
    for index in range(len(lines) - 1, -1, -1):
        if lines[index].startswith(("Fatal Python error:", "Current thread", "Timeout (")):
            start = index - 2 if index >= 2 and lines[index - 2].startswith("Fatal Python error:") else index
            return "\n".join(lines[start : start + STACK_LINES])
    return ""
