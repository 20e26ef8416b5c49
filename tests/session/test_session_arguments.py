"""Arguments of a wrong type are named in our own words, before anything runs."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import UsageProblem

SOURCE = "def evaluate(a):\n    return a\n"


@pytest.mark.parametrize("option", ["workers", "timeout", "batch_rows", "max_restarts", "memory_limit"])
def test_a_limit_is_a_number(w: wb.Workbench, option: str) -> None:
    """A text is none, even of digits."""
    f = w.register(SOURCE, "f(a INT) -> INT")
    wrong: dict[str, Any] = {option: "2"}
    with pytest.raises(UsageProblem, match=f"f: {option} is '2'\n  give a number"):
        f.run(pd.DataFrame({"a": [1]}), **wrong)


def test_a_signature_is_text(w: wb.Workbench) -> None:
    """What else is given is shown."""
    wrong: Any = 3
    with pytest.raises(UsageProblem, match="signature is 3\n  give text"):
        w.register(SOURCE, wrong)


def test_sql_is_text_and_tables_have_names(w: wb.Workbench) -> None:
    """What was given instead is named by its type."""
    wrong: Any = 3
    with pytest.raises(UsageProblem, match="SQL is text, not int"):
        w.sql(wrong)
    wrong = [pd.DataFrame()]
    with pytest.raises(UsageProblem, match="tables is of type list\n  give names"):
        w.sql("SELECT 1", tables=wrong)
