"""The panel's Dead letters: types, lines, one row in full, copies, and what comes out of a row that is run again."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterator
from decimal import Decimal
from math import inf, nan
from typing import Any

import pandas as pd
import pytest

from workbench.errors import UdfError
from workbench.notebook.panel.again import replayed
from workbench.notebook.panel.failing import LETTERS, copied, expression, in_full, letters
from workbench.notebook.panel.panel import Panel
from workbench.session import Function, Run, Workbench
from workbench.session.record import DeadLetter

RATIO = """import os
def check(b):
    if b < 0 and not os.path.exists(os.environ['FIXED']):
        raise ValueError(f'{b} is negative')
    return b

def evaluate(a, b):
    return a / check(b)
"""
BROKEN = "import os\ndef fails(a):\n    return a == 0 and not os.path.exists(os.environ['FIXED'])\n"
PARTS = BROKEN + "def evaluate(a):\n    if fails(a): raise ValueError(a)\n    yield from range(a)\n"
TOTAL = (
    BROKEN
    + """class Total:
    def __init__(self):
        self.total = 0
    @property
    def aggregate_state(self):
        return self.total
    def merge(self, other):
        self.total += other
    def accumulate(self, a):
        if fails(a): raise ValueError(a)
        self.total += a
    def finish(self):
        return self.total
"""
)
NAMES = {"ratio.py": "%%udf ratio v1"}


@pytest.fixture
def workbench(home: object) -> Iterator[Workbench]:
    """A workbench in a home of its own."""
    with Workbench() as opened:
        yield opened


@pytest.fixture
def ratio(workbench: Workbench, tmp_path: Any) -> Function:
    """A function that fails in two ways, one of which goes away when there is a file ``fixed``."""
    return workbench.register(RATIO, "ratio(a BIGINT, b BIGINT) -> DOUBLE", env={"FIXED": str(tmp_path / "fixed")})


def ran(function: Function, a: list[Any], b: list[Any], **options: Any) -> Run:
    """A finished run that sets rows aside."""
    return function.run(pd.DataFrame({"a": a, "b": b}), on_error="dead_letter", **options).wait()


def test_rows_are_counted_by_type_and_have_their_line(ratio: Function) -> None:
    """The most frequent type first; the line is the innermost of the user's."""
    run = ran(ratio, [1, 2, 3, 4], [0, -1, -2, 4])
    found = letters(run)
    assert found["types"] == [["ValueError", "ValueError", 2], ["ZeroDivisionError", "ZeroDivisionError", 1]]
    assert found["where"][0] == "line 8: return a / check(b)"
    assert found["where"][1] == "line 4: raise ValueError(f'{b} is negative')"
    assert letters(run, "ValueError")["numbers"] == [1, 2]
    assert in_full(run, 1, NAMES) == [
        "ValueError: -1 is negative",
        "  %%udf ratio v1, line 8, in evaluate",
        "    > 8 | return a / check(b)          a=2, b=-1",
        "  %%udf ratio v1, line 4, in check",
        "    > 4 | raise ValueError(f'{b} is negative')          b=-1",
        "row 1 (batch 0)",
        "  a = 2",
        "  b = -1",
    ]
    assert in_full(run, 3, NAMES) == ["it is no longer kept"]


def test_thousands_are_few_bytes(ratio: Function) -> None:
    """The first 200, of each type the first 200; rows whose line is not known say so."""
    run = ran(ratio, [1] * 5_000, [0, -1] * 2_500)
    found = letters(run)
    assert len(found["rows"]) == LETTERS
    assert (found["found"], found["total"]) == (5_000, 5_000)
    assert len(json.dumps(found)) < 60_000
    assert len(letters(run, "ValueError")["rows"]) == LETTERS
    assert [found["where"][row] for row in (0, 20)] == ["line 8: return a / check(b)", "line 8"]
    assert in_full(run, 4_000, NAMES)[1] == "  the line is not known: it is kept of the first rows that fail"


def test_the_row_that_ended_a_run_is_told(ratio: Function) -> None:
    """It was not set aside, and has a type, a line and a replay like the others."""
    run = ratio.run(pd.DataFrame({"a": [1], "b": [0]}))
    with pytest.raises(UdfError):
        run.wait()
    found = letters(run)
    assert (found["total"], found["ended"], found["numbers"]) == (1, True, [0])
    assert found["types"] == [["ZeroDivisionError", "ZeroDivisionError", 1]]


