"""The record of a run counts everything and keeps a bounded part of it, the rare before the common."""

from __future__ import annotations

import pyarrow as pa

from workbench.errors import Frame
from workbench.events import Event, LogLine
from workbench.session import record
from workbench.session.record import DeadLetter, Record
from workbench.settings import DEAD_LETTER_BYTES, DEAD_LETTERS, DETAILED_LETTERS, EVENT_RING, LOG_LINES, STATE_RING


def test_rare_events_outlive_common_ones() -> None:
    """A crash at the beginning is still there after more batches than are kept, and all are in order."""
    kept = Record()
    kept.event(Event("crashed"))
    for number in range(EVENT_RING + 10):
        kept.event(Event("batch", batch=number))
    kept.event(Event("restarted"))
    assert [event.kind for event in (kept.all_events[0], kept.all_events[-1])] == ["crashed", "restarted"]
    assert len(kept.all_events) == EVENT_RING + 2
    assert kept.restarts == 1


def test_log_lines_are_kept_in_a_ring() -> None:
    """The newest, and a count of all."""
    kept = Record()
    for number in range(LOG_LINES + 5):
        kept.line(LogLine(0.0, 1, None, "stdout", str(number)))
    assert kept.logs_frame()["text"].tolist()[0] == "5"
    assert kept.lines_seen == LOG_LINES + 5


def test_dead_letters_are_asked_for_as_long_as_there_is_room() -> None:
    """All are counted; the values of those that find no room are not even made."""
    kept = Record()
    kept.letters = [DeadLetter(0, row, {"a": row}, "X", "x") for row in range(DEAD_LETTERS - 1)]
    asked = []

    def letters() -> object:
        for row in range(5):
            asked.append(row)
            yield DeadLetter(1, row, {"a": row}, "X", "x")

    rows = pa.record_batch({"a": range(5)})
    kept.lost(5, letters(), rows)  # type: ignore[arg-type]  # an iterator of letters
    kept.lost(3, letters(), rows)  # type: ignore[arg-type]  # as above
    assert [batch.num_rows for batch in kept.rows] == [1]
    assert (kept.dead, len(kept.letters), asked) == (8, DEAD_LETTERS, [0])
    assert not kept.has_room


def test_dead_letters_have_room_by_their_bytes_too() -> None:
    """Rows of megabytes fill the memory long before there are a hundred thousand of them."""
    kept = Record()
    rows = pa.record_batch({"a": ["x" * (DEAD_LETTER_BYTES // 2)]})
    for number in range(3):
        kept.lost(1, [DeadLetter(number, number, {}, "X", "x")], rows)
    assert (kept.dead, len(kept.letters), kept.has_room) == (3, 2, False)


def test_the_first_dead_letters_keep_the_lines_that_failed() -> None:
    """Their frames have values in them, which would fill the memory; how many there are of each type is counted."""
    kept = Record()
    count = DETAILED_LETTERS + 5
    frames = (Frame("f.py", 2, "evaluate"),)
    found = (DeadLetter(0, row, {}, "ab"[row % 2], "x", frames=frames) for row in range(count))
    kept.lost(count, found, pa.record_batch({"a": range(count)}))
    assert [bool(letter.frames) for letter in kept.letters] == [True] * DETAILED_LETTERS + [False] * 5
    assert kept.failures == {"a": 503, "b": 502}


def test_the_last_state_of_each_group_is_kept() -> None:
    """Also of a group that has not changed for longer than the ring is."""
    kept = Record(groups=("g",))
    kept.states(0, [{"key": ["rare"], "result": "1", "state": "1", "changed": "new"}])
    for number in range(STATE_RING + 1):
        kept.states(number, [{"key": ["often"], "result": str(number), "state": str(number), "changed": "state"}])
    frame = kept.states_frame()
    assert frame["g"].tolist()[0] == "rare"
    assert len(frame) == STATE_RING + 1


def test_the_end_adds_only_what_is_new() -> None:
    """A final state that was seen already is not a second row; its result is the final one."""
    kept = Record(groups=("g",))
    kept.states(0, [{"key": [1], "result": "half", "state": "s", "changed": "new"}])
    kept.states(
        1, [{"key": [1], "result": "whole", "state": "s"}, {"key": [2], "result": "x", "state": "t"}], final=True
    )
    assert kept.states_frame().values.tolist() == [[0, 1, "whole", "s", "new"], [1, 2, "x", "t", "merged"]]


def test_empty_tables_have_their_columns() -> None:
    """Whoever looks before anything happened sees what will be there."""
    kept = Record(groups=("g",))
    assert kept.events_frame().columns.tolist() == list(record.EVENT_COLUMNS)
    assert kept.logs_frame().columns.tolist() == list(record.LOG_COLUMNS)
    assert kept.metrics_frame().columns.tolist() == list(record.METRIC_COLUMNS)
    assert kept.letters_frame(["a"]).columns.tolist() == ["batch", "row", "a", "error_type", "error", "attempts"]
    assert kept.states_frame().columns.tolist() == ["batch", "g", "result", "state", "changed"]
