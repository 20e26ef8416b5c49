"""Type text is read whatever its case and spacing, printed in one form, and refused with the position."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import types
from workbench.errors import DefinitionError
from workbench.types import (
    Address,
    Array,
    Binary,
    Boolean,
    DataType,
    Date,
    Datetime,
    Decimal,
    Float,
    Instant,
    Integer,
    Json,
    LargeInt,
    Map,
    String,
    Struct,
    Time,
    Uuid,
    parse_type,
)
from workbench.types.parser import MAX_DEPTH

DECIMALS = st.integers(1, 76).flatmap(lambda p: st.builds(Decimal, st.just(p), st.integers(0, p)))
PLAIN: st.SearchStrategy[DataType] = st.one_of(
    st.just(Boolean()),
    st.builds(Integer, st.sampled_from([8, 16, 32, 64])),
    st.just(LargeInt()),
    st.builds(Float, st.sampled_from([32, 64])),
    DECIMALS,
    st.just(String()),
    st.builds(String, st.sampled_from(["VARCHAR", "CHAR"]), st.none() | st.integers(1, 65_533)),
    st.just(Date()),
    st.builds(Datetime, st.integers(0, 6)),
    st.builds(Instant, st.integers(0, 6)),
    st.builds(Time, st.integers(0, 6)),
    st.builds(Address, st.sampled_from([4, 6])),
    st.just(Uuid()),
    st.builds(Binary, st.none() | st.integers(1, 65_533)),
    st.builds(Json, st.sampled_from(["JSON", "VARIANT"])),
)
NAMES = st.text(min_size=1, max_size=6) | st.sampled_from(["date", "a`b", "a b", "int", "`", ">", "ARRAY", "x\ny"])


def nested(inner: st.SearchStrategy[DataType]) -> st.SearchStrategy[DataType]:
    """ARRAY, MAP and STRUCT of the types drawn so far."""
    fields = st.lists(st.tuples(NAMES, inner), min_size=1, max_size=3, unique_by=lambda field: field[0])
    return st.builds(Array, inner) | st.builds(Map, PLAIN, inner) | st.builds(Struct, fields.map(tuple))


TYPES = st.recursive(PLAIN, nested, max_leaves=6)


@given(TYPES)
def test_text_reads_back_to_an_equal_type(made: DataType) -> None:
    """What a type prints is read back to an equal type with the same hash, storage and wire form."""
    again = parse_type(str(made))
    assert again == made
    assert hash(again) == hash(made)
    assert str(again) == str(made)
    assert again.arrow == made.arrow
    assert json.loads(json.dumps(again.wire)) == made.wire
    assert made.accepts(made.arrow)


@given(TYPES, st.integers(0, 60))
def test_every_cut_is_refused_with_a_position(made: DataType, cut: int) -> None:
    """Text that ends too early is a DefinitionError or another type, never another exception."""
    try:
        parse_type(str(made)[:cut])
    except DefinitionError as error:
        assert "position" in str(error)  # noqa: PT017 - both outcomes are right


@given(st.text(alphabet="ARYINT<>(),:`0123 abMPSTRUC\n", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text at all raises anything but DefinitionError."""
    try:
        made = parse_type(text)
    except DefinitionError:
        return
    assert parse_type(str(made)) == made


