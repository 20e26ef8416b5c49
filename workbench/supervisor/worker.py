"""One live subprocess: its process, its channel and its logs, seen as one thing that answers and may die.

The invariant: `Died` is the last thing a worker says, and it says it once, after everything that it had answered and
logged before its death has been read. Left out on purpose: what to do about it (`workbench.supervisor.supervisor`).
"""

from __future__ import annotations

import errno
import os
import selectors
import shutil
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from workbench import settings
from workbench.dumps import Dumps, LastDump
from workbench.errors import PythonNotFound, WorkerStartError
from workbench.supervisor import process as processes
from workbench.supervisor import scratch
from workbench.supervisor.blotting import blotted
from workbench.supervisor.log_rate import LogRate
from workbench.supervisor.process import Exit, Process
from workbench.supervisor.template import Templates
from workbench.transport.base import Channel, Closed, Ready, Reply

READ: Final = selectors.EVENT_READ
READ_SIZE: Final = 65_536
LAST_LINES: Final = 20
NO_PYTHON: Final = (errno.ENOENT, errno.EACCES, errno.ENOTDIR, errno.ENOEXEC)
LogSink = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a worker.

    ``setup`` is what its channel loads; ``key`` tells which workers may stand in for each other. ``keeps_state``
    workers hold an aggregate's state that can be saved and restored; one that is not ``reusable`` serves one run.
    Where ``template`` is given, the worker may be forked from a process with that environment rather than spawned.
    ``blot`` takes the secrets that are in ``env`` out of a text.
    """

    label: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    channel: Callable[[], Channel]
    setup: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    start_timeout: float = 30.0
    keeps_state: bool = False
    reusable: bool = True
    template: Mapping[str, str] | None = None
    blot: Callable[[str], str] | None = None


@dataclass(frozen=True, slots=True)
class Died:
    """The process ended. ``stack`` is faulthandler's dump, if it left one; ``last_lines`` the rest of its log's end."""

    exit: Exit
    stack: str
    last_lines: tuple[str, ...]


class Worker:
    """A subprocess that was spawned and is told what to do through `channel`. Usable from one thread at a time."""

    def __init__(self, launch: Launch, sink: LogSink, templates: Templates | None = None) -> None:
        self.launch = launch
        self.sink = sink
        self.ready: Ready | None = None
        self.died: Died | None = None
        self.started_at = time.monotonic()
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._dump = LastDump()
        self._logs: dict[int, _LogPipe] = {}
        self._rate = LogRate()
        with ExitStack() as undo:
            try:
                self.folder = str(scratch.folder("worker-"))
                undo.callback(shutil.rmtree, self.folder, ignore_errors=True)
                self.channel = launch.channel()
                undo.callback(self.channel.close)
                undo.callback(self.channel.spawned)
                self.process = self._spawn(undo, templates)
            except OSError as error:
                raise _not_spawned(launch, error) from error
            undo.callback(self.process.close)
            self.channel.spawned()
            self.channel.load(launch.setup)
            undo.pop_all()

    def __repr__(self) -> str:
        state = f"died of {self.died.exit}" if self.died else "ready" if self.ready else "starting"
        return f"<Worker of {self.launch.label}, {state}>"

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def stack(self) -> str:
        """Faulthandler's last dump in its log, if there is one."""
        return self._dump.text

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The end of its log, without dumps: those would leave no room for what it said itself."""
        return tuple(self._last)

    def _spawn(self, undo: ExitStack, templates: Templates | None) -> Process:
        with ExitStack() as handed_over:
            ends: dict[str, int] = {}
            for stream in ("stderr",) if self.channel.stdout is not None else ("stderr", "stdout"):
                read, ends[stream] = os.pipe()
                undo.callback(os.close, read)
                handed_over.callback(os.close, ends[stream])
                os.set_blocking(read, False)
                self._logs[read] = _LogPipe(stream)
            env = {**self.launch.env, "TMPDIR": self.folder}
            if templates is not None and self.launch.template is not None:
                fds = [*self.channel.pass_fds, ends["stdout"], ends["stderr"]]
                process = templates.start(
                    self.launch.argv, base=self.launch.template, env=env, cwd=self.folder, fds=fds
                )
                if process is not None:
                    return process
            return processes.spawn(
                self.launch.argv,
                env={**env, **self.channel.environment},
                cwd=self.folder,
                stdin=self.channel.stdin,
                stdout=ends["stdout"] if self.channel.stdout is None else self.channel.stdout,
                stderr=ends["stderr"],
                pass_fds=self.channel.pass_fds,
            )

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
            kept.append(reply if self.launch.blot is None else blotted(reply, self.launch.blot))
        return kept

    def _read_log(self, fd: int) -> bool:
        """Read once; whether there was anything."""
        pipe = self._logs[fd]
        try:
            data = os.read(fd, READ_SIZE)
        except BlockingIOError:
            return False
        now = time.monotonic()
        for text in pipe.lines(data):
            line = text if self.launch.blot is None else self.launch.blot(text)
            if pipe.dumps.holds(line):
                self._dump.add(line)
            else:
                self._last.append(line)  # all of them: the last before a death are the ones that matter
            self.tell_dropped(now)
            if self._rate.keeps(now):
                self.sink(pipe.stream, line)
        if not data:
            os.close(fd)
            del self._logs[fd]
        return bool(data)

    def tell_dropped(self, now: float = float("inf")) -> None:
        """Say how many lines were not kept; without ``now`` at once, as nothing more will come."""
        if text := self._rate.dropped(now):
            self.sink("stderr", text)

    def forget(self) -> None:
        """What it printed for an earlier run is nobody's last words in the next."""
        self.drain_logs()
        self._last.clear()
        self._dump.clear()

    def drain_logs(self) -> None:
        """Read what is in the log pipes now, at most a megabyte each, so that it is shown before an answer."""
        for fd in list(self._logs):
            for _ in range(16):
                if not self._read_log(fd):
                    break

    def _bury(self) -> list[Reply | Died]:
        """Read all that is left of a dead process, then say that it died."""
        exit_ = self.process.wait(settings.STOP_SECONDS)
        if exit_ is None:
            return []
        replies = self._last_words()
        self.drain_logs()
        self.tell_dropped()
        self.died = Died(exit_, self.stack, self.last_lines)
        self._release()
        return [*replies, self.died]

    def _last_words(self) -> list[Reply | Died]:
        """What can still be read; not for ever, as a grandchild in a session of its own may go on writing."""
        replies: list[Reply | Died] = []
        deadline = time.monotonic() + settings.STOP_SECONDS
        while time.monotonic() < deadline:
            with selectors.DefaultSelector() as selector:
                for fd, mask in self.channel.fds().items():
                    if mask & READ:
                        selector.register(fd, READ)
                ready = [key.fd for key, _ in selector.select(0)]
            if not ready:
                break
            for fd in ready:
                if fd in self.channel.fds():
                    replies += self._note(self.channel.on_ready(fd, READ))
        return [reply for reply in replies if not isinstance(reply, Closed)]

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
    """Cuts what arrives into lines. Of a line that is too long the beginning is kept, in whatever pieces it arrives."""

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.dumps = Dumps()
        self._rest = b""

    def lines(self, data: bytes) -> Sequence[str]:
        """The lines that ``data`` completes; no data means the end, and completes what is left."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[: settings.MAX_LOG_LINE]
        if not data and self._rest:
            whole.append(self._rest)
        return [line[: settings.MAX_LOG_LINE].decode(errors="replace").rstrip("\r") for line in whole]


def ignore(stream: str, text: str) -> None:
    """A sink for logs that nobody wants."""


def _not_spawned(launch: Launch, error: OSError) -> WorkerStartError:
    if error.errno not in NO_PYTHON:
        return WorkerStartError(f"{launch.label}: no process could be started: {error.strerror or 'it took too long'}")
    return PythonNotFound(
        f"{launch.argv[0]!r} cannot be executed ({error.strerror}); no worker was started",
        hint="give --python an executable; workbench doctor lists those found",
    )
