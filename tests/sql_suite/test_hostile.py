"""Input that nobody means well with: names, properties and bodies that look like SQL, and scripts of 10 MB."""

from __future__ import annotations

import pytest

from workbench import Workbench
from workbench.errors import SqlError, SqlSyntaxError, WorkbenchError
from workbench.types import quote_name

NAMES = ("a`b", 'a"b', "a'b; DROP TABLE t; --", "$$", "a b", "SELECT", "é漢", "__call_0", "x" * 60, "a.b", "%s{}")
PROPERTIES = """PROPERTIES ("type"="PYTHON_UDF", "symbol"="f", "runtime_version"="3.11.9")"""
MEGABYTES = 10_000_000


@pytest.mark.parametrize("name", NAMES)
def test_names_stay_names(w: Workbench, name: str) -> None:
    """A table, a column and a function of any name are made, called and dropped; nothing in the name is executed."""
    quoted = quote_name(name) if name.isidentifier() and name != "SELECT" else f"`{name.replace('`', '``')}`"
    w.sql("CREATE TABLE t (x INT); INSERT INTO t VALUES (1)")
    w.sql(f"CREATE TABLE {quoted} ({quoted} INT); INSERT INTO {quoted} SELECT x + 1 FROM t")
    assert w.sql(f"SELECT {quoted} FROM {quoted}").to_arrow().to_pydict() == {name: [2]}
    w.sql(f"DROP TABLE {quoted}; DROP TABLE t")
    script = f"CREATE FUNCTION {quoted}(INT) RETURNS INT {PROPERTIES} AS $py$\ndef f(a):\n    return a + 1 # $$\n$py$"
    assert w.sql(script).to_arrow().num_rows == 1
    replay = w.sql(f"SHOW CREATE FUNCTION {quoted}(INT)").to_arrow()["Create Function"][0].as_py()
    w.sql(f"DROP FUNCTION {quoted}(INT); {replay}")
    assert w.function(f"{quoted}(INT)").call(1) == 2


def test_bodies_and_properties_stay_text(w: Workbench) -> None:
    """What stands in a body or a property is not SQL, and comes back as it was."""
    body = "def f(a):\n    return \"'; DROP TABLE t; -- $$ /* `\" + 'x'\n"
    w.sql(f"""CREATE FUNCTION text(INT) RETURNS STRING PROPERTIES ("type"="PYTHON_UDF", "symbol"="f",
        "runtime_version"="3.11.9", "x'; DROP FUNCTION text(INT); --"="y") AS $t$\n{body}$t$""")
    assert w.sql("SELECT text(1) AS r").to_arrow()["r"].to_pylist() == ["'; DROP TABLE t; -- $$ /* `x"]
    assert w.function("text").source == body


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("SELECT 1;\n" * (MEGABYTES // 10_000_000) + "SELECT '" + "x" * MEGABYTES, SqlSyntaxError),
        ("SELECT " + "`" * MEGABYTES, WorkbenchError),
        ("CREATE FUNCTION f(INT) RETURNS INT AS $$" + "y" * MEGABYTES, SqlSyntaxError),
        ("/*" + "/" * MEGABYTES, SqlSyntaxError),
        ("(" * 100_000, SqlError),
        ("NOSUCH " * (MEGABYTES // 70), SqlError),
    ],
    ids=["string", "backticks", "body", "comment", "brackets", "words"],
)
def test_large_nonsense_is_refused(w: Workbench, text: str, error: type[WorkbenchError]) -> None:
    """In time that is in proportion, with an error that is short."""
    with pytest.raises(error) as caught:
        w.sql(text)
    assert len(str(caught.value)) < 2_000


def test_a_large_script_runs(w: Workbench) -> None:
    """10 MB of comments, and a literal of 5 MB, between statements that count."""
    script = f"SELECT 1; -- {'x' * MEGABYTES}\nSELECT length('{'y' * (MEGABYTES // 2)}') AS n"
    assert w.sql(script).to_arrow()["n"].to_pylist() == [MEGABYTES // 2]
