"""A check on real workers: it finds what is planted, small and with its call, and nothing in what is right."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st

import workbench as wb
from workbench.checking import Check
from workbench.errors import UsageProblem
from workbench.session import trials

AGGREGATE = """class {name}:
    def __init__(self):
        {init}
    @property
    def aggregate_state(self):
        return {state}
    def accumulate(self, {arguments}):
        {accumulate}
    def merge(self, other):
        {merge}
    def finish(self):
        return {finish}
"""

PERCENTILE = AGGREGATE.format(
    name="Percentile",
    init="self.values, self.p = [], 0.5",
    state="self.values",
    arguments="v, p",
    accumulate="self.values.append(v or 0); self.p = p",
    merge="self.values += other",
    finish="sorted(self.values)[int(self.p * len(self.values))] if self.values else None",
)
"""``p`` is not part of the state, so it is lost on the way."""

AVERAGE = AGGREGATE.format(
    name="Average",
    init="self.n, self.mean = 0, 0.0",
    state="(self.n, self.mean)",
    arguments="v",
    accumulate="self.n += 1; self.mean += ((v or 0) - self.mean) / self.n",
    merge="self.n, self.mean = (self.n + other[0], (self.mean + other[1]) / 2) if self.n else other",
    finish="self.mean",
)
"""The mean of two means is not the mean of all."""

LAST = AGGREGATE.format(
    name="Last",
    init="self.v = None",
    state="self.v",
    arguments="v",
    accumulate="self.v = v",
    merge="self.v = other",
    finish="self.v",
)
"""Which state is the last depends on the order."""

TAKEN = AGGREGATE.format(
    name="Taken",
    init="self.total, self.taken = 0, 0",
    state="self.total",
    arguments="v",
    accumulate="self.total += v or 0",
    merge="self.taken += other",
    finish="self.total + self.taken",
)
"""What merge takes is right in the result, and not in the state: one merge does no harm, two do."""

SHARED = AGGREGATE.format(
    name="Shared",
    init="self.values.clear()",
    state="self.values",
    arguments="v",
    accumulate="self.values.append(v or 0)",
    merge="self.values.extend(other)",
    finish="sum(self.values)",
).replace("    def __init__", "    values = []\n    def __init__")
"""One list for the whole class: no harm as long as there is one group."""

TOTAL = AGGREGATE.format(
    name="Total",
    init="self.total = 0",
    state="self.total",
    arguments="v",
    accumulate="self.total += v or 0",
    merge="self.total += other",
    finish="self.total",
)

EMPTY = "def evaluate(s):\n    return None if s is None else s[0]\n"
TWICE = "def evaluate(a):\n    return None if a is None else 2 * a\n"
FEW = "def evaluate(a: list):\n    return [x for x in a if x is not None]\n"
UNIQUE = "import pandas as pd\ndef evaluate(a: pd.Series) -> pd.Series:\n    return a.drop_duplicates()\n"
TUPLES = "def evaluate(rows):\n    return list({a for (a,) in rows})\n"
RANDOM = "import random\ndef evaluate(a):\n    return random.random()\n"
SALTED = "import os\nSALT = os.getpid()\ndef evaluate(a):\n    return SALT\n"
SEEN = "seen = set()\ndef evaluate(a):\n    if a not in seen:\n        seen.add(a)\n        yield a\n"
CLOCK = "from datetime import date\ndef evaluate(a):\n    return date.today()\n"
FIRST = "def evaluate(a: list, b):\n    return [b for _ in a]\n"
SEGFAULT = "import ctypes\ndef evaluate(a):\n    if a == 127:\n        ctypes.string_at(0)\n    return a\n"
HANG = "def evaluate(a):\n    while a == 127:\n        pass\n    return a\n"
WRONG = "def evaluate(a):\n    return str(a)\n"
SAME = "def evaluate(a):\n    return a\n"


class Planted(NamedTuple):
    """A fault: the function with its options, what the check is told, the kind of its finding, how its call begins."""

    source: str
    signature: str
    options: dict[str, Any]
    told: dict[str, Any]
    kind: str
    call: str


FINDINGS = [
    Planted(PERCENTILE, "f(v INT, p DOUBLE) -> INT", {}, {"values": {"p": [0.1, 0.9]}}, "merge", "f.run("),
    Planted(AVERAGE, "f(v INT) -> DOUBLE", {}, {}, "workers", "f.run("),
    Planted(LAST, "f(v INT) -> INT", {}, {"nulls": False}, "order", "f.run("),
    Planted(TAKEN, "f(v TINYINT) -> BIGINT", {}, {}, "nested", "f.run("),
    Planted(SHARED, "f(v TINYINT) -> BIGINT", {}, {}, "groups", "f.run("),
    Planted(TOTAL, "f(v INT) -> INT", {}, {}, "range", "f.run("),
    Planted(LAST, "f(v INT) -> INT", {"always_nullable": False}, {}, "null", "f.call(None)"),
    Planted(EMPTY, "f(s STRING) -> STRING", {}, {}, "error", "f.call('')"),
    Planted(TWICE, "f(a INT) -> INT", {}, {}, "range", "f.call(1073741824)"),
    Planted(FEW, "f(a INT) -> INT", {}, {}, "count", "f.call(None)"),
    Planted(
        UNIQUE, "f(a INT) -> INT", {}, {"nulls": False}, "count", "f.run(pd.DataFrame({'a': [0, 0]}, dtype=object)"
    ),
    Planted(TUPLES, "f(a INT) -> INT", {"batch_size": 8}, {}, "count", "f.run("),
    Planted(RANDOM, "f(a INT) -> DOUBLE", {"volatility": "immutable"}, {}, "again", "f.call(0)"),
    Planted(SEEN, "f(a INT) -> ARRAY<INT>", {}, {}, "again", "f.call(0)"),
    Planted(SALTED, "f(a INT) -> BIGINT", {"volatility": "immutable"}, {}, "process", "f.run("),
    Planted(CLOCK, "f(a INT) -> DATE", {"volatility": "immutable"}, {}, "volatile", "f.call("),
    Planted(FIRST, "f(a INT, b INT) -> INT", {}, {}, "batches", "f.run("),
    Planted(SEGFAULT, "f(a TINYINT) -> TINYINT", {}, {}, "crash", "f.call(127)"),
    Planted(WRONG, "f(a INT) -> INT", {}, {"nulls": False}, "type", "f.call(0)"),
    Planted(SAME, "f(a INT) -> INT", {"always_nullable": False}, {}, "null", "f.call(None)"),
]


@pytest.mark.parametrize("planted", FINDINGS, ids=[f"{one.kind}-{one.call}" for one in FINDINGS])
def test_what_is_planted_is_found(w: wb.Workbench, planted: Planted) -> None:
    """A finding of its kind, with the smallest rows and a call; the kernel, which this process is, lives on."""
    check = w.register(planted.source, planted.signature, **planted.options).check(**planted.told, seconds=30)
    found = {one.kind: one for one in check.findings}
    assert planted.kind in found, check
    assert found[planted.kind].call.startswith(planted.call), check
    assert not check.ok
    assert not [one for one in check.tried if one.left_out == "the time was up"]


def test_the_call_shows_the_finding(w: wb.Workbench) -> None:
    """What is pasted gives what was got, and a mean of means is made of three rows."""
    f = w.register(AVERAGE, "f(v INT) -> DOUBLE")
    found = next(one for one in f.check(nulls=False).findings if one.kind == "workers")
    assert len(found.rows) == 3
    shown = eval(found.call, {"f": f, "pd": pd})
    assert shown["f"].to_list() == [float(found.got)]
    assert np.isclose(float(found.expected), sum(row["v"] for row in found.rows) / 3)


RIGHT: list[tuple[str, str, dict[str, Any]]] = [
    ("def evaluate(a, s):\n    return f'{a}{s}'\n", "f(a DOUBLE, s STRING) -> STRING", {"volatility": "immutable"}),
    ("import pandas as pd\ndef evaluate(a: pd.Series):\n    return a / 2\n", "f(a INT) -> DOUBLE", {}),
    ("def evaluate(rows):\n    return [a for (a,) in rows]\n", "f(a BIGINT) -> BIGINT", {"batch_size": 8}),
    ("async def evaluate(a):\n    return a\n", "f(a DATE) -> DATE", {}),
    (RANDOM, "f(a INT) -> DOUBLE", {}),
    (SALTED, "f(a INT) -> BIGINT", {}),
    ("def evaluate():\n    return 1\n", "f() -> INT", {"always_nullable": False}),
    (TOTAL, "f(v DOUBLE) -> DOUBLE", {}),
    (TOTAL, "f(v INT) -> LARGEINT", {"always_nullable": False}),
    ("def evaluate(s):\n    yield from (s or '').split()\n", "f(s STRING) -> ARRAY<STRING>", {}),
    (
        "def evaluate(s):\n    for at, one in enumerate(s or ''):\n        yield at, one\n",
        "f(s STRING) -> ARRAY<STRUCT<at:INT, one:STRING>>",
        {},
    ),
]


@pytest.mark.parametrize(("source", "signature", "options"), RIGHT, ids=[one[1] for one in RIGHT])
def test_what_is_right_passes(w: wb.Workbench, source: str, signature: str, options: dict[str, Any]) -> None:
    """No finding in a correct function of each kind and mode; a volatile one may be random."""
    check = w.register(source, signature, **options).check()
    assert check.ok, check
    assert all(one.runs or one.kind == "volatile" or one.left_out for one in check.tried)


def test_the_same_seed_gives_the_same(w: wb.Workbench) -> None:
    """Text, rows and counts; another seed draws other data, and says so."""
    f = w.register(EMPTY, "f(s STRING) -> STRING")
    assert repr(f.check()) == repr(f.check())
    assert f.check(seed=7).summary().endswith("seed 7")


def test_a_hang_is_found(w: wb.Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The row that never answers, by its number, without waiting for it again and again."""
    monkeypatch.setattr(trials, "HANG_SECONDS", 0.5)
    (found,) = w.register(HANG, "f(a TINYINT) -> TINYINT").check().findings
    assert (found.kind, found.call) == ("hang", "f.call(127)")


