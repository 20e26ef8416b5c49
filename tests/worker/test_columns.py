"""Functions that get whole columns: what they get, what they may give back, and what happens when they fail."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fix_processes import setup

from workbench.types import parse_type
from workbench.worker.columns import giver
from workbench.worker.scalar import Scalar

HERE = str(Path(__file__).parent)
FORMS = ("list", "pd.Series", "np.ndarray", "pa.Array", "pa.ChunkedArray")
BIG = 2**60 + 1

VALUES: dict[str, list[Any]] = {
    "BOOLEAN": [True, None, False],
    "TINYINT": [-128, None, 127],
    "SMALLINT": [-(2**15), None, 2**15 - 1],
    "INT": [-(2**31), None, 2**31 - 1],
    "BIGINT": [-(2**63), None, 2**63 - 1],
    "LARGEINT": [-(2**127), None, 2**127 - 1],
    "FLOAT": [0.5, None, -math.inf],
    "DOUBLE": [1e300, None, 0.1],
    "DECIMAL(5,2)": [Decimal("-999.99"), None, Decimal("0.10")],
    "DECIMAL(50,10)": [Decimal(10**39), None, Decimal("1e-10")],
    "STRING": ["", None, "äβ🎉"],
    "DATE": [date(1, 1, 1), None, date(9999, 12, 31)],
    "DATETIME": [datetime.min, None, datetime.max],  # noqa: DTZ901 - a wall clock
    "ARRAY<INT>": [[1, None], None, []],
    "MAP<STRING, LARGEINT>": [{"a": 2**100}, None, {}],
    "STRUCT<a:INT, b:STRING>": [{"a": 1, "b": None}, None, {"a": None, "b": "x"}],
    "ARRAY<MAP<STRING, DATE>>": [[{"k": date(2020, 2, 29)}, None], None, []],
}
Result = tuple[list[Any], list[dict[str, Any]]]


def column(sql: str, values: Sequence[Any]) -> pa.Array:
    """Values as a column of the type's storage."""

    def stored(value: Any) -> Any:
        if isinstance(value, dict) and not sql.startswith("STRUCT"):
            return [(key, Decimal(item) if "LARGEINT" in sql else item) for key, item in value.items()]
        if isinstance(value, list):
            return [stored(item) for item in value]
        return Decimal(value) if sql == "LARGEINT" and value is not None else value

    return pa.array([stored(value) for value in values], parse_type(sql).arrow)


def run(
    function: Callable[..., Any],
    forms: Sequence[str],
    columns: Sequence[pa.Array],
    types: Sequence[str],
    returns: str,
    *,
    on_error: str = "dead_letter",
    **more: Any,
) -> Result:
    """The values that came out, and the errors."""
    hosted = Scalar(
        function, setup(roots=[HERE], mode="columns", forms=list(forms), arguments=types, returns=[returns], **more)
    )
    hosted.open({"on_error": on_error})
    parts, meta = hosted.batch(0, pa.RecordBatch.from_arrays(columns, names=[str(i) for i in range(len(columns))]))
    return [value for part in parts for value in part.column(0).to_pylist()], meta["errors"]


def ints(function: Callable[..., Any], form: str, values: Sequence[Any], **more: Any) -> Result:
    """`run` for one BIGINT, which gives a BIGINT."""
    return run(function, [form], [column("BIGINT", values)], ["BIGINT"], "BIGINT", **more)


# -- what comes in, and goes out again ---------------------------------------------------------------------------------


@pytest.mark.parametrize("nulls", [True, False])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("sql", VALUES)
def test_the_identity_of_each_type(sql: str, form: str, nulls: bool) -> None:
    """Every type in every form, with and without NULLs: what is given back unchanged is unchanged."""
    values = VALUES[sql] if nulls else [value for value in VALUES[sql] if value is not None]
    given = column(sql, values)
    out, errors = run(lambda a: a, [form], [given], [sql], sql)
    assert errors == []
    assert out == given.to_pylist()


def same(one: Any, other: Any) -> bool:
    """Equality in which NaN and NaT equal themselves and types count."""
    if isinstance(other, float) and math.isnan(other):
        return isinstance(one, float | np.floating) and math.isnan(one)
    if other is pd.NaT or (isinstance(other, np.datetime64) and np.isnat(other)):
        return bool(pd.isna(one))
    return bool(one == other) and isinstance(one, bool | np.bool_) == isinstance(other, bool)


