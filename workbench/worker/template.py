"""The warm template of an interpreter: it has imported what every worker needs, and forks one on request.

It is single-threaded and never runs user code, so forking it is safe. A forked worker gets fds, environment and
folder as if it had been spawned, and goes on in `host`. The invariant: a child that ended stays a zombie until the
parent has taken note (``reap``), so that its pid cannot be somebody else's meanwhile. Linux only: it needs pidfds and
packet sockets. Left out on purpose: which functions may use it; the parent decides (`workbench.supervisor.template`).
"""

from __future__ import annotations

import array
import gc
import io
import json
import os
import random
import select
import signal
import socket
import sys
import tempfile
import time
import warnings
from typing import Any, Dict, List, NoReturn

from . import aggregate, host, scalar, table  # noqa: F401 - imported once here, not in each worker

MAX_MESSAGE = 1 << 20


def main(fd: int) -> None:
    """Serve the parent's requests until it closes the socket."""
    host.die_with(os.getppid())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=fd)
    control.set_inheritable(False)
    control.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MAX_MESSAGE)
    import pyarrow as pa
    import pyarrow.compute
    import pyarrow.ipc

    pa.array([1, None])  # imports pandas, where it is installed: 200 ms that no worker has to spend again
    gc.collect()
    gc.freeze()
    # With 3.12 a fork beside numpy's idle BLAS threads warns; those have handlers for it, and nothing else runs here.
    warnings.simplefilter("ignore", DeprecationWarning)
    _tell(control, {"ready": True, "threads": len(os.listdir("/proc/self/task"))})
    living: Dict[int, int] = {}  # pidfd -> pid
    while True:
        ready, _, _ = select.select([control.fileno(), *living], [], [])
        for one in ready:
            if one in living:
                _report(control, living.pop(one), one)
        if control.fileno() in ready and not _serve(control, living):
            return


def _tell(control: socket.socket, message: Dict[str, Any]) -> None:
    control.send(json.dumps(message).encode("ascii"))


def _report(control: socket.socket, pid: int, pidfd: int) -> None:
    """Say how a child ended, and leave it unreaped."""
    found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    os.close(pidfd)
    if found is not None:
        status = found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
        _tell(control, {"exited": pid, "status": status})


def _serve(control: socket.socket, living: Dict[int, int]) -> bool:
    """One request; False when the parent has closed the socket."""
    fds = array.array("i")
    data, ancillary, _, _ = control.recvmsg(MAX_MESSAGE, socket.CMSG_SPACE(8 * fds.itemsize))
    if not data:
        return False
    for level, kind, payload in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
    request = json.loads(data)
    if "reap" in request:
        os.waitpid(request["reap"], 0)
        return True
    me = os.getpid()
    pid = 0
    try:
        pid = os.fork()
        if pid == 0:
            _worker(control, list(living), request, list(fds), me)
        living[os.pidfd_open(pid)] = pid
    except OSError as error:  # no process or no fd to be had: the workers that there are go on
        if pid:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        _tell(control, {"refused": error.errno})
    else:
        _tell(control, {"forked": pid})
    finally:
        for fd in fds:
            os.close(fd)
    return True


def _worker(
    control: socket.socket, others: List[int], request: Dict[str, Any], fds: List[int], parent: int
) -> NoReturn:
    """Become a worker. Never returns into the template's loop, whatever happens."""
    status = 1
    try:
        host.die_with(parent)
        os.setsid()
        control.close()
        for fd in others:
            os.close(fd)
        channel, stdout, stderr = fds
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (stdout, 1), (stderr, 2)):
            os.dup2(source, target)
        for fd in (null, stdout, stderr):
            os.close(fd)
        os.environ.clear()
        os.environ.update(request["env"])
        time.tzset()
        os.chdir(request["cwd"])
        tempfile.tempdir = None
        random.seed()
        if "numpy.random" in sys.modules:
            sys.modules["numpy.random"].seed()
        _streams()
        gc.unfreeze()
        gc.freeze()
        host.main(channel)
        status = 0
    except SystemExit:
        status = 1
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)


def _streams() -> None:
    """Text streams over the new fds, as a fresh interpreter would have them."""

    def text(fd: int, mode: str) -> Any:
        binary = open(fd, mode, closefd=False)  # noqa: SIM115 - it stays open
        return io.TextIOWrapper(binary, "utf-8", "backslashreplace", line_buffering=True)

    for name, fd, mode in (("stdin", 0, "rb"), ("stdout", 1, "wb"), ("stderr", 2, "wb")):
        stream = text(fd, mode)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
