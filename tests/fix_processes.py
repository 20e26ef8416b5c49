"""Live workers for tests: what a child loads, how it is launched, and a bench that runs it and puts everything away.

Left out on purpose: sessions and packages; here a function is a file, and a misbehaving child a small program.
"""

from __future__ import annotations

import os
import selectors
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pytest

import workbench.worker
from workbench.events import ROUTINE, Event, LogLine
from workbench.supervisor.outcome import Outcome
from workbench.supervisor.pool import Pool
from workbench.supervisor.restart import RestartPolicy
from workbench.supervisor.source import Source
from workbench.supervisor.supervisor import Supervisor
from workbench.supervisor.worker import Died, Launch, Worker
from workbench.transport.base import Reply
from workbench.transport.framed import FramedChannel
from workbench.types import parse_type

WORKER: Final = Path(workbench.worker.__file__).parent
PROGRAMS: Final = Path(__file__).parent / "supervisor" / "programs"
ENV: Final = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
DEADLINE: Final = 20.0
"""Seconds after which a test is told that what it waits for does not come."""


def setup(
    kind: str = "udf",
    arguments: Sequence[str] = ("BIGINT",),
    returns: Sequence[str] = ("BIGINT",),
    **more: Any,
) -> dict[str, Any]:
    """What a worker loads, as `workbench.session.launch` says it: a function ``evaluate`` of ``udf_under_test``."""
    types = [parse_type(sql) for sql in returns]
    schema = pa.schema([pa.field(f"out{index}", type_.arrow) for index, type_ in enumerate(types)])
    return {
        "roots": [],
        "module": "udf_under_test",
        "attribute": "evaluate",
        "kind": kind,
        "mode": "row" if (more.get("batch_size") or 1) == 1 else "tuples",
        "forms": [],
        "batch_size": None,
        "always_nullable": True,
        "arguments": [parse_type(sql).wire for sql in arguments],
        "outputs": [{"name": f"out{index}", "wire": t.wire, "sql": str(t)} for index, t in enumerate(types)],
        "output_schema": schema.serialize().to_pybytes().hex(),
        **more,
    }


def function(folder: Path, source: str, *, launch: Mapping[str, Any] | None = None, **more: Any) -> Launch:
    """How to launch a worker of the function in ``source``, which is written into ``folder``."""
    (folder / "udf_under_test.py").write_text(source, encoding="utf-8")
    given = setup(**{"roots": [str(folder)], **more})
    options: dict[str, Any] = {
        "label": "evaluate",
        "argv": (sys.executable, str(WORKER)),
        "env": ENV,
        "channel": FramedChannel,
        "setup": given,
        "key": str(folder),
        "keeps_state": given["kind"] == "udaf",
        **(launch or {}),
    }
    return Launch(**options)


def by_socket() -> FramedChannel:
    """The channel to a child that knows nothing of shared memory."""
    return FramedChannel(threshold=None)


def program(name: str, *arguments: str, **more: Any) -> Launch:
    """How to launch one of the misbehaving children in ``supervisor/programs``, which take and give one BIGINT."""
    env = {**ENV, "PYTHONPATH": os.pathsep.join([str(WORKER), str(PROGRAMS)])}
    argv = (sys.executable, "-S", str(PROGRAMS / f"{name}.py"), *arguments)
    return Launch(**{"label": name, "argv": argv, "env": env, "channel": by_socket, "setup": setup(), **more})


def batch(*columns: Iterable[Any], types: Sequence[str] = ()) -> pa.RecordBatch:
    """A batch of columns ``a``, ``b`` …, BIGINT unless ``types`` says otherwise."""
    arrays = [
        pa.array(list(column), parse_type(types[index]).arrow if types else pa.int64())
        for index, column in enumerate(columns)
    ]
    return pa.record_batch(arrays, names=[chr(ord("a") + index) for index in range(len(arrays))])


def ids(batches: int, rows: int) -> list[pa.RecordBatch]:
    """Batches of one column that number all rows from 0."""
    return [batch(range(number * rows, (number + 1) * rows)) for number in range(batches)]


@dataclass
class Bench:
    """Runs supervisors, and remembers what they told."""

    pool: Pool = field(default_factory=Pool)
    events: list[Event] = field(default_factory=list)
    lines: list[LogLine] = field(default_factory=list)
    supervisors: list[Supervisor] = field(default_factory=list)

    def supervisor(
        self,
        launch: Launch,
        schema: pa.Schema,
        *,
        on_error: str = "fail",
        max_restarts: int | None = None,
        width: int = 0,
        **more: Any,
    ) -> Supervisor:
        """A supervisor that has started."""
        made = Supervisor(
            launch,
            schema=schema,
            options={"on_error": on_error, "group_width": width, "report": 100},
            policy=RestartPolicy(max_restarts, jitter=lambda: 0.5),
            pool=self.pool,
            emit=self.events.append,
            log=self.lines.append,
            **more,
        )
        self.supervisors.append(made)
        made.start()
        return made

    def run(self, launch: Launch, batches: Sequence[pa.RecordBatch], **more: Any) -> list[Outcome]:
        """All outcomes of a run over ``batches``, the workers given back."""
        supervisor = self.supervisor(launch, batches[0].schema, **more)
        try:
            return list(supervisor.outcomes(source(batches)))
        finally:
            supervisor.close()

    def kinds(self) -> list[str]:
        """The kinds of events, but for what is routine."""
        return [event.kind for event in self.events if event.kind not in ROUTINE]

    def event(self, kind: str) -> Event:
        """The first event of a kind."""
        return next(event for event in self.events if event.kind == kind)

    def text(self, stream: str) -> list[str]:
        """The lines printed to a stream."""
        return [line.text for line in self.lines if line.stream == stream]

    def pid(self, slot: int = 0) -> int:
        """The process in a slot of the newest supervisor."""
        worker = self.supervisors[-1]._slots[slot].worker
        assert worker is not None
        return worker.pid

    def close(self) -> None:
        for supervisor in self.supervisors:
            supervisor.close()
        self.pool.close()


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A bench whose workers are gone when the test ends."""
    made = Bench()
    yield made
    made.close()


def source(batches: Iterable[pa.RecordBatch]) -> Source:
    """Batches that are at hand; the context of each is its number."""
    return Source((item, number) for number, item in enumerate(batches))


def column(outcomes: Iterable[Outcome]) -> list[Any]:
    """The first column of all that came back, in the order in which it came."""
    return [value for outcome in outcomes for part in outcome.batches for value in part.column(0).to_pylist()]


def listen(worker: Worker, done: Callable[[Reply | Died], bool], seconds: float = DEADLINE) -> list[Reply | Died]:
    """What a worker says until ``done`` of one of it."""
    said: list[Reply | Died] = []
    deadline = time.monotonic() + seconds
    while not any(map(done, said)):
        assert time.monotonic() < deadline, f"after {seconds} s it had said only {said}"
        with selectors.DefaultSelector() as selector:
            for fd, mask in worker.fds().items():
                selector.register(fd, mask)
            ready = [(key.fd, mask) for key, mask in selector.select(deadline - time.monotonic())]
        for fd, mask in ready:
            said += worker.on_ready(fd, mask) if fd in worker.fds() else []
    return said


def until(condition: Callable[[], bool], seconds: float = DEADLINE) -> None:
    """Wait for something that no file descriptor tells, such as the end of a process that is not ours."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not so after {seconds} s"
        time.sleep(0.005)


def alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
