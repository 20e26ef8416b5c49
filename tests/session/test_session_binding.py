"""How columns become arguments, and answers columns: nothing is guessed, and what does not fit lists both sides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import workbench as wb
from workbench.errors import DataError, UdfError, UsageProblem
from workbench.functions import FunctionSpec, parse_signature
from workbench.session.binding import Binding

MINUS = "def evaluate(a, b):\n    return a - b\n"


def spec(signature: str, kind: Any = "udf") -> FunctionSpec:
    """A function that is never run."""
    parsed = parse_signature(signature)
    return FunctionSpec(parsed.name, kind, parsed, "f.f", "f.py")


def bound(signature: str, schema: dict[str, Any], kind: Any = "udf", **options: Any) -> Binding:
    """It, bound to columns of these types."""
    return Binding(spec(signature, kind), pa.schema(schema), **options)


def sent(binding: Binding, **columns: list[Any]) -> list[dict[str, Any]]:
    """The arguments that one batch of these columns sends."""
    batch = pa.RecordBatch.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns.values(), binding._input, strict=True)],
        schema=binding._input,
    )
    rows: list[dict[str, Any]] = binding.prepare(batch, 0)[0].to_pylist()
    return rows


INT = pa.int64()


@pytest.mark.parametrize(
    ("signature", "options"),
    [
        ("f(a BIGINT, b BIGINT) -> BIGINT", {}),
        ("f(a BIGINT, b BIGINT) -> BIGINT", {"columns": ["a", "b"]}),
        ("f(x BIGINT, y BIGINT) -> BIGINT", {"columns": ["a", "b"]}),
        ("f(b BIGINT, a BIGINT) -> BIGINT", {"columns": ["a", "b"]}),
        ("f(BIGINT, BIGINT) -> BIGINT", {"columns": ["a", "b"]}),
    ],
)
def test_arguments_by_name_or_in_the_order_of_columns(signature: str, options: dict[str, Any]) -> None:
    """By the signature's names wherever they stand; ``columns`` comes before names."""
    binding = bound(signature, {"b": INT, "c": INT, "a": INT}, **options)
    assert sent(binding, b=[2], c=[3], a=[1]) == [{"a0": 1, "a1": 2}]


def test_arguments_in_the_order_of_the_data() -> None:
    """Where the signature has no names, or none that the data has, the data's columns are taken in order."""
    for signature in ("f(BIGINT, BIGINT) -> BIGINT", "f(x BIGINT, y BIGINT) -> BIGINT"):
        assert sent(bound(signature, {"a": INT, "b": INT}), a=[1], b=[2]) == [{"a0": 1, "a1": 2}]
    binding = bound("f(x BIGINT) -> BIGINT", {"g": INT, "v": INT}, "udaf", group_by=["g"])
    assert sent(binding, g=[7], v=[1]) == [{"g": 7, "a0": 1}]


@pytest.mark.parametrize(
    ("signature", "options", "message"),
    [
        ("f(a BIGINT, z BIGINT) -> INT", {}, r"f: there is no column z: the signature wants \(a BIGINT, z BIGINT\)"),
        ("f(x INT) -> INT", {}, "f: the columns do not fit"),
        ("f(INT) -> INT", {}, "f: the columns do not fit"),
        ("f(a INT, b INT, c INT) -> INT", {}, "there is no column c"),
        ("f(a INT, b INT) -> INT", {"columns": ["a"]}, "f: columns holds 1 name:"),
        ("f(a INT, b INT) -> INT", {"columns": ["a", "q"]}, "f: columns: there is no column q"),
    ],
)
def test_a_frame_that_does_not_fit_lists_both(signature: str, options: dict[str, Any], message: str) -> None:
    """What the signature wants and what the data has stand in one message."""
    with pytest.raises(DataError, match=message) as caught:
        bound(signature, {"a": INT, "b": pa.string()}, **options)
    assert "the signature wants (" in str(caught.value)
    assert "the data has (a int64, b string)" in str(caught.value)


