"""Having a worker ready before it is needed."""

from __future__ import annotations

import selectors
import time

from workbench.errors import WorkerCrashed, WorkerStartError, WorkerStartTimeout
from workbench.supervisor.pool import Pool
from workbench.supervisor.refusal import frames_of, start_hint, start_text
from workbench.supervisor.worker import Died, Launch, Worker, ignore
from workbench.transport.base import Refused


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
                raise WorkerStartTimeout(
                    f"{launch.label}: the worker was not ready after {launch.start_timeout:g} s (phase: load)"
                )
            for key, mask in ready:
                for reply in worker.on_ready(key.fd, mask) if key.fd in worker.fds() else ():
                    if isinstance(reply, Refused):
                        info = reply.info
                        raise WorkerStartError(
                            start_text(launch.label, info), frames=frames_of(info), hint=start_hint(info)
                        )
                    if isinstance(reply, Died):
                        raise WorkerCrashed(
                            f"{launch.label} died of {reply.exit} before it was ready", logs=reply.last_lines
                        )
    except BaseException:
        worker.close()
        raise
    pool.give(worker)
