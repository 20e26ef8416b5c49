"""What the History and Metrics tabs are made of: words of events, the course of a run, and what was measured of it."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from operator import itemgetter

import pandas as pd
import pytest

from workbench.events import Event
from workbench.notebook.panel import marks
from workbench.notebook.panel.course import MARKS, TICKS, Course
from workbench.notebook.panel.gauges import Gauges
from workbench.notebook.panel.series import BINS, POINTS, Bins, Peaks
from workbench.session import Function, Workbench

KILLER = """import os, signal

def die():
    print('about to die', flush=True)
    os.kill(os.getpid(), signal.SIGSEGV)

def evaluate(a):
    if a == 6:
        die()
    return 1 / (a - 3)
"""


@pytest.fixture
def workbench(home: object) -> Iterator[Workbench]:
    """A workbench in a home of its own."""
    with Workbench() as opened:
        yield opened


@pytest.fixture
def killer(workbench: Workbench) -> Function:
    """A function that fails at 3 and dies at 6."""
    return workbench.register(KILLER, "killer(a BIGINT) -> DOUBLE")


def test_the_course_of_a_run_that_dies_and_goes_on(killer: Function) -> None:
    """Rows that were set aside, deaths and the search for the row are marks in plain words; who asks is told more."""
    run = killer.run(pd.DataFrame({"a": range(12)}), on_error="dead_letter", batch_rows=4).wait()
    course = Course(run)
    course.read()
    told = course.marks()
    assert [mark["worker"] for mark in told["marks"] if mark["kind"] == "crashed"] == list(
        range(1, run.record.restarts + 1)
    )
    first = next(mark for mark in told["marks"] if mark["kind"] == "dead_letter")
    assert (first["word"], first["label"], first["row"]) == ("row set aside", "row 3 set aside", 3)
    assert first["detail"] == "row 3: ZeroDivisionError: division by zero"
    assert {"started", "crashed", "restarted", "isolating", "finished"} < {mark["word"] for mark in told["marks"]}
    labels = [mark["label"] for mark in told["marks"] if mark["kind"] == "crashed"]
    assert labels[:2] == ["SIGSEGV in batch 1", "SIGSEGV in batch 1 again"]
    assert labels[-1] == "SIGSEGV in batch 1, row 2"
    facts = course.facts()
    assert facts["ready"] == facts["lives"][0]["ready"]
    assert [life["to"] is None for life in facts["lives"]] == [False] * run.record.restarts + [True]
    assert [batch for _, _, batch in facts["ticks"]] == [0, 1, 2]
    assert facts["strip"] is None
    kinds = [mark["kind"] for mark in told["marks"]]
    more = course.more(kinds.index("crashed"), {"killer.py": "%%udf killer v1"})
    assert more["frames"][0] == "  %%udf killer v1, line 9, in evaluate"
    assert more["line"] == 5
    assert more["frames"][-1] == "    > 5 | os.kill(os.getpid(), signal.SIGSEGV)"
    assert more["lines"] == [["stdout", "about to die"]]
    aside = course.more(kinds.index("dead_letter"), {})
    assert aside["values"] == [["a", "3", "number"]]
    assert aside["frames"][0] == "  killer.py, line 10, in evaluate"
    assert course.more(len(kinds), {}) == {"frames": [], "lines": [], "values": []}
    json.dumps([facts, told, more])


def test_a_long_run_is_small_and_whole(killer: Function) -> None:
    """Of three times the batches that a record keeps each is in the strip; marks are the newest, signs all over."""
    with killer.run(pd.DataFrame({"a": range(4)}), batch_rows=1) as run:
        course = Course(run)
        gauges = Gauges(run, course)
        run.record.event(Event("started", time=0.3, worker=1, pid=7, detail="python 3.11"))
        for batch in range(30_000):
            time = 0.3 + batch * 0.02
            run.record.event(Event("batch", time=time, worker=1, batch=batch, rows=10))
            run.record.measured(batch, 1, rows_in=10, rows_out=10, seconds=0.01, latency=0.5 if batch == 77 else 0.01)
            if batch % 30 == 0:
                detail = f"1 row set aside; row {batch}: ValueError: no"
                run.record.event(Event("dead_letter", time=time, worker=1, batch=batch, rows=1, detail=detail))
            if batch == 9_000:
                run.record.event(Event("crashed", time=time, worker=1, batch=batch, signal="SIGKILL", detail="SIGKILL"))
            if batch % 100 == 0:
                gauges.read()
        gauges.read()
        facts, told, measured = course.facts(), course.marks(), gauges.facts()
    assert sum(count for _, bins in facts["strip"]["sums"] for _, count in bins) == facts["batches"] == 30_000
    assert len(facts["ticks"]) == TICKS
    assert (len(told["marks"]), told["count"]) == (MARKS, 1_002)
    assert len(told["signs"]) <= POINTS
    assert told["signs"][0][0] < 60
    assert [sign[1] for sign in told["signs"]].count("crashed") == 1
    assert max(ms for *_, ms in measured["latencies"]) == 500
    assert all(rate == pytest.approx(500, rel=0.1) for _, _, rate in measured["rates"][1:-1])
    assert len(json.dumps([facts, told, measured])) < 90_000


def test_one_measurement_is_enough(workbench: Workbench) -> None:
    """Before the first batch there is nothing, and nothing fails; after one there is one finite point of each."""
    one = workbench.register("def evaluate(a):\n    return a\n", "one(a BIGINT) -> BIGINT")
    with one.run(pd.DataFrame({"a": [1]}), memory_limit=500_000_000) as run:
        gauges = Gauges(run, Course(run))
        gauges.read()
        before = gauges.facts()
        assert (before["rates"], before["latencies"], before["p50"], before["rate"]) == ([], [], None, None)
        next(run.batches())
        gauges.read()
        found = gauges.facts()
    assert [len(found[name]) for name in ("rates", "latencies")] == [1, 1]
    assert found["limit"] == 500_000_000
    numbers = [found["rates"][0][2], found["latencies"][0][2], found["p50"], found["p95"], found["rate"]]
    assert all(math.isfinite(number) and number > 0 for number in numbers)


@pytest.mark.parametrize("seconds", [0.005, 0.4, 90.0, 4_000.0])
def test_sums_are_kept_when_bins_become_one(seconds: float) -> None:
    """Whatever the length, nothing is lost and there are never more than so many; rates are of the right size."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    bins = Bins()
    for time in sorted(dice.uniform(0, seconds) for _ in range(2_000)):
        bins.add(0, time, 3)
    [(_, sums)] = bins.facts()["sums"]
    assert len(sums) <= BINS
    assert sum(amount for _, amount in sums) == 6_000
    for most in (1, 7, 60):
        rates = bins.rates(0, seconds, most)
        assert 1 <= len(rates) <= most
        assert sum((end - begin) * rate for begin, end, rate in rates) == pytest.approx(6_000, rel=0.01)


