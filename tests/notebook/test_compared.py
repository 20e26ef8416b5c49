"""Versions in a notebook: their source diff, and the rows on which two of them differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from workbench.errors import UsageProblem
from workbench.notebook.compared import VersionsView
from workbench.session.compare import Comparison

pytest_plugins = ("fix_notebook",)

Cell = Callable[[str], Any]

ONE = "%%udf f(a INT, s STRING) -> STRING --sample df --quiet\ndef evaluate(a, s):\n    return s\n"
TWO = "%%udf f(a INT, s STRING) -> STRING --no-run\ndef evaluate(a, s):\n    return s or '<b>' * (1 // a)\n"


@pytest.fixture(autouse=True)
def versions(shell: Any, cell: Cell) -> None:
    """A function in two versions, the first of which was run on ``df``."""
    shell.user_ns["df"] = pd.DataFrame({"a": [1, 1, 0], "s": ["x", None, None]})
    assert cell(ONE).error is None
    assert cell(TWO).error is None


def test_compare_shows_the_rows_that_differ(cell: Cell, shown: Any) -> None:
    """On the sample of the last run, or on another; NULL, text and errors look different, and no text is markup."""
    found = cell("%udf compare f v1 2").value
    assert isinstance(found, Comparison)
    bundle = shown(found)
    assert bundle["text/plain"].splitlines() == [
        "f(a INT, s STRING) -> STRING   UDF  v1",
        "f(a INT, s STRING) -> STRING   UDF  v2",
        "v1 and v2: 2 of 3 rows differ; rows that failed: v1 0, v2 1",
        "| row | a | s    | v1   | v2                                                      |",
        "|   1 | 1 | NULL | NULL | '<b>'                                                   |",
        "|   2 | 0 | NULL | NULL | ✕ ZeroDivisionError: integer division or modulo by zero |",
        "2 rows",
    ]
    assert "<i>NULL</i>" in bundle["text/html"]
    assert "&lt;b&gt;" in bundle["text/html"]
    assert '<td class="o m">✕ ZeroDivisionError' in bundle["text/html"]


def test_compare_what_is_the_same(cell: Cell, shown: Any) -> None:
    """Is said in a line; -n and an expression choose the rows."""
    found = cell("%udf compare f 1 2 --sample df -n 1").value
    assert shown(found)["text/plain"].splitlines()[2:] == ["v1 and v2: the same in 1 row"]
    assert "= v1 and v2: the same" in shown(found)["text/html"]
    assert cell("%udf compare f 1 2 --sample {df.tail(1)} --columns a,s").value.total == 1


def test_compare_refuses(cell: Cell) -> None:
    """What is no version, and -n without a sample."""
    assert "'x' is no version, as in 1 or v1" in str(cell("%udf compare f 1 x").error)
    for line in ("%udf compare f 1", "%udf compare f 1 2 -n 1", "%udf compare f 2 2"):
        assert isinstance(cell(line).error, UsageProblem)


def test_show_has_versions_and_their_changes(cell: Cell, shown: Any) -> None:
    """The diff to the version before, signs in the text and classes in the HTML; of the first there is none."""
    view = cell("%udf show f").value
    assert isinstance(view, VersionsView)
    bundle = shown(view)
    assert bundle["text/plain"].splitlines()[3:] == [
        "| version | signature                    | kind | changed      |",
        "| v1      | f(a INT, s STRING) -> STRING | udf  | first        |",
        "| v2 *    | f(a INT, s STRING) -> STRING | udf  | source +1 -1 |",
        "2 rows",
        "--- f v1",
        "+++ f v2",
        "@@ -1,3 +1,3 @@",
        " # %%udf f(a INT, s STRING) -> STRING",
        " def evaluate(a, s):",
        "-    return s",
        "+    return s or '<b>' * (1 // a)",
    ]
    assert '<span class="bad">-    return s</span>' in bundle["text/html"]
    assert '<span class="good">+    return s or &#x27;&lt;b&gt;&#x27; * (1 // a)</span>' in bundle["text/html"]
    assert "+++" not in shown(cell("%udf show f --version 1").value)["text/plain"]


def test_changes_beside_the_source(cell: Cell, shown: Any) -> None:
    """Options that changed are named, without their values."""
    cell(TWO.replace("--no-run", "--no-run --env KEY=secret --not-nullable"))
    bundle = shown(cell("%udf show f").value)
    assert "| v3 *    | f(a INT, s STRING) -> STRING | udf  | always_nullable, env |" in bundle["text/plain"]
    assert "secret" not in "".join(bundle.values())
