"""Two versions on the same rows, through real workers: what differs is told, row by row, in each kind of function."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

import workbench as wb
from workbench.checking.compare import NoResult
from workbench.errors import FunctionNotFound, UsageProblem

SIGNATURE = "f(a INT, s STRING) -> STRING"
FIRST = "def evaluate(a, s):\n    return s if a else None\n"
SECOND = "def evaluate(a, s):\n    return s + str(1 // (a - 2))[:0] if a else ''\n"
SAMPLE = pd.DataFrame({"a": [1, 0, 2, 3], "s": ["x", None, "y", "z"], "v1": [9, 8, 7, 6]})
SUM = """class Sum:
    def __init__(self):
        self.total = 0.0
    def accumulate(self, a):
        self.total += {}
    def merge(self, other):
        self.total += other
    @property
    def aggregate_state(self):
        return self.total
    def finish(self):
        return self.total
"""
SCRIPT = """import sys
import pyarrow as pa
reader = pa.ipc.open_stream(sys.stdin.buffer)
writer = None
for batch in reader:
    batch = batch.slice({})
    writer = writer or pa.ipc.new_stream(sys.stdout.buffer, batch.schema)
    writer.write_batch(batch)
"""


def pair(w: wb.Workbench, first: str, second: str, signature: str | None, **more: Any) -> tuple[wb.Function, ...]:
    """Two versions."""
    return w.register(first, signature, **more), w.register(second, signature, **more)


def test_rows_that_differ_are_told(w: wb.Workbench) -> None:
    """NULL is not the empty string; a failing row shows its error; columns of the data keep apart from ours."""
    v1, _ = pair(w, FIRST, SECOND, SIGNATURE)
    found = v1.compare(2, SAMPLE, columns=["a", "s"])
    frame = found.to_pandas()
    assert not found.same
    assert repr(found) == "<Comparison of f v1 and v2: 2 of 4 rows differ; rows that failed: v1 0, v2 1>"
    assert list(frame.columns) == ["row", "a", "s", "input_v1", "v1", "v2"]
    assert frame["row"].tolist() == [1, 2]
    assert frame["v1"].tolist() == [None, "y"]
    assert frame["v2"].tolist() == ["", "ZeroDivisionError: integer division or modulo by zero"]
    assert [type(value) for value in frame["v2"]] == [str, NoResult]


def test_the_same(w: wb.Workbench) -> None:
    """NaN is NaN, also within a list; no row is told, and another batch size changes nothing."""
    source = "def evaluate(a):\n    return [float('nan'), a{}]\n"
    v1, v2 = pair(w, source.format(""), source.format(" * 1.0"), "f(a DOUBLE) -> ARRAY<DOUBLE>")
    table = pa.table({"a": [1.0, None, float("nan")]}).slice(0, 1)
    found = v1.compare(v2, table, batch_rows=1)
    assert found.same
    assert found.summary() == "v1 and v2: the same in 1 row"
    assert found.to_pandas().empty


def test_another_function(w: wb.Workbench) -> None:
    """Columns are named after functions that have different names; types that differ do not count."""
    one = w.register("def evaluate(a):\n    return a\n", "one(a INT) -> INT")
    other = w.register("def evaluate(a):\n    return a / 2 * 2\n", "other(x INT) -> DOUBLE")
    found = one.compare(other, pa.table({"a": [1, 2]}))
    assert found.same
    assert found.labels == ("one v1", "other v1")


def test_aggregates_by_groups(w: wb.Workbench) -> None:
    """NULL and NaN are groups; a group of which a row fails shows that; one that is only there on one side, too."""
    v1, v2 = pair(w, SUM.format("a"), SUM.format("1 / a"), "total(a DOUBLE) -> DOUBLE")
    frame = pa.table({"g": [1.0, 1.0, 2.0, None, float("nan")], "a": [1.0, 1.0, 0.0, 4.0, 5.0]})
    found = v1.compare(v2, frame, group_by="g")
    told = found.to_pandas()
    assert found.summary() == "v1 and v2: 3 of 4 groups differ; rows that failed: v1 0, v2 1"
    assert list(told.columns) == ["g", "v1", "v2"]
    assert told["v1"].tolist() == [0.0, 4.0, 5.0]
    assert told["v2"].tolist() == ["row 2: ZeroDivisionError: float division by zero", 0.25, 0.2]
    whole = v1.compare(v2, frame.slice(0, 2), columns="a")
    assert whole.same
    assert whole.total == 1


def test_table_functions_by_input_row(w: wb.Workbench) -> None:
    """All that a row gave is one result; no output is an empty list."""
    source = "def evaluate(a):\n    for i in range(a{}):\n        yield i, 'x'\n"
    v1, v2 = pair(w, source.format(""), source.format(" // 2 * 2"), "f(a INT) -> ARRAY<STRUCT<i:INT, t:STRING>>")
    told = v1.compare(v2, pa.table({"a": [0, 1, 2]})).to_pandas()
    assert told.to_dict("records") == [{"row": 1, "a": 1, "v1": [(0, "x")], "v2": []}]


def test_scripts_by_output_rows(w: wb.Workbench) -> None:
    """In their order; where one has fewer rows, the other's stand alone."""
    v1, v2 = pair(w, SCRIPT.format(0), SCRIPT.format("0, 1"), None, kind="script", name="s")
    found = v1.compare(v2, pa.table({"a": [1, 2], "b": ["x", "y"]}))
    assert found.summary() == "v1 and v2: 1 of 2 output rows differs"
    assert found.to_pandas().to_dict("records") == [{"row": 1, "v1": {"a": 2, "b": "y"}, "v2": "missing"}]