@pytest.mark.parametrize(
    ("form", "sql", "dtype", "expected"),
    [
        ("pd.Series", "INT", "float64", [-(2.0**31), math.nan, 2.0**31 - 1]),
        ("pd.Series", "DOUBLE", "float64", [1e300, math.nan, 0.1]),
        ("pd.Series", "FLOAT", "float32", [0.5, math.nan, -math.inf]),
        ("pd.Series", "BIGINT", "object", [-(2**63), math.nan, 2**63 - 1]),
        ("pd.Series", "BOOLEAN", "object", VALUES["BOOLEAN"]),
        ("pd.Series", "DATE", "object", VALUES["DATE"]),
        ("pd.Series", "DATETIME", "datetime64[us]", [datetime.min, pd.NaT, datetime.max]),  # noqa: DTZ901
        ("pd.Series", "LARGEINT", "object", VALUES["LARGEINT"]),
        ("pd.Series", "DECIMAL(5,2)", "object", VALUES["DECIMAL(5,2)"]),
        ("pd.Series", "MAP<STRING, LARGEINT>", "object", VALUES["MAP<STRING, LARGEINT>"]),
        ("np.ndarray", "DOUBLE", "float64", [1e300, math.nan, 0.1]),
        ("np.ndarray", "FLOAT", "float32", [0.5, math.nan, -math.inf]),
        ("np.ndarray", "INT", "object", VALUES["INT"]),
        ("np.ndarray", "BOOLEAN", "object", VALUES["BOOLEAN"]),
        ("np.ndarray", "STRING", "object", VALUES["STRING"]),
        ("np.ndarray", "DATE", "datetime64[D]", [date(1, 1, 1), np.datetime64("NaT"), date(9999, 12, 31)]),
        ("np.ndarray", "ARRAY<INT>", "object", VALUES["ARRAY<INT>"]),
    ],
)
def test_nulls_as_the_form_has_them(form: str, sql: str, dtype: str, expected: list[Any]) -> None:
    """NaN, NaT or None, and the dtype that goes with it."""
    given = giver(form, parse_type(sql).wire)(column(sql, VALUES[sql]))
    assert given.dtype == dtype
    assert len(given) == 3
    assert all(same(one, other) for one, other in zip(given, expected, strict=True))


@pytest.mark.parametrize(("sql", "dtype"), [("BOOLEAN", "bool"), ("TINYINT", "int8"), ("BIGINT", "int64")])
@pytest.mark.parametrize("form", ["pd.Series", "np.ndarray"])
def test_without_nulls_numbers_stay_numbers(form: str, sql: str, dtype: str) -> None:
    """The native dtype, in memory that the function may write."""
    given = giver(form, parse_type(sql).wire)(pa.array([0, 1]).cast(parse_type(sql).arrow))
    assert given.dtype == dtype
    given[0] = given[1]
    assert given.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("form", "kind"), [("list", list), ("pa.Array", pa.Array), ("pa.ChunkedArray", pa.ChunkedArray)]
)
def test_the_other_forms(form: str, kind: type) -> None:
    """A list with None, Arrow's own."""
    given = giver(form, "int64")(pa.array([1, None]))
    assert isinstance(given, kind)
    values: Any = given
    assert (values if form == "list" else values.to_pylist()) == [1, None]


def test_first_values_and_calls() -> None:
    """One call for the batch; a parameter that asks for nothing gets the first value, also if it is NULL."""
    seen = []

    def evaluate(a: Any, factor: Any, name: Any) -> Any:
        seen.append((list(a), factor, name))
        return [value * factor for value in a]

    columns = [column("BIGINT", [1, 2, 3]), column("BIGINT", [10, 20, 30]), column("STRING", [None, "x", "y"])]
    out = run(evaluate, ["list", "first", "first"], columns, ["BIGINT", "BIGINT", "STRING"], "BIGINT")
    assert out == ([10, 20, 30], [])
    assert seen == [([1, 2, 3], 10, None)]


