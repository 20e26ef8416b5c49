"""What is said of a name in a query that is not there: which, where, and which ones are."""

from __future__ import annotations

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import SqlError

CASES = [
    ("SELECT * FROM tt", "line 1, column 15: table tt does not exist", "did you mean t? there is: t"),
    ("SELECT 1;\nSELECT b\nFROM t", "line 2, column 8: column b does not exist", "there is: a"),
    ("SELECT t.aa FROM t", "line 1, column 10: column aa does not exist", "did you mean a? there is: a"),
    ("SELECT twise(a) FROM t", "line 1, column 8: function twise does not exist", "did you mean twice?"),
    ("SELECT zzz(a) FROM t", "function zzz does not exist", "SHOW FUNCTIONS lists those that were created"),
    ("INSERT INTO t VALUES (1)", "column 13: t was given to this query, which can read it", "CREATE TABLE mine AS"),
    ("DROP TABLE t", "line 1, column 12: t was given to this query, which can read it", "CREATE TABLE mine AS"),
]

MISSPELT = [
    ("SELEC a FROM t", "line 1, column 1", "SELEC", "SELECT"),
    ("SELECT 1;\n  selec a", "statement 2, line 2, column 3", "selec", "SELECT"),
    ("(SLECT a FROM t)", "line 1, column 2", "SLECT", "SELECT"),
    ("CRAETE FUNCTION f(INT) RETURNS INT AS $$x$$", "line 1, column 1", "CRAETE", "CREATE"),
    ("INSRT INTO t VALUES (1)", "line 1, column 1", "INSRT", "INSERT"),
]


@pytest.mark.parametrize(("text", "place", "word", "meant"), MISSPELT)
def test_a_misspelt_beginning_is_where_the_error_is(
    w: wb.Workbench, text: str, place: str, word: str, meant: str
) -> None:
    """Not where the reader of the statement stumbles over what follows it."""
    with pytest.raises(SqlError) as caught:
        w.sql(text, {"t": pd.DataFrame({"a": [1]})})
    said = str(caught.value)
    assert place in said
    assert f"the statement cannot be read at {word!r}" in said
    assert f"did you mean {meant}?" in said


@pytest.mark.parametrize("text", ["SET x = 1", "SELECT a FROM t FROM", "foo bar FROM t", "ALTER TABLE t foo"])
def test_nothing_is_guessed_where_nothing_is_near(w: wb.Workbench, text: str) -> None:
    """Another statement, or another error, is told as it is."""
    with pytest.raises(SqlError, match="cannot be") as caught:
        w.sql(text, {"t": pd.DataFrame({"a": [1]})})
    assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize(("text", "message", "hint"), CASES)
def test_what_is_not_there_is_named_with_what_is(w: wb.Workbench, text: str, message: str, hint: str) -> None:
    """In no words of the engine's, and at the place of the name."""
    w.register("def evaluate(a):\n    return 2 * a\n", "twice(a BIGINT) -> BIGINT")
    with pytest.raises(SqlError) as caught:
        w.sql(text, {"t": pd.DataFrame({"a": [1]})})
    assert message in str(caught.value)
    assert hint in str(caught.value)
    assert "Catalog" not in str(caught.value)
    assert "pg_" not in str(caught.value)
