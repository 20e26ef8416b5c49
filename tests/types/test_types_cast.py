"""A column arrives with its values, or the rows that do not fit are NULL and named; nothing is lost in silence."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal as D  # noqa: N817 - tables of values are read by their values
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from workbench.errors import DataError
from workbench.types import cast_column, parse_type

NAN, INF = float("nan"), float("inf")
LIST_KINDS = [pa.list_, pa.large_list, pa.list_view, pa.large_list_view, lambda item: pa.list_(item, 1)]
ONE = UUID("123e4567-e89b-12d3-a456-426614174000")


clock = datetime.fromisoformat


def cast(array: pa.Array, to: str) -> tuple[list[Any], dict[int, str]]:
    """Cast, check that the storage is valid and of the right type, and return plain values."""
    made = parse_type(to)
    result, bad = cast_column(array, made)
    result.validate(full=True)
    assert result.type == made.arrow
    assert len(result) == len(array)
    assert all(not result[row].is_valid for row in bad)
    return result.to_pylist(), bad


def array_of(numbers: list[int | None], type_: pa.DataType) -> pa.Array:
    """A column of a temporal type from its integers, as a Parquet file may hold it."""
    return pa.array(numbers, pa.int32() if type_ == pa.date32() else pa.int64()).view(type_)


@pytest.mark.parametrize(
    ("array", "to", "values"),
    [
        (pa.array([True, None]), "BOOLEAN", [True, None]),
        (pa.array([1, None, -128]), "TINYINT", [1, None, -128]),
        (pa.array([255], pa.uint8()), "SMALLINT", [255]),
        (pa.array([1.0, None, NAN, -0.0]), "INT", [1, None, None, 0]),
        (pa.array([2.0], pa.float16()), "INT", [2]),
        (pa.array([-(2.0**63)]), "BIGINT", [-(2**63)]),
        (pa.array([D("3.00"), None]), "INT", [3, None]),
        (pa.array([D("3.0")], pa.decimal256(50, 1)), "BIGINT", [3]),
        (pa.array([D(500)], pa.decimal128(5, -2)), "INT", [500]),
        (pa.array([2**64 - 1], pa.uint64()), "LARGEINT", [D(2**64 - 1)]),
        (pa.array(["-12", "+7", None]), "LARGEINT", [D(-12), D(7), None]),
        (pa.array([D(2**127 - 1)], pa.decimal256(39, 0)), "LARGEINT", [D(2**127 - 1)]),
        (pa.array([1e20, NAN]), "LARGEINT", [D(10**20), None]),
        (pa.array([2**53, -(2**53), None]), "DOUBLE", [2.0**53, -(2.0**53), None]),
        (pa.array([2**53 + 2]), "DOUBLE", [2.0**53 + 2]),
        (pa.array([2**24 + 2]), "FLOAT", [2.0**24 + 2]),
        (pa.array([D("0.1"), D("0.3")]), "DOUBLE", [0.1, 0.3]),
        (pa.array([D("0.1")], pa.decimal128(38, 9)), "DOUBLE", [0.1]),
        (pa.array([D(2**60)]), "DOUBLE", [2.0**60]),
        (pa.array([D("0.5")], pa.decimal128(38, 30)), "FLOAT", [0.5]),
        (pa.array([1.5, INF, -INF, None]), "FLOAT", [1.5, INF, -INF, None]),
        (pa.array([5, None]), "DECIMAL(1,0)", [D(5), None]),
        (pa.array([2**64 - 1], pa.uint64()), "DECIMAL(20)", [D(2**64 - 1)]),
        (pa.array([1.1, 0.3, NAN, 1e-2]), "DECIMAL(10,2)", [D("1.10"), D("0.30"), None, D("0.01")]),
        (pa.array([0.1], pa.float32()), "DECIMAL(10,1)", [D("0.1")]),
        (pa.array([0.3]), "DECIMAL(76,60)", [D("0.3")]),
        (pa.array([D("1.20"), None]), "DECIMAL(3,1)", [D("1.2"), None]),
        (pa.array(["a", None, ""]), "STRING", ["a", None, ""]),
        (pa.array(["a", None], pa.large_string()), "VARCHAR(1)", ["a", None]),
        (pa.array(["longer than twelve", None], pa.string_view()), "CHAR(3)", ["longer than twelve", None]),
        (array_of([86_400_000, None], pa.date64()), "DATE", [date(1970, 1, 2), None]),
        (array_of([-86_400, 0], pa.timestamp("s")), "DATE", [date(1969, 12, 31), date(1970, 1, 1)]),
        (array_of([1_001, None], pa.timestamp("ms")), "DATETIME(3)", [clock("1970-01-01 00:00:01.001"), None]),
        (array_of([-1_000], pa.timestamp("ns")), "DATETIME", [clock("1969-12-31 23:59:59.999999")]),
        (array_of([1], pa.date32()), "DATETIME", [clock("1970-01-02")]),
        (array_of([0, None], pa.timestamp("s", "Asia/Shanghai")), "TIMESTAMPTZ", [clock("1970-01-01T00:00Z"), None]),
        (array_of([1], pa.timestamp("ms", "America/New_York")), "TIMESTAMPTZ", [clock("1970-01-01T00:00:00.001Z")]),
        (array_of([-1_000], pa.timestamp("ns", "+05:30")), "TIMESTAMPTZ(6)", [clock("1969-12-31T23:59:59.999999Z")]),
        (pa.array([1.0, None, NAN, -0.0]), "TIME", [1.0, None, None, 0.0]),
        (pa.array([3_020_399_999_999, -3_020_399_999_999]), "TIME(6)", [3_020_399_999_999.0, -3_020_399_999_999.0]),
        (pa.array([7], pa.uint8()), "TIME", [7.0]),
        (pa.array([D("5.00")]), "TIME", [5.0]),
        (pa.array(["0.0.0.0", None, "255.255.255.255"]), "IPV4", ["0.0.0.0", None, "255.255.255.255"]),
        (pa.array(["1.2.3.4"], pa.string_view()), "IPV4", ["1.2.3.4"]),
        (pa.array(["::", "0:0::1", "FE80::A", None]), "IPV6", ["::", "::1", "fe80::a", None]),
        (pa.array(["::ffff:1.2.3.4", "::ffff:102:304"], pa.large_string()), "IPV6", ["::ffff:1.2.3.4"] * 2),
        (pa.array([str(ONE), ONE.hex.upper(), None]), "UUID", [str(ONE), str(ONE), None]),
        (pa.array([ONE.bytes, None], pa.uuid()), "UUID", [str(ONE), None]),
        (pa.array([b"", b"\0\xff", None]), "VARBINARY", [b"", b"\0\xff", None]),
        (pa.array([b"longer"], pa.large_binary()), "VARBINARY(2)", [b"longer"]),
        (pa.array([b"ab", None], pa.binary(2)), "VARBINARY", [b"ab", None]),
        (pa.array([b"ab"], pa.binary_view()), "VARBINARY", [b"ab"]),
        (
            pa.array(['{"b": 1, "a":[null]}', " 1e999 ", '"x"', None]),
            "JSON",
            ['{"b": 1, "a":[null]}', " 1e999 ", '"x"', None],
        ),
        (pa.array(["9" * 10_000]), "VARIANT", ["9" * 10_000]),
        (pa.array([["1.2.3.4", None], None]), "ARRAY<IPV4>", [["1.2.3.4", None], None]),
        (pa.array([{"a": ONE.hex, "b": "null"}]), "STRUCT<a:UUID, b:JSON>", [{"a": str(ONE), "b": "null"}]),
        (pa.array([[(b"k", "::1")]], pa.map_(pa.binary(), pa.string())), "MAP<VARBINARY, IPV6>", [[(b"k", "::1")]]),
        (pa.array([[0.0], [None]]), "ARRAY<TIME>", [[0.0], [None]]),
        (
            pa.array([[clock("2024-03-31T01:00Z")]], pa.list_(pa.timestamp("ms", "Europe/Berlin"))),
            "ARRAY<TIMESTAMPTZ>",
            [[clock("2024-03-31T01:00Z")]],
        ),
        (pa.array([[str(-(2**127))], [str(2**127 - 1)]]), "ARRAY<LARGEINT>", [[D(-(2**127))], [D(2**127 - 1)]]),
        (pa.nulls(2), "INT", [None, None]),
        (pa.nulls(2), "MAP<STRING, STRUCT<a:INT>>", [None, None]),
        (pa.array(["x", None, "x"]).dictionary_encode(), "STRING", ["x", None, "x"]),
        (pa.array([7, None]).dictionary_encode(), "TINYINT", [7, None]),
        (pa.DictionaryArray.from_arrays(pa.array([1, 0, None]), pa.array([[1], []])), "ARRAY<INT>", [[], [1], None]),
        (pa.array([], pa.int64()), "INT", []),
        (pa.array([], pa.list_(pa.int64())), "ARRAY<INT>", []),
        (pa.array([[None], []], pa.list_(pa.null())), "ARRAY<STRUCT<a:INT>>", [[None], []]),
        (pa.array([{"a": 1, "b": 2}, None]), "STRUCT<b:INT, a:DOUBLE>", [{"b": 2, "a": 1.0}, None]),
        (pa.array([{"a": [1.0]}, {"a": None}]), "STRUCT<a:ARRAY<INT>>", [{"a": [1]}, {"a": None}]),
    ],
)
def test_what_fits_arrives_unchanged(array: pa.Array, to: str, values: list[Any]) -> None:
    """Wider, narrower, other and encoded columns are taken when every value fits, whole or as a slice."""
    assert cast(array, to) == (values, {})
    assert cast(pa.concat_arrays([array, array]).slice(len(array)), to) == (values, {})


@pytest.mark.parametrize(
    ("array", "to", "bad"),
    [
        (pa.array([1, 3_000_000_000]), "INT", {1: "value 3000000000 does not fit INT (-2147483648 to 2147483647)"}),
        (pa.array([2**64 - 1], pa.uint64()), "BIGINT", {0: "value 18446744073709551615 does not fit BIGINT"}),
        (pa.array([1.5, 1.0]), "INT", {0: "value 1.5 does not fit INT (not a whole number)"}),
        (pa.array([1.5], pa.float16()), "INT", {0: "value 1.5"}),
        (pa.array([INF, -INF]), "INT", {0: "value inf", 1: "value -inf"}),
        (pa.array([2.0**63]), "BIGINT", {0: "value 9.223372036854776e+18"}),
        (pa.array([D("1.5"), D("300.0")]), "TINYINT", {0: "not a whole number", 1: "(-128 to 127)"}),
        (pa.array([D(2**127)], pa.decimal256(39, 0)), "LARGEINT", {0: "does not fit LARGEINT"}),
        (pa.array([D("0.5"), D(1)]), "LARGEINT", {0: "not a whole number"}),
        (
            pa.array(["x", "1.0", "", "٣", "9" * 39]),
            "LARGEINT",
            {0: "value x", 1: "1.0", 2: "value ", 3: "٣", 4: "9999"},
        ),
        (pa.array([2**53 + 1, 1]), "DOUBLE", {0: "value 9007199254740993 does not fit DOUBLE"}),
        (pa.array([2**24 + 1]), "FLOAT", {0: "no 32-bit float has this value"}),
        (pa.array([1.0, 1e300]), "FLOAT", {1: "value 1e+300 does not fit FLOAT"}),
        (pa.array([D("12345678901234567890.1"), D("0.1")]), "DOUBLE", {0: "value 12345678901234567890.1"}),
        (pa.array([D("5E-60")], pa.decimal256(60, 60)), "FLOAT", {0: "does not fit FLOAT"}),
        (
            pa.array([1.125, 1.5, INF, 1e20]),
            "DECIMAL(10,2)",
            {0: "8 digits before the point and 2 behind it", 2: "inf", 3: "1e+20"},
        ),
        (pa.array([10, 9]), "DECIMAL(1,0)", {0: "value 10 does not fit DECIMAL(1,0)"}),
        (pa.array([D("1.25"), D("1.20")]), "DECIMAL(10,1)", {0: "value 1.25"}),
        (pa.array([D("123.4")]), "DECIMAL(3,1)", {0: "value 123.4"}),
        (
            array_of([86_400_000_000, 1], pa.timestamp("us")),
            "DATE",
            {1: "value 1970-01-01 00:00:00.000001 does not fit DATE (it has a time of day)"},
        ),
        (array_of([86_400_000_000_001], pa.timestamp("ns")), "DATE", {0: "value 1970-01-02 00:00:00.000000001"}),
        (array_of([10**15], pa.timestamp("s")), "DATE", {0: "(years 1 to 9999)"}),
        (array_of([2**31 * 86_400], pa.timestamp("s")), "DATE", {0: "(years 1 to 9999)"}),
        (array_of([2**30, 0], pa.date32()), "DATE", {0: "(years 1 to 9999)"}),
        (
            array_of([1_001, 1_000], pa.timestamp("ns")),
            "DATETIME",
            {0: "value 1970-01-01 00:00:00.000001001 does not fit DATETIME (it has digits below the microsecond)"},
        ),
        (array_of([10**15, 0], pa.timestamp("s")), "DATETIME", {0: "value of 1000000000000000 seconds after 1970"}),
        (array_of([10**18, -(10**18)], pa.timestamp("us")), "DATETIME", {0: "years 1 to 9999", 1: "years 1 to 9999"}),
        (
            array_of([1_001, 1_000], pa.timestamp("ns", "Asia/Shanghai")),
            "TIMESTAMPTZ",
            {0: "value 1970-01-01 00:00:00.000001001 UTC does not fit TIMESTAMPTZ (it has digits"},
        ),
        (array_of([10**15, 0], pa.timestamp("s", "UTC")), "TIMESTAMPTZ", {0: "(years 1 to 9999)"}),
        (
            pa.array([0.5, 3_020_400_000_000.0, INF, 0.0]),
            "TIME",
            {
                0: "value 0.5 does not fit TIME (no whole number of microseconds)",
                1: "(-3020399999999 to 3020399999999 microseconds)",
                2: "value inf",
            },
        ),
        (pa.array([D("0.5")]), "TIME", {0: "no whole number"}),
        (
            pa.array(["1.2.3", "1.2.3.4", "::1", "01.2.3.4", "1.2.3.4/8", ""]),
            "IPV4",
            dict.fromkeys((0, 2, 3, 4, 5), "does not fit IPV4 (no IPv4 address)"),
        ),
        (
            pa.array(["fe80::1%eth0", "::1", "1.2.3.4", "fe80::1%eth0"]),
            "IPV6",
            {0: "(an address with a zone)", 2: "(no IPv6 address)", 3: "(an address with a zone)"},
        ),
        (
            pa.array(
                [
                    str(ONE),
                    f"{{{ONE}}}",
                    f"urn:uuid:{ONE}",
                    f"{ONE}0",
                    f"{ONE.hex[:-1]}_",
                    str(ONE)[:8] + ONE.hex[8:] + "-",
                ]
            ),
            "UUID",
            dict.fromkeys(range(1, 6), "(32 hexadecimal digits"),
        ),
        (
            pa.array(["{}", "{", "NaN", "[-Infinity]", "", "{'a': 1}", "[" * 100_000, '"\n"']),
            "JSON",
            {
                1: "value { does not fit JSON (no valid JSON: ",
                2: "(JSON has no NaN)",
                3: "(JSON has no -Infinity)",
                4: "no valid JSON",
                5: "no valid JSON",
                6: "nested too deep",
                7: "no valid JSON",
            },
        ),
        (pa.array([["::1"], ["::1", "x"]]), "ARRAY<IPV6>", {1: "item 1: value x does not fit IPV6"}),
        (pa.array([{"a": "{}"}, {"a": "x"}]), "STRUCT<a:VARIANT>", {1: "field a: value x does not fit VARIANT"}),
        (pa.array([[1], [2, 300], None]), "ARRAY<TINYINT>", {1: "item 1: value 300 does not fit TINYINT"}),
        (
            pa.array([[[1.5]], [[], [2.0, 2.5]]]),
            "ARRAY<ARRAY<INT>>",
            {0: "item 0: item 0: value 1.5", 1: "item 1: item 1: value 2.5"},
        ),
        (pa.array([{"a": 2**53 + 1, "b": 1}]), "STRUCT<a:DOUBLE, b:INT>", {0: "field a: value 9007199254740993"}),
        (
            pa.array([[("k", 300)], [("k", 1)]], pa.map_(pa.string(), pa.int64())),
            "MAP<STRING, TINYINT>",
            {0: "entry 0: value 300"},
        ),
        (
            pa.array([[(1, 1), (300, 1)], []], pa.map_(pa.int64(), pa.int64())),
            "MAP<TINYINT, INT>",
            {0: "key 1: value 300"},
        ),
        (
            pa.array([[(NAN, 1)], [(1.0, 1)]], pa.map_(pa.float64(), pa.int64())),
            "MAP<INT, INT>",
            {0: "key 0: a key is NULL"},
        ),
        (pa.array([1, 300]).dictionary_encode(), "TINYINT", {1: "value 300"}),
    ],
)
def test_what_does_not_fit_is_named_by_row(array: pa.Array, to: str, bad: dict[int, str]) -> None:
    """Exactly the rows whose value does not fit are NULL and named; the others arrive, in a slice as well."""
    _, found = cast(array, to)
    assert found.keys() == bad.keys()
    assert all(message in found[row] for row, message in bad.items())
    assert cast(pa.concat_arrays([array, array]).slice(len(array)), to)[1] == found


@pytest.mark.parametrize("kind", LIST_KINDS)
def test_every_list_layout(kind: Any) -> None:
    """Lists of every layout keep their items, their NULLs and their slices, and name their rows."""
    array = pa.array([[9], [1], None, [2], [300]], kind(pa.int64())).slice(1)
    assert cast(array, "ARRAY<SMALLINT>") == ([[1], None, [2], [300]], {})
    values, bad = cast(array, "ARRAY<TINYINT>")
    assert values == [[1], None, [2], None]
    assert bad == {3: "item 0: value 300 does not fit TINYINT (-128 to 127)"}


def test_values_beneath_a_null_do_not_count() -> None:
    """What a NULL row hides may be anything."""
    hidden = pa.ListArray.from_arrays(pa.array([0, 1, 2]), pa.array([300, 1]), mask=pa.array([True, False]))
    assert cast(hidden, "ARRAY<TINYINT>") == ([None, [1]], {})
    struct = pa.StructArray.from_arrays([pa.array([300, 1])], names=["a"], mask=pa.array([True, False]))
    assert cast(struct, "STRUCT<a:TINYINT>") == ([None, {"a": 1}], {})


def test_nan_stays_in_floats_only() -> None:
    """NaN is a value of FLOAT and DOUBLE, and NULL for everything else."""
    column = pa.array([NAN])
    for to in ("FLOAT", "DOUBLE"):
        (value,), bad = cast(column, to)
        assert math.isnan(value)
        assert bad == {}
    for to in ("TINYINT", "LARGEINT", "DECIMAL(3,1)"):
        assert cast(column, to) == ([None], {})


@pytest.mark.parametrize(
    ("array", "to"),
    [
        (pa.array(["1"]), "INT"),
        (pa.array(["1"]), "DOUBLE"),
        (pa.array(["1"]), "DECIMAL"),
        (pa.array(["2020-01-01"]), "DATE"),
        (pa.array([True]), "INT"),
        (pa.array([1]), "BOOLEAN"),
        (pa.nulls(1, pa.decimal128(1, 60)), "DOUBLE"),
        (pa.array([1]), "STRING"),
        (pa.array([b"a"]), "STRING"),
        (pa.array([1]), "DATE"),
        (pa.array([datetime(2020, 1, 1, tzinfo=UTC)], pa.timestamp("us", "UTC")), "DATETIME"),
        (pa.array([datetime(2020, 1, 1, tzinfo=UTC)], pa.timestamp("us", "UTC")), "DATE"),
        (pa.array([datetime(2020, 1, 1)], pa.timestamp("us")), "TIMESTAMPTZ"),  # noqa: DTZ001 - refused for that
        (pa.array([1]), "TIMESTAMPTZ"),
        (pa.array(["12:00:00"]), "TIME"),
        (pa.array([1], pa.time64("us")), "TIME"),
        (pa.array([1]), "IPV4"),
        (pa.array([b"0" * 16]), "UUID"),
        (pa.array([b"0" * 16], pa.binary(16)), "UUID"),
        (pa.array(["a"]), "VARBINARY"),
        (pa.array([{"a": 1}]), "JSON"),
        (pa.array([1]), "VARIANT"),
        (pa.array(["a"]).dictionary_encode(), "INT"),
        (pa.array([["a"]]), "ARRAY<INT>"),
        (pa.array([1]), "ARRAY<INT>"),
        (pa.array([{"a": 1}]), "STRUCT<b:INT>"),
        (pa.array([{"a": 1, "b": 1}]), "STRUCT<a:INT>"),
        (pa.array([{"a": 1}]), "STRUCT<a:INT, b:INT>"),
        (pa.array([{"a": 1}]), "MAP<STRING, INT>"),
        (pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]), "STRUCT<a:INT>"),
    ],
)
def test_other_columns_are_refused_whole(array: pa.Array, to: str) -> None:
    """Text is no number, a number no text, and a clock with a zone none without: DataError, with both types named."""
    with pytest.raises(DataError, match="cannot be taken as") as caught:
        cast_column(array, parse_type(to))
    assert str(array.type) in str(caught.value)
    assert to in str(caught.value)


def test_long_values_are_shortened_in_messages() -> None:
    """A message never holds a whole long value."""
    _, bad = cast(pa.array(["x" * 10_000_000]), "LARGEINT")
    assert len(bad[0]) < 300


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=8))
@example([2**53 + 1, 2**53, 2**63 - 1])
def test_integers_are_the_same_number_as_double_or_refused(numbers: list[int | None]) -> None:
    """An integer becomes the DOUBLE of exactly its value, or is an error of its row."""
    values, bad = cast(pa.array(numbers, pa.int64()), "DOUBLE")
    for row, number in enumerate(numbers):
        fits = number is None or int(float(number)) == number
        assert (row in bad) is not fits
        assert not fits or values[row] == number


@given(st.lists(st.none() | st.floats(), max_size=8))
def test_floats_are_the_same_number_as_decimal_or_refused(numbers: list[float | None]) -> None:
    """A float becomes the DECIMAL that it prints as, NaN becomes NULL, and the rest are errors of their rows."""
    values, bad = cast(pa.array(numbers, pa.float64()), "DECIMAL(20,5)")
    for row, number in enumerate(numbers):
        if number is None or math.isnan(number):
            assert values[row] is None
            assert row not in bad
        elif row not in bad:
            assert values[row] == D(repr(number))


@given(
    st.lists(
        st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**8), max_value=10**8, places=6), max_size=8
    )
)
def test_decimals_round_as_python_does(numbers: list[D]) -> None:
    """A decimal of few digits becomes the nearest DOUBLE, as ``float`` makes it, whatever Arrow's own cast does."""
    values, bad = cast(pa.array(numbers, pa.decimal128(15, 6)), "DOUBLE")
    assert (values, bad) == ([float(number) for number in numbers], {})


@given(st.lists(st.none() | st.integers(-(2**62), 2**62), max_size=8), st.sampled_from(["s", "ms", "us", "ns"]))
def test_clocks_keep_their_instant_or_are_refused(numbers: list[int | None], unit: str) -> None:
    """A wall clock of any unit and size is the same wall clock, or an error of its row; nothing else is raised."""
    array = array_of(numbers, pa.timestamp(unit))
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    for to, per in (("DATETIME", 10**6), ("DATE", None)):
        result, bad = cast_column(array, parse_type(to))
        stored = result.view(pa.int64() if per else pa.int32()).to_pylist()
        for row, number in enumerate(numbers):
            if number is not None and row not in bad:
                scaled = (stored[row], per) if per else (stored[row] * 86_400, 1)
                assert scaled[0] * per_second == number * scaled[1]
