"""CREATE FUNCTION as Doris shipped it and as it was proposed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from workbench import Workbench
from workbench.errors import UsageProblem
from workbench.functions import FunctionSpec, Mode, parse_signature
from workbench.sql import create_function

VERSION = ".".join(map(str, sys.version_info[:3]))
RATIO = "def evaluate(a, b):\n    return a / b\n"


def spec(signature: str | None = "ratio(a INT, b INT) -> DOUBLE", **more: Any) -> FunctionSpec:
    """A function of one file."""
    parsed = parse_signature(signature) if signature else None
    given: dict[str, Any] = {"kind": "udf", "symbol": "ratio.evaluate", "entry": "ratio.py", **more}
    if parsed is not None:
        given["database"] = parsed.database
    return FunctionSpec(name=parsed.name if parsed else "filter", signature=parsed, **given)


def test_a_single_file_is_written_inline() -> None:
    """The bare symbol, the workbench's own Python version, and the code between dollar quotes."""
    assert create_function(spec(), source=RATIO) == (
        "CREATE FUNCTION ratio(INT, INT)\n"
        "RETURNS DOUBLE\n"
        "PROPERTIES (\n"
        '    "type" = "PYTHON_UDF",\n'
        '    "symbol" = "evaluate",\n'
        f'    "runtime_version" = "{VERSION}",\n'
        '    "always_nullable" = "true",\n'
        '    "volatility" = "volatile"\n'
        ") AS $$\n"
        "def evaluate(a, b):\n"
        "    return a / b\n"
        "$$;\n"
    )


ALL = (
    "TINYINT, LARGEINT, DECIMAL(76,10), VARCHAR(20), CHAR(3), DATE, DATETIME(3), TIMESTAMPTZ(6), TIME(3), IPV4, IPV6, "
    "UUID, VARBINARY(16), JSON, VARIANT, MAP<UUID, ARRAY<IPV6>>"
)


def test_every_type_is_written_and_reads_back() -> None:
    """The types of the statement are those of the signature, in Doris's words."""
    sql = create_function(spec(f"f({ALL}) -> STRUCT<a:TIMESTAMPTZ, b:ARRAY<JSON>>"), source=RATIO)
    head, returns = sql.splitlines()[:2]
    assert head == f"CREATE FUNCTION f({ALL})"
    assert returns == "RETURNS STRUCT<a:TIMESTAMPTZ, b:ARRAY<JSON>>"
    again = parse_signature(f"{head.removeprefix('CREATE FUNCTION ')} {returns}")
    assert again == parse_signature(f"f({ALL}) -> STRUCT<a:TIMESTAMPTZ, b:ARRAY<JSON>>")


def test_with_a_file_the_symbol_is_the_path_to_the_function() -> None:
    """The URL is a property, there is no code, and nothing needs a comment."""
    sql = create_function(spec(), source=RATIO, file="https://example.org/r.zip")
    assert '"symbol" = "ratio.evaluate"' in sql
    assert '"file" = "https://example.org/r.zip"' in sql
    assert "AS $$" not in sql
    assert not sql.startswith("--")


def test_several_files_need_a_zip() -> None:
    """Without the one text there is a placeholder, and a comment that says what to do about it."""
    sql = create_function(spec(), source=None)
    assert sql.startswith("-- upload the zip")
    assert '"file" = "https://example.com/udf/ratio.zip"' in sql


@pytest.mark.parametrize(
    ("kind", "signature", "head"),
    [
        ("udaf", "m(v DOUBLE) -> DOUBLE", "CREATE AGGREGATE FUNCTION m(DOUBLE)\nRETURNS DOUBLE\n"),
        (
            "udtf",
            "w(s STRING) -> ARRAY<STRUCT<a INT, b STRING>>",
            "CREATE TABLES FUNCTION w(STRING)\nRETURNS ARRAY<STRUCT<a:INT, b:STRING>>\n",
        ),
        ("udf", "sales.f(DECIMAL(10,2)) -> INT", "CREATE FUNCTION sales.f(DECIMAL(10,2))\nRETURNS INT\n"),
        ("udf", "`my db`.`odd``name`() -> INT", "CREATE FUNCTION `my db`.`odd``name`()\nRETURNS INT\n"),
    ],
)
def test_the_head(kind: str, signature: str, head: str) -> None:
    """The word for the kind; names in backticks where they need them; types without the parameters' names."""
    assert create_function(spec(signature, kind=kind), source=RATIO).startswith(head)


def test_properties_are_quoted() -> None:
    """A quote, a backslash and a line end stay inside of their string."""
    sql = create_function(spec(), file='a"b\\c\nd')
    assert '"file" = "a\\"b\\\\c\\nd"' in sql


