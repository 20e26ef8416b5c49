"""Having a worker ready before it is needed."""

from __future__ import annotations

import selectors
import time

from workbench.supervisor.pool import Pool
from workbench.supervisor.refusal import died_at_start, not_ready, refused_to_load
from workbench.supervisor.worker import Died, Launch, Worker, ignore
from workbench.transport.base import Marked, Refused


def warm(launch: Launch, pool: Pool) -> None:
    """Start a worker, wait until it is ready, and leave it in the pool.

    Raises WorkerStartError, WorkerCrashed, RunClosed.
    """
    pool.check_open()
    worker = Worker(launch, ignore, pool.templates)
    deadline = worker.started_at + launch.start_timeout
    try:
        while worker.ready is None:
            with selectors.DefaultSelector() as selector:
                for fd, mask in worker.fds().items():
                    selector.register(fd, mask)
                ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready or time.monotonic() > deadline:
                raise not_ready(launch, worker.last_lines, worker.channel.phase)
            for key, mask in ready:
                for reply in worker.on_ready(key.fd, mask) if key.fd in worker.fds() else ():
                    if isinstance(reply, Marked):
                        worker.pass_marks(reply.pipes)
                    if isinstance(reply, Refused):
                        raise refused_to_load(launch.label, reply.info, worker.last_lines)
                    if isinstance(reply, Died):
                        raise died_at_start(launch, reply)
                worker.drain_logs()  # nothing is answered yet whose they could be
    except BaseException:
        worker.close()
        raise
    pool.give(worker)
