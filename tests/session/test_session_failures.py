"""What goes wrong is told with function, row and line; what can go on goes on, and no row is lost or doubled."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

import workbench as wb
from workbench.errors import (
    BatchTimeout,
    PythonNotFound,
    RegistryError,
    RestartsExhausted,
    SchemaMismatch,
    StdoutPolluted,
    UdfError,
    WorkerStartError,
)
from workbench.settings import DEAD_LETTERS

SUM = """
class Sum:
    def __init__(self):
        self.sum = 0
    def accumulate(self, a):
        self.sum += a
    def merge(self, other):
        self.sum += other
    @property
    def aggregate_state(self):
        return self.sum
    def finish(self):
        return self.sum
"""

ECHO = """
import sys
import pyarrow as pa
writer = None
for batch in pa.ipc.open_stream(sys.stdin.buffer):
    if writer is None:
        writer = pa.ipc.new_stream(sys.stdout.buffer, batch.schema)
    writer.write_batch(batch)
"""

NUMBERS = pa.table({"a": pa.array(range(2_000), pa.int32())})


def pid_of(run: wb.Run) -> int:
    """The newest worker's."""
    return int(run.events["pid"].dropna().iloc[-1])


# -- a row fails -------------------------------------------------------------------------------------------------------


def test_a_huge_error_is_cut_in_the_message(w: wb.Workbench) -> None:
    """Message and event are short; the field holds what the worker sent of it."""
    f = w.register("def evaluate(s):\n    raise ValueError(s)\n", "f(s STRING) -> STRING")
    with pytest.raises(UdfError, match=r"ValueError: x+…\n  set failing rows") as caught:
        f.run(pd.DataFrame({"s": ["x" * 10_000_000]})).wait()
    assert len(str(caught.value)) < 1200
    assert len(caught.value.error) > 10_000
    run = f.run(pd.DataFrame({"s": ["x" * 10_000_000]}), on_error="dead_letter")
    run.wait()
    assert run.events["detail"].str.len().max() < 1200


def test_pythons_own_traceback_ends_with_the_users_line(w: wb.Workbench) -> None:
    """In a plain script there is no view of ours: the notes tell file, line and text."""
    f = w.register("def evaluate(a):\n    return 1 / a\n", "f(a INT) -> DOUBLE")
    with pytest.raises(UdfError) as caught:
        f.run(pd.DataFrame({"a": [0]})).wait()
    assert caught.value.__notes__ == ["  f.py, line 2, in evaluate\n    > 2 | return 1 / a"]


def test_an_error_leads_to_the_line(w: wb.Workbench) -> None:
    """Function, version, row of the input and of its batch, values, the user's own frames with their variables."""
    f = w.register(
        "def half(b):\n    return 1 / b\n\ndef evaluate(a, b):\n    print('at', a)\n    return a * half(b)\n",
        "ratio(a INT, b INT) -> DOUBLE",
    )
    run = f.run(pd.DataFrame({"a": range(20), "b": [1] * 17 + [0, 1, 1]}), batch_rows=16)
    with pytest.raises(UdfError) as caught:
        run.wait()
    error = caught.value
    assert str(error) == (
        "ratio failed at input row 17 (batch 1, its row 1): Error in scalar UDF execution at row 1: "
        "ZeroDivisionError: division by zero\n"
        "  set failing rows aside with on_error='dead_letter' (--on-error dead_letter)"
    )
    assert (error.function, error.version, error.row, error.batch, error.row_in_batch) == ("ratio", 1, 17, 1, 1)
    assert error.values == {"a": "17", "b": "0"}
    assert [(frame.line, frame.function, frame.text) for frame in error.frames] == [
        (6, "evaluate", "return a * half(b)"),
        (2, "half", "return 1 / b"),
    ]
    assert error.frames[1].locals == {"b": "0"}
    assert error.logs[-1] == "at 17"
    assert (run.status, run.error) == ("failed", error)
    for again in (run.wait, run.to_pandas, lambda: next(run.batches())):
        with pytest.raises(UdfError) as caught:
            again()
        assert caught.value is error


