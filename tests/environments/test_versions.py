"""The same package in workers of several CPythons: the same answers, in each kind and mode.

A function tells the version that it ran under, so that a green test proves it. Which versions there were is in the
summary; see `fix_pythons`.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from fix_pythons import Python

import workbench as wb

TABLE = pa.table({"a": [1, None, 3], "s": ["x", "", None]})

VERSION = "import sys\nHERE = '%d.%d' % sys.version_info[:2]\n"
SCALAR = {
    "row": "def evaluate(a, s):\n    return HERE, a, s\n",
    "tuples": "def evaluate(rows):\n    return [(HERE, a, s) for a, s in rows]\n",
    "list": "def evaluate(a: list, s: list):\n    return [(HERE, x, y) for x, y in zip(a, s)]\n",
    "arrow": "import pyarrow as pa\ndef evaluate(a: pa.Array, s: pa.Array):\n"
    "    return pa.StructArray.from_arrays([pa.array([HERE] * len(a)), a, s], ['here', 'a', 's'])\n",
    "async": "async def evaluate(a, s):\n    return HERE, a, s\n",
}
SERIES = "import pandas as pd\ndef evaluate(a: pd.Series) -> pd.Series:\n    return a + {}\n"
SUM = """class Sum:
    def __init__(self):
        self.total = 0
    def accumulate(self, a, s):
        self.total += a or 0
    def merge(self, other):
        self.total += other
    @property
    def aggregate_state(self):
        return self.total
    def finish(self):
        return HERE, self.total
"""
SCRIPT = """import sys
import pyarrow as pa
reader = pa.ipc.open_stream(sys.stdin.buffer)
writer = None
for batch in reader:
    out = pa.RecordBatch.from_arrays([pa.array([HERE] * len(batch)), *batch.columns], ["here", *batch.schema.names])
    writer = writer or pa.ipc.new_stream(sys.stdout.buffer, out.schema)
    writer.write_batch(out)
"""


def results(w: wb.Workbench, python: Python, source: str, signature: str | None, **more: Any) -> pa.Table:
    """What a package makes of the table in a worker of that Python; its bytes are those of any other's package."""
    here = w.register(VERSION + source, signature, **more)
    there = w.register(VERSION + source, signature, python=python.executable, **more)
    assert there.sha256 == here.sha256
    run = there.run(TABLE, batch_rows=2, timeout=60).wait()
    assert run.record.dead == run.record.skipped == run.record.restarts == 0
    return run.to_arrow()


@pytest.mark.parametrize("mode", SCALAR)
def test_scalar(w: wb.Workbench, python: Python, mode: str) -> None:
    """In every mode that needs no further package, NULLs included."""
    out = results(
        w,
        python,
        SCALAR[mode],
        "f(a BIGINT, s STRING) -> STRUCT<here:STRING, a:BIGINT, s:STRING>",
        batch_size=2 if mode == "tuples" else None,
    )
    expected = [{"here": python.version, **row} for row in TABLE.to_pylist()]
    assert out["f"].to_pylist() == expected


def test_series(w: wb.Workbench, python: Python) -> None:
    """With the pandas of that Python."""
    if python.pandas == "none":
        pytest.skip(f"CPython {python.full} has no pandas")
    minor = int(python.version.partition(".")[2])
    out = results(w, python, SERIES.format("sys.version_info[1]"), "f(a BIGINT) -> BIGINT")
    assert out["f"].to_pylist() == [1 + minor, None, 3 + minor]


def test_aggregate(w: wb.Workbench, python: Python) -> None:
    """Whose state is pickled, merged and finished there."""
    out = results(w, python, SUM, "f(a BIGINT, s STRING) -> STRUCT<here:STRING, total:BIGINT>", kind="udaf")
    assert out["f"].to_pylist() == [{"here": python.version, "total": 4}]


def test_table_function(w: wb.Workbench, python: Python) -> None:
    """Rows of several columns, and none."""
    source = "def evaluate(a, s):\n    for i in range(a or 0):\n        yield HERE, i\n"
    out = results(w, python, source, "f(a BIGINT, s STRING) -> ARRAY<STRUCT<here:STRING, i:INT>>")
    assert out.select(["here", "i"]).to_pylist() == [{"here": python.version, "i": i} for i in (0, 0, 1, 2)]


def test_script(w: wb.Workbench, python: Python) -> None:
    """An operator that reads and writes Arrow streams."""
    out = results(w, python, SCRIPT, None, kind="script", name="s")
    assert out.to_pylist() == [{"here": python.version, **row} for row in TABLE.to_pylist()]


def test_values_of_objects(w: wb.Workbench, python: Python) -> None:
    """Dates, decimals, zones, addresses and nested values, which older Pythons and Arrows store differently."""
    source = "def evaluate(v):\n    return v, repr(v)\n"
    sql = "STRUCT<d:DECIMAL(40,2), t:TIMESTAMPTZ(6), i:IPV6, n:MAP<STRING, ARRAY<LARGEINT>>>"
    f = w.register(source, f"f(v {sql}) -> STRUCT<v:{sql}, seen:STRING>", python=python.executable)
    given = {"d": 12, "t": pd.Timestamp("2024-01-01T08:00+08:00"), "i": "::1", "n": {"k": [2**127 - 1, None]}}
    found = f.call(given)
    assert found["seen"] == (
        "{'d': Decimal('12.00'), 't': datetime.datetime(2024, 1, 1, 0, 0, tzinfo=datetime.timezone.utc), "
        "'i': IPv6Address('::1'), 'n': {'k': [170141183460469231731687303715884105727, None]}}"
    )
    assert repr(found["v"]) == found["seen"]