@pytest.mark.parametrize("how", ["ctypes.string_at(0)", "os._exit(3)"])
@pytest.mark.parametrize("kind", ["udf", "udaf"])
def test_a_crash_at_load_is_one_finding(w: wb.Workbench, how: str, kind: str) -> None:
    """No row is to blame, and nothing else is asked: each question would get the same answer."""
    source, signature = (SAME, "f(a INT) -> INT") if kind == "udf" else (TOTAL, "f(v INT) -> BIGINT")
    check = w.register(f"import ctypes, os\n{how}\n{source}", signature).check()
    (found,) = check.findings
    assert (found.kind, list(found.rows)) == ("load", [])
    assert found.text.startswith("the worker dies while it loads the code")
    assert {one.left_out for one in check.tried} == {"it cannot be loaded"}


def test_each_error_is_one_finding(w: wb.Workbench) -> None:
    """By type and line, however many rows have it."""
    source = "def evaluate(a):\n    if a is None:\n        return a + 1\n    if a < 0:\n        raise ValueError(a)\n"
    check = w.register(source, "f(a INT) -> INT").check()
    assert [(one.kind, one.call) for one in check.findings] == [("error", "f.call(-1)"), ("error", "f.call(None)")]
    assert check.findings[0].text == "it raises ValueError (line 5)"
    assert list(check.to_pandas()["got"]) == [one.got for one in check.findings]


