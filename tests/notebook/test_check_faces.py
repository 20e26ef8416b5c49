"""The check in the shell and in the notebook."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.checking import Check, Finding, Tried
from workbench.cli import main
from workbench.errors import UsageProblem
from workbench.notebook.check_view import CheckView
from workbench.notebook.views import MOST_BYTES

pytest_plugins = ("fix_notebook",)

SOURCE = "def evaluate(s):\n    return None if s is None else s[0]\n"


def test_the_shell_tells_findings_by_its_status(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A source or a name; 1 with findings, 0 without, the text on standard output."""
    path = tmp_path / "head.py"
    path.write_text(SOURCE)
    assert main(["check", str(path), "--signature", "head(s STRING) -> STRING"]) == 1
    out = capsys.readouterr().out
    assert "error: it raises IndexError (line 2)" in out
    assert "head.call('')" in out
    path.write_text("def evaluate(s):\n    return s\n")
    assert main(["check", str(path), "--signature", "same(s STRING) -> STRING"]) == 0
    assert main(["check", "same", "--no-nulls", "--seed", "3"]) == 0
    assert "nothing found; 7 things tried; seed 3" in capsys.readouterr().out


def test_the_magic_shows_a_check(cell: Callable[[str], Any], shown: Callable[[Any], dict[str, str]]) -> None:
    """``%udf check`` gives the object, which is shown as text and HTML; options as in the shell, and values."""
    assert cell(f"%%udf head(s STRING) -> STRING\n{SOURCE}").error is None
    check = cell("%udf check head").value
    bundle = shown(check)
    assert bundle["text/plain"].splitlines()[0] == "check of head v1: 1 finding; 7 things tried; seed 0"
    assert "head.call('')" in bundle["text/plain"]
    tried = bundle["text/plain"].partition("\ntried:\n")[2].splitlines()
    assert tried[0].startswith("✕ rows: each row has a result of the declared type (")
    assert {line[0] for line in tried[1:]} == {"✓"}
    assert "head.call(&#x27;&#x27;)" in bundle["text/html"]
    assert cell("%udf check head --seed 2 --no-nulls --values {dict(s=['a', 'b'])}").value.ok
    assert isinstance(cell("%udf check head --values a").error, UsageProblem)


def test_a_view_is_small_and_harmless() -> None:
    """Whatever was found: no markup of a user's, and not more than a page."""
    finding = Finding(
        "error", "<script>alert(1)</script>", [], "x" * 10_000, "\u202ey", "f.call(" + "'z'" * 50_000 + ")"
    )
    check = Check("f", 1, 0, [finding] * 50, [Tried("rows", "<b>", 1, 1)])
    page = CheckView(check)._repr_mimebundle_()["text/html"]
    assert len(page.encode()) <= MOST_BYTES
    assert "<script>" not in page
    assert "\u202e" not in page
