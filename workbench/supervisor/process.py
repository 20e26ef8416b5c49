"""One child process: spawned by one long-lived thread, reaped at once, signalled as a group, never left behind.

The invariant: each process that was spawned here is waited for exactly once, by a thread of its own; a pid is
signalled only while it is not reaped, so never somebody else's. `Process.exit_fd` becomes readable at death, so that
a `select` can wait for it. Left out on purpose: what the process says, and whether its death is a loss.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Final

SPAWN_SECONDS: Final = 30.0
KILL_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended: ``signal`` is a name such as ``SIGSEGV``, or ``status`` the number it left with."""

    signal: str | None = None
    status: int | None = None

    def __str__(self) -> str:
        return self.signal or f"exit {self.status}"

    @classmethod
    def of(cls, returncode: int) -> Exit:
        if returncode >= 0:
            return cls(status=returncode)
        try:
            return cls(signal=signal.Signals(-returncode).name)
        except ValueError:
            return cls(signal=f"signal {-returncode}")


class Process:
    """A child and its process group. Made by `spawn`, and by `workbench.supervisor.template`."""

    def __init__(self, pid: int, exit_fd: int, exit_write: int) -> None:
        self.exit_fd, self._exit_write = exit_fd, exit_write
        self._lock = threading.Lock()
        self._done = threading.Event()
        self.exit: Exit | None = None
        self.pid: Final = pid

    def __repr__(self) -> str:
        return f"<Process {'running' if self.exit is None else self.exit}>"

    def ended(self, reap: Callable[[], int]) -> None:
        """Take note of its death, once, by whoever waits for it.

        ``reap`` gives the status; after it the pid may be somebody else's.
        """
        with self._lock:
            self._kill_group()  # grandchildren that would keep our pipes open
            self.exit = Exit.of(reap())
            # Written, not only closed: a forked copy of this process would keep the pipe open. And before `close` may
            # know of it, which closes the other end.
            os.write(self._exit_write, b"!")
            os.close(self._exit_write)
            self._done.set()

    def _kill_group(self) -> None:
        # The group may be gone, or (macOS) all of it zombies.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def signal(self, number: int) -> None:
        """Send a signal to the process, not to its children; nothing happens if it has ended."""
        with self._lock:
            if self.exit is None:
                os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL to the whole group; nothing happens if the process has ended."""
        with self._lock:
            if self.exit is None:
                self._kill_group()

    def wait(self, timeout: float) -> Exit | None:
        """How it ended, None if it runs on after ``timeout`` seconds."""
        self._done.wait(timeout)
        return self.exit

    def close(self) -> None:
        """Kill it if it runs, wait until it is reaped, and close `exit_fd`. May be called twice."""
        self.kill()
        reaped = self._done.wait(KILL_SECONDS)  # longer only if it hangs in the kernel; its reaper waits on
        if reaped and self.exit_fd >= 0:
            os.close(self.exit_fd)
            self.exit_fd = -1


def _reap(popen: subprocess.Popen[bytes], process: Process) -> None:
    """Wait for the end of a spawned process and tell it. Runs in a thread of its own."""
    if hasattr(os, "waitid"):
        # The process stays a zombie until its lock is held: `signal` never meets a pid that is somebody else's.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    else:  # macOS before CPython 3.13
        popen.wait()
    process.ended(popen.wait)


class _Spawner:
    """The one thread that spawns: a child that asks to die with its parent dies with the *thread* (measured)."""

    def __init__(self) -> None:
        self._requests: SimpleQueue[tuple[Callable[[], Process], Future[Process]]] = SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="workbench-spawner", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            make, future = self._requests.get()
            try:
                future.set_result(make())
            except BaseException as error:  # noqa: BLE001 - handed to whoever asked for the process
                future.set_exception(error)

    def spawn(self, make: Callable[[], Process]) -> Process:
        future: Future[Process] = Future()
        self._requests.put((make, future))
        try:
            return future.result(SPAWN_SECONDS)
        except BaseException:
            # Interrupted while waiting: what is spawned all the same must not live on unknown.
            future.add_done_callback(discard)
            raise


def discard(future: Future[Process]) -> None:
    """End a process that nobody waits for any more, as soon as it is there."""
    if not future.cancelled() and future.exception() is None:
        future.result().close()


_spawner: _Spawner | None = None
_spawner_lock = threading.Lock()


def _the_spawner() -> _Spawner:
    global _spawner  # noqa: PLW0603 - one thread for the life of this process
    with _spawner_lock:
        if _spawner is None:
            _spawner = _Spawner()
        return _spawner


def _forget_spawner() -> None:
    """A forked child of this process has no such thread."""
    global _spawner  # noqa: PLW0603 - as above
    _spawner = None


os.register_at_fork(after_in_child=_forget_spawner)


def spawn(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: str,
    stdin: int | None,
    stdout: int,
    stderr: int,
    pass_fds: Sequence[int] = (),
) -> Process:
    """Start ``argv`` in a session of its own, with exactly these fds and variables. OSError if it cannot be started."""

    def make() -> Process:
        with ExitStack() as undo:
            exit_fd, exit_write = os.pipe()
            undo.callback(os.close, exit_fd)
            undo.callback(os.close, exit_write)
            popen = subprocess.Popen(
                list(argv),
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL if stdin is None else stdin,
                stdout=stdout,
                stderr=stderr,
                pass_fds=tuple(pass_fds),
                start_new_session=True,
            )
            undo.callback(popen.wait)
            undo.callback(popen.kill)
            process = Process(popen.pid, exit_fd, exit_write)
            # A thread that sleeps in the kernel costs 50 µs to make and no time to keep, on every system the same.
            threading.Thread(target=_reap, args=(popen, process), name="workbench-reaper", daemon=True).start()
            undo.pop_all()
        return process

    return _the_spawner().spawn(make)
