"""README.md tells the truth: its commands are run, its examples give what it says, its links lead somewhere."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"


def test_the_examples_give_what_it_says() -> None:
    """The Python examples, run."""
    failed, tried = doctest.testfile(str(README), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert (failed, tried > 5) == (0, True)


def test_ci_runs_its_test_command() -> None:
    """The two commands stand there as .ci/run uses them."""
    text, ci = README.read_text(encoding="utf-8"), (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "\npip install -e '.[test]' && workbench demo\n" in text
    assert "\npytest\n" in text
    assert "step pytest\n" in ci
    assert "workbench demo" in ci


def test_its_links_lead_somewhere() -> None:
    """Pictures and relative links exist."""
    text = README.read_text(encoding="utf-8")
    targets = re.findall(r'\]\(([^)]+)\)|(?:src|srcset)="([^"]+)"', text)
    missing = [path for pair in targets for path in pair if path and not (ROOT / path).exists()]
    assert targets
    assert not missing
