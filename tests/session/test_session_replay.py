"""Rows without a result are kept and run again: the same rows, types and numbers, by the function as it is now."""

from __future__ import annotations

import datetime as dt
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import workbench as wb
from workbench.errors import BatchTimeout, RestartsExhausted, RunError, StdoutPolluted, UdfError, UsageProblem
from workbench.session.report import error_lines, state_rows

RATIO = "def evaluate(a, b):\n    return a / b\n"
SIGNATURE = "ratio(a INT, b INT) -> DOUBLE"
DATA = pa.table(
    {
        "a": pa.array([7, 1, 2, 3], pa.int8()),
        "b": pa.array([1, 0, 2, 0], pa.int32()),
        "kind": pa.array(["x", "y", "x", None]).dictionary_encode(),
        "at": pa.array([dt.datetime(2020, 1, day, tzinfo=dt.UTC) for day in range(1, 5)]),
        "price": pa.array([Decimal("1.10")] * 4, pa.decimal128(10, 2)),
    }
)

ECHO = """
import sys
import pyarrow as pa
writer = None
for batch in pa.ipc.open_stream(sys.stdin.buffer):
    writer = writer or pa.ipc.new_stream(sys.stdout.buffer, batch.schema)
    if 7 in batch["x"].to_pylist():
        print("hello")
    writer.write_batch(batch)
"""


def test_rows_set_aside_are_run_again_by_the_new_version(w: wb.Workbench) -> None:
    """Exactly the failing rows, with the types of the input; the replay changes nothing, so it may be repeated."""
    f = w.register(RATIO, SIGNATURE)
    f.run(DATA, batch_rows=2, on_error="dead_letter").wait()
    with pytest.raises(UdfError, match=r"ratio failed at input row 1 \(batch 0, its row 0\)"):
        f.replay().wait()
    fixed = w.register("def evaluate(a, b):\n    return a / b if b else None\n", SIGNATURE)
    for _ in range(2):
        out = fixed.replay().to_arrow()
        assert out.drop_columns(["ratio"]) == DATA.take([1, 3])
        assert out["ratio"].to_pylist() == [None, None]
    assert fixed.replay(3).to_arrow()["a"].to_pylist() == [3]
    with pytest.raises(UsageProblem, match="ratio: row 2 did not fail in the last run\n  these did: 1, 3"):
        fixed.replay(2)


def test_bisect_tells_each_row_that_still_fails(w: wb.Workbench) -> None:
    """They are set aside under the numbers that they have in the input."""
    f = w.register(RATIO, SIGNATURE)
    f.run(DATA, on_error="dead_letter").wait()
    half = w.register("def evaluate(a, b):\n    return a / (b + a - 1)\n", SIGNATURE)
    run = half.replay(bisect=True).wait()
    assert run.dead_letters["row"].tolist() == [1]
    assert run.to_arrow()["a"].to_pylist() == [3]
    assert half.failures["row"].tolist() == [1, 3]


def test_the_row_that_ended_a_run_is_kept(w: wb.Workbench) -> None:
    """It is no dead letter of the run, but `failures` and `replay` know it."""
    f = w.register(RATIO, SIGNATURE)
    run = f.run(DATA)
    with pytest.raises(UdfError):
        run.wait()
    assert (run.record.dead, len(run.dead_letters)) == (0, 0)
    assert f.failures[["row", "a", "error_type"]].values.tolist() == [[1, 1, "ZeroDivisionError"]]
    with pytest.raises(UdfError, match="at input row 1 "):
        f.replay(1).wait()


def test_there_may_be_nothing_to_run_again(w: wb.Workbench) -> None:
    """Not run, all went well, or the run did not end over a row."""
    f = w.register("def evaluate(a):\n    while a == 1: pass\n    return a\n", "f(a INT) -> INT")
    with pytest.raises(UsageProblem, match="f v1 has not been run yet, or no row failed"):
        f.replay()
    f.run(pa.table({"a": [2]})).wait()
    with pytest.raises(UsageProblem, match="there is no row to run again: the last run completed without one"):
        f.replay()
    with pytest.raises(BatchTimeout):
        f.run(pa.table({"a": [1]}), timeout=0.2).wait()
    with pytest.raises(UsageProblem, match="the last run failed, and not over one row: f: batch 0 was not answered"):
        f.replay()


