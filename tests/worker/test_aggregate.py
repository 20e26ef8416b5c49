"""Aggregates: a state for each group, seen after each batch, saved, merged, finished."""

from __future__ import annotations

import math
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from fix_processes import batch, setup

from workbench.worker.aggregate import Aggregate, AggregateError, as_json, changed

HERE = str(Path(__file__).parent)
Rows = list[tuple[Any, ...]]


class Total:
    """Sum and count, as Doris's documentation writes it."""

    def __init__(self) -> None:
        self.total = 0
        self.count = 0

    @property
    def aggregate_state(self) -> Any:
        return {"total": self.total, "count": self.count}

    def accumulate(self, value: int | None) -> None:
        if value is not None:
            self.total += value
            self.count += 1

    def merge(self, other: Any) -> None:
        self.total += other["total"]
        self.count += other["count"]

    def finish(self) -> Any:
        return self.total if self.count else None


class Last(Total):
    """Keeps the order of its input visible."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    @property
    def aggregate_state(self) -> Any:
        return self.seen

    def accumulate(self, value: Any) -> None:
        self.seen.append(value)

    def merge(self, other: Any) -> None:
        self.seen.extend(other)

    def finish(self) -> Any:
        return ",".join(map(str, self.seen))


def hosted(function: type = Total, width: int = 1, keys: str = "BIGINT", **more: Any) -> Aggregate:
    """An aggregate that was told of a run whose first ``width`` columns are the group's."""
    on_error, report = more.pop("on_error", "dead_letter"), more.pop("report", 100)
    made = Aggregate(function, setup("udaf", roots=[HERE], **more))
    schema = batch([], [], types=[keys, "BIGINT"]).schema if width else batch([]).schema
    made.open({"on_error": on_error, "group_width": width, "report": report, "schema": schema})
    return made


def finish(*workers: Aggregate) -> Rows:
    """The result, every worker's state merged into the first, in their order."""
    for blob in [worker.snapshot() for worker in workers]:
        workers[0].merge(blob)
    (result,), _ = workers[0].finish()
    result.validate(full=True)
    return list(zip(*result.to_pydict().values(), strict=True))


def feed(worker: Aggregate, number: int, *columns: list[Any], keys: str = "BIGINT") -> dict[str, Any]:
    """What is told of one batch."""
    types = [keys, "BIGINT"] if len(columns) > 1 else ["BIGINT"]
    parts, meta = worker.batch(number, batch(*columns, types=types))
    assert parts == []
    return meta


def test_groups_in_the_order_in_which_they_came() -> None:
    """One row for each group, over all batches, in the order of its first row."""
    worker = hosted()
    feed(worker, 0, [3, 1, 3], [10, 20, 30])
    feed(worker, 1, [2, 1], [5, None])
    assert finish(worker) == [(3, 40), (1, 20), (2, 5)]


def test_without_groups() -> None:
    """Without group columns there is one row, whatever came."""
    worker = hosted(width=0)
    feed(worker, 0, [1, 2, None])
    assert finish(worker) == [(3,)]


def test_no_rows() -> None:
    """No rows: without groups one row, `finish` of a fresh instance; with groups none."""
    assert finish(hosted(width=0)) == [(None,)]
    empty = hosted()
    feed(empty, 0, [], [])
    assert finish(empty) == []


@pytest.mark.parametrize(
    ("keys", "items"), [("BIGINT", [None, 1]), ("DOUBLE", [math.nan, None]), ("STRING", ["", "ä"])]
)
def test_null_and_nan_are_groups(keys: str, items: list[Any]) -> None:
    """NULL is a group, NaN is one group, also over batches, workers and snapshots."""
    first, second = hosted(keys=keys), hosted(keys=keys)
    for number, worker in enumerate([first, second, first]):
        feed(worker, number, items * 2, [1, 2, 3, 4], keys=keys)
    restored = hosted(keys=keys)
    restored.restore(first.snapshot())
    result = finish(restored, second)
    assert [repr(key) for key, _ in result] == [repr(key) for key in items]
    assert [value for _, value in result] == [12, 18]


def test_several_columns_make_a_group() -> None:
    """A group is the tuple of its columns."""
    worker = Aggregate(Total, setup("udaf", roots=[HERE]))
    data = batch([1, 1, None, 1], [1, 2, 1, 1], [1, 10, 100, 1000])
    worker.open({"on_error": "fail", "group_width": 2, "report": 10, "schema": data.schema})
    worker.batch(0, data)
    assert finish(worker) == [(1, 1, 1001), (1, 2, 10), (None, 1, 100)]


