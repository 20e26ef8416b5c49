"""A signature is read from text in either spelling, printed as text that reads back, and refused with every problem."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import functions
from workbench.errors import DefinitionError
from workbench.functions import Kind, Param, Signature, forbidden_module, parse_signature
from workbench.types import (
    Address,
    Array,
    Binary,
    DataType,
    Decimal,
    Float,
    Instant,
    Integer,
    Json,
    Map,
    String,
    Struct,
    Time,
    Uuid,
)

NAMES = st.text(min_size=1, max_size=6) | st.sampled_from(
    ["date", "a`b", "a b", "RETURNS", "->", ")", ",", "db.f", "`", "a\nb"]
)
TYPES = st.sampled_from(
    [
        Integer(32),
        Decimal(10, 2),
        Map(String(), Array(Float())),
        Struct((("a b", Integer(8)), ("returns", String("CHAR", 3)))),
        Struct((("time", Time(3)), ("json", Json("VARIANT")), ("uuid", Map(Uuid(), Binary(16))))),
        Array(Address(6)),
        Instant(6),
    ]
)
NAMED = st.lists(st.builds(Param, NAMES, TYPES), max_size=4, unique_by=lambda param: param.name)
UNNAMED = st.lists(st.builds(Param, st.none(), TYPES), max_size=4)


@given(st.builds(Signature, NAMES, (NAMED | UNNAMED).map(tuple), TYPES, NAMES | st.just("default")))
def test_text_reads_back_to_an_equal_signature(made: Signature) -> None:
    """Whatever the names are, a printed signature is read back to an equal one."""
    assert parse_signature(str(made)) == made


@given(st.text(alphabet="fab(),.->INTRETURNS` \n<>9", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text raises anything but DefinitionError."""
    try:
        made = parse_signature(text)
    except DefinitionError:
        return
    assert parse_signature(str(made)) == made


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("score(a DOUBLE, b DOUBLE) -> DOUBLE", "score(a DOUBLE, b DOUBLE) -> DOUBLE"),
        ("score(double,double)->double", "score(DOUBLE, DOUBLE) -> DOUBLE"),
        ("clean_email(s STRING) RETURNS STRING", "clean_email(s STRING) -> STRING"),
        ("f()\n returns\n int", "f() -> INT"),
        ("sales.f(date DATE, int INT)->INT", "sales.f(date DATE, `int` INT) -> INT"),
        ("default.f(INT) -> INT", "f(INT) -> INT"),
        ("`a b`.`f``g`(`x y` INT) -> INT", "`a b`.`f``g`(`x y` INT) -> INT"),
        ("f(DECIMAL(10,2), MAP<STRING,INT>) -> INT", "f(DECIMAL(10,2), MAP<STRING, INT>) -> INT"),
        ("f(d decimal(10,2)) -> array<struct<a:int,b int>>", "f(d DECIMAL(10,2)) -> ARRAY<STRUCT<a:INT, b:INT>>"),
        ("f(time TIME, uuid UUID, j jsonb)->varbinary(3)", "f(time TIME, uuid UUID, j JSON) -> VARBINARY(3)"),
        ("größe(straße INT) -> INT", "`größe`(`straße` INT) -> INT"),
    ],
)
def test_spellings(text: str, printed: str) -> None:
    """Both spellings of the result, names like types, quoted names and line breaks are read."""
    assert str(parse_signature(text)) == printed


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("", ["position 1: expected the function's name, found the end"]),
        ("f", ["position 2: expected '(' and the parameters, found the end"]),
        ("f(a INT)", ["position 9: expected '->' or RETURNS, and the type of the result, found the end"]),
        ("f(a INT) ->", ["position 12: expected a type, found the end"]),
        ("f(a INT,) -> INT", ["position 9: expected a type, found ')'"]),
        ("f(, a INT) -> INT", ["position 3: expected a type, found ','"]),
        ("f(a INT -> INT", ["position 9: expected ',' or ')', found '->'", "position 15: expected ')', found the end"]),
        ("f(a INT) -> INT x", ["position 17: expected the end of the signature, found 'x'"]),
        ("f(a: INT) -> INT", ["position 3: unknown type 'a'"]),
        ("f(a INT; b INT) -> INT", ["position 8: unexpected ';'"]),
        ("f(a INT, DOUBLE) -> INT", ["some parameters have names and some only types"]),
        ("f(a INT, a INT) -> INT", ["position 10: a second parameter 'a'"]),
        (
            "f(a INTT, b ARRAY<STRIN, c>, d INT NULL, a INT, a INT) -> FOO",
            [
                "position 5: unknown type 'INTT'; did you mean INT?",
                "position 19: unknown type 'STRIN'; did you mean STRING?",
                "position 36: expected ',' or ')', found 'NULL'",
                "position 49: a second parameter 'a'",
                "position 59: unknown type 'FOO'",
            ],
        ),
    ],
)
def test_all_problems_come_at_once(text: str, messages: list[str]) -> None:
    """Every parameter that is wrong is named with its position, in one error that shows how a signature looks."""
    with pytest.raises(DefinitionError) as caught:
        parse_signature(text)
    assert len(caught.value.problems) == len(messages)
    assert all(message in str(problem) for problem, message in zip(caught.value.problems, messages, strict=True))
    assert "a signature looks like" in str(caught.value)


ROWS = Array(Struct((("word", String()), ("n", Integer()))))


@pytest.mark.parametrize(
    ("kind", "returns", "fields"),
    [
        ("udf", Integer(), (("f", Integer()),)),
        ("udaf", Array(Integer()), (("f", Array(Integer())),)),
        ("udtf", Array(Integer()), (("f", Integer()),)),
        ("udtf", ROWS, (("word", String()), ("n", Integer()))),
        ("udf", ROWS, (("f", ROWS),)),
        ("script", Integer(), ()),
    ],
)
def test_output_fields(kind: Kind, returns: DataType, fields: tuple[tuple[str, DataType], ...]) -> None:
    """The result is one column named like the function, or the STRUCT's fields of a table function."""
    assert Signature("f", (), returns).output_fields(kind) == fields


def test_argument_types_are_the_key_of_an_overload() -> None:
    """Names do not tell overloads apart, types do."""
    assert parse_signature("f(a INT, b DECIMAL(5,1)) -> INT").argument_types == "INT, DECIMAL(5,1)"
    assert parse_signature("f() -> INT").argument_types == ""


@pytest.mark.parametrize(
    ("name", "refused"), [("json", True), ("json.tool", True), ("safepkg.json", False), ("jsonx", False)]
)
def test_forbidden_modules(name: str, *, refused: bool) -> None:
    """Only the first part of a module's name can be one that Doris refuses, and the reason has Doris's words."""
    reason = forbidden_module(name)
    assert (reason is not None) is refused
    assert reason is None or "is not allowed for UDFs" in reason


def test_the_public_face_is_sorted_and_whole() -> None:
    """``__all__`` is sorted (constants first, as ruff sorts it) and every name in it exists."""
    names = functions.__all__
    assert names == sorted(names, key=lambda name: (not name.isupper(), name[0].islower(), name))
    assert all(hasattr(functions, name) for name in names)
