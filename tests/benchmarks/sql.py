"""A row function over 2 M rows of a query: ``python tests/benchmarks/sql.py``.

Printed are rows per second of the query, of the same rows in batches of 100,000 through a run with 2 workers, and of
the function over plain lists in this process, the limit of one core; then the seconds of a running window. They take
turns, and ratios are those of the medians. Where pyspark is installed (with Java, and pandas below 3), so does Spark on
two local cores: by rows, by pandas and by Arrow; its results are only summed, ours are brought here. Left out on
purpose: other engines.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

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


def measured(ways: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Rows per second of each way: the median of the rounds, in which they take turns, after one to warm up."""
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(ROUNDS + 1):
        for name, run in ways.items():
            started = time.perf_counter()
            run()
            if number:
                speeds[name].append(ROWS / (time.perf_counter() - started))
    for name, found in speeds.items():
        spread = f"({min(found) / 1e6:.2f}-{max(found) / 1e6:.2f})"
        print(f"{name:44} {statistics.median(found) / 1e6:6.2f} M rows/s {spread}", flush=True)
    return {name: statistics.median(found) for name, found in speeds.items()}


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


@contextmanager
def spark(table: pa.Table) -> Iterator[dict[str, Callable[[], object]]]:
    """The same function as Spark's three kinds of UDF, over a cached table."""
    if not importlib.util.find_spec("pyspark"):
        print("Spark: skipped: pyspark is not installed")
        yield {}
        return
    os.environ["PYSPARK_PYTHON"] = sys.executable
    functions = importlib.import_module("pyspark.sql.functions")
    builder = importlib.import_module("pyspark.sql").SparkSession.builder
    session = builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    frame = session.createDataFrame(table).repartition(2).cache()
    frame.count()
    frame.createOrReplaceTempView("t")

    # Spark reads from their annotations what they take.
    def by_pandas(a: Any) -> Any:
        return a.__class__([value + 1 for value in a.tolist()])

    def by_arrow(a: Any) -> Any:
        return pa.array([value + 1 for value in a.to_numpy(zero_copy_only=False).tolist()], pa.int64())

    series = importlib.import_module("pandas").Series
    by_pandas.__annotations__ = {"a": series, "return": series}
    by_arrow.__annotations__ = {"a": pa.Array, "return": pa.Array}
    session.udf.register("by_rows", lambda a: a + 1, "bigint")
    session.udf.register("by_pandas", functions.pandas_udf(by_pandas, "bigint"))
    session.udf.register("by_arrow", functions.arrow_udf(by_arrow, "bigint"))

    def summed(name: str) -> Callable[[], object]:
        return lambda: session.sql(f"SELECT sum({name}(a)) FROM t").collect()

    kinds = {"udf": "by_rows", "pandas_udf": "by_pandas", "arrow_udf": "by_arrow"}
    yield {f"Spark SQL {kind}, local[2]": summed(name) for kind, name in kinds.items()}
    session.stop()


def main() -> None:
    """Print one line for each way."""
    table = pa.table({"a": pa.array(range(ROWS), pa.int64())})
    with tempfile.TemporaryDirectory() as home, wb.Workbench(home) as workbench, spark(table) as peers:
        plus = workbench.register(SOURCE, "plus(a BIGINT) -> BIGINT")
        queries = Queries(workbench)

        def here() -> pa.Array:
            return pa.array([value + 1 for value in table.column("a").to_pylist()], pa.int64())

        ours: dict[str, Callable[[], object]] = {
            "SQL": lambda: queries.run("SELECT plus(a) AS b FROM t", {"t": table}),
            "staged, 2 workers": lambda: plus.run(table, batch_rows=100_000, workers=2).to_arrow(),
            "in this process, one core": here,
        }
        speeds = measured(ours | peers)
        called = speeds["SQL"]
        for name in [*list(ours)[1:], *peers]:
            print(f"SQL / {name:38} {called / speeds[name]:6.2f}")
        workbench.register(TOTAL, "total(v BIGINT) -> BIGINT")
        windows(queries)
        queries.close()


if __name__ == "__main__":
    main()
