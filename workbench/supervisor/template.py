"""Forking ready workers from a warm template process, where the system can; spawning them where it cannot.

One template for each interpreter, started with the first worker that wants it and ended with the pool. The invariant:
a forked worker is a `Process` like a spawned one: its death is told once, and its pid is signalled only while it is
its own. Left out on purpose: what the template does (`workbench.worker.template`).
"""

from __future__ import annotations

import array
import json
import os
import signal
import socket
import sys
import threading
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final

from workbench.errors import WorkerStartError
from workbench.supervisor import process as processes
from workbench.supervisor.process import Process, discard

START_SECONDS: Final = 30.0
FORK_SECONDS: Final = 10.0
MAX_MESSAGE: Final = 1 << 20

MOST_FAILURES: Final = 3
"""Templates of one interpreter that may end before its workers are spawned instead: somebody is killing them."""

BEFORE_START: Final = ("PYTHON", "LD_", "DYLD_", "MALLOC_", "OMP_", "OPENBLAS_", "MKL_", "ARROW_", "GLIBC_")
"""Variables that work only if they are set before an interpreter starts: such a function's workers are spawned."""


def can_fork() -> bool:
    """Whether this system has what a template needs: packet sockets, fd passing and pidfds."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open") and hasattr(socket, "SOCK_SEQPACKET")


class _Forked(Process):
    """A worker that the template forked; the template tells how it ended."""

    def __init__(self, pid: int) -> None:
        super().__init__(pid, *os.pipe())


class Template:
    """One warm process. Made by `Templates`; its own thread reads what it tells."""

    def __init__(self, argv: tuple[str, ...], env: Mapping[str, str]) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = threading.Lock()
        self._asked: deque[Future[Process]] = deque()  # answered in this order
        self._ready: Future[None] = Future()
        self._living: dict[int, _Forked] = {}
        null = os.open(os.devnull, os.O_RDWR)
        try:
            self.process = processes.spawn(
                argv,
                env={**env, "WORKBENCH_TEMPLATE_FD": str(theirs.fileno())},
                cwd=os.sep,
                stdin=None,
                stdout=null,
                stderr=null,
                pass_fds=(theirs.fileno(),),
            )
        except BaseException:
            self._control.close()
            raise
        finally:
            os.close(null)
            theirs.close()
        threading.Thread(target=self._listen, name="workbench-template", daemon=True).start()

    @property
    def was_ready(self) -> bool:
        """Whether it could have forked something once."""
        return self._ready.done() and self._ready.exception() is None

    def _listen(self) -> None:
        """Take note of what the template tells, until it ends."""
        while True:
            try:
                data = self._control.recv(MAX_MESSAGE)
            except OSError:
                data = b""
            if not data:
                break
            self._hear(json.loads(data))
        gone = WorkerStartError("the template process ended")
        if not self._ready.done():
            self._ready.set_exception(gone)
        with self._lock:
            asked, self._asked = list(self._asked), deque()
            living, self._living = list(self._living.values()), {}
        for future in asked:
            future.set_exception(gone)
        for process in living:  # they asked the kernel to die with it
            process.ended(lambda: -signal.SIGKILL)

    def _hear(self, message: Mapping[str, Any]) -> None:
        if "ready" in message:
            self._ready.set_result(None)
        elif "forked" in message:
            process = _Forked(message["forked"])
            with self._lock:
                self._living[process.pid] = process
                asked = self._asked.popleft()
            asked.set_result(process)
        elif "refused" in message:
            with self._lock:
                asked = self._asked.popleft()
            asked.set_exception(OSError(message["refused"], os.strerror(message["refused"])))
        else:
            with self._lock:
                ended = self._living.pop(message["exited"])
            ended.ended(lambda: int(message["status"]))
            self._send({"reap": ended.pid}, [])

    def _send(self, message: Mapping[str, Any], fds: list[int]) -> None:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self._control.sendmsg([json.dumps(message).encode("ascii")], rights)

    def start(self, env: Mapping[str, str], cwd: str, fds: list[int]) -> Process:
        """A worker with these fds: its channel, stdout and stderr.

        Raises WorkerStartError if the template is gone, OSError if the system has no process to give.
        """
        self._ready.result(START_SECONDS)
        asked: Future[Process] = Future()
        with self._lock:
            self._asked.append(asked)
            try:
                self._send({"env": dict(env), "cwd": cwd}, fds)
            except OSError as error:
                self._asked.pop()
                raise WorkerStartError("the template process ended") from error
        try:
            return asked.result(FORK_SECONDS)
        except BaseException:
            # Interrupted while waiting: what is forked all the same must not live on unknown.
            asked.add_done_callback(discard)
            raise

    def close(self) -> None:
        """End it, and with it what it forked."""
        with suppress(OSError):  # it ended before
            self._control.shutdown(socket.SHUT_RDWR)
        self.process.close()
        self._control.close()


class Templates:
    """The templates of a pool, by interpreter. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._templates: dict[str, Template] = {}
        self._retired: list[Template] = []
        self._failures: Counter[str] = Counter()
        self._closed = False

    def start(
        self, argv: Sequence[str], *, base: Mapping[str, str], env: Mapping[str, str], cwd: str, fds: list[int]
    ) -> Process | None:
        """A worker of the interpreter and worker folder in ``argv``; None where it has to be spawned.

        ``base`` is the environment of the template, ``env`` that of the worker, ``fds`` its channel, stdout and
        stderr.
        """
        key = json.dumps([list(argv), sorted(base.items())])
        if not can_fork() or any(name.startswith(BEFORE_START) and base.get(name) != env[name] for name in env):
            return None
        while (template := self._template(key, argv, base)) is not None:
            try:
                return template.start(env, cwd, fds)
            except (WorkerStartError, TimeoutError) as error:
                died = template.was_ready and isinstance(error, WorkerStartError)
                with self._lock:
                    if self._templates.get(key) is template:
                        self._retired.append(self._templates.pop(key))
                        # An interpreter without pyarrow, or an old one, will never do: a spawned worker says it.
                        self._failures[key] += 1 if died else MOST_FAILURES
        return None

    def _template(self, key: str, argv: Sequence[str], base: Mapping[str, str]) -> Template | None:
        """The template to use now, None if there is to be none."""
        with self._lock:
            if self._closed or self._failures[key] >= MOST_FAILURES:
                return None
            if key not in self._templates:
                self._templates[key] = Template(tuple(argv), base)
            return self._templates[key]

    def close(self) -> None:
        """End all of them and what they forked."""
        with self._lock:
            self._closed = True
            templates = [*self._templates.values(), *self._retired]
            self._templates, self._retired = {}, []
        for template in templates:
            template.close()