@pytest.mark.parametrize(
    ("on_error", "kept", "dead"), [("dead_letter", [1, 3], [0, 2]), ("null", [None, 1, None, 3], [])]
)
def test_failing_rows_are_set_aside_or_null(
    w: wb.Workbench, on_error: Any, kept: list[int | None], dead: list[int]
) -> None:
    """Every input row ends as a result or as a dead letter with its values and its error."""
    f = w.register(
        "def evaluate(a):\n    if a % 2 == 0:\n        raise ValueError(f'{a} is even')\n    return a\n",
        "odd(a INT) -> INT",
    )
    run = f.run(NUMBERS.slice(0, 4), on_error=on_error).wait()
    assert run.to_arrow()["odd"].to_pylist() == kept
    assert run.dead_letters["row"].tolist() == dead
    assert run.dead_letters["error"].tolist() == [f"{n} is even" for n in dead]
    assert run.status == ("completed with 2 dead rows" if dead else "completed")
    (event,) = run.events.query("kind == 'dead_letter'")["detail"]
    assert event.startswith("2 rows set " + ("aside" if dead else "to NULL") + "; row 0: ")


def test_dead_letters_do_not_hide_columns_of_ours(w: wb.Workbench) -> None:
    """Data that has columns called row, batch and error keeps them under another name in this table."""
    f = w.register("def evaluate(row):\n    return 1 // row\n", "f(row INT) -> INT")
    frame = pd.DataFrame({"row": [1, 0], "batch": ["x", "y"], "error": [1.5, 2.5], "input_error": [1, 2]})
    letters = f.run(frame, on_error="dead_letter").wait().dead_letters
    assert letters.columns.tolist() == [
        "batch",
        "row",
        "input_row",
        "input_batch",
        "input_input_error",
        "input_error",
        "error_type",
        "error",
        "attempts",
    ]
    assert letters.iloc[0].tolist()[:6] == [0, 1, 0, "y", 2.5, 2]


def test_outputs_of_the_wrong_type_name_row_and_value(w: wb.Workbench) -> None:
    """Text for INT, a number that does not fit, None where the function promised a value."""
    f = w.register("def evaluate(a):\n    return {0: 0, 1: 'one', 2: 1 << 40}[a]\n", "f(a INT) -> INT")
    with pytest.raises(UdfError, match=r"f failed at input row 1 .*'one' is a str; INT wants int"):
        f.run(NUMBERS.slice(0, 3)).wait()
    errors = f.run(NUMBERS.slice(0, 3), on_error="dead_letter").wait().dead_letters["error"]
    assert errors[1] == "1099511627776 does not fit INT (-2147483648 to 2147483647)"
    never = w.register("def evaluate(a):\n    return None\n", "never(a INT) -> INT", always_nullable=False)
    with pytest.raises(UdfError, match="the result of row 0 is null, but always_nullable is false"):
        never.run(NUMBERS.slice(0, 3)).wait()
    table = w.register("def evaluate(a):\n    yield a, a\n", "t(a INT) -> ARRAY<STRUCT<x INT, y INT, z INT>>")
    with pytest.raises(UdfError, match="Struct has 3 fields but tuple has 2 elements"):
        table.run(NUMBERS.slice(0, 3)).wait()


def test_an_aggregate_says_in_which_step_it_failed(w: wb.Workbench) -> None:
    """Accumulate belongs to a row and may be set aside; finish belongs to a group."""
    f = w.register(SUM.replace("+= a", "+= 1 // a"), "total(a INT) -> INT")
    with pytest.raises(
        UdfError, match=r"total failed at input row 0 .*Error in accumulate at row 0: ZeroDivisionError"
    ):
        f.run(NUMBERS.slice(0, 3)).wait()
    run = f.run(NUMBERS.slice(0, 3), on_error="dead_letter").wait()
    assert run.to_arrow().to_pylist() == [{"total": 1}]
    assert run.dead_letters["row"].tolist() == [0]
    g = w.register(
        SUM.replace("return self.sum\n    def finish", "return self.sum\n    def finish", 1)[:-16] + "1 // 0\n",
        "broken(a INT) -> INT",
    )
    with pytest.raises(UdfError, match="Error finalizing state of group 7: ZeroDivisionError") as caught:
        g.run(pd.DataFrame({"a": [1], "g": [7]}), group_by="g").wait()
    assert (caught.value.function, caught.value.version) == ("broken", 1)


