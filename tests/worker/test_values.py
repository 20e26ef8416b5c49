"""The one conversion of values: what a function gets for each type, what it may return, what is told of the rest."""
# ruff: noqa: DTZ001 - a DATETIME is a wall clock

from __future__ import annotations

import datetime as dt
import decimal
import enum
import fractions
import ipaddress
import itertools
import math
import sys
import uuid
from collections import namedtuple
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from workbench.types import parse_type
from workbench.worker import values

D = decimal.Decimal
V4, V6 = ipaddress.IPv4Address, ipaddress.IPv6Address
ONE = uuid.UUID("123e4567-e89b-12d3-a456-426614174000")
NAMED = "STRUCT<a:INT, b:STRING>"
DEEP = "MAP<STRING, ARRAY<STRUCT<n:LARGEINT, m:MAP<INT, DECIMAL(10,2)>>>>"
Pair = namedtuple("Pair", ["a", "b"])  # noqa: PYI024 - as users write them


def instant(*parts: int, zone: dt.tzinfo = dt.UTC) -> dt.datetime:
    """An aware datetime, in UTC unless said otherwise."""
    return dt.datetime(*parts, tzinfo=zone)  # type: ignore[misc,arg-type]


class Colour(enum.IntEnum):
    RED = 1


class Text(str):
    """A str that is none exactly."""

    __slots__ = ()


def write(sql: str, *items: Any) -> tuple[list[Any], dict[int, str]]:
    """What comes out of Arrow again, and what did not fit."""
    kind = parse_type(sql)
    array, bad = values.writer(kind.wire, kind.arrow, sql)(list(items))
    assert array.type == kind.arrow
    array.validate(full=True)
    return values.reader(kind.wire)(array), bad


ROUND: list[tuple[str, list[Any]]] = [
    ("BOOLEAN", [True, False]),
    ("TINYINT", [-128, 127, 0]),
    ("SMALLINT", [-(2**15), 2**15 - 1]),
    ("INT", [-(2**31), 2**31 - 1]),
    ("BIGINT", [-(2**63), 2**63 - 1]),
    ("LARGEINT", [-(2**127), 2**127 - 1, 0]),
    ("FLOAT", [1.5, -math.inf, 2.0**100]),
    ("DOUBLE", [0.1, math.inf, 5e-324, 1.7976931348623157e308]),
    ("DECIMAL(10,2)", [D("1.10"), D("-99999999.99"), D("0.00")]),
    ("DECIMAL(38,0)", [D(10**38 - 1), D(-(10**38) + 1)]),
    ("DECIMAL(76,38)", [D("1" * 38 + "." + "9" * 38)]),
    ("STRING", ["", "ä€𐍈\0\n", "x" * 100_000]),
    ("VARCHAR(3)", ["abc"]),
    ("DATE", [dt.date(1, 1, 1), dt.date(9999, 12, 31)]),
    ("DATETIME", [dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999_999)]),
    ("TIMESTAMPTZ(6)", [instant(1, 1, 1), instant(9999, 12, 31, 23, 59, 59, 999_999)]),
    ("TIME", [0.0, -3_020_399_999_999.0, 3_020_399_999_999.0]),
    ("IPV4", [V4("0.0.0.0"), V4("255.255.255.255"), V4("127.0.0.1")]),
    ("IPV6", [V6("::"), V6("::ffff:1.2.3.4"), V6(2**128 - 1)]),
    ("UUID", [ONE, uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)]),
    ("VARBINARY", [b"", b"\0\xff", b"x" * 100_000]),
    ("VARBINARY(2)", [b"longer"]),
    ("JSON", ["null", '{"a": [1, 2.50, "\\ud800"]}', ' "ä" ', "1" * 10_000]),
    ("VARIANT", ["{}"]),
    ("ARRAY<INT>", [[], [1, None, 3]]),
    ("ARRAY<IPV4>", [[V4(1), None], []]),
    ("MAP<UUID, VARBINARY>", [{ONE: b"\xff", uuid.UUID(int=0): None}]),
    ("MAP<IPV6, ARRAY<TIMESTAMPTZ>>", [{V6("::1"): [instant(2024, 2, 29), None]}]),
    ("STRUCT<t:TIME, j:JSON, i:TIMESTAMPTZ>", [{"t": 1.0, "j": "[]", "i": None}]),
    ("ARRAY<DECIMAL(38,38)>", [[D("0." + "9" * 38), D("-0." + "9" * 38), None]]),
    ("STRUCT<a:ARRAY<LARGEINT>>", [{"a": [-(2**127), 2**127 - 1, None]}]),
    ("ARRAY<ARRAY<STRING>>", [[["a"], None, []]]),
    ("MAP<STRING, INT>", [{}, {"a": 1, "b": None}]),
    ("MAP<INT, MAP<STRING, DOUBLE>>", [{1: {"x": 0.5}, 2: None}]),
    (NAMED, [{"a": 1, "b": "x"}, {"a": None, "b": None}]),
    ("ARRAY<LARGEINT>", [[2**100, None]]),
    (DEEP, [{"k": [{"n": 2**90, "m": {1: D("1.25")}}, None], "l": None}]),
]


