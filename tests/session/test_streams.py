"""Streams: a rate kept with a clock of ours, and runs that go on in real workers while we do something else."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pytest

from workbench import Function, Stream, Workbench
from workbench.errors import DataError, UdfError, UsageProblem
from workbench.session.pace import Pace
from workbench.session.recent import PARTS, Recent

SECONDS = 20
INC = "def evaluate(a):\n    return 10 // a\n"


class Clock(threading.Condition):
    """Seconds that pass only while somebody waits for them."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.now += timeout
        return True


def until(true: Callable[[], object]) -> None:
    """Wait for it, up to a deadline."""
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture(autouse=True, scope="module")
def warm() -> None:
    """Arrow opens a pipe of its own when it first reads CSV, and keeps it."""
    pa.csv.read_csv(io.BytesIO(b"a\n1\n"))


@pytest.fixture
def tenth(w: Workbench) -> Iterator[Function]:
    """Ten divided by the argument; its workers are there before the test counts what is open."""
    function = w.register(INC, "tenth(a BIGINT) -> BIGINT")
    function.start()
    yield function
    function.stop()


def test_the_rate_is_kept_and_nothing_is_made_up_for() -> None:
    """Rows pass in their time; a late one does not bring a burst with it; a new rate and the end hold at once."""
    clock = Clock()
    pace = Pace(100, clock, clock)
    at = []
    for _ in range(4):
        assert pace.hold(50)
        at.append(clock.now)
    assert at == pytest.approx([0, 0.5, 1.0, 1.5])
    clock.now = 60
    assert pace.hold(50)
    assert pace.hold(50)
    assert clock.now == pytest.approx(60.5)
    pace.rate = None
    assert pace.hold(10**9)
    assert pace.hold(1)
    assert clock.now == pytest.approx(60.5)
    pace.shut()
    assert not pace.hold(1)


def test_who_waits_hears_of_another_rate() -> None:
    """A batch that would have an hour to wait goes on when the rate is raised."""
    pace = Pace(1)
    pace.hold(10_000)
    waiting = threading.Thread(target=pace.hold, args=(1,))
    waiting.start()
    pace.rate = 1e9
    waiting.join(SECONDS)
    assert not waiting.is_alive()


def test_the_newest_rows_are_kept_and_no_more() -> None:
    """Old batches go; one that is too large alone is kept whole; by default nothing is."""
    recent = Recent(100)
    batch = pa.record_batch({"a": list(range(40))})
    for upto in range(40, 401, 40):
        recent.keep(batch, upto)
    assert [(part.since, part.upto, part.before) for part in recent.parts] == [(320, 360, 320), (360, 400, 360)]
    recent.keep(pa.record_batch({"a": list(range(500))}), 900)
    assert [part.batch.num_rows for part in recent.parts] == [500]
    for upto in range(901, 3_000):
        recent.keep(batch.slice(0, 0), upto)
    assert len(recent.parts) == PARTS
    nothing = Recent()
    nothing.keep(batch, 40)
    assert nothing.parts == []


def test_a_stream_is_held_stepped_and_stopped(tenth: Function) -> None:
    """It goes through a frame again and again; while it is paused nothing goes in, a step is one batch."""
    frame = pd.DataFrame({"a": [1, 2, 5]})
    with Stream(tenth, frame, loop=True, batch_rows=3) as live:
        until(lambda: live.run.record.rows_in > 30)
        live.pause()
        until(lambda: live.run.held)
        rows = live.run.record.rows_in
        live.step()
        until(lambda: live.run.record.rows_in == rows + 3)
        live.resume()
        until(lambda: live.run.record.rows_in > rows + 30)
        assert live.status == "running"
        assert live.newest().slice(0, 3).to_pydict() == {"a": [1, 2, 5], "tenth": [10, 5, 2]}
    assert live.status == "closed"
    assert live.wait(0)
    assert live.error is None


def test_a_worker_that_is_killed_is_replaced_while_it_waits(tenth: Function) -> None:
    """A slow stream hears of the crash at once; beginning again is with the first row and a new worker."""
    with Stream(tenth, pd.DataFrame({"a": range(1, 100)}), rate=50, batch_rows=5) as live:
        until(lambda: live.run.record.rows_in)
        assert live.kill() == 1
        until(lambda: live.run.record.restarts == 1)
        first = live.run
        live.restart()
        assert live.run is not first
        assert first.status == "closed"
        until(lambda: live.run.record.rows_in)
        assert live.run.record.restarts == 0
        live.rate = None
        assert live.wait(SECONDS)
        assert live.run.summary().startswith("completed; in 99 rows, out 99")


def test_what_goes_wrong_is_in_the_run_and_not_on_stderr(tenth: Function, capfd: pytest.CaptureFixture[str]) -> None:
    """An error of the function, and one of whoever makes the batches."""
    live = Stream(tenth, pd.DataFrame({"a": [1, 0]}))
    assert live.wait(SECONDS)
    assert isinstance(live.error, UdfError)

    def batches() -> Iterator[Any]:
        yield pd.DataFrame({"a": [1]})
        raise LookupError("no more")

    live = Stream(tenth, batches())
    assert live.wait(SECONDS)
    assert repr(live.error) == "LookupError('no more')"
    with pytest.raises(UsageProblem, match="cannot be had again"):
        live.restart()
    assert capfd.readouterr().err == ""


def test_a_workbench_that_is_closed_ends_its_streams(tmp_path: Path) -> None:
    """Also one that waits for the time of its next row."""
    with Workbench(tmp_path) as workbench:
        live = Stream(workbench.register(INC, "tenth(a BIGINT) -> BIGINT"), pd.DataFrame({"a": [1, 2]}), rate=0.001)
    assert live.wait(SECONDS)
    assert live.status == "closed"


def test_a_file_is_followed(tenth: Function, tmp_path: Path) -> None:
    """Whole lines only, as they are appended; a file that was begun anew is read from its beginning."""
    path = tmp_path / "a.csv"
    path.write_text("a\n1\n2\n")
    with Stream(tenth, path, follow=True) as live:
        until(lambda: live.newest().num_rows == 2)
        with path.open("a") as file:
            file.write("5\n1")
        until(lambda: live.newest().num_rows == 3)
        with path.open("a") as file:
            file.write("0\n")
        until(lambda: live.newest()["a"].to_pylist() == [1, 2, 5, 10])
        path.write_text("a\n2\n")
        until(lambda: live.newest()["a"].to_pylist() == [1, 2, 5, 10, 2])
        with path.open("a") as file:
            file.write("x\n")
        assert live.wait(SECONDS)
        assert isinstance(live.error, DataError)


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (pd.DataFrame({"a": [1]}), {"rate": 0}, "the rate is 0"),
        (pd.DataFrame({"a": [1]}), {"follow": True}, "a DataFrame cannot be followed"),
        (iter([]), {"loop": True}, "can be gone through once"),
        ("a.csv", {"loop": True, "follow": True}, "has no end"),
    ],
)
def test_what_has_no_meaning_is_refused(tenth: Function, data: Any, options: dict[str, Any], message: str) -> None:
    """Before anything is started."""
    with pytest.raises(UsageProblem, match=message):
        Stream(tenth, data, **options)


def test_a_table_without_rows_is_not_gone_through_for_ever(tenth: Function) -> None:
    """It is complete at once."""
    live = Stream(tenth, pa.table({"a": pa.array([], pa.int64())}), loop=True)
    assert live.wait(SECONDS)
    assert live.status == "completed"