# -- a worker dies -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["udf", "udtf", "udaf", "script"])
def test_a_kill_in_the_middle_is_repaired(w: wb.Workbench, kind: str) -> None:
    """Kill -9: the run completes, no row is lost or doubled, and the history shows the signal and the restart.

    A script's output of a batch in flight may have been lost with it, so its batch is sent again; it has no state here.
    """
    code, signature = {
        "udf": ("def evaluate(a):\n    return a\n", "f(a INT) -> INT"),
        "udtf": ("def evaluate(a):\n    yield a\n", "f(a INT) -> ARRAY<INT>"),
        "udaf": (SUM, "f(a INT) -> BIGINT"),
        "script": (ECHO, None),
    }[kind]
    f = w.register(code, signature, name="f")
    killed = []

    def source() -> Any:
        for start in range(0, 2_000, 50):
            if start == 1_000:
                killed.append(pid_of(run))
                os.kill(killed[0], signal.SIGKILL)
            yield NUMBERS.slice(start, 50).combine_chunks().to_batches()[0]

    run = f.run(source())
    out = run.to_arrow()
    column = out.column(out.num_columns - 1).to_pylist()
    assert column == ([sum(range(2_000))] if kind == "udaf" else list(range(2_000)))
    events = run.events.query("kind in ('crashed', 'restarted')")
    assert events["kind"].tolist() == ["crashed", "restarted"]
    assert (events["signal"].iloc[0], events["pid"].iloc[0]) == ("SIGKILL", killed[0])
    assert events["detail"].iloc[1].startswith("1/3")
    assert f.history.query("kind == 'crashed'")["signal"].tolist() == ["SIGKILL"]
    assert run.record.restarts == 1


def test_two_workers_are_killed_at_random(w: wb.Workbench) -> None:
    """Each batch of both workers is answered once, whatever dies in between."""
    f = w.register("def evaluate(a):\n    return a\n", "f(a INT) -> INT")
    run = f.run(NUMBERS, batch_rows=20, workers=2)
    out = []
    for number, batch in enumerate(run.batches()):
        out += batch["f"].to_pylist()
        if number in (10, 50):
            os.kill(pid_of(run), signal.SIGKILL)
    assert out == list(range(2_000))
    assert 1 <= run.record.restarts <= 2


SEGFAULT = "import ctypes\ndef evaluate(a):\n    if a == 1_234:\n        ctypes.string_at(0)\n    return a\n"


def test_a_row_that_kills_is_found_and_named(w: wb.Workbench) -> None:
    """Under "fail" the error names the row, the signal and the line of the user's code that did it."""
    f = w.register(SEGFAULT, "f(a INT) -> INT")
    with pytest.raises(UdfError, match=r"f failed at input row 1,234 \(batch 2, its row 234\): .*SIGSEGV") as caught:
        f.run(NUMBERS, batch_rows=500).wait()
    assert caught.value.values == {"a": "1234"}
    assert [(frame.file, frame.line, frame.text) for frame in caught.value.frames] == [
        ("f.py", 4, "ctypes.string_at(0)")
    ]


def test_a_row_that_kills_is_set_aside(w: wb.Workbench) -> None:
    """All other rows have their results; the dead letter says how often it was tried."""
    f = w.register(SEGFAULT, "f(a INT) -> INT")
    run = f.run(NUMBERS, batch_rows=500, on_error="dead_letter")
    assert run.to_arrow()["f"].to_pylist() == [n for n in range(2_000) if n != 1_234]
    assert run.dead_letters[["row", "a", "error_type"]].values.tolist() == [[1_234, 1_234, "WorkerCrashed"]]
    assert run.dead_letters["attempts"][0] > 1


