"""``workbench sql``: what goes to which stream, tables from files, a database that is kept, and errors with places."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from workbench.cli import main

SCRIPT = """
CREATE TABLE IF NOT EXISTS kept (a INT) ENGINE=OLAP;
INSERT INTO kept VALUES (1), (NULL);
CREATE OR REPLACE FUNCTION half(INT) RETURNS DOUBLE
PROPERTIES ("type"="PYTHON_UDF", "symbol"="f", "runtime_version"="3.11.0") AS $$
def f(a):
    return a and 1 / a
$$;
SELECT count(*) AS c FROM kept;
SELECT half(b) AS h FROM given ORDER BY h;
"""


@pytest.fixture
def given(tmp_path: Path) -> str:
    """``--table`` with a Parquet file of two rows."""
    pa.parquet.write_table(pa.table({"b": [2, 4]}), tmp_path / "given.parquet")
    return f"given={tmp_path / 'given.parquet'}"


@pytest.fixture
def script(tmp_path: Path) -> str:
    """The script as a file."""
    (tmp_path / "script.sql").write_text(SCRIPT)
    return str(tmp_path / "script.sql")


@pytest.mark.usefixtures("home")
def test_each_result_is_a_table(given: str, script: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Results go to standard output; what statements did, and notes, to standard error."""
    assert main(["sql", script, "--table", given]) == 0
    shown = capsys.readouterr()
    assert shown.out.split() == [
        "c",
        "BIGINT",
        "──────",
        "2",
        "1",
        "row",
        "h",
        "DOUBLE",
        "──────",
        "0.25",
        "0.5",
        "2",
        "rows",
    ]
    assert shown.err.splitlines() == [
        "note: ENGINE says how Doris stores the table and was left out",
        "done",
        "2 rows",
        "created half(INT) v1",
    ]


@pytest.mark.usefixtures("home")
def test_the_last_result_goes_to_the_output(
    given: str, script: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a file or to standard output, and a database file keeps its tables."""
    common = ["sql", script, "--table", given, "--database-file", str(tmp_path / "db.duckdb"), "--quiet"]
    assert main([*common, "--output", str(tmp_path / "out.parquet")]) == 0
    assert capsys.readouterr() == ("", "")
    assert pa.parquet.read_table(tmp_path / "out.parquet").to_pydict() == {"h": [0.25, 0.5]}
    (tmp_path / "more.sql").write_text("SELECT count(*) AS c FROM kept")
    assert main(["sql", str(tmp_path / "more.sql"), *common[2:4], *common[4:]]) == 0
    assert "2" in capsys.readouterr().out.split()


@pytest.mark.usefixtures("home")
def test_standard_input_and_texts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A script may come from a pipe; what is to be copied stands as it is."""
    data = SCRIPT.partition("SELECT")[0] + "SHOW CREATE FUNCTION half"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbf" + data.encode())))
    assert main(["sql", "-", "--quiet"]) == 0
    assert "AS $$\ndef f(a):\n    return a and 1 / a\n$$;" in capsys.readouterr().out


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"SELECT 1;\nSELECT nope", "error: statement 2, line 2, column 8: column nope does not exist"),
        (b"SELECT 'open", "error: line 1, column 8: a string is never closed"),
        (b"", "error: there is no statement in this SQL"),
        (b"SELECT '\xff'", "is not UTF-8"),
        (b"SELECT * FROM missing", "missing does not exist"),
    ],
)
def test_errors(text: bytes, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The status is 1, and the error says where."""
    (tmp_path / "bad.sql").write_bytes(text)
    assert main(["sql", str(tmp_path / "bad.sql")]) == 1
    assert words in capsys.readouterr().err


def test_arguments(tmp_path: Path, given: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What makes no sense is refused before anything runs."""
    assert main(["sql", str(tmp_path / "missing.sql")]) == 1
    assert "missing.sql does not exist" in capsys.readouterr().err
    assert main(["sql", "-", "--table", given, "--output", given.partition("=")[2]]) == 1
    assert "is the input" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["sql", "-", "--table", "given"])
    assert "'given' has no name and = before the value" in capsys.readouterr().err