def test_no_rows() -> None:
    """A batch without rows is not a call."""
    assert ints(lambda _: 1 // 0, "list", []) == ([], [])


# -- what may be returned ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("returned", "sql", "expected"),
    [
        ([1, None, 3], "INT", [1, None, 3]),
        (pd.Series([1.0, math.nan, 3.0]), "INT", [1, None, 3]),
        (pd.Series([1, None, 3], dtype="Int64"), "SMALLINT", [1, None, 3]),
        (pd.Series([1, 2, 3], index=[9, 8, 7]), "LARGEINT", [Decimal(1), Decimal(2), Decimal(3)]),
        (pd.Series([1, pd.NA, math.nan], dtype=object), "INT", [1, None, None]),
        (pd.Series([1.5, math.nan, 3]), "DOUBLE", [1.5, None, 3.0]),
        (pd.Series(["a", None, "c"]), "STRING", ["a", None, "c"]),
        (pd.Series(["a", None, "a"], dtype="category"), "STRING", ["a", None, "a"]),
        (pd.Series(["a", "b", "c"]).array, "STRING", ["a", "b", "c"]),
        (pd.Index([1, 2, 3]), "INT", [1, 2, 3]),
        (pd.Series([datetime(2020, 1, 2), pd.NaT]*2)[:3], "DATE", [date(2020, 1, 2), None, date(2020, 1, 2)]),  # noqa: DTZ001
        (np.array([1, 2, 3], dtype="uint8"), "TINYINT", [1, 2, 3]),
        (np.array([1.0, math.nan, 3.0]), "DOUBLE", [1.0, None, 3.0]),
        (np.array([True, False, True]), "BOOLEAN", [True, False, True]),
        (np.array(["a", "b", "c"]), "STRING", ["a", "b", "c"]),
        (np.array([[1, 2], [3, 4], [5, 6]]), "ARRAY<INT>", [[1, 2], [3, 4], [5, 6]]),
        (np.array(["2020-01-02", "NaT", "1999-12-31"], "datetime64[D]"), "DATETIME", [datetime(2020, 1, 2), None, datetime(1999, 12, 31)]),  # noqa: DTZ001, E501
        (pa.array([1, None, 3], pa.int8()), "BIGINT", [1, None, 3]),
        (pa.array([1.0, None, 3.0]), "BIGINT", [1, None, 3]),
        (pa.array([1, None, 3]), "DOUBLE", [1.0, None, 3.0]),
        (pa.array(["a", None, "b"]).dictionary_encode(), "STRING", ["a", None, "b"]),
        (pa.array(["a", None, "b"], pa.large_string()), "STRING", ["a", None, "b"]),
        (pa.nulls(3), "ARRAY<INT>", [None, None, None]),
        (pa.array([{"a": 1}, None, {"a": 2}]), "STRUCT<a:BIGINT>", [{"a": 1}, None, {"a": 2}]),
        (pa.chunked_array([[1], [2, 3]]), "INT", [1, 2, 3]),
        (7, "INT", [7, 7, 7]),
        (None, "INT", [None, None, None]),
        ("abc", "STRING", ["abc"] * 3),
        (np.float64(1.5), "DOUBLE", [1.5] * 3),
        (np.array(5), "INT", [5] * 3),
        ((1, "x"), "STRUCT<a:INT, b:STRING>", [{"a": 1, "b": "x"}] * 3),
    ],
)  # fmt: skip
def test_results(returned: Any, sql: str, expected: list[Any]) -> None:
    """Every kind of column is taken, NaN in pandas' and numpy's is NULL, and what is no column is for each row."""
    assert run(lambda _: returned, ["list"], [column("INT", [1, 2, 3])], ["INT"], sql) == (expected, [])


@pytest.mark.parametrize(
    ("returned", "sql", "rows", "part"),
    [
        ([1, 300, 3], "TINYINT", [1], "300 does not fit TINYINT"),
        (pd.Series([1, 300, 3]), "TINYINT", [1], "300 does not fit TINYINT"),
        (pa.array([1, 300, -300]), "TINYINT", [1, 2], "300 does not fit TINYINT"),
        (np.array([1.0, 1.5, 3.0]), "INT", [1], "1.5 is a float; INT wants int"),
        (pa.array(["1", None, "3"]), "INT", [0, 2], "'1' is a str; INT wants int"),
        (pa.array([1, 2, 3]), "STRING", [0, 1, 2], "1 is an int; STRING wants str"),
        (pa.array([True, None, None]), "INT", [0], "True is a bool; INT wants int"),
        (pa.array([1.0, 1e300, 2.0]), "FLOAT", [1], "does not fit FLOAT"),
        (pd.Series(pd.to_datetime(["2020-01-02 03:00"] * 3)), "DATE", [0, 1, 2], "DATE wants datetime.date"),
        (pa.array([0, 0, 0], pa.timestamp("us", "UTC")), "DATETIME", [0, 1, 2], "has a time zone"),
        (pa.array([BIG, 1, 2]), "DOUBLE", [0], "as a float it would be another number"),
        (pa.array([Decimal(2**127), None, Decimal(1)], pa.decimal256(39, 0)), "LARGEINT", [0], "does not fit LARGEINT"),
        ("x", "INT", [0, 1, 2], "'x' is a str; INT wants int"),
        (pd.DataFrame({"a": [1, 2, 3]}), "INT", [0, 1, 2], "DataFrame"),
        ((value for value in [1, 2, 3]), "INT", [0, 1, 2], "generator"),
    ],
)
def test_results_that_do_not_fit(returned: Any, sql: str, rows: list[int], part: str) -> None:
    """A value that does not fit is the error of its row; nothing is parsed, rounded or cut."""
    out, errors = run(lambda _: returned, ["list"], [column("INT", [1, 2, 3])], ["INT"], sql)
    assert [error["row"] for error in errors] == rows
    assert part in errors[0]["error"]
    assert all(out[row] is None for row in rows)