@pytest.mark.parametrize(("sql", "items"), ROUND, ids=[sql for sql, _ in ROUND])
def test_what_is_returned_arrives(sql: str, items: list[Any]) -> None:
    """Values of every type, their extremes and NULL, come back as they were written."""
    assert write(sql, *items, None) == ([*items, None], {})


@pytest.mark.parametrize("sql", [sql for sql, _ in ROUND])
def test_nothing_and_nulls(sql: str) -> None:
    """No rows, and only NULLs, are columns of the right type."""
    assert write(sql) == ([], {})
    assert write(sql, None, None) == ([None, None], {})


TAKEN: list[tuple[str, Any, Any]] = [
    ("BOOLEAN", np.bool_(True), True),
    ("TINYINT", np.int64(-5), -5),
    ("BIGINT", np.uint8(200), 200),
    ("INT", Colour.RED, 1),
    ("LARGEINT", np.int64(7), 7),
    ("DOUBLE", 3, 3.0),
    ("DOUBLE", 2**60, 2.0**60),
    ("DOUBLE", np.float32(1.5), 1.5),
    ("DOUBLE", fractions.Fraction(1, 4), 0.25),
    ("FLOAT", 0.1, 0.10000000149011612),
    ("FLOAT", 3.4028235677973362e38, 3.4028234663852886e38),
    ("FLOAT", 2**24, 2.0**24),
    ("DECIMAL(10,2)", 5, D("5.00")),
    ("DECIMAL(10,2)", np.int64(5), D("5.00")),
    ("DECIMAL(10,2)", D("1E+2"), D("100.00")),
    ("DECIMAL(10,2)", D("1." + "0" * 60), D("1.00")),
    ("DECIMAL(10,2)", D("0E+40"), D("0.00")),
    ("DECIMAL(5,5)", D("0.99999"), D("0.99999")),
    ("STRING", Text("x"), "x"),
    ("STRING", np.str_("x"), "x"),
    ("DATETIME", pd.Timestamp("2024-02-29 12:00:00.000001"), dt.datetime(2024, 2, 29, 12, 0, 0, 1)),
    (
        "TIMESTAMPTZ",
        instant(2024, 11, 3, 1, 30, zone=ZoneInfo("America/New_York")).replace(fold=1),
        instant(2024, 11, 3, 6, 30),
    ),
    ("TIMESTAMPTZ", instant(2024, 1, 1, 8, zone=ZoneInfo("Asia/Shanghai")), instant(2024, 1, 1)),
    ("TIMESTAMPTZ", pd.Timestamp("2024-01-01T08:00:00.000001+08:00"), instant(2024, 1, 1, 0, 0, 0, 1)),
    ("TIME", 3_600_000_000, 3_600_000_000.0),
    ("TIME", np.float32(2.0), 2.0),
    ("IPV4", "1.2.3.4", V4("1.2.3.4")),
    ("IPV4", np.str_("1.2.3.4"), V4("1.2.3.4")),
    ("IPV6", "0:0::FFFF:0102:0304", V6("::ffff:1.2.3.4")),
    ("UUID", ONE.hex.upper(), ONE),
    ("VARBINARY", bytearray(b"ab"), b"ab"),
    ("VARBINARY", memoryview(b"abcd")[::2], b"ac"),
    ("VARBINARY", np.bytes_(b"ab"), b"ab"),
    ("JSON", Text("[]"), "[]"),
    ("MAP<IPV4, UUID>", {"1.2.3.4": str(ONE)}, {V4("1.2.3.4"): ONE}),
    ("ARRAY<INT>", (1, 2), [1, 2]),
    ("ARRAY<DOUBLE>", np.array([1.5, 2.0]), [1.5, 2.0]),
    ("MAP<STRING, INT>", {np.str_("k"): np.int8(1)}, {"k": 1}),
    (NAMED, (1, "x"), {"a": 1, "b": "x"}),
    (NAMED, Pair(1, "x"), {"a": 1, "b": "x"}),
    (NAMED, {"b": "x"}, {"a": None, "b": "x"}),
]