def test_a_row_that_kills_is_told(w: wb.Workbench) -> None:
    """A crash is isolated like an error, and the other rows are compared."""
    deadly = "import os\ndef evaluate(a):\n    if a == 1:\n        os.kill(os.getpid(), 9)\n    return a\n"
    v1, v2 = pair(w, "def evaluate(a):\n    return a\n", deadly, "f(a INT) -> INT")
    told = v1.compare(v2, pa.table({"a": [0, 1, 2]})).to_pandas()
    assert told["row"].tolist() == [1]
    assert "SIGKILL" in told["v2"][0]


def test_without_data_it_is_that_of_the_last_run(w: wb.Workbench, tmp_path: Path) -> None:
    """Of any version, with its columns and groups; a stream cannot be read again, which is said."""
    v1, v2 = pair(w, SUM.format("a"), SUM.format("a + 1"), "total(a DOUBLE) -> DOUBLE")
    with pytest.raises(UsageProblem, match="there are no rows to compare on"):
        v1.compare(v2)
    v2.run(pd.DataFrame({"g": ["x", "y"], "b": [1.0, 2.0]}), columns="b", group_by="g").wait()
    assert v1.compare(v2).to_pandas()["g"].tolist() == ["x", "y"]
    path = tmp_path / "in.csv"
    path.write_text("a\n1\n")
    v1.run(path).wait()
    assert v1.compare(v2).to_pandas().to_dict("records") == [{"v1": 1.0, "v2": 2.0}]
    v1.run(iter([pa.record_batch({"a": [1.0]})])).wait()
    with pytest.raises(UsageProblem, match="over a stream"):
        v1.compare(v2)


def test_a_comparison_is_not_the_last_run(w: wb.Workbench) -> None:
    """It may be repeated, and the rows that failed in the last run can still be replayed."""
    v1, v2 = pair(w, FIRST, SECOND, SIGNATURE)
    v2.run(SAMPLE.head(3), columns=["a", "s"], on_error="dead_letter").wait()
    first = v1.compare(v2)
    assert first.to_pandas().equals(v1.compare(v2).to_pandas())
    assert v1.compare(v2, SAMPLE.tail(1), columns=["a", "s"]).same
    assert v2.failures["row"].tolist() == [2]
    assert v1.replay(2).to_arrow()["f"].to_pylist() == ["y"]
    assert v1.compare(v2).total == 3


def test_what_cannot_be_compared(w: wb.Workbench) -> None:
    """A version with itself, one that is not there, and different kinds."""
    v1, v2 = pair(w, FIRST, SECOND, SIGNATURE)
    table = w.register("def evaluate(a, s):\n    yield s\n", "t(a INT, s STRING) -> ARRAY<STRING>")
    with pytest.raises(UsageProblem, match="f v1 was to be compared with itself"):
        v1.compare(1, SAMPLE)
    with pytest.raises(FunctionNotFound, match="has no version 3"):
        v1.compare(3, SAMPLE)
    with pytest.raises(UsageProblem, match="f v2 is a udf, t v1 a udtf"):
        v2.compare(table, SAMPLE)


def test_the_source_diff(w: wb.Workbench) -> None:
    """Against the version before, or another; of an overload its own versions count."""
    w.register("def evaluate(a):\n    return a\n", "f(a BIGINT) -> BIGINT")
    v1, v2 = pair(w, FIRST, SECOND, SIGNATURE)
    assert [one.version for one in v1.versions] == [1, 2]
    assert v1.diff() == ""
    assert v2.diff().splitlines() == [
        "--- f v1",
        "+++ f v2",
        "@@ -1,2 +1,2 @@",
        " def evaluate(a, s):",
        "-    return s if a else None",
        "+    return s + str(1 // (a - 2))[:0] if a else ''",
    ]
    assert v1.diff(2).startswith("--- f v2\n+++ f v1\n")
    with pytest.raises(FunctionNotFound, match="f has no version 9"):
        v1.diff(9)
