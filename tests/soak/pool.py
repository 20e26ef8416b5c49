"""Many threads, one function, few workers: some workers are killed, some consumers stop early, and every call is right.

Left out on purpose: threads that share one run; a run is moved by one.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

import pyarrow as pa

import workbench as wb

from .common import kill, workers_of

THREADS: Final = 64
WORKERS: Final = 8
SOURCE: Final = "def evaluate(a):\n    return 3 * a\n"


class _Client:
    """One thread's share: its calls, its dice, and what it saw."""

    def __init__(self, function: wb.Function, places: threading.Semaphore, dice: Random, calls: int) -> None:
        self._function, self._places, self._dice, self._calls = function, places, dice, calls
        self.waits: list[float] = []
        self.killed = self.stopped = 0
        self.error: BaseException | None = None

    def work(self) -> None:
        """Make all calls; the first wrong one ends it."""
        try:
            for _ in range(self._calls):
                began = time.monotonic()
                with self._places:
                    self.waits.append(time.monotonic() - began)
                    self._call()
        except BaseException as error:  # noqa: BLE001 - told by the main thread
            self.error = error

    def _call(self) -> None:
        first = self._dice.randrange(1 << 40)
        data = [
            pa.record_batch({"a": pa.array(range(at, at + 5), pa.int64())}) for at in (first, first + 5, first + 10)
        ]
        fate = self._dice.random()
        with self._function.run(data, max_restarts=1000) as run:
            if fate < 0.01:
                self.killed += 1
                for pid in workers_of(run):
                    kill(pid)
            answers: Iterator[Any] = (value for batch in run.batches() for value in batch.column(1).to_pylist())
            if 0.01 <= fate < 0.02:
                self.stopped += 1
                assert next(answers) == 3 * first, "a wrong first row"
            else:
                got = list(answers)
                assert got == [3 * a for a in range(first, first + 15)], f"wrong rows from {first} on: {got}"


def s5_pool(rng: Random, home: Path, full: bool) -> str:
    """All calls are right whoever dies and whoever stops early, and the pool has its workers at the end."""
    calls = 100_000 if full else 1_000
    with wb.Workbench(home) as w:
        function = w.register(SOURCE, "thrice(a BIGINT) -> BIGINT")
        function.start(WORKERS)
        places = threading.Semaphore(WORKERS)
        share = [calls // THREADS + (index < calls % THREADS) for index in range(THREADS)]
        clients = [_Client(function, places, Random(rng.random()), count) for count in share]
        threads = [threading.Thread(target=client.work, daemon=True) for client in clients]
        for thread in threads:
            thread.start()
        resized = _resize(w, threads, rng)
        for thread in threads:
            thread.join()
        for client in clients:
            if client.error is not None:
                raise AssertionError(f"a call failed: {client.error!r}") from client.error
        waits = sorted(wait for client in clients for wait in client.waits)
        assert len(waits) == calls, f"{len(waits)} calls"
        function.start(WORKERS)
        assert len(function.status["workers"]) >= WORKERS, "the pool lost capacity"
    killed, stopped = (sum(getattr(client, name) for client in clients) for name in ("killed", "stopped"))
    p99 = statistics.quantiles(waits, n=100)[98]
    return (
        f"{calls:,} calls of {THREADS} threads right, {killed} killed, {stopped} stopped early, {resized}, "
        f"p99 of the wait for one of {WORKERS} places {p99 * 1e3:.0f} ms"
    )


def _resize(w: wb.Workbench, threads: list[threading.Thread], rng: Random) -> str:
    """Meanwhile change how many workers the pool keeps."""
    count = 0
    while any(thread.is_alive() for thread in threads):
        w.pool.resize(rng.choice((2, 16)))
        count += 1
        time.sleep(0.05)
    w.pool.resize(WORKERS)
    return f"{count} times resized between 2 and 16"