def test_two_workers_merge_in_their_order() -> None:
    """Partial states are merged in the order of the workers; groups come in the order of the input."""
    first, second = hosted(Last, returns=["STRING"]), hosted(Last, returns=["STRING"])
    feed(first, 0, [1, 2], [10, 20])
    feed(second, 1, [3, 1], [30, 11])
    feed(first, 2, [3, 2], [31, 21])
    assert finish(first, second) == [(1, "10,11"), (2, "20,21"), (3, "31,30")]


def test_snapshot_and_restore() -> None:
    """A state that was saved goes on where it was, in another worker, with the order of its groups."""
    before, after = hosted(Last, returns=["STRING"]), hosted(Last, returns=["STRING"])
    feed(before, 0, [2, 1], [20, 10])
    after.restore(before.snapshot())
    feed(after, 1, [1, 3], [11, 30])
    assert finish(after) == [(2, "20"), (1, "10,11"), (3, "30")]


def test_a_second_run_begins_empty() -> None:
    """`open` forgets everything."""
    worker = hosted()
    feed(worker, 0, [1], [1])
    worker.merge(worker.snapshot())
    worker.open({"on_error": "fail", "group_width": 1, "report": 1, "schema": batch([], []).schema})
    assert finish(worker) == []


def test_what_is_outside_of_the_state_is_lost() -> None:
    """A class that hides something outside of its state gives the answer that Doris would give: the merged one."""

    class Hidden(Total):
        def __init__(self) -> None:
            super().__init__()
            self.offset = 0

        def accumulate(self, value: int | None) -> None:
            super().accumulate(value)
            self.offset = 1000

        def finish(self) -> int:
            return self.total + self.offset

    worker = hosted(Hidden, width=0)
    feed(worker, 0, [1, 2])
    assert finish(worker) == [(3,)]


def test_states_are_shown() -> None:
    """After a batch: the groups that changed, what changed of them, and the result so far; at the end all of them."""
    worker = hosted()
    meta = feed(worker, 0, [1, 2], [10, 20])
    assert meta["groups"] == 2
    assert meta["states"] == [
        {"key": [1], "state": '{"total": 10, "count": 1}', "result": "10", "changed": "new"},
        {"key": [2], "state": '{"total": 20, "count": 1}', "result": "20", "changed": "new"},
    ]
    meta = feed(worker, 1, [2, 1, 2], [0, None, 0])
    assert meta["states"] == [
        {"key": [2], "state": '{"total": 20, "count": 3}', "result": "20", "changed": "count"},
    ]
    worker.merge(worker.snapshot())
    _, meta = worker.finish()
    assert meta["states"] == [
        {"key": [1], "state": '{"total": 10, "count": 1}', "result": "10"},
        {"key": [2], "state": '{"total": 20, "count": 3}', "result": "20"},
    ]


def test_few_states_are_shown() -> None:
    """Of many groups only as many as were asked for are shown, and all are counted."""
    worker = hosted(report=3)
    meta = feed(worker, 0, list(range(50)), list(range(50)))
    assert len(meta["states"]) == 3
    assert meta["groups"] == 50


def test_a_preview_changes_nothing() -> None:
    """Showing the result so far works on a copy, although `finish` and `merge` change what they get."""

    class Greedy(Last):
        def merge(self, other: Any) -> None:
            self.seen = other

        def finish(self) -> Any:
            self.seen.clear()
            return "gone"

    worker = hosted(Greedy, width=0, returns=["STRING"])
    feed(worker, 0, [1])
    meta = feed(worker, 1, [2])
    assert meta["states"][0]["state"] == "[1, 2]"


def test_rows_that_fail_are_left_out() -> None:
    """An error in `accumulate` is told with its row, the others of the group go on."""

    class Picky(Total):
        def accumulate(self, value: int | None) -> None:
            if value == 13:
                raise StopIteration if self.count else SystemExit
            super().accumulate(value)

    worker = hosted(Picky)
    meta = feed(worker, 0, [1, 1, 2, 1, 1], [13, 1, 2, 13, 3])
    assert [(info["row"], info["error_type"], info["prefix"]) for info in meta["errors"]] == [
        (0, "SystemExit", "Error in accumulate at row 0"),
        (3, "RuntimeError", "Error in accumulate at row 3"),
    ]
    assert finish(worker) == [(1, 4), (2, 2)]