@pytest.mark.parametrize(("body", "tag"), [("'$'", "$$"), ("'$$'", "$udf$"), ("'$$ $udf$'", "$udf2$")])
def test_the_code_cannot_end_its_quotes(body: str, tag: str) -> None:
    """The quotes carry a tag that the code does not hold."""
    sql = create_function(spec(), source=f"def evaluate(a, b):\n    return {body}\n")
    assert f" AS {tag}\n" in sql
    assert sql.endswith(f"\n{tag};\n")
    assert sql.count(tag) == 2 or tag == "$$"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"batch_size": 32}, "-- batch_size=32: Doris calls the function row by row"),
        ({"mode": Mode("async")}, "-- the function is async def, which Doris does not await"),
        (
            {"mode": Mode("columns", ("list", "first"), text=True)},
            "-- the annotations are strings, which Doris does not",
        ),
        ({"mode": Mode("row", ("list", "first"))}, "-- a parameter that is an ARRAY is annotated list: Doris passes"),
        (
            {"mode": Mode("columns", ("pa.Array", "np.ndarray"))},
            "-- Doris knows list and pd.Series columns, not pa.Array, np.ndarray: such a parameter gets one value",
        ),
        ({"env": {"KEY": "x"}}, "-- there are no variables of a function in Doris: set KEY"),
        ({"python": "3.12"}, "-- runtime_version is that of the workbench; here the function runs in python '3.12'"),
    ],
)
def test_what_doris_lacks_is_said_above(more: dict[str, Any], words: str) -> None:
    """As a comment before the statement."""
    assert create_function(spec(**more), source=RATIO).startswith(words)


def test_columns_that_doris_has_need_no_comment() -> None:
    """Annotations of list and pd.Series mean the same there."""
    sql = create_function(spec(mode=Mode("columns", ("list", "pd.Series"))), source=RATIO)
    assert sql.startswith("CREATE FUNCTION")
    proposed = create_function(spec(mode=Mode("columns", ("list", "first"))), dialect="doris-proposal", file="x")
    assert proposed.startswith("-- mode columns (list, first value) is not part of the proposal")


def test_a_comment_cannot_run_into_the_statement() -> None:
    """Line ends in it are gone, and so is a backslash at its end, which would carry it on in Doris."""
    sql = create_function(spec(env={"A\nDROP TABLE t; \\": "x"}), source=RATIO)
    first, second, *_ = sql.splitlines()
    assert first.startswith("-- ")
    assert not first.endswith("\\")
    assert second.startswith("CREATE FUNCTION")


def test_a_forbidden_module_is_said() -> None:
    """Doris refuses the name at the first call, so the statement warns."""
    sql = create_function(spec(symbol="json.evaluate", entry="json.py"), file="https://example.org/r.zip")
    assert sql.startswith("-- module name 'json' is not allowed for UDFs")


def test_the_proposal() -> None:
    """The symbol is the entry file without its ending; the batch size is a property."""
    sql = create_function(spec(batch_size=32), dialect="doris-proposal", file="https://example.org/r.zip")
    assert sql == (
        "CREATE FUNCTION ratio(INT, INT)\nRETURNS DOUBLE\nPROPERTIES (\n"
        '    "file" = "https://example.org/r.zip",\n'
        '    "symbol" = "ratio",\n'
        '    "type" = "PYTHON_UDF",\n'
        '    "batch_size" = "32"\n'
        ");\n"
    )


@pytest.mark.parametrize(
    ("dialect", "function", "words"),
    [
        (
            "doris-proposal",
            spec(symbol="ratio.score"),
            "the proposal calls 'evaluate', this function is called 'score'",
        ),
        ("doris-proposal", spec("m(INT) -> INT", kind="udaf"), "an aggregate, which the proposal does not have"),
        ("doris", spec(None, kind="script", symbol=None), "is a script, an operator of Fungi"),
        ("doris-proposal", spec(None, kind="script", symbol=None), "is a script, an operator of Fungi"),
        ("spark", spec(), "there is no dialect 'spark'\n  choose doris or doris-proposal"),
    ],
)
def test_what_has_no_statement(dialect: str, function: FunctionSpec, words: str) -> None:
    """Each refusal names the reason and the way out."""
    with pytest.raises(UsageProblem) as caught:
        create_function(function, source=RATIO, dialect=dialect)
    assert words in str(caught.value)
    assert caught.value.hint


def test_a_registered_function_knows_whether_it_is_one_file(w: Workbench, tmp_path: Path) -> None:
    """Inline if the package holds one file, by URL if it holds more."""
    (tmp_path / "helper.py").write_text("X = 1\n")
    alone = w.register(RATIO, "alone(a INT, b INT) -> DOUBLE")
    more = w.register(RATIO, "more(a INT, b INT) -> DOUBLE", imports=[tmp_path / "helper.py"])
    assert "AS $$" in alone.ddl()
    assert '"symbol" = "more.evaluate"' in more.ddl()
    assert "AS $$" not in more.ddl()
