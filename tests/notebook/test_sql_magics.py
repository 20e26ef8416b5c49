"""``%%udf_sql`` in a shell: what it runs, binds and shows, and how it is interrupted."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from IPython.core.completer import provisionalcompleter

from workbench.errors import SqlError, SqlSyntaxError, UdfError, UsageProblem
from workbench.notebook.result_view import ResultView
from workbench.session import Result
from workbench.session.scripts import Progress

pytest_plugins = ("fix_notebook",)

Cell = Callable[[str], Any]

CREATE = """%%udf_sql
CREATE FUNCTION half(INT) RETURNS DOUBLE PROPERTIES ("type"="PYTHON_UDF", "symbol"="f",
"runtime_version"="3.11.0") AS $$
def f(a):
    return 1 / a
$$"""


@pytest.fixture
def df(shell: Any) -> pd.DataFrame:
    """A frame that the notebook knows as ``df``."""
    shell.user_ns["df"] = frame = pd.DataFrame({"a": [1, 2, 0], "g": ["x", "y", "x"]})
    return frame


@pytest.mark.usefixtures("df")
def test_a_script_over_frames(cell: Cell, shell: Any, shown: Callable[[Any], dict[str, str]]) -> None:
    """Frames, Arrow tables, runs and results are tables by their names; the last result is the value of the cell."""
    assert shown(cell(CREATE).value)["text/plain"] == "created half(INT) v1"
    done = cell("%%udf_sql -o kept\nSELECT half(a) AS h FROM df WHERE a > 0\nORDER BY 1")
    assert done.error is None
    assert isinstance(done.value, Result)
    assert list(shell.user_ns["kept"]["h"]) == [0.5, 1.0]
    bundle = shown(done.value)
    assert bundle["text/plain"].splitlines() == ["| h DOUBLE |", "|      0.5 |", "|      1.0 |", "2 rows"]
    assert "<table" in bundle["text/html"]
    shell.user_ns |= {"arrow": pa.table({"a": [4]}), "result": done.value}
    cell("%%udf ident(a BIGINT) -> BIGINT --sample arrow -o _ignored\ndef evaluate(a):\n    return a\n")
    cell("run = ident.run(arrow)")
    line = "%udf_sql SELECT half(run.ident) + max(h) AS x FROM run, result, arrow GROUP BY run.ident"
    assert cell(line).value.to_pandas()["x"].tolist() == [1.25]


@pytest.mark.usefixtures("df")
def test_options(cell: Cell, shell: Any, shown: Callable[[Any], dict[str, str]]) -> None:
    """Options stand before the SQL, which may begin in the first line; help needs no body."""
    assert cell("%udf_sql --quiet -o n SELECT count(*) AS c FROM df").value is None
    assert shell.user_ns["n"]["c"].tolist() == [3]
    view = cell("%%udf_sql -n 1 SELECT a\nFROM df ORDER BY a").value
    assert isinstance(view, ResultView)
    assert list(view.lines()) == ["| a BIGINT |", "|        0 |", "1 of 3 rows"]
    assert "--explain" in cell("%%udf_sql -h").out
    assert "--explain" in cell("%udf_sql -h").out
    assert "%%udf_sql [options]" in cell("%udf help").out
    cell(CREATE)
    plan = shown(cell("%udf_sql --explain SELECT half(a) FROM df").value)["text/plain"]
    assert "half" in plan
    assert "__call" not in plan


def test_notes_and_texts(cell: Cell, shown: Callable[[Any], dict[str, str]]) -> None:
    """What was left out is said once, below the result; SHOW CREATE FUNCTION can be copied."""
    done = cell(
        "%%udf_sql\nCREATE TABLE t (a INT) ENGINE=OLAP DISTRIBUTED BY HASH(a);\n"
        "CREATE TABLE u (a INT) ENGINE=OLAP;\nINSERT INTO u VALUES (1), (2)"
    )
    assert shown(done.value)["text/plain"].splitlines() == [
        "2 rows",
        "note: ENGINE says how Doris stores the table and was left out",
        "note: DISTRIBUTED BY says how Doris stores the table and was left out",
    ]
    assert "<div>note: ENGINE" in shown(done.value)["text/html"]
    cell(CREATE)
    text = shown(cell("%udf_sql SHOW CREATE FUNCTION half").value)["text/plain"]
    assert "AS $$\ndef f(a):\n    return 1 / a\n$$" in text


@pytest.mark.usefixtures("df")
def test_errors_lead_to_the_row_and_the_cell(cell: Cell) -> None:
    """An error names statement, line and column of the cell; that of a function its row and the line in its cell."""
    cell(CREATE)
    failed = cell("%%udf_sql\nSELECT 1;\nSELECT half(a) FROM df")
    assert isinstance(failed.error, UdfError)
    assert failed.error.message.startswith("statement 2, line 3, column 1: half failed")
    assert "%%udf_sql half v1, line 2, in f" in failed.out
    assert "> 2 | return 1 / a          a=0" in failed.out
    assert "%udf replay half --row 2" in failed.out
    wrong = cell("%%udf_sql\nSELECT 1;\nSELECT\n  half('x')").error
    assert isinstance(wrong, SqlError)
    assert wrong.message.startswith("statement 2, line 4, column 3: half is called with (VARCHAR)")
    assert cell("%udf_sql SELECT * FORM df").error.message.startswith("line 1, column 15: ")
    assert isinstance(cell("%udf_sql SELECT 'a").error, SqlSyntaxError)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("%%udf_sql --explane SELECT 1", "did you mean --explain?"),
        ("%udf_sql", "there is no statement in this SQL"),
        ("%%udf_sql\n-- nothing\n", "there is no statement in this SQL"),
        ("%udf_sql -o 1x SELECT 1", "-o '1x' is no name"),
        ("%udf_sql -n 0 SELECT 1", "-n is 0"),
        ("%udf_sql -n x SELECT 1", "invalid int value"),
    ],
)
def test_mistakes(cell: Cell, text: str, words: str) -> None:
    """A line that cannot be understood is an error of ours, which counts as a failed cell."""
    error = cell(text).error
    assert isinstance(error, UsageProblem)
    assert words in error.message


def test_a_plan_is_of_a_query(cell: Cell) -> None:
    """What is no query has no plan."""
    assert "only a query has a plan" in str(cell("%udf_sql --explain SHOW FUNCTIONS").error)


def test_an_interrupt_keeps_the_worker(cell: Cell, shell: Any, tmp_path: Path) -> None:
    """Ctrl-C ends a query between two calls of a function; the worker is there for the next."""
    mark = tmp_path / "begun"
    cell(
        f"%%udf slow(a BIGINT) -> BIGINT --env MARK={mark}\nimport os, pathlib, time\ndef evaluate(a):\n"
        "    if a:\n        pathlib.Path(os.environ['MARK']).touch()\n        time.sleep(0.0001)\n"
        "    return os.getpid()\n"
    )
    pid = cell("%udf_sql SELECT slow(0) AS pid").value.to_pandas()["pid"][0]

    def interrupt() -> None:
        while not mark.exists():
            threading.Event().wait(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    waiting = threading.Thread(target=interrupt)
    waiting.start()
    assert isinstance(
        cell("%udf_sql SELECT max(slow(number + 1)) FROM numbers('number' = '1000000')").error, KeyboardInterrupt
    )
    waiting.join()
    assert cell("%udf_sql SELECT slow(0) AS pid").value.to_pandas()["pid"][0] == pid


def test_progress_is_told(shell: Any, tmp_path: Path, cell: Cell) -> None:
    """While a query runs its caller hears how many rows have gone into its functions."""
    go = tmp_path / "go"
    cell(
        f"%%udf wait(a BIGINT) -> BIGINT --env GO={go}\nimport os, time\ndef evaluate(a):\n"
        "    while not os.path.exists(os.environ['GO']):\n        time.sleep(0.01)\n    return a\n"
    )
    told: list[Progress] = []

    def tell(progress: Progress) -> None:
        told.append(progress)
        if progress.rows:
            go.touch()

    scripts = shell.user_ns["wait"]._owner.scripts
    assert [len(one) for one in scripts.run("SELECT 1; SELECT wait(3)", progress=tell)] == [1, 1]
    assert told[-1].text == "statement 2 of 2: 1 row into wait"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%%udf_sql --ex", "--explain"),
        ("%udf_sql SELECT ha", "half"),
        ("%udf_sql SELECT half(a) FROM d", "df"),
        ("%%udf_sql\nSELECT half(a) FROM d", "df"),
    ],
)
@pytest.mark.usefixtures("df")
def test_completion(shell: Any, cell: Cell, text: str, expected: str) -> None:
    """Options, functions and frames are offered, in every line."""
    cell(CREATE)
    with provisionalcompleter():
        assert expected in [one.text for one in shell.Completer.completions(text, len(text))]
