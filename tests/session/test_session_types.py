"""Each type of the contract through a real worker, in each kind of function, and the same in every time zone.

The expected values are written down, or made by Python's own ``min``; nothing here is computed by the workbench. Left
out on purpose: every single value that a type takes or refuses (`tests/types`, `tests/worker/test_values.py`).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from uuid import UUID

import pandas as pd
import pyarrow as pa
import pytest

import workbench as wb
from workbench.errors import UdfError
from workbench.types import parse_type

ONE = UUID("123e4567-e89b-12d3-a456-426614174000")
clock = datetime.fromisoformat

# Columns as they are stored, extremes first and last; all can be compared, and none is NULL.
COLUMNS: dict[str, list[Any]] = {
    "BOOLEAN": [False, True],
    "TINYINT": [-128, 0, 127],
    "SMALLINT": [-(2**15), 2**15 - 1],
    "INT": [-(2**31), 2**31 - 1],
    "BIGINT": [-(2**63), 2**63 - 1],
    "LARGEINT": [Decimal(-(2**127)), Decimal(2**127 - 1)],
    "FLOAT": [-(2.0**127), 2.0**127],
    "DOUBLE": [-1.7976931348623157e308, 5e-324, 1.7976931348623157e308],
    "DECIMAL(38,10)": [Decimal("-" + "9" * 28 + "." + "9" * 10), Decimal("9" * 28 + "." + "9" * 10)],
    "DECIMAL(76,76)": [Decimal("-0." + "9" * 76), Decimal("0." + "9" * 76)],
    "STRING": ["", "a\0ä€𐍈"],
    "VARCHAR(2)": ["longer than two", "z"],
    "CHAR(2)": ["longer than two", "z"],
    "DATE": [date.min, date.max],
    "DATETIME(6)": [datetime.min, clock("2024-03-31T02:30"), datetime.max],  # noqa: DTZ901 - wall clocks
    "TIMESTAMPTZ(6)": [
        datetime.min.replace(tzinfo=UTC),
        clock("2024-03-31T01:30Z"),
        datetime.max.replace(tzinfo=UTC),
    ],
    "TIME(6)": [-3_020_399_999_999.0, 0.0, 3_020_399_999_999.0],
    "IPV4": ["0.0.0.0", "255.255.255.255"],
    "IPV6": ["::", "::ffff:1.2.3.4", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
    "UUID": ["00000000-0000-0000-0000-000000000000", str(ONE), "ffffffff-ffff-ffff-ffff-ffffffffffff"],
    "VARBINARY(2)": [b"", b"\0\xff and more"],
    "JSON": ['"a"', '{"b": [1.50, null]}'],
    "VARIANT": ["[]", "{}"],
    "ARRAY<IPV4>": [["0.0.0.0"], ["0.0.0.0", "255.255.255.255"]],
    "ARRAY<LARGEINT>": [[Decimal(-(2**127))], [Decimal(2**127 - 1)]],
}

KINDS: dict[str, tuple[str, str, int | None]] = {
    "row": ("def evaluate(v):\n    return v\n", "row(v {sql}) -> {sql}", None),
    "batch": ("def evaluate(rows):\n    return [v for (v,) in rows]\n", "batch(v {sql}) -> {sql}", 2),
    "table": (
        "def evaluate(v):\n    yield v\n    yield None\n    yield v\n",
        "tabled(v {sql}) -> ARRAY<{sql}>",
        None,
    ),
    "pair": (
        "def evaluate(v):\n    yield (v, [v, None])\n",
        "pair(v {sql}) -> ARRAY<STRUCT<one:{sql}, many:ARRAY<{sql}>>>",
        None,
    ),
    "struct": (
        "def evaluate(v):\n    return (v, {'k': v}, [[v], None])\n",
        "deep(v {sql}) -> STRUCT<a:{sql}, b:MAP<STRING, {sql}>, c:ARRAY<ARRAY<{sql}>>>",
        None,
    ),
}
LEAST = """
class Least:
    def __init__(self):
        self.least = None
    def accumulate(self, v):
        if v is not None and (self.least is None or v < self.least):
            self.least = v
    @property
    def aggregate_state(self):
        return self.least
    def merge(self, other):
        self.accumulate(other)
    def finish(self):
        return self.least
