"""One live subprocess: its process, its channel and its logs, seen as one thing that answers and may die.

The invariants: `Died` is the last thing a worker says, and it says it once, after everything that it had answered and
logged before its death has been read. A log line is handed on among the answers that it was printed among, if whoever
deals with those calls `pass_marks` for `Marked`, `settle_logs` when nothing is left to be dealt with, and `tell_logs`
for `Died`, as `workbench.supervisor.slot` does. Left out on purpose: what to do about it
(`workbench.supervisor.supervisor`).
"""

from __future__ import annotations

import errno
import os
import selectors
import shutil
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from workbench import settings
from workbench.dumps import Dumps, LastDump
from workbench.errors import PythonNotFound, WorkerStartError
from workbench.supervisor import process as processes
from workbench.supervisor import scratch
from workbench.supervisor.blotting import blotted
from workbench.supervisor.log_pipe import LogPipe
from workbench.supervisor.log_rate import LogRate
from workbench.supervisor.process import Exit, Process
from workbench.supervisor.template import Templates
from workbench.transport.base import Channel, Closed, Ready, Reply

READ: Final = selectors.EVENT_READ
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
        self._pipes: list[LogPipe] = []
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
        """Faulthandler's last dump in what was handed on of its log, if there is one."""
        return self._dump.text

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The end of what was handed on of its log, without dumps: those would leave no room for what it said."""
        return tuple(self._last)

    def _spawn(self, undo: ExitStack, templates: Templates | None) -> Process:
        with ExitStack() as handed_over:
            ends: dict[str, int] = {}
            for stream in ("stderr",) if self.channel.stdout is not None else ("stdout", "stderr"):
                read, ends[stream] = os.pipe()
                pipe = LogPipe(read, stream, self.channel.mark)
                undo.callback(pipe.close)
                handed_over.callback(os.close, ends[stream])
                os.set_blocking(read, False)
                self._pipes.append(pipe)
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
        logs = {pipe.fd: READ for pipe in self._pipes if pipe.open}
        return {**self.channel.fds(), **logs, self.process.exit_fd: READ}

    def on_ready(self, fd: int, mask: int) -> list[Reply | Died]:
        """What became known from one fd that is ready."""
        for pipe in self._pipes:
            if fd == pipe.fd and pipe.open:
                pipe.read()
                return []
        if fd == self.process.exit_fd:
            return self._bury()
        return self._note(self.channel.on_ready(fd, mask))

    def _blot(self, text: str) -> str:
        return text if self.launch.blot is None else self.launch.blot(text)

    def _note(self, replies: Any) -> list[Reply | Died]:
        kept: list[Reply | Died] = []
        for reply in replies:
            if isinstance(reply, Ready):
                self.ready = reply
            kept.append(reply if self.launch.blot is None else blotted(reply, self.launch.blot))
        return kept

    def pass_marks(self, pipes: int) -> None:
        """Hand on what was printed before the answer that comes now: in these pipes it ends at a mark."""
        for pipe in self._pipes:
            if pipe.bit & pipes:
                while not pipe.marked and pipe.open and pipe.read():
                    pass  # the mark was written before it was told of
                self._tell_lines(pipe)
                pipe.pass_mark()

    def settle_logs(self) -> list[Reply | Died]:
        """Hand on the lines that were read: if nothing was answered since, they are of what is not answered yet.

        If something was, it is returned, and the lines wait until it has been dealt with.
        """
        if not any(pipe.undecided for pipe in self._pipes):
            return []
        replies: list[Reply | Died] = []
        for fd, mask in self.channel.fds().items():
            if mask & READ:
                replies += self._note(self.channel.on_ready(fd, READ))
        if not replies:
            for pipe in self._pipes:
                self._tell_lines(pipe)
        return replies

    def _tell_lines(self, pipe: LogPipe) -> None:
        now = time.monotonic()
        for text in pipe.before_mark():
            line = self._blot(text)
            if pipe.dumps.holds(line):
                self._dump.add(line)
            else:
                self._last.append(line)  # all of them: the last before a death are the ones that matter
            self.tell_dropped(now)
            if self._rate.keeps(now):
                self.sink(pipe.stream, line)

    def tell_logs(self) -> None:
        """Hand on all that was read, and how much of it was not kept."""
        for pipe in self._pipes:
            while pipe.undecided or pipe.marked:
                self._tell_lines(pipe)
                pipe.pass_mark()
        self.tell_dropped()

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
        """Read what is in the log pipes now, at most a megabyte each, and hand on what was printed so far."""
        for pipe in self._pipes:
            self._read_all(pipe)
            self._tell_lines(pipe)

    @staticmethod
    def _read_all(pipe: LogPipe) -> None:
        for _ in range(16):
            if not (pipe.open and pipe.read()):
                break

    def _bury(self) -> list[Reply | Died]:
        """Read all that is left of a dead process, then say that it died."""
        exit_ = self.process.wait(settings.STOP_SECONDS)
        if exit_ is None:
            return []
        replies = self._last_words()
        last = self._last.copy()
        for pipe in self._pipes:
            self._read_all(pipe)
            dumps = Dumps()
            for line in map(self._blot, pipe.lines):  # which are handed on when it is known whose they are
                (self._dump.add if dumps.holds(line) else last.append)(line)
        self.died = Died(exit_, self.stack, tuple(last))
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
        for pipe in self._pipes:
            pipe.close()
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


def ignore(stream: str, text: str) -> None:
    """A sink for logs that nobody wants."""


def _not_spawned(launch: Launch, error: OSError) -> WorkerStartError:
    if error.errno not in NO_PYTHON:
        return WorkerStartError(f"{launch.label}: no process could be started: {error.strerror or 'it took too long'}")
    return PythonNotFound(
        f"{launch.argv[0]!r} cannot be executed ({error.strerror}); no worker was started",
        hint="give --python an executable; workbench doctor lists those found",
    )
