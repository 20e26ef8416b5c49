"""Rows of a run's output, range by range."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from workbench.notebook.panel.rows import FAILED, STRIPE, Rows, View, all_rows
from workbench.session import Workbench

RATIO = "def evaluate(a, b):\n    return None if a is None else a / b\n"
SPLIT = "def evaluate(s):\n    yield from s.split()\n"


@pytest.fixture
def workbench(home: object) -> Iterator[Workbench]:
    """A workbench in a home of its own."""
    with Workbench() as opened:
        yield opened


def rows_of(workbench: Workbench, source: str, signature: str, data: pa.Table, **options: Any) -> Rows:
    """The rows of a finished run."""
    run = workbench.register(source, signature).run(data, **options).wait()
    return Rows(run, all_rows(run))


@pytest.fixture
def ratios(workbench: Workbench) -> Rows:
    """Five rows of which the second has no result; NULL, the empty string and the word NULL."""
    table = pa.table({"a": [6, 1, None, 8, 3], "b": [2, 0, 1, 4, 1], "s": ["x", "<b>", "", None, "NULL"]})
    return rows_of(workbench, RATIO, "ratio(a BIGINT, b BIGINT) -> DOUBLE", table, on_error="dead_letter", batch_rows=2)


def test_a_failed_row_stands_in_its_place(ratios: Rows) -> None:
    """Input and output side by side; the row without a result is marked and has its error there; NULL is no text."""
    assert [(one["name"], one["type"], one["output"]) for one in ratios.head()] == [
        ("a", "BIGINT", False),
        ("b", "BIGINT", False),
        ("s", "STRING", False),
        ("ratio", "DOUBLE", True),
    ]
    assert ratios.page(0, 100, View()) == {
        "start": 0,
        "count": 5,
        "rows": [
            ["0", 0, "6", "2", "x", "3.0"],
            ["1", FAILED, "1", "0", "<b>", "ZeroDivisionError"],
            ["2", 0, None, "1", "", None],
            ["3", 0, "8", "4", None, "2.0"],
            ["4", 0, "3", "1", "NULL", "3.0"],
        ],
    }


@pytest.mark.parametrize(
    ("view", "labels"),
    [
        (View(3, down=False), "30421"),
        (View(3, down=True), "04321"),
        (View(0, down=True), "30421"),
        (View(text="zerodiv"), "1"),
        (View(text="X"), "0"),
        (View(text="NULL"), "234"),
        (View(2, text="3"), "40"),
        (View(text="nothing of the kind"), ""),
    ],
)
def test_views_sort_and_filter(ratios: Rows, view: View, labels: str) -> None:
    """NULL comes after the values and failed rows after those, both ways; equal values keep their order."""
    page = ratios.page(0, 100, view)
    assert "".join(row[0] for row in page["rows"]) == labels
    assert page["count"] == len(labels)


def test_copying_gives_whole_values(workbench: Workbench) -> None:
    """What is cut for the eye is copied whole; NULL is nothing."""
    table = pa.table({"s": ["y" * 5_000, None], "n": [[1, 2], None], "d": [date(2020, 1, 2), None]})
    rows = rows_of(workbench, "def evaluate(s):\n    return s\n", "same(s STRING) -> STRING", table)
    assert len(rows.page(0, 1, View())["rows"][0][2]) == 120
    copied = rows.copy(0, 2, [0, 1, 2], View())
    assert copied == {"text": f"{'y' * 5_000}\t[1, 2]\t2020-01-02\n\t\t", "copied": 2}
    assert [one["sortable"] for one in rows.head()] == [True, False, True, True]


def test_rows_of_one_input_share_a_stripe(workbench: Workbench) -> None:
    """Stripes follow the input row, and stay with it when rows are sorted."""
    table = pa.table({"s": ["a b", "c", "d e"]})
    rows = rows_of(workbench, SPLIT, "words(s STRING) -> ARRAY<STRING>", table)
    assert [row[1:] for row in rows.page(0, 9, View())["rows"]] == [
        [0, "a b", "a"],
        [0, "a b", "b"],
        [STRIPE, "c", "c"],
        [0, "d e", "d"],
        [0, "d e", "e"],
    ]
    assert [row[1] for row in rows.page(0, 9, View(1, down=True))["rows"]] == [0, 0, STRIPE, 0, 0]


def test_a_million_rows_are_looked_through_by_ranges(workbench: Workbench) -> None:
    """The end of a million rows, sorted and not, in answers that are small."""
    table = pa.table({"a": range(1_000_000)})
    rows = rows_of(workbench, "def evaluate(a):\n    return -a\n", "less(a BIGINT) -> BIGINT", table)
    assert rows.page(999_998, 1_000_100, View())["rows"][-1] == ["999,999", 0, "999999", "-999999"]
    assert rows.page(0, 1, View(1))["rows"][0][0] == "999,999"
    assert len(str(rows.page(500_000, 2_000_000, View()))) < 100_000


def test_nothing_at_all(workbench: Workbench) -> None:
    """No row is no problem."""
    rows = rows_of(workbench, SPLIT, "words(s STRING) -> ARRAY<STRING>", pa.table({"s": pa.array([], pa.string())}))
    for view in (View(), View(0), View(text="x")):
        assert rows.page(0, 10, view) == {"start": 0, "count": 0, "rows": []}
