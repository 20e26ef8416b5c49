"""Table functions through real workers: the forms of ``yield`` and ``return``, the outer form, and whose row it is."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

import workbench as wb
from workbench.errors import UsageProblem

ONE = "f(v BIGINT) -> ARRAY<BIGINT>"
TWO = "f(v BIGINT) -> ARRAY<STRUCT<n BIGINT, s STRING>>"
SPREAD = """
def evaluate(v):
    if v == 7:
        raise ValueError(v)
    yield from range(v or 0)
"""


def rows(run: wb.Run) -> list[tuple[Any, ...]]:
    """The result, row by row."""
    return list(zip(*run.to_arrow().to_pydict().values(), strict=True))


@pytest.mark.parametrize(
    ("body", "signature", "expected"),
    [
        ("yield v\n    yield (None if v is None else -v,)", ONE, [(1, 1), (1, -1), (None, None), (None, None)]),
        ("return v", ONE, [(1, 1)]),
        ("return None", ONE, []),
        ("if v is None: return\n    yield v", ONE, [(1, 1)]),
        ("yield v, 'x'\n    yield None, None", TWO, [(1, 1, "x"), (1, None, None), (None, None, "x"), (None,) * 3]),
        ("return v, 'x'", TWO, [(1, 1, "x"), (None, None, "x")]),
    ],
)
def test_what_may_be_yielded_and_returned(w: wb.Workbench, body: str, signature: str, expected: list[Any]) -> None:
    """Scalars and 1-tuples for one column, tuples for several; ``return`` is one row or none; NULL is passed."""
    f = w.register(f"def evaluate(v):\n    {body}\n", signature, kind="udtf")
    assert rows(f.run(pa.table({"v": pa.array([1, None])}))) == expected


@pytest.mark.parametrize("workers", [1, 2])
def test_the_outer_form_keeps_rows_without_output(w: wb.Workbench, workers: int) -> None:
    """As Doris's ``f_outer``: with NULLs; what fails is a dead letter and no such row. Counts are of what it yields."""
    f = w.register(SPREAD, ONE)
    table = pa.table({"v": pa.array([2, 0, 7, None, 1, 0])})
    run = f.run(table, outer=True, on_error="dead_letter", batch_rows=4, workers=workers)
    assert rows(run) == [(2, 0), (2, 1), (0, None), (None, None), (1, 0), (0, None)]
    assert run.dead_letters["row"].tolist() == [2]
    assert run.record.fan_out.input_rows().to_pylist() == [0, 0, 1, 3, 4, 5]
    assert (run.record.fan_out.most, run.record.fan_out.empty) == (2, 3)
    assert rows(f.run(table.slice(0, 2))) == [(2, 0), (2, 1)]


def test_the_outer_form_of_several_columns_and_of_rows_that_do_not_fit(w: wb.Workbench) -> None:
    """Every column of the function's is NULL; a row whose output does not fit is no row without output."""
    f = w.register("def evaluate(v):\n    if v:\n        yield v, 5 if v == 2 else 'x'\n", TWO)
    run = f.run(pd.DataFrame({"v": [0, 1, 2, 0]}), outer=True, on_error="dead_letter")
    assert rows(run) == [(0, None, None), (1, 1, "x"), (0, None, None)]
    assert run.record.fan_out.input_rows().to_pylist() == [0, 1, 3]


def test_the_outer_form_is_for_table_functions(w: wb.Workbench) -> None:
    """Nothing else has rows without output."""
    f = w.register("def evaluate(v):\n    return v\n", "f(v INT) -> INT")
    with pytest.raises(UsageProblem, match="outer is for table functions, this is a udf"):
        f.run(pd.DataFrame({"v": [1]}), outer=True)


def test_a_row_that_failed_is_not_empty(w: wb.Workbench) -> None:
    """Fan-out is of rows that were answered; replayed rows have the numbers that they had."""
    f = w.register(SPREAD, ONE)
    run = f.run(pd.DataFrame({"v": [3, 7, 0]}), on_error="dead_letter").wait()
    assert (run.record.fan_out.most, run.record.fan_out.empty) == (3, 1)
    f = w.register("def evaluate(v):\n    yield v\n", ONE)
    again = f.replay()
    assert rows(again) == [(7, 7)]
    assert again.record.fan_out.input_rows().to_pylist() == [1]


def test_a_streamed_run_keeps_nothing(w: wb.Workbench) -> None:
    """Whose rows they are is kept with a result that is kept, and not beside a stream without end."""
    run = w.register(SPREAD, ONE).run(pd.DataFrame({"v": [3, 0]}))
    assert sum(batch.num_rows for batch in run.batches()) == 3
    assert run.record.fan_out.input_rows().to_pylist() == []