def test_a_script_that_always_dies_gives_up(w: wb.Workbench) -> None:
    """The error names batch, signal and restarts, and holds faulthandler's stack; each crash is its own event."""
    f = w.register(ECHO.replace("if writer", "import ctypes; ctypes.string_at(0)\n    if writer"), name="dies")
    run = f.run(NUMBERS, max_restarts=2)
    with pytest.raises(
        RestartsExhausted, match="dies stopped after 2 restarts; 3 crashes, the last of SIGSEGV in batch 0"
    ) as caught:
        run.wait()
    error = caught.value
    assert (error.exit, error.batch, error.restarts) == ("SIGSEGV", 0, 2)
    assert "dies.py" in error.stack
    assert run.events["kind"].tolist().count("crashed") == 3
    assert run.events["kind"].tolist()[-2:] == ["gave_up", "failed"]
    assert f.status["state"] == "failed"
    assert f.status["reason"] == "dies stopped after 2 restarts; 3 crashes, the last of SIGSEGV in batch 0"


def test_no_restart_is_a_number_too(w: wb.Workbench) -> None:
    """``max_restarts=0``: the first death from outside ends the run."""
    f = w.register("def evaluate(a):\n    return a\n", "f(a INT) -> INT")
    run = f.run(NUMBERS, batch_rows=10, max_restarts=0)
    stream = run.batches()
    next(stream)
    os.kill(pid_of(run), signal.SIGKILL)
    with pytest.raises(RestartsExhausted, match="f stopped after 0 restarts; 1 crash, the last of SIGKILL"):
        list(stream)


def test_a_script_that_raises_tells_its_error(w: wb.Workbench) -> None:
    """After the restarts that are allowed, the error is the script's own, with its line."""
    f = w.register(ECHO + "    raise ValueError('no more')\n", name="raises")
    with pytest.raises(RestartsExhausted, match="ValueError: no more") as caught:
        f.run(NUMBERS, max_restarts=1).wait()
    assert isinstance(caught.value.__cause__, UdfError)
    assert caught.value.__cause__.frames[-1].text == "raise ValueError('no more')"


# -- a script writes what is no answer ---------------------------------------------------------------------------------


PRINTS = ECHO.replace(
    "    writer.write", "    if batch['a'][0].as_py() == 10:\n        print('hello')\n    writer.write"
)

CHANGES = """
import sys
import pyarrow as pa
writer = None
for batch in pa.ipc.open_stream(sys.stdin.buffer):
    first = batch['a'][0].as_py()
    if first >= 10:
        batch = pa.record_batch({'z': batch['a']})
    if first in (0, 10):
        writer = pa.ipc.new_stream(sys.stdout.buffer, batch.schema)
    writer.write_batch(batch)
"""


