"""Aggregates through real workers, where they differ from a plain loop: the state travels, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

import workbench as wb

HIDES = """class Total:
    def __init__(self):
        self.sum = 0
        self.factor = 1
    @property
    def aggregate_state(self):
        return self.sum
    def accumulate(self, v, factor):
        self.factor = factor
        self.sum += v or 0
    def merge(self, other):
        self.sum += other
    def finish(self):
        return self.sum * self.factor
"""
SIGNATURE = "f(v BIGINT, factor BIGINT) -> BIGINT"
KEEPS = HIDES.replace("return self.sum\n", "return self.sum, self.factor\n").replace(
    "self.sum += other\n", "self.sum += other[0]\n        self.factor = max(self.factor, other[1])\n"
)


@pytest.mark.parametrize("workers", [1, 3])
def test_what_is_outside_of_the_state_is_lost(w: wb.Workbench, workers: int) -> None:
    """One row, one batch and one worker are enough: there is always a merge into a fresh instance, as in Doris."""
    frame = pd.DataFrame({"v": [7], "factor": [10]})
    assert w.register(HIDES, SIGNATURE).run(frame, workers=workers).to_pandas()["f"].tolist() == [7]
    assert w.register(KEEPS, SIGNATURE).run(frame, workers=workers).to_pandas()["f"].tolist() == [70]


def test_null_is_a_group_and_no_rows_are_one_result(w: wb.Workbench) -> None:
    """NULL as a key; without rows and groups ``finish`` of a fresh instance; with groups nothing."""
    f = w.register(KEEPS, SIGNATURE)
    table = pa.table({"v": [1, 2, 4], "factor": [1, 1, 1], "g": pa.array(["a", None, None])})
    assert f.run(table, group_by="g").to_arrow().to_pydict() == {"g": ["a", None], "f": [1, 6]}
    none = table.slice(0, 0)
    assert f.run(none, columns=["v", "factor"]).to_arrow().to_pydict() == {"f": [0]}
    assert f.run(none, group_by="g").to_arrow().num_rows == 0


@pytest.mark.parametrize(("nullable", "expected"), [(True, [None]), (False, None)])
def test_a_null_result(w: wb.Workbench, nullable: bool, expected: Any) -> None:
    """NULL is a result, unless the declaration says that there is none; no rows are no excuse."""
    f = w.register(HIDES.replace("return self.sum * self.factor", "return None"), SIGNATURE, always_nullable=nullable)
    run = f.run(pd.DataFrame({"v": [1], "factor": [1]}).head(0))
    if nullable:
        assert run.to_arrow()["f"].to_pylist() == expected
    else:
        with pytest.raises(wb.errors.UdfError, match="the result of row 0 is null, but always_nullable is false"):
            run.wait()


def test_an_aggregate_of_the_guide_is_a_script(w: wb.Workbench) -> None:
    """A class with accumulate(batch) and result() that reads stdin by itself: its state lives in its process."""
    f = w.register(Path(__file__).parents[1] / "data" / "fungi_running_average.py")
    assert f.kind == "script"
    averages = f.run(pa.table({"value": [10.0, 20.0, 30.0]}), batch_rows=1).to_arrow().column(0).to_pylist()
    assert averages == [10.0, 15.0, 20.0]
