"""The panel's State: what changed, groups, charts and marks, in few bytes however many there are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from workbench.events import Event
from workbench.notebook.grid import Limits, state_grid
from workbench.notebook.panel.panel import Panel
from workbench.notebook.panel.states import CARDS, ROWS, StateView, brief, full_state, pieces, states
from workbench.session import Function, Run, Workbench

MEAN = """import os
class Mean:
    def __init__(self):
        self.total, self.count = 0, 0
    def accumulate(self, a):
        if a == 70 and not os.path.exists(os.environ['MARK']):
            open(os.environ['MARK'], 'w').close()
            os._exit(3)
        self.total += a
        self.count += 1
    def merge(self, other):
        self.total += other['total']
        self.count += other['count']
    @property
    def aggregate_state(self):
        return {'total': self.total, 'count': self.count}
    def finish(self):
        return self.total / self.count if self.total else None
"""


@pytest.fixture
def workbench(home: object) -> Iterator[Workbench]:
    """A workbench in a home of its own."""
    with Workbench() as opened:
        yield opened


@pytest.fixture
def mean(workbench: Workbench, tmp_path: Path) -> Function:
    """An aggregate whose worker dies once, at a value of 70."""
    return workbench.register(MEAN, "mean(a BIGINT) -> DOUBLE", env={"MARK": str(tmp_path / "mark")})


def ran(function: Function, data: dict[str, Any], **options: Any) -> Run:
    """A finished run."""
    return function.run(pd.DataFrame(data), **options).wait()


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (None, '{"n": 1}', [("", None, '{"n": 1}')]),
        ("1", "2", [("", "1", "2")]),
        ('{"n": 1, "t": 2}', '{"n": 1, "t": 3}', [("n", None, "1"), ("t", "2", "3")]),
        ('{"a": 1}', '{"b": 1}', [("b", "", "1"), ("a", "1", "")]),
        ("[1, 2]", "[1, 3]", [("[0]", None, "1"), ("[1]", "2", "3")]),
        ("[0,1,2,3,4]", "[0,1,9,3,4]", [("", None, "[0, 1, 9, … 2 more]"), ("[2]", "2", "9")]),
        ("[1,2,3,4,5]", "[1,2,3,4,5,6]", [("", "[1, 2, 3, … 2 more]", "[1, 2, 3, … 3 more]")]),
        ("0.1234567891234", "0.1234567891235", [("", "0.1234567891234", "0.1234567891235")]),
        ('{"s": null}', '{"s": ""}', [("s", "null", '""')]),
        ('{"n": 1', '{"n": 2', [("", None, '{"n": 2')]),
    ],
)
def test_what_changed_is_told_part_by_part(before: str | None, after: str, found: list[tuple[str, str, str]]) -> None:
    """By key or position; what differs behind the shown digits is shown in full; a state that was cut as it is."""
    if before is None:
        assert [piece.before for piece in pieces(None, after)] == [None]
    else:
        assert pieces(before, after) == found


def test_a_large_state_shows_what_changed_first() -> None:
    """The rest is counted, also within a part."""
    before = {f"k{index}": 0 for index in range(100)}
    found = pieces(json.dumps(before), json.dumps(before | {"k99": 1}))
    assert len(found) < 20
    assert found[-2:] == [("k99", "0", "1"), ("", None, "… 88 more")]
    assert brief({"a": [1] * 9, "b": 0.1, "c": "x" * 500, "d": None, "e": 1}).startswith(
        "{a: [1, 1, 1, … 6 more], b: 0.1"
    )
    assert len(brief(["x" * 500] * 9)) < 200


def test_one_result_has_a_chart_with_what_happened(mean: Function) -> None:
    """Points of all batches, the snapshot, the crash and the restart at their batch; the first state is new."""
    run = ran(mean, {"a": list(range(80))}, batch_rows=2)
    found = states(run)
    assert [batch for batch, _, _ in found["chart"]["points"]] == list(range(40))
    marks = [(mark["batch"], mark["sign"], mark["word"]) for mark in found["chart"]["marks"]]
    assert marks == [(15, "▣", "snapshot"), (31, "▣", "snapshot"), (35, "✕", "crash"), (35, "↻", "restart")]
    restart = found["chart"]["marks"][-1]["detail"]
    assert restart.endswith("state restored from the snapshot after batch 31, batches 32 to 34 replayed")
    newest, oldest = found["rows"][0], found["rows"][-1]
    assert newest["pieces"] == [("total", "3003", "3160"), ("count", "78", "80")]
    assert (oldest["word"], oldest["batch"]) == ("new", 0)
    assert found["chosen"]["result"] == ["39.5", "number"]
    assert full_state(run, 0, 39, merged=False) == ["{", '  "total": 3160,', '  "count": 80', "}"]
    assert full_state(run, 0, 99, merged=False) == ["it is no longer kept"]


def test_a_kill_between_two_batches_has_its_place_too(mean: Function) -> None:
    """After the last batch that was answered before."""
    run = ran(mean, {"a": [1, 2, 3]}, batch_rows=1)
    time = run.record.ticks[1].time
    run.record.event(Event("crashed", time=time, signal="SIGKILL"))
    run.record.event(Event("restarted", time=time, detail="1/3; state restored, batches 0 to 1 replayed"))
    assert [(mark["batch"], mark["word"]) for mark in states(run)["chart"]["marks"]] == [(1, "crash"), (1, "restart")]


def test_groups_have_names_that_cannot_be_confused(mean: Function) -> None:
    """NULL, the empty string and the text NULL differ, a whole number beside NULL stays one; in the static form too."""
    run = ran(
        mean, {"g": [None, "", "NULL", "x"], "h": pd.array([1, None, 2, 3], "Int64"), "a": [1] * 4}, group_by=["g", "h"]
    )
    found = states(run)
    assert [card["name"][0] for card in found["cards"]] == [
        ["g", "NULL", "null"],
        ["g", "''", ""],
        ["g", "'NULL'", ""],
        ["g", "x", ""],
    ]
    static = [row.cells[1].text for row in state_grid(run, Limits()).rows]
    assert static == ["g=NULL, h=1", "g='', h=NULL", "g='NULL', h=2", "g=x, h=3"]


def test_a_null_result_is_null(mean: Function) -> None:
    """And no text "None"."""
    run = ran(mean, {"a": [0]})
    assert states(run)["chosen"]["result"] == ["NULL", "null"]
    assert run.state["result"].tolist() == [None]


def test_thousands_of_groups_are_found_by_name(mean: Function) -> None:
    """What is sent stays small; the largest results have cards; one group is chosen and has its own story."""
    groups = [f"g{index % 2_000:04}" for index in range(8_000)]
    run = ran(
        mean, {"g": groups, "a": [1 + index % 2_000 % 69 for index in range(8_000)]}, group_by="g", batch_rows=500
    )
    found = states(run)
    assert len(json.dumps(found)) < 40_000
    assert (found["total"], found["found"], found["order"]) == (2_000, 2_000, "largest")
    assert (len(found["cards"]), len(found["rows"]), found["chosen"], found["cut"]) == (CARDS, ROWS, None, 100)
    assert found["cards"][0]["result"] == ["69.0", "number"]
    (card,) = states(run, StateView(text="G=g0042"))["cards"]
    one = states(run, StateView(group=card["group"]))
    assert one["chosen"]["name"] == [["g", "g0042", ""]]
    assert {row["group"] for row in one["rows"]} == {card["group"]}
    assert states(run, StateView(group=99_999))["chosen"] is None


def test_each_worker_has_a_part(mean: Function) -> None:
    """A state is compared with the one before of the same worker; the end merges the parts."""
    run = ran(mean, {"a": [1] * 8}, batch_rows=1, workers=2)
    found = states(run)
    assert found["parts"] == 2
    assert found["rows"][0]["word"] == "merged"
    assert found["rows"][1]["pieces"] == [("total", "3", "4"), ("count", "3", "4")]
    assert {part for _, _, part in found["chart"]["points"]} == {0, 1, None}


def test_other_kinds_say_why_they_have_none(workbench: Workbench) -> None:
    """The front end is told the kind."""
    one = workbench.register("def evaluate(a):\n    return a\n", "one(a BIGINT) -> BIGINT")
    assert states(ran(one, {"a": [1]})) == {"kind": "udf", "total": 0, "grouped": False, "rows": []}


def test_a_front_end_asks_for_groups_and_states(mean: Function) -> None:
    """By messages, each answered by plain data."""
    run = mean.run(pd.DataFrame({"g": ["a", "b"], "a": [1, 2]}), group_by="g")
    panel = Panel(mean, run, names={}, versions=[mean])
    panel.follow(run)
    assert panel.answer({"kind": "state", "text": "b", "order": "", "group": None})["state"]["found"] == 1
    asked = {"kind": "full_state", "group": 1, "batch": 0, "merged": False}
    assert panel.answer(asked)["lines"][1] == '  "total": 2,'
    panel.close()