def test_a_scripts_batches_are_run_again(w: wb.Workbench) -> None:
    """As they were; with bisect row by row, so that the one to blame is told."""
    f = w.register(ECHO, name="prints")
    f.run(pa.table({"x": range(20)}), batch_rows=5).wait()
    assert f.failures["x"].tolist() == [5, 6, 7, 8, 9]
    with pytest.raises(StdoutPolluted):
        f.replay().wait()
    assert f.replay(bisect=True).wait().dead_letters["row"].tolist() == [7]


def test_another_session_runs_stored_rows_again(tmp_path: Path) -> None:
    """Arguments have the types of the signature; a script's rows cannot be made again, which is said."""
    with wb.Workbench(tmp_path) as w:
        with pytest.raises(UdfError):
            w.register(RATIO, SIGNATURE).run(DATA).wait()
        w.register(ECHO, name="prints").run(pa.table({"x": [7]})).wait()
    with wb.Workbench(tmp_path) as w:
        run = w.function("ratio").replay(bisect=True).wait()
        assert run.input_schema.field("a").type == pa.int32()
        assert run.dead_letters[["row", "a", "b"]].values.tolist() == [[1, 1, 0]]
        with pytest.raises(UsageProblem, match="cannot be made again exactly: a script declares no types"):
            w.function("prints").replay()


def test_kill_reaches_the_workers_of_an_open_run(w: wb.Workbench) -> None:
    """From another thread, too; the run replaces them, and no row is lost."""
    f = w.register("def evaluate(a):\n    return a\n", "f(a BIGINT) -> BIGINT")
    run = f.run(pa.table({"a": range(100)}), batch_rows=10)
    stream, killed = run.batches(), []
    out = next(stream)["f"].to_pylist()
    thread = threading.Thread(target=lambda: killed.append(f.kill()))
    thread.start()
    thread.join()
    out += [value for batch in stream for value in batch["f"].to_pylist()]
    assert (killed, out) == ([1], list(range(100)))
    assert run.events["signal"].dropna().tolist() == ["SIGKILL"]


@pytest.mark.parametrize(("code", "kind", "options"), [
    ("def evaluate(a):\n    print('saw', a)\n    while True: pass\n", BatchTimeout, {"timeout": 0.3}),
    ("import ctypes, sys\nsys.stdin.buffer.read(8)\nprint('saw 1', file=sys.stderr)\nctypes.string_at(0)\n",
     RestartsExhausted, {"max_restarts": 0}),
])  # fmt: skip
def test_a_dead_worker_leads_to_the_line(
    w: wb.Workbench, code: str, kind: type[RunError], options: dict[str, Any]
) -> None:
    """The user's line and last words, no frame of ours and no temporary path; the raw dump is a field."""
    f = w.register(code, "f(a INT) -> INT" if "evaluate" in code else None, name="f")
    with pytest.raises(kind) as caught:
        f.run(pa.table({"a": [1]}), **options).wait()
    lines = error_lines(caught.value)
    assert "    > 3 | while True: pass" in lines or "    > 4 | ctypes.string_at(0)" in lines
    assert "  log: saw 1" in lines
    assert not any("package" in line or "Thread" in line for line in lines)
    assert caught.value.function == "f"


def test_a_group_may_be_called_like_a_column_of_ours(w: wb.Workbench) -> None:
    """The state of a group `state`, `batch` or `result` is shown by its place."""
    code = """
class Count:
    def __init__(self): self.n = 0
    def accumulate(self, a): self.n += 1
    def merge(self, other): self.n += other
    @property
    def aggregate_state(self): return self.n
    def finish(self): return self.n
"""
    run = w.register(code, "n(a BIGINT) -> BIGINT").run(
        pa.table({"a": [1, 2], "state": ["NY", "NJ"], "batch": [5, 6]}), group_by=["state", "batch"]
    )
    assert [row.group for row in state_rows(run.wait())] == ["state=NY, batch=5", "state=NJ, batch=6"]