@pytest.mark.parametrize(("sql", "item", "expected"), TAKEN, ids=itertools.count())
def test_what_means_the_same_is_taken(sql: str, item: Any, expected: Any) -> None:
    """Scalars of numpy, subclasses, whole numbers for floats and decimals, tuples: taken when nothing is lost."""
    assert write(sql, None, item) == ([None, expected], {})


REFUSED: list[tuple[str, Any, str]] = [
    ("BOOLEAN", 1, "1 is an int; BOOLEAN wants bool"),
    ("BOOLEAN", "true", "'true' is a str; BOOLEAN wants bool"),
    ("INT", 1.5, "1.5 is a float; INT wants int"),
    ("INT", 1.0, "1.0 is a float; INT wants int"),
    ("INT", True, "True is a bool; INT wants int"),
    ("INT", "1", "'1' is a str; INT wants int"),
    ("INT", D(1), "Decimal('1') is a Decimal; INT wants int"),
    ("TINYINT", 128, "128 does not fit TINYINT (-128 to 127)"),
    ("TINYINT", -129, "-129 does not fit TINYINT (-128 to 127)"),
    ("TINYINT", np.int64(300), "does not fit TINYINT"),
    ("SMALLINT", 2**15, "32768 does not fit SMALLINT"),
    ("INT", 2**31, "2147483648 does not fit INT"),
    ("BIGINT", 2**63, "9223372036854775808 does not fit BIGINT"),
    ("BIGINT", np.uint64(2**63), "does not fit BIGINT"),
    ("LARGEINT", 2**127, "does not fit LARGEINT"),
    ("INT", 10**5000, "does not fit INT"),
    ("DOUBLE", True, "True is a bool; DOUBLE wants float"),
    ("DOUBLE", np.bool_(True), "DOUBLE wants float"),
    ("DOUBLE", D("1.5"), "Decimal('1.5') is a Decimal; DOUBLE wants float"),
    ("DOUBLE", 2**53 + 1, "9007199254740993 does not fit DOUBLE: as a float it would be another number"),
    ("DOUBLE", 10**400, "does not fit DOUBLE"),
    ("FLOAT", 2**24 + 1, "16777217 does not fit FLOAT: as a float it would be another number"),
    ("FLOAT", 1e39, "1e+39 does not fit FLOAT (largest: 3.4e38)"),
    ("FLOAT", 10**400, "does not fit FLOAT"),
    ("DECIMAL(10,2)", 1.5, "1.5 is a float; DECIMAL(10,2) wants decimal.Decimal"),
    ("DECIMAL(10,2)", True, "True is a bool"),
    ("DECIMAL(10,2)", D("1.005"), "Decimal('1.005') has 3 decimal places; DECIMAL(10,2) keeps 2"),
    ("DECIMAL(10,2)", D("123456789.00"), "does not fit DECIMAL(10,2) (8 digits before the point)"),
    ("DECIMAL(10,2)", D("NaN"), "does not fit DECIMAL(10,2)"),
    ("DECIMAL(10,2)", D("-Infinity"), "does not fit DECIMAL(10,2)"),
    ("DECIMAL(10,2)", D("1E+99999999"), "does not fit DECIMAL(10,2)"),
    ("DECIMAL(10,2)", D("1E-99999999"), "99999999 decimal places"),
    ("STRING", b"x", "b'x' is a bytes; STRING wants str"),
    ("STRING", 5, "5 is an int; STRING wants str"),
    ("STRING", "a\ud800", "'a\\ud800' does not fit STRING"),
    ("DATE", dt.datetime(2024, 1, 1), "DATE wants datetime.date"),
    ("DATE", pd.NaT, "NaT is a NaTType; DATE wants datetime.date"),
    ("DATE", "2024-01-01", "DATE wants datetime.date"),
    ("DATETIME", dt.date(2024, 1, 1), "DATETIME wants datetime.datetime"),
    ("DATETIME", dt.datetime(2024, 1, 1, tzinfo=dt.UTC), "has a time zone; DATETIME is a wall clock without one"),
    ("DATETIME", pd.Timestamp(1), "has nanoseconds; DATETIME keeps microseconds"),
    ("DATETIME", pd.NaT, "NaT is no point in time; return None for NULL"),
    ("TIMESTAMPTZ(6)", dt.datetime(2024, 1, 1), "does not fit TIMESTAMPTZ(6) (it has no time zone)"),
    ("TIMESTAMPTZ(6)", dt.date(2024, 1, 1), "is a date; TIMESTAMPTZ(6) wants datetime.datetime"),
    ("TIMESTAMPTZ(6)", pd.NaT, "(no point in time; return None for NULL)"),
    ("TIMESTAMPTZ(6)", pd.Timestamp(1, tz="UTC"), "(it has nanoseconds, and microseconds are kept)"),
    ("TIMESTAMPTZ(6)", instant(1, 1, 1, zone=dt.timezone(dt.timedelta(hours=8))), "(years 1 to 9999 in UTC)"),
    ("TIMESTAMPTZ(6)", instant(9999, 12, 31, 23, zone=dt.timezone(dt.timedelta(hours=-5))), "(years 1 to 9999 in UTC)"),
    ("TIME", 0.5, "0.5 does not fit TIME (no whole number of microseconds; round it)"),
    ("TIME", 3_020_400_000_000, "does not fit TIME (-3020399999999 to 3020399999999 microseconds)"),
    ("TIME", math.nan, "nan does not fit TIME"),
    ("TIME", True, "True is a bool; TIME wants float"),
    ("TIME", dt.timedelta(1), "is a timedelta; TIME wants float"),
    ("IPV4", "1.2.3", "'1.2.3' does not fit IPV4 (no IPv4 address)"),
    ("IPV4", V6("::1"), "is an IPv6Address; IPV4 wants ipaddress.IPv4Address"),
    ("IPV4", ipaddress.IPv4Interface("1.2.3.4/8"), "is an IPv4Interface; IPV4 wants"),
    ("IPV4", 16909060, "16909060 is an int; IPV4 wants ipaddress.IPv4Address"),
    ("IPV6", V6("fe80::1%eth0"), "does not fit IPV6 (an address with a zone)"),
    ("UUID", "123", "'123' does not fit UUID (32 hexadecimal digits"),
    ("UUID", ONE.bytes, "is a bytes; UUID wants uuid.UUID"),
    ("VARBINARY", "ab", "'ab' is a str; VARBINARY wants bytes"),
    ("VARBINARY", 5, "5 is an int; VARBINARY wants bytes"),
    ("JSON", {"a": 1}, "{'a': 1} is a dict; JSON wants str: text as json.dumps makes it"),
    ("JSON", [1], "[1] is a list; JSON wants str: text as json.dumps makes it"),
    ("JSON", "{'a': 1}", "does not fit JSON (no valid JSON: "),
    ("JSON", "NaN", "'NaN' does not fit JSON (JSON has no NaN)"),
    ("JSON", "[" * 100_000, "(nested too deep)"),
    ("JSON", '"\ud800"', "does not fit JSON"),
    ("VARIANT", 5, "5 is an int; VARIANT wants str: text as json.dumps makes it"),
    ("ARRAY<IPV4>", [V4(1), "x"], "'x' does not fit an item of ARRAY<IPV4> (no IPv4 address)"),
    ("MAP<UUID, VARBINARY>", {"x": b""}, "'x' does not fit a key of MAP<UUID, VARBINARY>"),
    ("STRUCT<a:ARRAY<LARGEINT>>", {"a": [2**127]}, "does not fit an item of field a of"),
    ("ARRAY<DECIMAL(38,38)>", [D(1)], "(0 digits before the point)"),
    ("ARRAY<INT>", "12", "'12' is a str; ARRAY<INT> wants list"),
    ("ARRAY<INT>", {1}, "{1} is a set; ARRAY<INT> wants list"),
    ("ARRAY<INT>", [1, 2.5], "2.5 is a float; an item of ARRAY<INT> wants int"),
    ("ARRAY<INT>", [1, 2**40], "does not fit an item of ARRAY<INT>"),
    ("ARRAY<INT>", np.array(5), "cannot be read as ARRAY<INT>: TypeError('iteration over a 0-d array')"),
    ("MAP<STRING, INT>", [("a", 1)], "MAP<STRING, INT> wants dict"),
    ("MAP<STRING, INT>", {None: 1}, "a key of MAP<STRING, INT> is None; keys cannot be NULL"),
    ("MAP<STRING, INT>", {1: 1}, "1 is an int; a key of MAP<STRING, INT> wants str"),
    ("MAP<STRING, INT>", {"a": "b"}, "'b' is a str; a value of MAP<STRING, INT> wants int"),
    (NAMED, [1, "x"], "wants dict or tuple"),
    (NAMED, (1, "x", 2), "Struct has 2 fields but tuple has 3 elements"),
    (NAMED, {"a": 1, "c": 2}, f"{NAMED} has no field 'c' (its fields: a, b)"),
    (NAMED, {"a": "x"}, f"'x' is a str; field a of {NAMED} wants int"),
    (DEEP, {"k": [{"n": 1, "m": {1: D("1.234")}}]}, "has 3 decimal places"),
]