"""


def expected(kind: str, column: list[Any]) -> list[Any]:
    """What the functions above make of a column."""
    if kind == "table":
        return [item for value in column for item in (value, None, value)]
    if kind == "pair":
        return [{"one": value, "many": [value, None]} for value in column]
    if kind == "struct":
        return [{"a": value, "b": [("k", value)], "c": [[value], None]} for value in column]
    return column


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sql", COLUMNS)
def test_every_type_in_every_kind(w: wb.Workbench, sql: str, kind: str) -> None:
    """Extremes and NULLs come back from a worker as they were sent, alone and nested."""
    source, signature, size = KINDS[kind]
    f = w.register(
        source, signature.format(sql=sql), kind="udtf" if kind in ("table", "pair") else None, batch_size=size
    )
    column = [None, *COLUMNS[sql], None]
    table = pa.table({"v": pa.array(column, parse_type(sql).arrow)})
    out = f.run(table, batch_rows=2).to_arrow()
    found = out.select(out.column_names[1:]).to_pylist()
    assert [row if kind == "pair" else next(iter(row.values())) for row in found] == expected(kind, column)


@pytest.mark.parametrize("sql", COLUMNS)
def test_every_type_in_an_aggregate(w: wb.Workbench, sql: str) -> None:
    """The least value, over batches and groups, through states that are pickled and merged; no value is NULL."""
    f = w.register(LEAST, f"least(v {sql}) -> {sql}", kind="udaf")
    values = COLUMNS[sql]
    least = values[0]  # by the order of the columns above
    column = [None, *reversed(values), None, *values, None]
    groups = ["a"] * (len(values) + 1) + ["b"] * (len(values) + 1) + ["c"]
    table = pa.table({"g": groups, "v": pa.array(column, parse_type(sql).arrow)})
    out = f.run(table, group_by=["g"], columns=["v"], batch_rows=2).to_arrow()
    assert out.column(0).to_pylist() == ["a", "b", "c"]
    assert out.column(1).to_pylist() == [least, least, None]


def test_functions_get_what_the_contract_says(w: wb.Workbench) -> None:
    """Objects, not their storage, also within other types; what comes back is told as objects, too."""
    f = w.register(
        "def evaluate(a, b, c, d, e, f, g):\n    return repr((a, b, c, d, e, f, g))\n",
        "show(a TIMESTAMPTZ, b TIME, c IPV4, d ARRAY<IPV6>, e MAP<UUID, VARBINARY>, f JSON, g STRUCT<x:VARIANT>) "
        "-> STRING",
    )
    given = (
        clock("2024-01-01T08:00+08:00"),
        1,
        IPv4Address("1.2.3.4"),
        ["::1"],
        {ONE: bytearray(b"x")},
        '{"a": 1}',
        ("[]",),
    )
    assert f.call(*given) == (
        "(datetime.datetime(2024, 1, 1, 0, 0, tzinfo=datetime.timezone.utc), 1.0, IPv4Address('1.2.3.4'), "
        "[IPv6Address('::1')], {UUID('123e4567-e89b-12d3-a456-426614174000'): b'x'}, '{\"a\": 1}', {'x': '[]'})"
    )
    g = w.register("def evaluate(a):\n    return a\n", "same(a MAP<IPV6, UUID>) -> MAP<IPV6, UUID>")
    assert g.call({"::1": str(ONE)}) == {IPv6Address("::1"): ONE}


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/New_York"])
def test_clocks_and_instants_in_every_zone(w: wb.Workbench, zone: str) -> None:
    """A DATETIME is the same wall clock and a TIMESTAMPTZ the same instant, wherever the worker thinks that it is."""
    source = (
        "from datetime import datetime, timedelta, timezone\n"
        "def evaluate(clock, instant):\n"
        "    east = timezone(timedelta(hours=8))\n"
        "    return (str(datetime(2024, 7, 1).astimezone().utcoffset()), str(clock), str(instant), clock,\n"
        "            instant.astimezone(east), instant.astimezone())\n"
    )
    f = w.register(
        source,
        "look(clock DATETIME, instant TIMESTAMPTZ) -> STRUCT<offset:STRING, c:STRING, i:STRING, clock:DATETIME, "
        "east:TIMESTAMPTZ, here:TIMESTAMPTZ>",
        env={"TZ": zone},
    )
    # Two clocks that summer time skips and repeats in New York, and one from before there were zones.
    texts = ["2024-03-10T02:30:00", "2024-11-03T01:30:00", "1900-01-01T00:00:00"]
    clocks = [clock(text) for text in texts]
    instants = [clock(text + "+00:00") for text in texts]
    table = pa.table(
        {
            "clock": pa.array(clocks, pa.timestamp("us")),
            "instant": pa.array(instants, pa.timestamp("ms", "Europe/Berlin")),
        }
    )
    offset = {"UTC": "0:00:00", "Asia/Shanghai": "8:00:00", "America/New_York": "-1 day, 20:00:00"}[zone]
    out = f.run(table).to_arrow()
    assert out.column("look").to_pylist() == [
        {
            "offset": offset,
            "c": text.replace("T", " "),
            "i": text.replace("T", " ") + "+00:00",
            "clock": wall,
            "east": instant,
            "here": instant,
        }
        for text, wall, instant in zip(texts, clocks, instants, strict=True)
    ]
    assert f.call(clocks[0], instants[0].astimezone(timezone(timedelta(hours=-5))))["east"] == instants[0]


def test_frames_of_python_objects(w: wb.Workbench) -> None:
    """Columns of UUIDs, bytes and aware timestamps in pandas are what the types of these names take."""
    f = w.register(
        "def evaluate(u, b, t):\n    return f'{u.version} {len(b)} {t.tzname()}'\n",
        "look(u UUID, b VARBINARY, t TIMESTAMPTZ) -> STRING",
    )
    stamp = pd.Timestamp("2024-01-01", tz="Asia/Shanghai")
    frame = pd.DataFrame({"u": [ONE, None], "b": [b"ab", b""], "t": [stamp, stamp]})
    run = f.run(frame, on_error="dead_letter")
    assert run.to_arrow().column("look").to_pylist() == ["1 2 UTC"]
    (error,) = run.dead_letters["error"]
    assert "'NoneType' object has no attribute 'version'" in error


@pytest.mark.parametrize(
    ("sql", "column", "words"),
    [
        ("IPV4", ["1.2.3.4", "1.2.3"], "column 'v': value 1.2.3 does not fit IPV4 (no IPv4 address)"),
        ("UUID", [str(ONE), "x"], "column 'v': value x does not fit UUID"),
        ("JSON", ["{}", "{"], "column 'v': value { does not fit JSON"),
        ("TIME", [1.0, 0.5], "column 'v': value 0.5 does not fit TIME (no whole number of microseconds)"),
        ("ARRAY<IPV6>", [["::"], ["::", "y"]], "column 'v': item 1: value y does not fit IPV6"),
    ],
)
def test_a_value_that_does_not_fit_is_named(w: wb.Workbench, sql: str, column: list[Any], words: str) -> None:
    """Row, column and value; the other rows have their results."""
    f = w.register("def evaluate(v):\n    return 'ok'\n", f"f(v {sql}) -> STRING")
    run = f.run(pa.table({"v": column}), on_error="dead_letter")
    assert run.to_arrow().column("f").to_pylist() == ["ok"]
    assert run.dead_letters["row"].to_list() == [1]
    assert words in run.dead_letters["error"][0]


@pytest.mark.parametrize(
    ("sql", "returned", "words"),
    [
        ("JSON", "{'a': 1}", "{'a': 1} is a dict; JSON wants str: text as json.dumps makes it"),
        ("IPV4", "5", "5 is an int; IPV4 wants ipaddress.IPv4Address"),
        ("TIMESTAMPTZ", "__import__('datetime').datetime(2024, 1, 1)", "(it has no time zone)"),
        ("VARBINARY", "'x'", "'x' is a str; VARBINARY wants bytes"),
        ("TIME", "0.5", "0.5 does not fit TIME (no whole number of microseconds; round it)"),
    ],
)
def test_a_result_that_does_not_fit_is_named(w: wb.Workbench, sql: str, returned: str, words: str) -> None:
    """The row and the value, and what is wanted instead."""
    f = w.register(f"def evaluate(v):\n    return {returned} if v else None\n", f"f(v INT) -> {sql}")
    with pytest.raises(UdfError) as caught:
        f.run(pa.table({"v": [0, 1]})).to_arrow()
    assert words in str(caught.value)
    assert "input row 1" in str(caught.value)