@pytest.mark.parametrize(
    ("text", "printed", "wire", "arrow"),
    [
        ("boolean", "BOOLEAN", "bool", pa.bool_()),
        ("tinyint", "TINYINT", "int8", pa.int8()),
        ("SmallInt", "SMALLINT", "int16", pa.int16()),
        ("integer", "INT", "int32", pa.int32()),
        ("bigint", "BIGINT", "int64", pa.int64()),
        ("largeint", "LARGEINT", "largeint", pa.decimal256(39, 0)),
        ("float", "FLOAT", "float32", pa.float32()),
        ("double", "DOUBLE", "float64", pa.float64()),
        ("decimal", "DECIMAL(38,9)", ["decimal", 38, 9], pa.decimal128(38, 9)),
        ("decimalv3 ( 5 )", "DECIMAL(5,0)", ["decimal", 5, 0], pa.decimal128(5, 0)),
        ("decimal(76,10)", "DECIMAL(76,10)", ["decimal", 76, 10], pa.decimal256(76, 10)),
        ("text", "STRING", "string", pa.string()),
        ("varchar(20)", "VARCHAR(20)", "string", pa.string()),
        ("char(3)", "CHAR(3)", "string", pa.string()),
        ("datev2", "DATE", "date", pa.date32()),
        ("datetimev2(3)", "DATETIME(3)", "datetime", pa.timestamp("us")),
        ("timestamp", "DATETIME", "datetime", pa.timestamp("us")),
        ("timestamptz", "TIMESTAMPTZ", "instant", pa.timestamp("us", "UTC")),
        ("TimestampTZ(6)", "TIMESTAMPTZ(6)", "instant", pa.timestamp("us", "UTC")),
        ("time", "TIME", "time", pa.float64()),
        ("timev2( 3 )", "TIME(3)", "time", pa.float64()),
        ("ipv4", "IPV4", "ipv4", pa.string()),
        ("IPv6", "IPV6", "ipv6", pa.string()),
        ("uuid", "UUID", "uuid", pa.string()),
        ("varbinary", "VARBINARY", "binary", pa.binary()),
        ("varbinary(16)", "VARBINARY(16)", "binary", pa.binary()),
        ("json", "JSON", "json", pa.string()),
        ("jsonb", "JSON", "json", pa.string()),
        ("variant", "VARIANT", "json", pa.string()),
        ("map<uuid,array<ipv6>>", "MAP<UUID, ARRAY<IPV6>>", ["map", "uuid", ["list", "ipv6"]], None),
        ("array<array<int>>", "ARRAY<ARRAY<INT>>", ["list", ["list", "int32"]], pa.list_(pa.list_(pa.int32()))),
        (" map <\n string , double > ", "MAP<STRING, DOUBLE>", ["map", "string", "float64"], None),
        (
            "struct<a INT, `b c` : text>",
            "STRUCT<a:INT, `b c`:STRING>",
            ["struct", [["a", "int32"], ["b c", "string"]]],
            None,
        ),
        (
            "struct<date date, int:int>",
            "STRUCT<date:DATE, `int`:INT>",
            ["struct", [["date", "date"], ["int", "int32"]]],
            None,
        ),
    ],
)
def test_spellings(text: str, printed: str, wire: Any, arrow: pa.DataType | None) -> None:
    """Each SQL spelling gives the type of the contract's table."""
    made = parse_type(text)
    assert (str(made), made.wire) == (printed, wire)
    assert arrow is None or made.arrow == arrow
    assert made.python


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "position 1: expected a type, found the end"),
        ("INTT", "position 1: unknown type 'INTT'; did you mean INT?"),
        ("xyz", "known are ARRAY, BIGINT"),
        ("ARRAY<INT", "position 10: expected ',' or '>', found the end"),
        ("ARRAY<INT>>", "position 11: expected the end of the type, found '>'"),
        ("ARRAY<INT, INT>", "ARRAY takes one type"),
        ("ARRAY", "ARRAY takes one type"),
        ("ARRAY(3)", "ARRAY takes one type"),
        ("MAP<INT>", "MAP takes two types"),
        ("MAP<ARRAY<INT>, INT>", "MAP<K, V> takes a plain type as its key"),
        ("STRUCT<INT>", "STRUCT takes named fields"),
        ("STRUCT<a:INT, a:INT>", "each name once"),
        ("STRUCT<>", "position 8: expected a type, found '>'"),
        ("DECIMAL(0)", "takes 1 to 76 digits"),
        ("DECIMAL(3,4)", "scale from 0 to p"),
        ("DECIMAL(77)", "takes 1 to 76 digits"),
        ("DECIMAL(10,2,1)", "takes one or two numbers"),
        ("DECIMAL(x)", "position 9: expected a number, found 'x'"),
        ("DECIMAL<INT>", "takes one or two numbers"),
        ("INT(11)", "INT takes nothing in brackets"),
        ("STRING(5)", "STRING takes nothing in brackets"),
        ("VARCHAR(0)", "VARCHAR takes one length above 0"),
        ("DATETIME(7)", "DATETIME takes 0 to 6 digits"),
        ("INT NOT NULL", "position 5: expected the end of the type, found 'NOT'"),
        ("INT COMMENT", "position 5"),
        ("INT;", "position 4: unexpected ';'"),
        ("STRUCT<``:INT>", "position 8: a backtick that is not closed, or an empty name"),
        ("STRUCT<`a:INT>", "position 8: a backtick"),
        ("`INT`", "expected a type, found 'INT'"),
        ("TIMESTAMPTZ(7)", "TIMESTAMPTZ takes 0 to 6 digits"),
        ("TIME(7)", "TIME takes 0 to 6 digits"),
        ("TIME<INT>", "TIME takes 0 to 6 digits"),
        ("VARBINARY(0)", "VARBINARY takes one length above 0"),
        ("IPV4(4)", "IPV4 takes nothing in brackets"),
        ("VARIANT<INT>", "VARIANT takes nothing in brackets"),
        ("IPV5", "did you mean IPV"),
        ("hll", "HLL cannot be an argument or a result of a Python function"),
        ("ARRAY<quantile_state>", "QUANTILE_STATE cannot be an argument or a result of a Python function"),
        ("bitmap", "BITMAP cannot be an argument or a result of a Python function"),
        ("DECIMAL(" + "9" * 5_000 + ")", "expected ',' or ')'"),
        ("ARRAY<" * 100_000, f"more than {MAX_DEPTH} types within each other"),
    ],
)
def test_refusals_name_position_and_expectation(text: str, message: str) -> None:
    """Every refusal is short, and says where and what was expected."""
    with pytest.raises(DefinitionError) as caught:
        parse_type(text)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(("opening", "closing"), [("ARRAY<", ">"), ("MAP<INT, ", ">"), ("STRUCT<a:", ">")])
def test_the_deepest_type_still_travels(opening: str, closing: str) -> None:
    """A type of the greatest depth that is read fits through Arrow's IPC, which has a limit of its own."""
    made = parse_type(opening * (MAX_DEPTH - 1) + "INT" + closing * (MAX_DEPTH - 1))
    schema = pa.schema([("a", made.arrow)])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(pa.record_batch([pa.nulls(2, made.arrow)], schema=schema))
    assert pa.ipc.open_stream(sink.getvalue()).read_all().num_rows == 2


def test_the_public_face_is_sorted_and_whole() -> None:
    """``__all__`` is sorted and every name in it exists."""
    assert types.__all__ == sorted(types.__all__)
    assert all(hasattr(types, name) for name in types.__all__)