@pytest.mark.parametrize(("sql", "item", "message"), REFUSED, ids=itertools.count())
def test_what_does_not_fit_is_named(sql: str, item: Any, message: str) -> None:
    """A wrong type, a number out of range, lost digits: the row is NULL, and its message shows value and type."""
    good = next(items for known, items in ROUND if known == sql)[0]
    written, bad = write(sql, good, item, None, good)
    assert written == [good, None, None, good]
    assert list(bad) == [1]
    assert message in bad[1]


def test_each_misfit_has_its_row() -> None:
    """Many misfits among good rows, found by us or by Arrow, are each told with the number of their row."""
    items = ["ok", 5, None, "\ud800", "ok", b"x"]
    written, bad = write("STRING", *items)
    assert written == ["ok", None, None, None, "ok", None]
    assert sorted(bad) == [1, 3, 5]


def test_nan_is_a_value() -> None:
    """NaN stays NaN, it does not become NULL."""
    (written, missing), bad = write("DOUBLE", math.nan, None)
    assert math.isnan(written)
    assert missing is None
    assert not bad


def test_messages_are_short_and_cannot_fail() -> None:
    """A value of any size or ill will is shown in a few characters."""

    class Hostile:
        def __repr__(self) -> str:
            raise SystemExit(3)

    _, bad = write("INT", Hostile(), "x" * 10**7, [0] * 10**5, 10**10_000)
    assert sorted(bad) == [0, 1, 2, 3]
    assert "<Hostile whose repr failed: SystemExit>" in bad[0]
    assert all(len(message) < 250 for message in bad.values())