@pytest.mark.parametrize(
    ("code", "lost", "error", "message"),
    [
        (PRINTS, range(10, 20), StdoutPolluted, r"the script printed 'hello\\n' into its Arrow output"),
        (CHANGES, range(10, 40), SchemaMismatch, r"changed the columns of its output from \(a int32\) to \(z int32\)"),
    ],
    ids=["text", "other columns"],
)
def test_invalid_output_is_skipped_or_ends_the_run(
    w: wb.Workbench, code: str, lost: range, error: type[Exception], message: str
) -> None:
    """Logged, counted and skipped, its rows dead letters; or an error under on_invalid="fail"."""
    f = w.register(code, name="dirty")
    run = f.run(NUMBERS.slice(0, 40), batch_rows=10)
    assert run.to_arrow()["a"].to_pylist() == [n for n in range(40) if n not in lost]
    assert (run.record.skipped, run.record.skipped_rows, run.record.dead) == (len(lost) // 10, len(lost), len(lost))
    assert run.dead_letters["a"].tolist() == list(lost)
    assert run.dead_letters["error_type"][0] == error.__name__
    assert run.events.query("kind == 'skipped'")[["batch", "rows"]].values.tolist()[0] == [1, 10]
    with pytest.raises(error, match=message):
        f.run(NUMBERS.slice(0, 40), batch_rows=10, on_invalid="fail").wait()


def test_other_columns_after_a_restart_are_no_answer(w: wb.Workbench, tmp_path: Path) -> None:
    """A script that begins anew with other columns has changed its schema all the same."""
    marker = tmp_path / "died"
    code = (
        "import os, sys\nimport pyarrow as pa\nagain = os.path.exists(os.environ['MARKER'])\n"
        "writer = None\nfor n, batch in enumerate(pa.ipc.open_stream(sys.stdin.buffer)):\n"
        "    if n == 1 and not again:\n        open(os.environ['MARKER'], 'w').close()\n        os._exit(3)\n"
        "    out = pa.record_batch({'b' if again else 'a': batch['a']})\n"
        "    writer = writer or pa.ipc.new_stream(sys.stdout.buffer, out.schema)\n    writer.write_batch(out)\n"
    )
    f = w.register(code, name="turns", env={"MARKER": str(marker)})
    run = f.run(NUMBERS.slice(0, 30), batch_rows=10)
    assert run.to_arrow().to_pydict() == {"a": list(range(10))}
    assert run.dead_letters["a"].tolist() == list(range(10, 30))
    assert run.dead_letters["error"][0].startswith("the script changed the columns of its output from (a int32) to (b")
    assert "state_lost" in run.events["kind"].tolist()
    marker.unlink()
    with pytest.raises(SchemaMismatch):
        f.run(NUMBERS.slice(0, 30), batch_rows=10, on_invalid="fail").wait()


def test_a_large_skipped_batch_is_noted_quickly(w: wb.Workbench) -> None:
    """200,000 rows become dead letters in a moment: the values are kept as long as there is room, all are counted."""
    code = "import sys\nimport pyarrow as pa\nfor batch in pa.ipc.open_stream(sys.stdin.buffer):\n    print('hello')\n"
    wide = pa.table({f"c{n}": range(200_000) for n in range(5)})
    began = time.monotonic()
    run = w.register(code, name="prints").run(wide).wait()
    assert time.monotonic() - began < 10
    assert (run.record.skipped_rows, run.record.dead, len(run.record.letters)) == (200_000, 200_000, DEAD_LETTERS)


# -- time, start -------------------------------------------------------------------------------------------------------


def test_a_batch_that_takes_too_long_shows_where_it_was(w: wb.Workbench) -> None:
    """The error names batch and seconds; its stack leads to the user's line."""
    f = w.register("def evaluate(a):\n    while True:\n        a = a\n", "f(a INT) -> INT")
    run = f.run(NUMBERS.slice(0, 3), timeout=0.3)
    with pytest.raises(BatchTimeout, match=r"f: batch 0 was not answered within 0\.3 s") as caught:
        run.wait()
    assert "f.py" in caught.value.stack
    assert run.status == "failed"


@pytest.mark.parametrize("python", ["3.99", "python3.99", "/nowhere/python"])
def test_a_missing_interpreter_fails_fast(w: wb.Workbench, python: str) -> None:
    """What was looked for and what there is; nothing was started, and the function can still be listed and dropped."""
    f = w.register("def evaluate(a):\n    return a\n", "f(a INT) -> INT", python=python)
    with pytest.raises(
        PythonNotFound, match=rf"python '{python}' .*; no worker was started\n  found: python"
    ) as caught:
        f.run(NUMBERS)
    assert isinstance(caught.value, FileNotFoundError)
    assert f.status["state"] == "stopped"
    assert (f.stop(), f.kill()) == (0, 0)
    assert f.runs.empty
    assert w.drop("f") == 1


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "import no_such_module\ndef evaluate(a):\n    return a\n",
            r"f cannot be loaded: ModuleNotFoundError: .*\n  .*: add --requires no_such_module",
        ),
        ("1 / 0\ndef evaluate(a):\n    return a\n", "f cannot be loaded: ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(3)\ndef evaluate(a):\n    return a\n", "f cannot be loaded: SystemExit: 3"),
    ],
)
def test_code_that_cannot_be_loaded_is_not_started_again(w: wb.Workbench, code: str, message: str) -> None:
    """It would fail again: one start, an error with the line, no restart."""
    f = w.register(code, "f(a INT) -> INT")
    with pytest.raises(WorkerStartError, match=message) as caught:
        f.run(NUMBERS).wait()
    assert caught.value.frames[0].line in (1, 2)
    assert "restarted" not in f.history["kind"].tolist()
    with pytest.raises(WorkerStartError, match=message):
        f.start()


