"""A long mixed load in one process: what it holds at the end of it is what it held soon after its beginning.

Measured are descriptors, threads, children, memory, temporary files and /dev/shm, after each round; a slope is a line
through the second half of them. Left out on purpose: what a screen would hold.
"""

from __future__ import annotations

import gc
import os
import statistics
import tempfile
import threading
import time
from pathlib import Path
from random import Random
from typing import Final

import workbench as wb
from workbench.errors import WorkbenchError
from workbench.supervisor.memory import resident

from .common import batches, children, kill, workers_of

MINUTES: Final = 0.2
GROWTH: Final = 0.1
"""How much of its middle each measure may grow in the second half, memory's noise included."""

ECHO: Final = "def evaluate(id):\n    return id\n"
SUM: Final = """
class Sum:
    def __init__(self): self.total = 0
    def accumulate(self, id): self.total += id
    def merge(self, other): self.total += other
    @property
    def aggregate_state(self): return self.total
    def finish(self): return self.total
"""
SCRIPT: Final = """
import sys
import pyarrow as pa
reader = pa.ipc.open_stream(sys.stdin.buffer)
writer = pa.ipc.new_stream(sys.stdout.buffer, reader.schema)
for batch in reader:
    writer.write_batch(batch)
"""


def measures() -> dict[str, int]:
    """What this process holds now."""
    gc.collect()
    return {
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "threads": threading.active_count(),
        "children": len(children()),
        "bytes of memory": resident(os.getpid()) or 0,
        "temporary files": sum(1 for _ in Path(tempfile.gettempdir()).rglob("*")),
        "files in /dev/shm": len(list(Path("/dev/shm").iterdir())),
    }


def s10_long(rng: Random, home: Path, full: bool, *, minutes: float = MINUTES) -> str:
    """Good calls, large batches, kills, poison, early stops and re-registration leave nothing behind that adds up."""
    deadline, seen, rounds = time.monotonic() + 60 * minutes, [], 0
    with wb.Workbench(home) as w:
        while time.monotonic() < deadline or rounds < 20:
            _round(rng, w, rounds)
            rounds += 1
            seen.append(measures())
    later = seen[len(seen) // 2 :]
    report = []
    for name in later[0]:
        values = [one[name] for one in later]
        slope = statistics.linear_regression(range(len(values)), values).slope
        grown = slope * len(values) / max(1.0, statistics.mean(values))
        assert grown < GROWTH, f"{name} grew by {grown:.1%} in the second half: {values[0]:,} … {values[-1]:,}"
        report.append(f"{name} {grown:+.1%}")
    return f"{rounds:,} rounds in {minutes:g} minutes; in the second half {', '.join(report)}"


def _round(rng: Random, w: wb.Workbench, number: int) -> None:
    """One of everything."""
    echo = w.register(ECHO, "echo(id BIGINT) -> BIGINT")
    assert echo.call(number) == number
    large = echo.run(batches(4, 50_000), workers=2, max_restarts=1000)
    at = rng.randrange(8)
    for count, _ in enumerate(large.batches()):
        if count == at:
            kill(rng.choice(workers_of(large)))
    with echo.run(batches(50, 100)) as early:
        next(early.batches())
    total = w.register(SUM, "total(id BIGINT) -> BIGINT").run(batches(20, 100), workers=2).to_arrow()
    assert total.column("total").to_pylist() == [sum(range(2000))]
    poison = f"import os\ndef evaluate(id):\n    if id == {rng.randrange(500)}: os._exit(1)\n    return id\n"
    bad = w.register(poison, "bad(id BIGINT) -> BIGINT")
    run = bad.run(batches(5, 100), on_error="dead_letter", max_restarts=1000)
    assert run.to_arrow().num_rows == 499
    try:
        bad.run(batches(5, 100)).wait()
    except WorkbenchError:
        bad.stop()
    else:
        raise AssertionError("a poison row was answered")
    copied = w.register(SCRIPT, kind="script", name="copied").run(batches(5, 100)).to_arrow()
    assert copied.num_rows == 500
    w.drop("bad")
