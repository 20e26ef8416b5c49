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
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final

from workbench.errors import WorkerStartError
from workbench.supervisor import process as processes
from workbench.supervisor.process import Process

START_SECONDS: Final = 30.0
FORK_SECONDS: Final = 10.0
MAX_MESSAGE: Final = 1 << 20

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
        self._asked: Future[Process] | None = None
        self._ready: Future[None] = Future()
        self._living: dict[int, _Forked] = {}
        null = os.open(os.devnull, os.O_RDWR)
        try:
            self._process = processes.spawn(
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
            asked, self._asked = self._asked, None
            living, self._living = list(self._living.values()), {}
        if asked is not None:
            asked.set_exception(gone)
        for process in living:  # they asked the kernel to die with it
            process.ended(lambda: -signal.SIGKILL)

    def _hear(self, message: Mapping[str, Any]) -> None:
        if "ready" in message:
            self._ready.set_result(None)
        elif "forked" in message:
            process = _Forked(message["forked"])
            with self._lock:
                self._living[process.pid] = process
                asked, self._asked = self._asked, None
            if asked is not None:
                asked.set_result(process)
        else:
            with self._lock:
                ended = self._living.pop(message["exited"])
            ended.ended(lambda: int(message["status"]))
            self._send({"reap": ended.pid}, [])

    def _send(self, message: Mapping[str, Any], fds: list[int]) -> None:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self._control.sendmsg([json.dumps(message).encode("ascii")], rights)

    def start(self, env: Mapping[str, str], cwd: str, fds: list[int]) -> Process:
        """A worker with these fds: its channel, stdout and stderr. Raises WorkerStartError if the template is gone."""
        self._ready.result(START_SECONDS)
        asked: Future[Process] = Future()
        with self._lock:
            self._asked = asked
            try:
                self._send({"env": dict(env), "cwd": cwd}, fds)
            except OSError as error:
                self._asked = None
                raise WorkerStartError("the template process ended") from error
        return asked.result(FORK_SECONDS)

    def close(self) -> None:
        """End it, and with it what it forked."""
        self._control.shutdown(socket.SHUT_RDWR)
        self._process.close()
        self._control.close()


class Templates:
    """The templates of a pool, by interpreter. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._templates: dict[str, Template] = {}
        self._broken: set[str] = set()

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
        with self._lock:
            if key in self._broken:
                return None
            template = self._templates.get(key)
            if template is None:
                template = self._templates[key] = Template(tuple(argv), base)
        try:
            return template.start(env, cwd, fds)
        except (WorkerStartError, TimeoutError):
            # An interpreter without pyarrow, or an old one: a spawned worker says what is wrong.
            with self._lock:
                self._broken.add(key)
            return None

    def close(self) -> None:
        """End all of them and what they forked."""
        with self._lock:
            templates, self._templates = list(self._templates.values()), {}
        for template in templates:
            template.close()