def test_days_beyond_the_calendar() -> None:
    """Arrow can count to days that Python cannot name: they are an error, not a value that breaks the reader."""
    far = pa.array([10**9, 0], pa.int32()).view(pa.date32())
    out, errors = run(lambda _: far, ["list"], [column("INT", [1, 2])], ["INT"], "DATE")
    assert (len(out), out[0], len(errors) > 0) == (2, None, True)


def test_always_nullable_false_names_the_rows() -> None:
    """A NULL in any form of result is told with its row."""
    _, errors = ints(lambda _: pd.Series([1.0, math.nan]), "list", [1, 2], always_nullable=False)
    assert [error["error"] for error in errors] == ["the result of row 1 is null, but always_nullable is false"]


# -- failures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_a_failing_call_is_halved(form: str) -> None:
    """Until the bad rows are alone; the others keep their results, and what a call changed stays its own."""
    bad = {3, 64, 65, 99}
    factors = set()

    def evaluate(a: Any, factor: int) -> Any:
        values = a.to_pylist() if form.startswith("pa.") else list(a)
        factors.add(factor)
        if form in ("pd.Series", "np.ndarray"):
            a[:] = 0
        if bad & set(values):
            raise ValueError("poison")
        return [int(value) * factor for value in values]

    given = column("BIGINT", range(100))
    out, errors = run(evaluate, [form, "first"], [given, column("INT", range(5, 105))], ["BIGINT", "INT"], "BIGINT")
    assert {error["row"] for error in errors} == bad
    assert out == [None if value in bad else 5 * value for value in range(100)]
    assert factors == {5}, "the first value is that of the batch, also in a half"
    assert errors[0]["prefix"] == "Error in vectorized UDF at rows 3 to 3"


def test_fail_ends_the_batch() -> None:
    """Under "fail" there is one call and one error, which names the rows."""
    calls = []

    def evaluate(a: list[int]) -> list[int]:
        calls.append(len(a))
        raise ValueError("no")

    out, errors = ints(evaluate, "list", range(10), on_error="fail")
    assert (out, calls) == ([], [10])
    assert [(error["row"], error["prefix"]) for error in errors] == [(0, "Error in vectorized UDF at rows 0 to 9")]
    assert errors[0]["frames"][0]["function"] == "evaluate"


@pytest.mark.parametrize(
    "shorten",
    [lambda a: a[:-1], lambda a: [*a, 0], lambda a: pd.Series(a[1:]), lambda a: pa.array(a[1:]), lambda _: []],
)
def test_the_wrong_length(shorten: Callable[[list[int]], Any]) -> None:
    """It is the error of every row of the call, never halved: a sum of one row would look like a row's result."""
    calls = []

    def evaluate(a: list[int]) -> Any:
        calls.append(len(a))
        return shorten(a)

    out, errors = ints(evaluate, "list", range(4))
    assert (out, calls, [error["row"] for error in errors]) == ([None] * 4, [4], [0, 1, 2, 3])
    assert errors[0]["prefix"] == "Error in vectorized UDF at rows 0 to 3"
    assert errors[0]["error_type"] == "WrongLength"
    assert errors[0]["error"].startswith("the function got 4 rows and returned ")
    _, errors = ints(evaluate, "list", range(4), on_error="fail")
    assert [error["row"] for error in errors] == [0]


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, StopIteration, RecursionError])
def test_any_exception(error: type[BaseException]) -> None:
    """Whatever is raised is the row's error."""

    def evaluate(a: list[int]) -> list[int]:
        if 1 in a:
            raise error
        return a

    out, errors = ints(evaluate, "list", [0, 1, 2])
    assert (out, [one["error_type"] for one in errors]) == ([0, None, 2], [error.__name__])


@pytest.mark.parametrize(("form", "module"), [("pd.Series", "pandas"), ("np.ndarray", "numpy")])
def test_a_python_without_the_module(form: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading says which module is missing and what needs it."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ModuleNotFoundError, match=f"a parameter is a {form}, but this Python has no {module}"):
        Scalar(len, setup(mode="columns", forms=[form]))