def test_a_death_while_loading_is_no_death_in_a_batch(w: wb.Workbench) -> None:
    """Its batch was not begun, and is not blamed; the error has the line, in a run as when a worker is made ready."""
    f = w.register("import ctypes\nctypes.string_at(0)\ndef evaluate(a):\n    return a\n", "f(a INT) -> INT")
    run = f.run(NUMBERS, max_restarts=0)
    with pytest.raises(RestartsExhausted, match="1 crash, the last of SIGSEGV before it was ready") as exhausted:
        run.wait()
    assert "SIGSEGV before it was ready" in run.events["detail"].tolist()
    with pytest.raises(wb.errors.WorkerCrashed, match="f died of SIGSEGV before it was ready") as crashed:
        f.start()
    for caught in (exhausted, crashed):
        assert [(frame.file, frame.line) for frame in caught.value.frames] == [("f.py", 2)]
        assert caught.value.exit == "SIGSEGV"
        assert "  f.py, line 2, in <module>\n    > 2 | ctypes.string_at(0)" in caught.value.__notes__


def test_a_script_that_cannot_be_loaded(w: wb.Workbench) -> None:
    """The same for a script whose imports fail."""
    f = w.register("import sys, no_such_module\nsys.stdin.buffer.read()\n", name="s")
    with pytest.raises(WorkerStartError, match="s cannot be loaded: ModuleNotFoundError"):
        f.run(NUMBERS).wait()


def test_a_module_that_python_hides_is_named(w: wb.Workbench, tmp_path: Path) -> None:
    """json.py in a package cannot be reached: the way out is said."""
    (tmp_path / "json.py").write_text("def evaluate(a):\n    return a\n")
    with pytest.warns(UserWarning, match="f: module name 'json' is not allowed for UDFs: .*; rename the file"):
        f = w.register(tmp_path / "json.py", "f(a INT) -> INT")
    with pytest.raises(WorkerStartError, match=r"a module called 'json' is part of Python .*; rename the file"):
        f.run(NUMBERS).wait()


def test_errors_of_the_source_are_raised_as_they_are(w: wb.Workbench) -> None:
    """What the caller's own generator raises is the caller's; the worker stays fit."""
    f = w.register("import os\ndef evaluate(a):\n    return os.getpid()\n", "pid(a INT) -> BIGINT")

    f.start()

    def source() -> Any:
        yield NUMBERS.slice(0, 1)
        raise KeyError("mine")

    run = f.run(source())
    with pytest.raises(KeyError, match="mine"):
        run.wait()
    assert run.status == "failed"
    assert f.run(NUMBERS.slice(0, 1)).to_pandas()["pid"][0] == pid_of(run)


def test_a_history_that_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    """Dropped by another session in the middle of a run: the results are there, one warning says what is not."""
    with wb.Workbench(tmp_path) as w, wb.Workbench(tmp_path) as other:
        f = w.register("def evaluate(a):\n    return a\n", "f(a INT) -> INT")
        run = f.run(NUMBERS, batch_rows=100)
        other.drop("f")

        def finished() -> int:
            rows: int = run.to_arrow().num_rows
            w.registry.flush()  # which happens by itself a moment later
            return rows

        with pytest.warns(RuntimeWarning, match="the history of this run is not stored") as caught:
            assert finished() == 2_000
        assert len(caught) == 1
        with pytest.raises(RegistryError, match="no longer registered"):
            f.run(NUMBERS)
