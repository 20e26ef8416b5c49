"""What a mode gains on a function that waits 10 ms a row: rows, ``batch_size=32`` with 32 threads, and async rows.

    python -m tests.benchmarks.batching

One warm worker each; ends with an error if the tuples are not at least ten times as fast as the rows. Left out on
purpose: calls that compute, which threads do not make faster.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import pyarrow as pa

import workbench as wb

ROWS: Final = 320
TARGET: Final = 10.0
MODES: Final = {
    "row": "import time\ndef evaluate(a):\n    time.sleep(0.01)\n    return 2 * a\n",
    "batch_size=32, 32 threads": (
        "import time\nfrom concurrent.futures import ThreadPoolExecutor\n\n"
        "pool = ThreadPoolExecutor(32)\n\n"
        "def double(row):\n    time.sleep(0.01)\n    return 2 * row[0]\n\n"
        "def evaluate(rows):\n    return list(pool.map(double, rows))\n"
    ),
    "async, 64 at once": "import asyncio\nasync def evaluate(a):\n    await asyncio.sleep(0.01)\n    return 2 * a\n",
}


def main() -> int:
    """Print the seconds of each mode and its gain over rows; 1 if batching gains too little."""
    table = pa.table({"a": range(ROWS)})
    taken: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as home, wb.Workbench(Path(home)) as workbench:
        for index, (name, source) in enumerate(MODES.items()):
            size = 32 if name.startswith("batch_size") else None
            function = workbench.register(source, f"double{index}(a BIGINT) -> BIGINT", batch_size=size)
            function.call(1)  # its worker is there
            began = time.perf_counter()
            result = function.run(table).to_arrow()
            taken[name] = time.perf_counter() - began
            if result[f"double{index}"].to_pylist() != [2 * row for row in range(ROWS)]:
                raise AssertionError(f"{name}: wrong results")
            print(f"{name:<26} {taken[name]:6.3f} s for {ROWS} calls of 10 ms  {taken['row'] / taken[name]:5.1f} x")
    gain = taken["row"] / taken["batch_size=32, 32 threads"]
    print(f"batch_size=32 gains {gain:.1f} x over rows, the target is {TARGET:g} x")
    return 0 if gain >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
