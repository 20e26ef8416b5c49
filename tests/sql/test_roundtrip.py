"""What is written as CREATE FUNCTION reads back to the same function, whatever its names, code and properties hold."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import UsageProblem
from workbench.functions import FunctionSpec, Kind, Param, Signature, default_volatility
from workbench.sql import create_function, read_script
from workbench.sql.literals import like, read_string, write_string
from workbench.sql.statements import GLOBAL_DATABASE, CreateFunction
from workbench.types import Array, DataType, Struct, parse_type

HOSTILE = ("$$", "$udf$", "$", "'", '"', "`", "\\", "\n", "\r\n", ";", "--", "/*", "*/", "#", "%", "\u2028", "select")
texts = st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=5)), max_size=8).map("".join)
writable = texts.map(lambda text: text.replace("\0", "").encode(errors="ignore").decode())
names = writable.filter(bool)
simple = st.sampled_from(["INT", "LARGEINT", "DECIMAL(38,9)", "VARCHAR(20)", "MAP<STRING, ARRAY<DATETIME(3)>>", "IPV6"])
types: st.SearchStrategy[DataType] = st.one_of(
    simple.map(parse_type),
    simple.map(lambda text: Array(parse_type(text))),
    st.lists(names, min_size=1, max_size=3, unique_by=str.casefold).map(
        lambda fields: Struct(tuple((name, parse_type("INT")) for name in fields))
    ),
)


@st.composite
def specs(draw: st.DrawFn) -> FunctionSpec:
    """A function of any kind, with hostile names."""
    kind: Kind = draw(st.sampled_from(["udf", "udaf", "udtf"]))
    returns = draw(types)
    database = draw(st.one_of(st.sampled_from(["default", GLOBAL_DATABASE]), names))
    signature = Signature(
        draw(names),
        tuple(Param(None, type_) for type_ in draw(st.lists(types, max_size=3))),
        Array(returns) if kind == "udtf" else returns,
        database,
    )
    return FunctionSpec(
        name=signature.name,
        kind=kind,
        signature=signature,
        symbol=f"module.{draw(names.filter(lambda name: '.' not in name))}",
        entry="module.py",
        batch_size=draw(st.one_of(st.none(), st.integers(2, 10**9 - 1))) if kind == "udf" else None,
        always_nullable=draw(st.booleans()),
        volatility=draw(st.sampled_from(["immutable", "stable", "volatile"])),
        env=draw(st.dictionaries(names, st.just(""), max_size=2)),
        python=draw(st.one_of(st.none(), st.just("3.12.1"), names)),
        database=database,
    )


def read(sql: str) -> CreateFunction:
    """The only statement of a script."""
    (statement,) = read_script(sql)
    assert isinstance(statement, CreateFunction)
    return statement


@settings(max_examples=300, deadline=None, derandomize=True)
@given(specs(), writable, st.one_of(st.none(), names))
def test_what_is_written_reads_back(spec: FunctionSpec, source: str, file: str | None) -> None:
    """Name, database, types, kind, properties and code, to the last character; nothing else is in the script."""
    statement = read(create_function(spec, source=source, file=file))
    assert spec.symbol is not None
    expected: dict[str, Any] = {
        "kind": spec.kind,
        "body": source if file is None else None,
        "file": file,
        "symbol": spec.symbol.rpartition(".")[2] if file is None else spec.symbol,
        "batch_size": spec.batch_size,
        "always_nullable": spec.always_nullable,
        "volatility": spec.volatility,
        "is_global": spec.database == GLOBAL_DATABASE,
        "notes": (),
        "or_replace": False,
    }
    assert {name: getattr(statement, name) for name in expected} == expected
    assert statement.signature() == spec.signature
    if spec.python == "3.12.1":
        assert statement.runtime_version == "3.12.1"


@settings(max_examples=100, deadline=None, derandomize=True)
@given(specs().filter(lambda spec: spec.kind != "udaf"), names)
def test_the_proposal_reads_back(spec: FunctionSpec, file: str) -> None:
    """What it has: the symbol is the file's stem, the rest is as Doris assumes."""
    spec = spec.with_(symbol="module.evaluate")
    statement = read(create_function(spec, dialect="doris-proposal", file=file))
    assert statement.signature() == spec.signature
    assert (statement.kind, statement.symbol, statement.file) == (spec.kind, "module", file)
    assert statement.batch_size == spec.batch_size
    assert statement.volatility == default_volatility(spec.kind)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(texts)
def test_strings_read_back(text: str) -> None:
    """Also a NUL, and on one line."""
    literal = write_string(text)
    assert read_string(literal) == text
    assert not set(literal) & {"\n", "\r", "\0"}


def test_a_name_with_a_nul_cannot_be_written() -> None:
    """It is refused rather than written as something else."""
    signature = Signature("a\0b", (), parse_type("INT"))
    spec = FunctionSpec(name="a\0b", kind="udf", signature=signature, symbol="m.f", entry="m.py")
    with pytest.raises(UsageProblem, match="has a NUL in a name"):
        create_function(spec, source="")


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ("'it''s'", "it's"),
        ("'a\"\"b'", 'a""b'),
        ('"a""b\'\'"', "a\"b''"),
        (r"'\n\t\r\b\0\Z\\\'\"\q'", "\n\t\r\b\0\x1a\\'\"q"),
        (r"'\%\_'", r"\%\_"),
    ],
)
def test_strings_are_read_as_doris_reads_them(literal: str, value: str) -> None:
    """Doubled quotes are one if they are those of the literal; LIKE's escapes keep their backslash."""
    assert read_string(literal) == value


def test_like() -> None:
    """Its wildcards, escaped ones, and nothing of regular expressions; in any case."""
    assert like("a%_").fullmatch("A.b\nc")
    assert not like("a_").fullmatch("a")
    assert like(r"a\_").fullmatch("a_")
    assert not like(r"a\_").fullmatch("ab")
    assert not like("a.").fullmatch("ab")