def test_rows_run_again_in_their_place(ratio: Function, tmp_path: Any) -> None:
    """Each has its value or its error; the run that is shown stays the one that it was, also for `failures`."""
    run = ran(ratio, [1, 2, 3], [0, -1, -2])
    assert replayed(ratio, run, 1) == {
        "text": "row 1 again: ✕ ValueError: -1 is negative",
        "outcomes": [[1, False, "ValueError: -1 is negative"]],
    }
    (tmp_path / "fixed").touch()
    assert replayed(ratio, run, 2) == {"text": "row 2 again: ✓ -1.5", "outcomes": [[2, True, "-1.5"]]}
    every = replayed(ratio, run, None)
    assert every["text"] == "3 rows again: 2 without an error, 1 failed again"
    assert every["outcomes"] == [
        [0, False, "ZeroDivisionError: division by zero"],
        [1, True, "-2.0"],
        [2, True, "-1.5"],
    ]
    assert replayed(ratio, run, 7)["outcomes"][0][:2] == [7, False]
    assert ratio.failures["row"].tolist() == [0, 1, 2]


def test_a_row_of_other_kinds_runs_again(workbench: Workbench, tmp_path: Any) -> None:
    """A table function tells how many rows came out, an aggregate its result over the row."""
    parts = workbench.register(PARTS, "parts(a BIGINT) -> ARRAY<BIGINT>", env={"FIXED": str(tmp_path / "fixed")})
    total = workbench.register(TOTAL, "total(a BIGINT) -> BIGINT", env={"FIXED": str(tmp_path / "fixed")})
    runs = [function.run(pd.DataFrame({"a": [0, 3]}), on_error="dead_letter").wait() for function in (parts, total)]
    (tmp_path / "fixed").touch()
    assert replayed(parts, runs[0], 0)["outcomes"] == [[0, True, "0 rows"]]
    assert replayed(total, runs[1], 0)["outcomes"] == [[0, True, "total=0"]]


def test_copies_can_be_used(ratio: Function) -> None:
    """CSV has the errors; the expression makes a DataFrame of the rows, with the imports that it needs."""
    run = ran(ratio, [1, 2], [0, -1])
    assert copied(run, "csv").splitlines()[1] == "0,0,1,0,ZeroDivisionError,division by zero,1"
    assert copied(run, "pandas", "ValueError").splitlines() == [
        "import pandas as pd",
        "pd.DataFrame({",
        "    'a': [2],",
        "    'b': [-1],",
        "}, index=[1])",
    ]
    values = {
        "d": dt.date(2013, 1, 1),
        "t": pd.Timestamp("2013-01-01 05:15"),
        "n": Decimal("1.20"),
        "x": [nan, -inf],
    }
    text = expression(list(values), [DeadLetter(0, 5, values, "X", "x")], 3)
    assert "# the first 1 of 3" in text
    *head, last = text.partition("pd.DataFrame(")[::2]
    names: dict[str, Any] = {}
    exec(head[0], names)
    made = eval("pd.DataFrame(" + last, names)
    assert made.loc[5, "n"] == Decimal("1.20")
    assert made.loc[5, "t"] == values["t"]


def test_the_panel_answers_and_runs_rows_behind_the_message(ratio: Function) -> None:
    """A replay is answered when it is over, and until then other questions are."""
    panel = Panel(
        ratio,
        run := ratio.run(pd.DataFrame({"a": [1], "b": [0]}), on_error="dead_letter"),
        names=NAMES,
        versions=[ratio],
    )
    panel.follow(run)
    sent: list[dict[str, Any]] = []
    panel.widget.send = sent.append
    panel._message(None, {"kind": "again", "id": "x", "number": 0}, None)
    deadline = time.monotonic() + 20
    while not sent:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert sent == [
        {
            "id": "x",
            "text": "row 0 again: ✕ ZeroDivisionError: division by zero",
            "outcomes": [[0, False, "ZeroDivisionError: division by zero"]],
        }
    ]
    assert panel.run is run
    assert panel.answer({"kind": "letters", "type": "ZeroDivisionError"})["letters"]["numbers"] == [0]
    assert panel.answer({"kind": "letter", "number": 0})["lines"][0] == "ZeroDivisionError: division by zero"
    assert panel.answer({"kind": "copy_letters", "form": "pandas", "type": ""})["text"].startswith("import pandas")
    panel.close()