def test_peaks_are_kept_when_points_become_one() -> None:
    """The highest of all points is there, at any length, and the newest too."""
    peaks = Peaks(itemgetter(1))
    for at in range(10_000):
        peaks.add((at, 1_000 if at == 4_321 else at % 7))
        assert len(peaks.points) <= POINTS
    assert (4_321, 1_000) in peaks.points
    assert peaks.points[-1][0] > 10_000 - 2 * peaks.each


@pytest.mark.parametrize(
    ("event", "word", "detail"),
    [
        (
            Event("dead_letter", detail="1 row set aside; row 33336: Error in scalar UDF execution at row 3336: E: no"),
            "row set aside",
            "row 33,336: E: no",
        ),
        (
            Event("dead_letter", detail="1,200 rows set to NULL; row 5: Error in vectorized UDF at rows 0 to 9: E: no"),
            "1,200 rows set to NULL",
            "1,200 rows, the first 5: E: no",
        ),
        (Event("dead_letter", detail="unheard of"), "rows set aside", "unheard of"),
        (
            Event("restarted", detail="1/3; batch 8, 1009 sent again; state restored, 2 batches replayed"),
            "restarted",
            "restart 1 of 3; batches 8 and 1,009 sent again; state restored, 2 batches replayed",
        ),
        (
            Event("restarted", detail="looking for the row in batch 1: rows 0 to 1"),
            "isolating",
            "looking for the row in batch 1: rows 0 to 1",
        ),
        (Event("crashed", batch=2, exit_status=3, detail="exit 3 after E: no"), "crashed", "exit 3 after E: no"),
        (Event("interrupted", batch=2, detail="no answer"), "out of time", "no answer"),
        (
            Event("failed", detail="f failed at row 7: Error in UDTF execution at row 7: E: no"),
            "failed",
            "f failed at row 7: E: no",
        ),
        (Event("gave_up", detail="after 3 restarts"), "gave up", "after 3 restarts"),
        (Event("finished", rows=100_000), "finished", "100,000 rows"),
    ],
)
def test_an_event_in_few_words(event: Event, word: str, detail: str) -> None:
    """Rows by their number in the input, errors without the call that they were in, counts as they are read."""
    said = marks.words(event, again=False, began=None)
    assert (said.word, said.detail) == (word, detail)


def test_what_a_user_wrote_is_shown_as_it_is() -> None:
    """Control characters in an error are written out, and a long one is cut."""
    event = Event("dead_letter", detail="1 row set aside; row 1: E: \x1b[31m\u202e" + "x" * 1_000)
    found = marks.mark(event, marks.words(event, again=False, began=None))
    assert found["detail"].startswith(r"row 1: E: \x1b[31m\u202e")
    assert len(found["detail"]) == marks.TEXT
