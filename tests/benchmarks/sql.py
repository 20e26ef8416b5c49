"""A row function over 2 M rows of a query: ``python tests/benchmarks/sql.py``.

Printed are rows per second of the query, of the same rows in batches of 100,000 through a run with 2 workers, and of
the function over plain lists in this process, the limit of one core; then the seconds of a running window. Left out on
purpose: other engines, unless pyspark is installed, whose ``udf`` is then run on two local cores.
"""

from __future__ import annotations

import importlib
import importlib.util
import statistics
import tempfile
import time
from collections.abc import Callable

import pyarrow as pa

import workbench as wb
from workbench.session.query import Queries

ROWS = 2_000_000
ROUNDS = 5
WINDOW_ROWS = 16_384
TOTAL = """
class Total:
    def __init__(self):
        self.total = 0
    def accumulate(self, value):
        self.total += value
    @property
    def aggregate_state(self):
        return self.total
    def merge(self, other):
        self.total += other
    def finish(self):
        return self.total
"""
SOURCE = "def evaluate(a):\n    return a + 1\n"


def measured(name: str, run: Callable[[], object]) -> float:
    """Rows per second: the median of the rounds, after one to warm up."""
    run()
    speeds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        run()
        speeds.append(ROWS / (time.perf_counter() - started))
    middle = statistics.median(speeds)
    print(f"{name:44} {middle / 1e6:6.2f} M rows/s ({min(speeds) / 1e6:.2f}-{max(speeds) / 1e6:.2f})", flush=True)
    return middle


def windows(queries: Queries) -> None:
    """Seconds of a running window of an aggregate, over one partition and over three."""
    table = pa.table({"o": range(WINDOW_ROWS), "g": [row % 3 for row in range(WINDOW_ROWS)]})
    for partition in ("", "PARTITION BY g "):
        took = []
        for _ in range(ROUNDS + 1):
            started = time.perf_counter()
            queries.run(f"SELECT total(o) OVER ({partition}ORDER BY o) AS r FROM t", {"t": table})
            took.append(time.perf_counter() - started)
        print(
            f"running window, {WINDOW_ROWS} rows, {partition or 'no partition':16} {statistics.median(took[1:]):6.3f} s"
        )


def spark(table: pa.Table) -> None:
    """The same by Spark's own row function."""
    builder = importlib.import_module("pyspark.sql").SparkSession.builder
    session = builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    session.createDataFrame(table.to_pandas()).createOrReplaceTempView("t")
    session.udf.register("plus", lambda a: a + 1, "bigint")
    measured("Spark SQL udf, local[2]", lambda: session.sql("SELECT sum(plus(a)) FROM t").collect())
    session.stop()


def main() -> None:
    """Print one line for each way."""
    table = pa.table({"a": pa.array(range(ROWS), pa.int64())})
    with wb.Workbench(tempfile.mkdtemp()) as workbench:
        plus = workbench.register(SOURCE, "plus(a BIGINT) -> BIGINT")
        queries = Queries(workbench)

        def here() -> pa.Array:
            return pa.array([value + 1 for value in table.column("a").to_pylist()], pa.int64())

        called = measured("SQL", lambda: queries.run("SELECT plus(a) AS b FROM t", {"t": table}))
        staged = measured("staged, 2 workers", lambda: plus.run(table, batch_rows=100_000, workers=2).to_arrow())
        limit = measured("in this process, one core", here)
        print(f"SQL / staged {called / staged:.2f}   SQL / limit {called / limit:.2f}")
        workbench.register(TOTAL, "total(v BIGINT) -> BIGINT")
        windows(queries)
        queries.close()
    if importlib.util.find_spec("pyspark"):
        spark(table)


if __name__ == "__main__":
    main()
