"""Aggregates of ours against a reference made with pandas: groups, and windows with every kind of frame."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
import pytest

from workbench import Workbench

SEED: Final = 20240229
ROWS: Final = 3_000

SOURCE: Final = """
class Geometric:
    def __init__(self):
        self.total, self.count = 0.0, 0
    def accumulate(self, v):
        if v is not None:
            self.total += v * v
            self.count += 1
    @property
    def aggregate_state(self):
        return (self.total, self.count)
    def merge(self, other):
        self.total += other[0]
        self.count += other[1]
    def finish(self):
        return (self.total / self.count) ** 0.5 if self.count else None
"""


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Groups of very different sizes, ties in the order, and NULLs."""
    print("seed", SEED)
    random = np.random.default_rng(SEED)
    values = random.normal(size=ROWS).round(3)
    frame = pd.DataFrame({"g": random.geometric(0.2, ROWS), "o": random.integers(0, 500, ROWS), "v": values})
    frame["id"] = range(ROWS)
    frame.loc[random.random(ROWS) < 0.1, "v"] = np.nan
    return frame


@pytest.fixture
def rms(w: Workbench) -> Workbench:
    """The workbench with the aggregate: the root of the mean of squares."""
    w.register(SOURCE, "rms(v DOUBLE) -> DOUBLE")
    return w


def reference(values: pd.Series) -> float:
    """What the aggregate gives."""
    return float(np.sqrt(np.mean(np.square(values.dropna())))) if values.notna().any() else float("nan")


def column(w: Workbench, frame: pd.DataFrame, call: str) -> pd.Series:
    """The values of a window, by id."""
    result = w.sql(f"SELECT id, {call} AS r FROM t ORDER BY id", {"t": frame}).to_pandas()
    return result.set_index("id")["r"].astype(float)


def test_groups(rms: Workbench, frame: pd.DataFrame) -> None:
    """GROUP BY, with a filter, and over all."""
    found = rms.sql(
        "SELECT g, rms(v) AS r, rms(v) FILTER (WHERE o < 250) AS f FROM t GROUP BY g ORDER BY g", {"t": frame}
    ).to_pandas()
    np.testing.assert_allclose(found["r"].astype(float), frame.groupby("g")["v"].apply(reference))
    low = frame["v"].where(frame["o"] < 250)
    np.testing.assert_allclose(found["f"].astype(float), low.groupby(frame["g"]).apply(reference))
    total = rms.sql("SELECT rms(v) AS r FROM t", {"t": frame}).to_pandas()["r"][0]
    np.testing.assert_allclose(total, reference(frame["v"]))


@pytest.mark.parametrize(
    ("window", "rows"),
    [
        ("ORDER BY o, id", (None, 0)),
        ("ORDER BY o, id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW", (None, 0)),
        ("ORDER BY o, id ROWS BETWEEN UNBOUNDED PRECEDING AND 2 FOLLOWING", (None, 2)),
        ("ORDER BY o, id ROWS BETWEEN 3 PRECEDING AND CURRENT ROW", (3, 0)),
        ("ORDER BY o, id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING", (1, 1)),
        ("ORDER BY o, id ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING", (0, None)),
        ("", (None, None)),
    ],
)
def test_windows(rms: Workbench, frame: pd.DataFrame, window: str, rows: tuple[int | None, int | None]) -> None:
    """Each row has the result of its frame: running, sliding, to the end, and the whole partition."""
    found = column(rms, frame, f"rms(v) OVER (PARTITION BY g {window})")
    before, after = rows
    expected = pd.Series(np.nan, index=frame["id"])
    for _, part in frame.sort_values(["o", "id"]).groupby("g"):
        for at, row in enumerate(part["id"]):
            start = 0 if before is None else max(0, at - before)
            stop = len(part) if after is None else at + after + 1
            expected[row] = reference(part["v"].iloc[start:stop])
    np.testing.assert_allclose(found, expected)


def test_peers_share_a_result(rms: Workbench, frame: pd.DataFrame) -> None:
    """Without ROWS, rows that are equal in the order are in each other's frames."""
    found = column(rms, frame, "rms(v) OVER (ORDER BY o)")
    by_order = {order: reference(frame["v"][frame["o"] <= order]) for order in frame["o"].unique()}
    np.testing.assert_allclose(found, frame.set_index("id")["o"].map(by_order))
