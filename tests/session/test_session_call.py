"""Calling a function once with Python values: what it gets and what comes back are the values themselves."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import workbench as wb
from workbench.errors import DataError, UdfError, UsageProblem


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("BOOLEAN", True),
        ("TINYINT", -128),
        ("BIGINT", 2**63 - 1),
        ("LARGEINT", -(2**127)),
        ("FLOAT", 0.5),
        ("DOUBLE", -math.inf),
        ("DECIMAL(10,2)", Decimal("12345678.90")),
        ("STRING", "größer 😀\0\n"),
        ("VARCHAR(3)", ""),
        ("DATE", date(1, 1, 1)),
        ("DATETIME(6)", datetime.fromisoformat("9999-12-31T23:59:59.999999")),
        ("ARRAY<INT>", [1, None, 3]),
        ("MAP<STRING, ARRAY<DECIMAL(4,1)>>", {"a": [Decimal("1.5"), None], "": None}),
        ("STRUCT<a:INT, b:STRUCT<c:STRING>>", {"a": 1, "b": {"c": None}}),
        ("ARRAY<MAP<INT, LARGEINT>>", [{1: 2**100}, {}]),
    ],
)
def test_every_type_and_null(w: wb.Workbench, sql: str, value: Any) -> None:
    """The function sees the value and gives it back; NULL is None."""
    f = w.register("def evaluate(v):\n    return v\n", f"same(v {sql}) -> {sql}")
    assert f.call(value) == value
    assert type(f.call(value)) is type(value)
    assert f.call(None) is None


def test_kinds(w: wb.Workbench) -> None:
    """A udtf gives its rows as a list, a udaf its result over the one row, a function without parameters its value."""
    words = w.register("def evaluate(s):\n    yield from s.split()\n", "words(s STRING) -> ARRAY<STRING>")
    assert words.call("a b") == ["a", "b"]
    assert words.call("") == []
    pairs = w.register("def evaluate(n):\n    yield n, [n]\n", "pairs(n INT) -> ARRAY<STRUCT<n INT, l ARRAY<INT>>>")
    assert pairs.call(3) == [(3, [3])]
    total = w.register(
        "class Sum:\n    def __init__(self):\n        self.s = 0\n    def accumulate(self, a, b):\n"
        "        self.s += a * b\n    def merge(self, o):\n        self.s += o\n    @property\n"
        "    def aggregate_state(self):\n        return self.s\n    def finish(self):\n        return self.s\n",
        "dot(a INT, b INT) -> INT",
    )
    assert total.call(3, 4) == 12
    assert w.register("def evaluate():\n    return 'x'\n", "nothing() -> STRING").call() == "x"
    assert w.register("def evaluate(v):\n    return v\n", "v(v INT) -> INT").call(1) == 1
    assert w.register("def evaluate(x):\n    return x\n", "`with space`(INT) -> INT").call(1) == 1


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((1,), UsageProblem, r"f takes 2 arguments \(a INT, b STRING\), 1 was given\n  give one value for each"),
        ((1, "x", 2), UsageProblem, "3 were given"),
        (("1", "x"), DataError, r"f: argument 0: '1' is a str; a INT wants int\n  it takes \(a INT, b STRING\)"),
        ((True, "x"), DataError, "f: argument 0: True is a bool"),
        ((1.0, "x"), DataError, "f: argument 0: 1.0 is a float"),
        ((1 << 31, "x"), DataError, "f: argument 0: 2147483648 does not fit"),
        ((1, b"x"), DataError, "f: argument 1: b'x' is a bytes; b STRING wants str"),
    ],
)
def test_arguments_that_do_not_fit(
    w: wb.Workbench, arguments: tuple[Any, ...], error: type[Exception], message: str
) -> None:
    """As strict as for what a function returns: the error names the argument and what the function takes."""
    f = w.register("def evaluate(a, b):\n    return a\n", "f(a INT, b STRING) -> INT")
    with pytest.raises(error, match=message):
        f.call(*arguments)


def test_an_error_of_the_function(w: wb.Workbench) -> None:
    """It is the same as in a run of one row; the values stand under the names of the signature."""
    f = w.register("def evaluate(a, b):\n    return a / b\n", "ratio(a INT, b INT) -> DOUBLE")
    with pytest.raises(UdfError, match=r"ratio failed at input row 0 .*ZeroDivisionError: division by zero") as caught:
        f.call(7, 0)
    assert caught.value.values == {"a": "7", "b": "0"}


def test_a_script_cannot_be_called(w: wb.Workbench) -> None:
    """It takes batches."""
    f = w.register("import sys\nsys.stdin.buffer.read()\n", name="swallow")
    with pytest.raises(UsageProblem, match="swallow is a script, which takes batches\n  use run"):
        f.call(1)


def test_a_variable_or_secret_that_changed_reaches_the_next_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How to start a worker is found out once; what it depends on is asked each time."""
    source = "import os\ndef evaluate():\n    return os.environ['TZ'] + ' ' + os.environ['KEY']\n"
    with wb.Workbench(tmp_path) as w:
        f = w.register(source, "seen() -> STRING", env={"KEY": wb.Secret("CHANGING_SECRET")})
        for zone, secret in (("UTC", "one"), ("UTC", "one"), ("Europe/Oslo", "one"), ("Europe/Oslo", "another")):
            monkeypatch.setenv("TZ", zone)
            monkeypatch.setenv("CHANGING_SECRET", secret)
            assert f.call() == f"{zone} {secret}"