def test_arguments_can_be_narrowed(w: wb.Workbench) -> None:
    """A list, a strategy or no NULLs; only what was asked for goes in."""
    f = w.register("def evaluate(a, b):\n    return 10 // a + b\n", "f(a INT, b INT) -> INT")
    assert f.check(values={"a": st.integers(1, 5), 1: [3, 4]}).ok
    assert {one.got.partition(":")[0] for one in f.check(nulls=False).findings} >= {"ZeroDivisionError"}
    wrong: tuple[tuple[dict[str | int, Any], str], ...]
    wrong = (
        ({"c": [1]}, "no argument 'c'"),
        ({"a": "text"}, "'a' is a str"),
        ({"a": []}, "a list"),
        ({"a": ["x"]}, "a: 'x' is a str"),
    )
    for values, message in wrong:
        with pytest.raises(UsageProblem, match=message):
            f.check(values=values)


def test_what_there_was_no_time_for_is_said(w: wb.Workbench) -> None:
    """No claim about what was not tried."""
    check = w.register(SAME, "f(a INT) -> INT").check(seconds=0.001)
    assert {one.left_out for one in check.tried} == {"the time was up"}
    assert "0 things tried, 7 not" in check.summary()


def test_an_interrupt_keeps_what_was_found(w: wb.Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a finding that was just being made smaller."""
    asked, count = trials.Trials.__call__, 0

    def interrupted(self: trials.Trials, *arguments: Any) -> Any:
        nonlocal count
        count += 1
        if count == 3:
            raise KeyboardInterrupt
        return asked(self, *arguments)

    monkeypatch.setattr(trials.Trials, "__call__", interrupted)
    check = w.register(TWICE, "f(a INT) -> INT").check()
    assert check.interrupted
    assert [one.kind for one in check.findings] == ["range"]
    assert {one.left_out for one in check.tried} == {"interrupted"}


def test_a_check_leaves_no_run_behind(w: wb.Workbench) -> None:
    """History, last run and failing rows are those of the user's own runs."""
    f = w.register(SAME, "f(a INT) -> INT")
    f.run(pd.DataFrame({"a": [1]})).wait()
    before = f.last_run
    assert isinstance(f.check(), Check)
    assert f.last_run is before
    assert len(f.runs) == 1


def test_a_script_is_refused_by_name(w: wb.Workbench) -> None:
    """It declares no types of which data could be made."""
    f = w.register(
        "import sys\nimport pyarrow as pa\npa.ipc.open_stream(sys.stdin.buffer)\n", kind="script", name="echo"
    )
    with pytest.raises(UsageProblem, match="echo: check is for functions; a script declares no types"):
        f.check()
