"""Which line failed is known of every row and of every death that could tell it, and of nothing else."""

from __future__ import annotations

import pyarrow as pa
import pytest

import workbench as wb
from workbench.errors import RestartsExhausted
from workbench.session.limits import OnError

pytest_plugins = ("fix_session",)

CODE = """import os, signal

def share(a, b):
    return a / b

def evaluate(a, b):
    if a == 7:
        os.kill(os.getpid(), signal.SIGSEGV)
    if a == 8:
        os.kill(os.getpid(), signal.SIGKILL)
    return share(a, b)
"""
SCRIPT = """import sys
import pyarrow as pa

def work(batch):
    if batch.num_rows == 2:
        raise ValueError('two')
    return batch

writer = None
for batch in pa.ipc.open_stream(sys.stdin.buffer):
    writer = writer or pa.ipc.new_stream(sys.stdout.buffer, batch.schema)
    writer.write_batch(work(batch))
"""


@pytest.mark.parametrize("on_error", ["dead_letter", "null"])
def test_each_failing_row_is_counted_on_its_line(w: wb.Workbench, on_error: OnError) -> None:
    """Also those beyond the few of a batch that carry their values; the first is named."""
    f = w.register(CODE, "f(a BIGINT, b BIGINT) -> DOUBLE")
    table = {"a": [0] * 500, "b": [1, 0] * 250}
    run = f.run(pa.table(table), on_error=on_error, batch_rows=100).wait()
    counted: dict[tuple[str, int, str], int] = {}
    for place, times, first in run.record.places.met():
        assert not place.died
        assert first is not None
        key = (place.what, first % 100, str(place.frames))
        counted[key] = counted.get(key, 0) + times
    assert counted == {("ZeroDivisionError", 1, "(('f.py', 11), ('f.py', 4))"): 250}


def test_a_death_is_on_the_line_that_it_left(w: wb.Workbench) -> None:
    """A crash has its line, each time; a kill leaves none, and nothing is guessed, although a dump was there before."""
    f = w.register(CODE, "f(a BIGINT, b BIGINT) -> DOUBLE")
    run = f.run(pa.table({"a": [1, 7, 8], "b": [1, 1, 1]}), on_error="dead_letter").wait()
    died = [met for met in run.record.places.met() if met[0].died]
    crashes = run.events[run.events["kind"] == "crashed"]
    assert {"SIGSEGV", "SIGKILL"} == set(crashes["signal"])
    times = int((crashes["signal"] == "SIGSEGV").sum())
    assert died == [(("SIGSEGV", True, (("f.py", 8),)), times, 0)]


def test_an_exception_of_a_script_is_on_its_line(w: wb.Workbench) -> None:
    """It ends the process, which had printed it."""
    script = w.register(SCRIPT, name="script", kind="script")
    run = script.run(pa.table({"a": [1, 2, 3]}), batch_rows=2, max_restarts=1)
    with pytest.raises(RestartsExhausted):
        run.wait()
    assert run.record.places.met() == [
        (("ValueError", True, (("script/script.py", 12), ("script/script.py", 6))), 2, 0)
    ]