def test_fail_stops_at_the_first() -> None:
    """Under "fail" only the first error is told, and nothing else."""

    class Bad(Total):
        def accumulate(self, value: int | None) -> None:
            raise ValueError(value)

    worker = hosted(Bad, on_error="fail")
    parts, meta = worker.batch(0, batch([1, 1], [1, 2]))
    assert (parts, [info["row"] for info in meta["errors"]], list(meta)) == ([], [0], ["errors"])


class Raises(Total):
    """Fails in one step."""

    step = ""

    def __init__(self) -> None:
        super().__init__()
        self.fail("init")

    def fail(self, step: str) -> None:
        if self.step == step:
            raise KeyboardInterrupt(step)

    @property
    def aggregate_state(self) -> Any:
        self.fail("state")
        return super().aggregate_state

    def merge(self, other: Any) -> None:
        self.fail("merge")
        super().merge(other)

    def finish(self) -> Any:
        self.fail("finish")
        return super().finish()


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("init", "Error creating the aggregate"),
        ("state", "Error serializing state of group 7: 'aggregate_state' failed"),
        ("merge", "Error in merge of group 7"),
        ("finish", "Error finalizing state of group 7"),
    ],
)
def test_each_step_has_its_words(step: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors beside rows end the run, in the words that Doris has for the step; the user's error is their cause."""
    worker = hosted(Raises, report=0)
    monkeypatch.setattr(Raises, "step", step)
    with pytest.raises(AggregateError) as caught:
        _ = feed(worker, 0, [7], [1]), finish(worker)
    assert str(caught.value) == words
    assert repr(caught.value.__cause__) == f"KeyboardInterrupt('{step}')"


def test_a_state_that_cannot_be_saved() -> None:
    """A state with a lock or a file in it is found out at the first snapshot, by name; until then it is shown."""

    class Locked(Total):
        @property
        def aggregate_state(self) -> Any:
            return {"sum": 1, "lock": threading.Lock()}

    worker = hosted(Locked, width=0)
    meta = feed(worker, 0, [1])
    assert "cannot pickle" in meta["states"][0]["result"]
    with pytest.raises(AggregateError, match=r"^Error serializing state: aggregate_state\['lock'\]$"):
        worker.snapshot()


def test_a_state_that_cannot_be_loaded() -> None:
    """The same for what can be saved and not be loaded again."""
    with pytest.raises(AggregateError, match=r"^Error deserializing state$"):
        hosted().restore(b"no pickle")


@pytest.mark.parametrize(
    ("width", "words"),
    [
        (0, "finish() returned a wrong value: 'x' is a str"),
        (1, "finish() returned a wrong value for group 7: 'x' is a"),
    ],
)
def test_a_result_of_the_wrong_type(width: int, words: str) -> None:
    """A result that does not fit is named with its group."""

    class Wrong(Total):
        def finish(self) -> Any:
            return "x"

    worker = hosted(Wrong, width=width)
    feed(worker, 0, *([[7], [1]] if width else [[1]]))
    with pytest.raises(AggregateError) as caught:
        finish(worker)
    assert words in str(caught.value)


def test_states_as_text() -> None:
    """Any state has a text of at most 2,000 characters."""
    assert as_json((1, "ä")) == '[1, "ä"]'
    assert as_json({(1, 2): 3}) == '"{(1, 2): 3}"'
    assert as_json({1}) == '"{1}"'
    assert len(as_json(list(range(10_000)))) == 2000
    loop: list[Any] = []
    loop.append(loop)
    assert as_json(loop) == '"[[...]]"'


@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        ("", "{}", "new"),
        ('{"a": 1, "b": 2}', '{"a": 1, "b": 3, "c": 4}', "b, c"),
        ("[1, 2, 3]", "[1, 5, 6]", "1, 2"),
        ("[1]", "[1, 2]", "state"),
        ("1", "2", "state"),
        ('"cut…', '"cut…', "state"),
    ],
)
def test_what_changed(before: str, after: str, names: str) -> None:
    """Keys of a dict, positions of a list, otherwise the state as a whole."""
    assert changed(before, after) == names


def test_group_columns_keep_their_type() -> None:
    """The result's group columns are what they were in the input."""
    worker = hosted(keys="DECIMAL(10,2)")
    feed(worker, 0, [1, None], [1, 2], keys="DECIMAL(10,2)")
    worker.merge(worker.snapshot())
    (result,), _ = worker.finish()
    assert result.schema.field(0).type == pa.decimal128(10, 2)