def test_a_value_that_cannot_be_looked_at_is_a_misfit() -> None:
    """A class of the user's that fails when its items are read spoils its own row only."""

    class Trap(dict[str, int]):
        def values(self) -> Any:
            raise KeyboardInterrupt

    written, bad = write("MAP<STRING, INT>", {"a": 1}, Trap(a=1))
    assert written == [{"a": 1}, None]
    assert "cannot be read as MAP<STRING, INT>: KeyboardInterrupt()" in bad[1]


def test_a_reader_takes_any_slice() -> None:
    """What a function gets does not depend on where in a larger array its rows are."""
    kind = parse_type(DEEP)
    items = [{"k": [{"n": number, "m": {number: D("0.50")}}]} for number in range(5)]
    array, _ = values.writer(kind.wire, kind.arrow, DEEP)(items)
    assert values.reader(kind.wire)(array.slice(2, 2)) == items[2:4]
    assert pa.types.is_map(array.type)


@pytest.mark.parametrize(
    ("sql", "item"),
    [
        ("TIMESTAMPTZ", instant(2024, 2, 29)),
        ("STRUCT<a:ARRAY<TIMESTAMPTZ>>", {"a": [instant(2024, 2, 29), None]}),
        ("MAP<TIMESTAMPTZ, STRUCT<x:TIMESTAMPTZ>>", {instant(2024, 2, 29): {"x": instant(1, 1, 1)}}),
    ],
)
def test_instants_need_no_database_of_zones(monkeypatch: pytest.MonkeyPatch, sql: str, item: Any) -> None:
    """A plain Python 3.8 has neither of the packages that Arrow asks for zones."""
    monkeypatch.setitem(sys.modules, "zoneinfo", None)
    monkeypatch.setitem(sys.modules, "pytz", None)
    (written, missing), bad = write(sql, item, None)
    assert (written, missing, bad) == (item, None, {})
    assert "datetime.timezone.utc" in repr(written)