def test_columns_of_the_wrong_type_are_all_named() -> None:
    """Text for a number, bytes for text: every such column in one error, with both types."""
    with pytest.raises(DataError) as caught:
        bound("f(a INT, b STRING, c DOUBLE) -> INT", {"a": pa.string(), "b": pa.binary(), "c": pa.float32()})
    assert "column 'a' is string, the signature wants a INT; column 'b' is binary, the signature wants b STRING" in str(
        caught.value
    )


@pytest.mark.parametrize(
    ("signature", "kind", "schema", "options"),
    [
        ("f(a BIGINT) -> INT", "udf", {"a": INT, "f": INT}, {}),
        ("f(a BIGINT) -> ARRAY<STRUCT<a:INT, b:INT>>", "udtf", {"a": INT}, {}),
        ("g(a BIGINT) -> INT", "udaf", {"a": INT, "g": INT}, {"group_by": ["g"]}),
    ],
)
def test_the_place_of_the_result_must_be_free(
    signature: str, kind: str, schema: dict[str, Any], options: dict[str, Any]
) -> None:
    """A column that is named like the result would be hidden by it."""
    with pytest.raises(DataError, match=r"the data already has a column '[afg]', which is where [fg] puts its result"):
        bound(signature, schema, kind, **options)


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"v": INT}, r"group_by: there is no column 'g'; the data has \(v int64\)"),
        ({"v": INT, "g": pa.list_(INT)}, "group_by: the column 'g' is list<.*>, which cannot tell groups apart"),
    ],
)
def test_groups_are_columns_of_plain_values(schema: dict[str, Any], message: str) -> None:
    """A list is no group."""
    with pytest.raises(DataError, match=message):
        bound("f(v BIGINT) -> INT", schema, "udaf", group_by=["g"])


# -- through a worker --------------------------------------------------------------------------------------------------


def test_a_function_without_parameters_runs_over_a_frame(w: wb.Workbench) -> None:
    """It is called once for each row, whatever columns there are."""
    f = w.register("n = 0\ndef evaluate():\n    global n\n    n += 1\n    return n\n", "counter() -> INT")
    frame = pd.DataFrame({"a": ["x", "y", "z"], "b": [1, 2, 3]})
    assert f.run(frame, batch_rows=2).to_pandas()["counter"].tolist() == [1, 2, 3]
    t = w.register("def evaluate():\n    yield 1\n    yield 2\n", "pair() -> ARRAY<INT>")
    assert t.run(frame).to_pandas()["pair"].tolist() == [1, 2] * 3
    g = w.register(COUNT, "number() -> BIGINT")
    assert g.run(frame).to_pandas()["number"].tolist() == [3]
    assert g.run(frame, group_by="a").to_pandas()["number"].tolist() == [1, 1, 1]


COUNT = """
class Count:
    def __init__(self):
        self.count = 0
    def accumulate(self):
        self.count += 1
    def merge(self, other):
        self.count += other
    @property
    def aggregate_state(self):
        return self.count
    def finish(self):
        return self.count
"""


def test_rows_that_do_not_fit_follow_on_error(w: wb.Workbench) -> None:
    """An integer that does not fit INT is an error of its row, named with its number over the whole input."""
    f = w.register("def evaluate(a):\n    return a + 1\n", "inc(a INT) -> INT")
    frame = pd.DataFrame({"a": [0, 1, 2, 3, 2**40, 5, -(2**40), 7], "s": list("abcdefgh")})
    with pytest.raises(
        UdfError, match=r"inc failed at input row 4 \(batch 1, its row 1\): ValueMismatch: column 'a'"
    ) as c:
        f.run(frame, batch_rows=3).wait()
    assert (c.value.row, c.value.batch, c.value.row_in_batch, c.value.values["s"]) == (4, 1, 1, "'e'")
    run = f.run(frame, batch_rows=3, on_error="dead_letter").wait()
    assert run.to_pandas()["inc"].tolist() == [1, 2, 3, 4, 6, 8]
    assert run.dead_letters[["batch", "row", "s"]].values.tolist() == [[1, 4, "e"], [2, 6, "g"]]
    assert "value 1099511627776 does not fit INT" in run.dead_letters["error"][0]
    nulls = f.run(frame, batch_rows=3, on_error="null").wait()
    assert nulls.to_arrow()["inc"].to_pylist() == [1, 2, 3, 4, None, 6, None, 8]
    assert nulls.dead_letters.empty


