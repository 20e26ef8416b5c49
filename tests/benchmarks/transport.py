"""How much faster batches are through shared memory than through the socket: ``python tests/benchmarks/transport.py``.

Both ways run the same function in the same kind of worker, in turns; printed are medians and spread per batch. ``here``
is the same function called in this process by the worker's own code, so without any transport. Left out on purpose:
other engines.
"""

from __future__ import annotations

import runpy
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import pyarrow as pa
from fix_processes import Bench, batch, function, source

from workbench.supervisor.worker import Launch
from workbench.transport.framed import FramedChannel
from workbench.worker.scalar import Scalar

ROUNDS = 7
WAYS = {"socket": None, "arena": 0}
GCD = "import math\ndef evaluate(a, b):\n    return math.gcd(a, b)\n"
SAME = "def evaluate(a):\n    return a\n"
LENGTH = "def evaluate(a):\n    return len(a)\n"


def workloads() -> Iterator[tuple[str, str, list[str], str, list[pa.RecordBatch]]]:
    """Name, source, types of arguments and result, and batches."""
    yield "gcd, 65,536 rows", GCD, ["BIGINT"] * 2, "BIGINT", [batch(range(65_536), range(1, 65_537))] * 15
    yield "identity BIGINT, 65,536 rows", SAME, ["BIGINT"], "BIGINT", [batch(range(65_536))] * 30
    yield "identity BIGINT, 8,192 rows", SAME, ["BIGINT"], "BIGINT", [batch(range(8_192))] * 60
    for size in (64, 256, 1024, 4096):
        text = [batch(["x" * 1000] * (size * 1024 // 1000), types=["STRING"])] * 30
        yield f"identity 1 kB STRING, {size} kB", SAME, ["STRING"], "STRING", text
    text = [batch(["x" * 1000] * 30_000, types=["STRING"])] * 5
    yield "identity 1 kB STRING, 30 MB", SAME, ["STRING"], "STRING", text
    yield "len of 1 kB STRING, 30 MB", LENGTH, ["STRING"], "BIGINT", text


def through(launch: Launch, batches: list[pa.RecordBatch], bench: Bench) -> float:
    """Seconds per batch of one run."""
    supervisor = bench.supervisor(launch, batches[0].schema)
    started = time.perf_counter()
    for _ in supervisor.outcomes(source(batches)):
        pass
    seconds = time.perf_counter() - started
    supervisor.close()
    return seconds / len(batches)


def here(launch: Launch, batches: list[pa.RecordBatch]) -> float:
    """Seconds per batch in this process."""
    made = runpy.run_path(f"{launch.key}/udf_under_test.py")
    work = Scalar(made["evaluate"], launch.setup)
    started = time.perf_counter()
    for number, item in enumerate(batches):
        work.batch(number, item)
    return (time.perf_counter() - started) / len(batches)


def main() -> None:
    """Print one line for each workload."""
    for name, code, arguments, result, batches in workloads():
        bench = Bench()
        launches = {}
        for way, threshold in WAYS.items():
            folder = Path(tempfile.mkdtemp())
            channel = {"channel": partial(FramedChannel, threshold)}
            launches[way] = function(folder, code, arguments=arguments, returns=[result], launch=channel)
            through(launches[way], batches, bench)
        times: dict[str, list[float]] = {"here": [], **{way: [] for way in WAYS}}
        for _ in range(ROUNDS):
            times["here"].append(here(launches["socket"], batches))
            for way, launch in launches.items():
                times[way].append(through(launch, batches, bench))
        bench.close()
        middle = {way: statistics.median(found) for way, found in times.items()}
        shown = "  ".join(
            f"{way} {middle[way] * 1e3:8.3f} ms ({min(found) * 1e3:.2f}-{max(found) * 1e3:.2f})"
            for way, found in times.items()
        )
        print(f"{name:30} {shown}  socket/arena {middle['socket'] / middle['arena']:.2f}", flush=True)


if __name__ == "__main__":
    main()
