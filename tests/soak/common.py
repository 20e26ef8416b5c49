"""What the soak runs share: batches of numbered rows, what is left of a run, and who is alive.

Left out on purpose: what is promised; that is said by each run.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final
from unittest import mock

import pyarrow as pa

import workbench as wb
from workbench.session import launch as launching
from workbench.transport.framed import FramedChannel

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the fixtures and benches of the tests are

from fix_leaks import descriptors

TESTS: Final = Path(__file__).parents[1]
WAYS: Final = {"socket": None, "shared memory": 0}
"""How many bytes a batch must have to go through shared memory, so that all go the same way."""


@contextmanager
def through(way: str) -> Iterator[None]:
    """All batches of the workers that are launched here go this way, however large they are."""
    with mock.patch.object(launching, "FramedChannel", partial(FramedChannel, WAYS[way])):
        yield


def check_way(way: str, run: wb.Run) -> None:
    """A run that is counted for one way must have gone that way: its living workers are asked."""
    maps = [Path(f"/proc/{pid}/maps").read_text(encoding="utf-8") for pid in workers_of(run)]
    assert any("memfd:workbench" in text for text in maps) == (way != "socket"), f"this run did not go by {way}"


def children() -> list[int]:
    """The processes that this one has now, also those that its templates forked."""
    found: list[int] = []
    waiting = [os.getpid()]
    while waiting:
        pid = waiting.pop()
        for path in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                born = [int(text) for text in path.read_text().split()]
            except OSError:
                continue
            found += born
            waiting += born
    return found


def held() -> Counter[str]:
    """What this process has open by kind, and the names in /dev/shm."""
    return descriptors() + Counter(f"/dev/shm/{path.name}" for path in Path("/dev/shm").iterdir())


def leaks(before: Counter[str]) -> str:
    """What is left of the runs since: processes, temporary folders, descriptors, shared memory.

    Empty if nothing is, after 2 s.
    """
    deadline = time.monotonic() + 2
    while True:
        gc.collect()
        processes, more = children(), held() - before
        folders = sorted(path.name for path in Path(tempfile.gettempdir()).glob("udf-*/*"))
        if not processes and not folders and not more:
            return ""
        if time.monotonic() > deadline:
            return f"processes {processes}, folders {folders}, descriptors {dict(more)}"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    """Whether it can still do anything; a zombie only waits for init."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def batches(count: int, rows: int) -> Iterator[pa.RecordBatch]:
    """Batches of consecutive ids."""
    for number in range(count):
        yield pa.RecordBatch.from_pydict({"id": pa.array(range(number * rows, (number + 1) * rows), pa.int64())})


def workers_of(run: wb.Run) -> list[int]:
    """The pids of a run's workers now."""
    events = run.events
    started = set(events.loc[events["kind"].isin(["started", "restarted"]), "pid"].dropna().astype(int))
    return [pid for pid in started if alive(pid)]


def kill(pid: int) -> None:
    """Kill -9; the worker may have been ended for another reason since it was chosen."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