def test_rejected_and_failing_rows_keep_their_numbers(w: wb.Workbench) -> None:
    """Rows that were never sent and rows that failed in the worker are told apart, in later batches too."""
    f = w.register("def evaluate(a):\n    return 100 // a\n", "part(a INT) -> INT")
    values = [1, 2**40, 0, 4, 2**40, 0, 7, 8, 0, 2**40]
    run = f.run(pd.DataFrame({"a": values}), batch_rows=4, on_error="dead_letter").wait()
    assert run.dead_letters["row"].tolist() == [1, 2, 4, 5, 8, 9]
    assert run.dead_letters["error_type"].tolist() == ["ValueMismatch", "ZeroDivisionError"] * 2 + [
        "ZeroDivisionError",
        "ValueMismatch",
    ]
    assert run.to_arrow()["a"].to_pylist() == [1, 4, 7, 8]
    table = w.register("def evaluate(a):\n    yield 100 // a\n    yield a\n", "parts(a INT) -> ARRAY<INT>")
    out = table.run(pd.DataFrame({"a": values}), batch_rows=4, on_error="dead_letter").to_arrow()
    assert out["parts"].to_pylist() == [100, 1, 25, 4, 14, 7, 12, 8]
    only_bad = f.run(pd.DataFrame({"a": [2**40, 2**41]}), on_error="dead_letter").wait()
    assert (only_bad.to_arrow().num_rows, only_bad.record.dead) == (0, 2)


def test_null_arrives_as_none(w: wb.Workbench) -> None:
    """NaN of pandas for an INT, None, and a column of the null type are all None; a DOUBLE keeps Arrow's NaN."""
    f = w.register("def evaluate(a, b, c):\n    return repr((a, b, c))\n", "show(a INT, b STRING, c DOUBLE) -> STRING")
    frame = pd.DataFrame({"a": [1.0, np.nan], "b": [None, None], "c": [1, None]})
    assert f.run(frame).to_arrow()["show"].to_pylist() == ["(1, None, 1.0)", "(None, None, None)"]
    table = pa.table({"a": pa.nulls(1), "b": pa.nulls(1), "c": [float("nan")]})
    assert f.run(table).to_arrow()["show"].to_pylist() == ["(None, None, nan)"]


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["x", None, "x"]).dictionary_encode(),
        pa.array(["x", None, "x"], pa.string_view()),
        pa.array(["x", None, "x"], pa.large_string()),
        pa.chunked_array([["x"], [None, "x"]]),
        pd.Series(["x", None, "x"], dtype="category"),
        pd.Series(["x", None, "x"], dtype=object),
        pd.Series(["x", None, "x"], dtype="str"),
    ],
    ids=["dictionary", "view", "large", "chunks", "category", "object", "str"],
)
def test_text_is_text_however_it_is_stored(w: wb.Workbench, column: Any) -> None:
    """The function gets a str; the input column comes back with the same values."""
    f = w.register("def evaluate(s):\n    return repr(s)\n", "show(s STRING) -> STRING")
    data = column.to_frame("s") if isinstance(column, pd.Series) else pa.table({"s": column})
    out = f.run(data).to_arrow()
    assert out.to_pydict() == {"s": ["x", None, "x"], "show": ["'x'", "None", "'x'"]}


