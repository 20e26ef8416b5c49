"""A row function over 2 M rows of a query: ``python tests/benchmarks/sql.py``.

Printed are rows per second of the query, which is run in stages, of the query by DuckDB's calls of 2,048 rows, of the
same rows in batches of 100,000 through a run with 2 workers, and of the function over plain lists in this process, the
limit of one core. Left out on purpose: other engines, unless pyspark is installed, whose ``udf`` is then run on two
local cores.
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
from workbench.engines import duckdb_staged
from workbench.session.query import Queries

ROWS = 2_000_000
ROUNDS = 5
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

        def query() -> object:
            return queries.run("SELECT plus(a) AS b FROM t", {"t": table})

        sql = measured("SQL, in stages", query)
        many, duckdb_staged.MANY_ROWS = duckdb_staged.MANY_ROWS, ROWS + 1  # type: ignore[misc]
        called = measured("SQL, DuckDB's calls", query)
        duckdb_staged.MANY_ROWS = many  # type: ignore[misc]
        run = measured("a run, 2 workers", lambda: plus.run(table, batch_rows=100_000, workers=2).to_arrow())
        limit = measured("in this process, one core", here)
        print(f"SQL / run {sql / run:.2f}   calls / run {called / run:.2f}   SQL / limit {sql / limit:.2f}")
        queries.close()
    if importlib.util.find_spec("pyspark"):
        spark(table)


if __name__ == "__main__":
    main()
