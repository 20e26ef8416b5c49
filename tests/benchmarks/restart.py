"""How long a crash takes to heal, from a warm template and by a plain spawn, and what one row costs.

    python -m tests.benchmarks.restart [--rounds N]

Medians; the time of a crash is from the kill of a worker that is working to the next outcome of the run. One row is a
run of its own, or a question in an open run, as SQL asks; the limit is a message to a process and back. They take
turns.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa

import workbench as wb
from workbench.session.lane import Lane, Offered
from workbench.supervisor import template

WAITS = """
import os, time
def waits(a, path):
    if os.path.exists(path):
        os.rename(path, path + ".met")
        time.sleep(60)
    return a
"""
ECHO = "def echo(a):\n    return a\n"
PONG = "import os\nwhile data := os.read(0, 100):\n    os.write(1, data)\n"


def crash(w: wb.Workbench, folder: Path, rounds: int) -> list[float]:
    """Seconds from kill -9 in the middle of a batch to its answer."""
    function = w.register(WAITS, "waits(a BIGINT, path STRING) -> BIGINT")
    found: list[float] = []
    for number in range(rounds):
        flag, met = folder / str(number), folder / f"{number}.met"
        flag.touch()
        run = function.run(pa.table({"a": [0, 1], "path": ["", str(flag)]}), batch_rows=1, max_restarts=10)
        outcomes = run.batches()
        next(outcomes)
        while not met.exists():
            time.sleep(0.001)
        met.unlink()
        pid = next(event.pid for event in run.record.all_events if event.kind == "started")
        assert pid is not None
        started = time.perf_counter()
        os.kill(pid, signal.SIGKILL)
        next(outcomes)
        found.append(time.perf_counter() - started)
        assert run.record.restarts == 1
        run.close()
    return found


def one_row(w: wb.Workbench, rounds: int) -> dict[str, list[float]]:
    """Seconds of a batch of one row, on a worker that is ready."""
    echo = w.register(ECHO, "echo(a BIGINT) -> BIGINT")
    table = pa.table({"a": [1]})
    (batch,) = table.to_batches()
    lane = echo.run(Offered(table.schema))
    assert isinstance(lane, Lane)
    with subprocess.Popen([sys.executable, "-c", PONG], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as pong:
        assert pong.stdin is not None
        assert pong.stdout is not None
        to, back = pong.stdin.fileno(), pong.stdout.fileno()

        def message() -> None:
            os.write(to, b"!" * 100)
            os.read(back, 100)

        ways: dict[str, Callable[[], object]] = {
            "a run": lambda: echo.run(table).to_arrow(),
            "a call": lambda: echo.call(1),
            "asked in an open run": lambda: lane.ask(batch),
            "a message": message,
        }
        found: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(10 * rounds):
            for name, way in ways.items():
                way()  # what the other ways left in the caches is not its own
                started = time.perf_counter()
                way()
                found[name].append(time.perf_counter() - started)
    lane.done()
    return found


def measure(what: Callable[[wb.Workbench], list[float]]) -> float:
    """The median in milliseconds, in a workbench of its own."""
    with tempfile.TemporaryDirectory() as home, wb.Workbench(home) as w:
        return statistics.median(what(w)) * 1000


def main(argv: list[str] | None = None) -> int:
    """Print the medians."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.restart", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args(argv).rounds
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        warm = measure(lambda w: crash(w, folder, rounds))
        with patch.object(template, "can_fork", lambda: False):
            cold = measure(lambda w: crash(w, folder, max(5, rounds // 4)))
    print(f"crash to next result, warm template: {warm:.1f} ms")
    print(f"crash to next result, plain spawn:   {cold:.1f} ms ({cold / warm:.0f} times as long)")
    with tempfile.TemporaryDirectory() as home, wb.Workbench(home) as w:
        for name, taken in one_row(w, rounds).items():
            print(f"one row: {name:27} {statistics.median(taken) * 1000:.3f} ms, at best {min(taken) * 1000:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