@pytest.mark.parametrize(
    "keys",
    [
        pd.Categorical(["x", None, "x", "y"]),
        pd.Categorical([3, None, 3, 1]),
        pd.array([2, None, 2, 1], dtype="Int16"),
        [1.5, None, 1.5, 0.0],
        [pd.Timestamp("2020-01-01"), None, pd.Timestamp("2020-01-01"), pd.Timestamp("2021-01-01")],
        [True, None, True, False],
        ["", None, "", "a"],
    ],
    ids=["category of text", "category of int", "int16", "float", "timestamp", "bool", "text"],
)
def test_group_columns_come_back_as_they_were(w: wb.Workbench, keys: Any) -> None:
    """Type and order of first sight are kept, NULL is a group."""
    f = w.register(COUNT, "number() -> BIGINT")
    table = pa.Table.from_pandas(pd.DataFrame({"g": keys}), preserve_index=False)
    out = f.run(table, group_by="g", batch_rows=1).to_arrow()
    assert out.schema.field("g").type == table.schema.field("g").type
    assert out["g"].to_pylist() == table["g"].to_pylist()[:2] + table["g"].to_pylist()[3:]
    assert out["number"].to_pylist() == [2, 1, 1]


def test_input_columns_come_back_untouched(w: wb.Workbench) -> None:
    """Whatever types the function does not look at: nested, decimal, binary, extension types."""
    f = w.register("def evaluate(a):\n    yield a\n    yield a\n", "twice(a BIGINT) -> ARRAY<BIGINT>")
    table = pa.table(
        {
            "a": [1, 2],
            "nested": [[{"x": None}], None],
            "binary": [b"\x00", None],
            "period": pa.Table.from_pandas(pd.DataFrame({"p": pd.period_range("2020", periods=2, freq="D")}))["p"],
            "word": pa.array(["x", "y"]).dictionary_encode(),
        }
    )
    out = f.run(table).to_arrow()
    assert out.drop_columns(["twice"]).schema.equals(table.schema)
    assert out.drop_columns(["twice"]).take([0, 2]).to_pylist() == table.to_pylist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"group_by": "a"}, "group_by is for aggregates, this is a udf"),
        ({"on_error": "ignore"}, "on_error is 'ignore'\n  choose fail, dead_letter or null"),
        ({"on_invalid": "ignore"}, "on_invalid is 'ignore'"),
        ({"workers": 0}, "workers is 0"),
        ({"timeout": 0}, "timeout is 0"),
        ({"timeout": float("nan")}, "timeout is nan"),
        ({"batch_rows": 0}, "batch_rows is 0"),
        ({"max_restarts": -1}, "max_restarts is -1"),
        ({"memory_limit": 1_000}, "memory_limit is 1000 bytes"),
    ],
)
def test_options_that_make_no_sense_are_refused(w: wb.Workbench, options: dict[str, Any], message: str) -> None:
    """By name, before anything starts."""
    f = w.register(MINUS, "minus(a INT, b INT) -> INT")
    with pytest.raises(UsageProblem, match=f"minus: {message}"):
        f.run(pd.DataFrame({"a": [1], "b": [1]}), **options)
    assert f.runs.empty


def test_options_of_one_kind_are_refused_for_another(w: wb.Workbench) -> None:
    """NULL for a failing row of an aggregate or a table function, several workers or on_error for a script."""
    count = w.register(COUNT, "number() -> BIGINT")
    table = w.register("def evaluate(a):\n    yield a\n", "same(a INT) -> ARRAY<INT>")
    script = w.register("import sys\nsys.stdin.buffer.read()\n", name="swallow")
    frame = pd.DataFrame({"a": [1]})
    for function in (count, table):
        with pytest.raises(UsageProblem, match="on_error='null' has no meaning for a ud"):
            function.run(frame, on_error="null")
    with pytest.raises(UsageProblem, match="workers is 2\n  a script keeps its own state"):
        script.run(frame, workers=2)
    with pytest.raises(UsageProblem, match="on_error is for functions"):
        script.run(frame, on_error="dead_letter")
