"""Runs end, workers are given back, nothing is left behind; what happened is what another session sees."""

from __future__ import annotations

import gc
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pandas as pd
import pyarrow as pa
import pytest

import workbench as wb
from workbench.errors import AmbiguousFunction, FunctionNotFound, RunClosed, UsageProblem
from workbench.settings import STOP_SECONDS, Settings

PID = "import os\ndef evaluate(a):\n    return os.getpid()\n"
SIGNATURE = "pid(a BIGINT) -> BIGINT"
ONE = pd.DataFrame({"a": [1]})


def endless() -> Iterator[pa.RecordBatch]:
    """A source that has no end."""
    for number in itertools.count():
        yield pa.record_batch({"a": [number]})


def gone(pid: int) -> bool:
    """Whether a process is gone, or will be within a moment."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{pid}/stat").exists() and ") Z " in Path(f"/proc/{pid}/stat").read_text():
            return True
        time.sleep(0.01)
    return False


# -- the end of a run --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["udf", "script"])
def test_a_run_that_nobody_holds_is_closed(w: wb.Workbench, kind: str) -> None:
    """Also while its function is still in hand: its worker is idle or gone, and its history says that it was closed."""
    script = "import sys\nimport pyarrow as pa\nfor b in pa.ipc.open_stream(sys.stdin.buffer):\n    pass\n"
    f = w.register(PID if kind == "udf" else script, SIGNATURE if kind == "udf" else None, name="pid")
    if kind == "udf":
        f.start()
    workers = f.status["workers"]
    run = f.run(endless() if kind == "udf" else ONE)
    assert f.status["state"] == "running"
    del run
    gc.collect()
    assert f.status["state"] == ("ready" if kind == "udf" else "stopped")
    assert f.status["workers"] == workers
    assert f.runs["status"].tolist() == ["closed"]
    assert f.last_run is None


def test_a_generator_that_is_left_ends_its_run(w: wb.Workbench) -> None:
    """``break`` out of the loop over `batches`, and the run is over once the generator is."""
    f = w.register(PID, SIGNATURE)
    run = f.run(endless())
    for batch in run.batches():
        pid = batch["pid"][0].as_py()
        break
    gc.collect()
    assert run.status == "closed"
    assert f.status["workers"] == [pid]
    with pytest.raises(RunClosed, match="pid: the results of this run were streamed, not kept"):
        run.to_arrow()


def test_a_run_that_is_closed_inside_its_loop_says_so(w: wb.Workbench) -> None:
    """Who closes a run and asks it for more gets an error, not fewer rows."""
    run = w.register(PID, SIGNATURE).run(endless())
    stream = run.batches()
    next(stream)
    run.close()
    with pytest.raises(RunClosed, match="pid: this run was closed"):
        next(stream)
    assert run.status == "closed"
    run.close()


def test_a_closed_run_has_no_result(w: wb.Workbench) -> None:
    """Closing before anything was asked; the context manager closes."""
    with w.register(PID, SIGNATURE).run(ONE) as run:
        pass
    with pytest.raises(RunClosed, match="pid: this run is closed"):
        run.to_arrow()


def interrupt(run: wb.Run) -> float:
    """Press Ctrl-C while a run is waited for; how many seconds it took to come back."""
    timer = threading.Timer(0.1, lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT))
    began = time.monotonic()
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        run.wait()
    timer.join()
    assert run.status == "interrupted"
    return time.monotonic() - began


def test_an_interrupt_ends_the_run_and_keeps_the_worker(w: wb.Workbench) -> None:
    """Ctrl-C while waiting for a slow function: the next run has the same process."""
    f = w.register(
        "import os, time\ndef evaluate(a):\n    time.sleep(0.3 if a else 0)\n    return os.getpid()\n",
        "pid(a BIGINT) -> BIGINT",
    )
    f.start()
    (pid,) = f.status["workers"]
    run = f.run(pd.DataFrame({"a": [1]}))
    interrupt(run)
    assert f.run(pd.DataFrame({"a": [0]})).to_pandas()["pid"].tolist() == [pid]
    assert f.runs["status"].tolist() == ["interrupted", "completed"]


@pytest.mark.parametrize("on_error", ["fail", "null"])
def test_an_interrupt_stops_user_code_at_once(w: wb.Workbench, on_error: Literal["fail", "null"]) -> None:
    """Ctrl-C while workers loop for ever, each with a batch more to come: they give up and are kept."""
    f = w.register("import os\ndef evaluate(a):\n    while a: pass\n    return os.getpid()\n", "f(a BIGINT) -> BIGINT")
    f.start(2)
    pids = f.status["workers"]
    run = f.run(pd.DataFrame({"a": [1] * 4}), workers=2, batch_rows=1, on_error=on_error)
    assert interrupt(run) < STOP_SECONDS
    assert sorted(f.status["workers"]) == sorted(pids)
    assert f.call(0) in pids


def test_an_interrupt_replaces_a_worker_that_does_not_yield(w: wb.Workbench) -> None:
    """Ctrl-C while one of two functions hears nothing: the cell is free after 2 s, and only that process is gone."""
    f = w.register(
        "import os\ndef evaluate(a):\n    if a == 1: sum(range(10**12))\n    while a: pass\n    return os.getpid()\n",
        "f(a BIGINT) -> BIGINT",
    )
    f.start(2)
    pids = list(f.status["workers"])
    run = f.run(pd.DataFrame({"a": [1, 2]}), workers=2, batch_rows=1)
    assert interrupt(run) < 2 * STOP_SECONDS
    (left,) = f.status["workers"]
    pids.remove(left)
    assert gone(*pids)
    assert f.call(0) == left


def test_closing_the_workbench_closes_its_runs(tmp_path: Path) -> None:
    """Open runs are over, their workers gone; everything says that it is closed, also after a second close."""
    w = wb.Workbench(tmp_path)
    f = w.register(PID, SIGNATURE)
    run, other = f.run(endless()), f.run(ONE)
    pid = next(run.batches())["pid"][0].as_py()
    w.close()
    w.close()
    assert (run.status, other.status) == ("closed", "closed")
    assert gone(pid)
    for closed in (
        run.to_arrow,
        other.to_arrow,
        w.functions,
        lambda: f.run(ONE),
        lambda: w.register(PID, SIGNATURE),
        lambda: w.function("pid"),
        lambda: w.package(PID, tmp_path / "pid.zip"),
    ):
        with pytest.raises(RunClosed):
            closed()
    with wb.Workbench(tmp_path) as again:
        assert again.function("pid").runs["status"].tolist() == ["closed", "closed"]


def test_package_refuses_an_option_that_it_does_not_have(w: wb.Workbench, tmp_path: Path) -> None:
    """By the option's name, not by that of something inside."""
    with pytest.raises(UsageProblem, match="package has no option 'signatur'"):
        w.package(PID, tmp_path / "pid.zip", signatur=SIGNATURE)


def test_a_run_keeps_its_workbench_open(tmp_path: Path) -> None:
    """Whoever holds only the run still gets its result."""
    run = wb.Workbench(tmp_path).register(PID, SIGNATURE).run(pd.DataFrame({"a": range(100)}), batch_rows=10)
    gc.collect()
    assert run.to_arrow().num_rows == 100
    del run
    gc.collect()


EXITS = """
import sys, itertools
import pyarrow as pa
import workbench as wb
w = wb.Workbench(sys.argv[1])
f = w.register("import os\\ndef evaluate(a):\\n    return os.getpid()\\n", "pid(a BIGINT) -> BIGINT")
run = f.run(pa.record_batch({"a": [n]}) for n in itertools.count())
stream = run.batches()
print(next(stream)["pid"][0].as_py(), w._folder, flush=True)
"""


def test_python_may_end_with_an_open_run(tmp_path: Path) -> None:
    """Nobody closed anything: the worker is gone, and so is the folder of unpacked packages, and nothing is said."""
    done = subprocess.run(
        [sys.executable, "-c", EXITS, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(wb.__file__).parents[1],
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    pid, folder = done.stdout.split()
    assert gone(int(pid))
    assert not Path(folder).exists()


# -- workers -----------------------------------------------------------------------------------------------------------


def test_workers_are_started_stopped_restarted_and_killed(w: wb.Workbench) -> None:
    """What `status` says is what the next run meets; a killed idle worker is no crash of the next run."""
    f = w.register(PID, SIGNATURE)
    assert f.status == {"state": "stopped", "reason": "", "workers": [], "runs": 0, "last": ""}
    f.start(2)
    first = f.status["workers"]
    assert (f.status["state"], len(first)) == ("ready", 2)
    f.start(2)
    assert f.status["workers"] == first
    assert f.run(ONE).to_pandas()["pid"][0] in first
    f.restart()
    (second,) = f.status["workers"]
    assert second not in first
    assert f.kill() == 1
    assert f.status["state"] == "stopped"
    run = f.run(ONE, max_restarts=0).wait()
    assert run.record.restarts == 0
    f.kill()
    f.start()
    assert len(f.status["workers"]) == 1
    assert f.stop() == 1
    assert f.status["runs"] == 2
    assert f.status["last"] == "completed; in 1 row, out 1, skipped 0, dead letters 0, restarts 0"


def test_stop_closes_open_runs(w: wb.Workbench) -> None:
    """Also of another handle of the same function, and so does drop."""
    f = w.register(PID, SIGNATURE)
    run = f.run(endless())
    next(run.batches())
    w.function("pid").stop()
    assert run.status == "closed"
    run = f.run(endless())
    w.drop("pid")
    assert run.status == "closed"


def test_a_script_has_no_worker_between_runs(w: wb.Workbench) -> None:
    """It cannot be started ahead."""
    f = w.register("import sys\nsys.stdin.buffer.read()\n", name="swallow")
    with pytest.raises(UsageProblem, match="swallow is a script; its worker lives as long as a run"):
        f.start()
    f.run(ONE).wait()
    assert f.status["state"] == "stopped"


# -- versions and handles ----------------------------------------------------------------------------------------------


def test_the_same_source_is_the_same_version(w: wb.Workbench) -> None:
    """A change of source, signature or option makes the next; old versions stay callable."""
    f = w.register("def evaluate(a):\n    return a\n", "f(a INT) -> INT")
    assert w.register("def evaluate(a):\n    return a\n", "f(a INT) -> INT") is f
    g = w.register("def evaluate(a):\n    return a + 1\n", "f(a INT) -> INT")
    h = w.register("def evaluate(a):\n    return a + 1\n", "f(a INT) -> BIGINT")
    assert [one.version for one in (f, g, h)] == [1, 2, 3]
    assert [one.call(1) for one in (f, g, h)] == [1, 2, 2]
    assert (w.function("f").version, w.function("f", 1).call(1)) == (3, 1)
    assert [one.version for one in w.versions("f")] == [1, 2, 3]
    assert repr(g) == "<Function f(a INT) -> INT udf v2>"
    assert g.history["version"].unique().tolist() == [1, 2, 3]
    with pytest.raises(FunctionNotFound, match="f has no version 7\n  it has: 1, 2, 3"):
        w.function("f", 7)
    assert w.drop("f") == 3
    with pytest.raises(FunctionNotFound):
        w.function("f")


def test_overloads_are_told_apart_by_their_types(w: wb.Workbench) -> None:
    """A name with two signatures is ambiguous until the types are named."""
    w.register("def evaluate(a):\n    return a\n", "f(a INT) -> INT")
    w.register("def evaluate(a):\n    return a + '!'\n", "f(a STRING) -> STRING")
    with pytest.raises(AmbiguousFunction, match=r"f is ambiguous: f\(INT\) -> INT; f\(STRING\) -> STRING") as caught:
        w.function("f")
    assert len(caught.value.overloads) == 2
    assert w.function("f(STRING)").call("hi") == "hi!"
    assert [str(one.signature) for one in w.functions()] == ["f(a INT) -> INT", "f(a STRING) -> STRING"]


def test_a_handle_knows_its_last_run(w: wb.Workbench) -> None:
    """state, logs and last_run are those of the newest run, whoever asks for the function again."""
    f = w.register("def evaluate(a):\n    print('saw', a)\n    return a\n", "f(a INT) -> INT")
    with pytest.raises(UsageProblem, match="f has not been run here yet"):
        _ = f.logs
    run = f.run(ONE).wait()
    assert w.function("f").last_run is run
    assert w.function("f").logs["text"].tolist() == ["saw 1"]
    assert f.state.empty


# -- what is stored ----------------------------------------------------------------------------------------------------


def test_another_session_reads_what_happened(tmp_path: Path) -> None:
    """Functions, versions, runs, events in their order and dead letters; and the function runs there."""
    with wb.Workbench(tmp_path) as w:
        f = w.register("def evaluate(a):\n    return 10 // a\n", "f(a INT) -> INT")
        f.run(pd.DataFrame({"a": [1, 0, 2, 0]}), batch_rows=2, on_error="dead_letter").wait()
        killed = f.run(pd.DataFrame({"a": range(1, 9)}), batch_rows=1)
        for number, _ in enumerate(killed.batches()):
            if number == 2:
                os.kill(int(killed.events["pid"].iloc[0]), signal.SIGKILL)
        source, digest = f.source, f.sha256
    with wb.Workbench(tmp_path) as w:
        (f,) = w.functions()
        assert (f.source, f.sha256, f.version, str(f.signature)) == (source, digest, 1, "f(a INT) -> INT")
        runs = f.runs
        assert runs["status"].tolist() == ["completed with 2 dead rows", "completed"]
        assert runs[["rows_in", "rows_out", "dead_letters", "restarts"]].values.tolist() == [[4, 2, 2, 0], [8, 8, 0, 1]]
        letters = w.registry.dead_letters(int(runs["id"][0]))
        assert [(one.batch, one.row, one.values) for one in letters] == [(0, 1, '{"a": 0}'), (1, 3, '{"a": 0}')]
        first = f.history.query("run == 1")["kind"].tolist()
        assert first[::5] == ["started", "finished"]
        assert sorted(first[1:5]) == ["batch", "batch", "dead_letter", "dead_letter"]
        second = f.history.query("run == 2")
        assert "SIGKILL" in second["signal"].tolist()
        assert second["kind"].tolist().count("batch") == 8
        assert second["time"].is_monotonic_increasing
        assert f.call(5) == 2


def test_two_sessions_use_one_home(tmp_path: Path) -> None:
    """What one registers the other finds; both run it at the same time; a drop is seen by both."""
    with wb.Workbench(tmp_path) as one, wb.Workbench(tmp_path) as two:
        f = one.register(PID, SIGNATURE)
        g = two.function("pid")
        mine, theirs = f.run(endless()), g.run(endless())
        pids = {next(run.batches())["pid"][0].as_py() for run in (mine, theirs)}
        assert len(pids) == 2
        mine.close()
        theirs.close()
        assert g.runs["status"].tolist() == ["closed", "closed"]
        assert two.register(PID, SIGNATURE).version == 1
        one.drop("pid")
        with pytest.raises(FunctionNotFound):
            two.function("pid")


def test_the_home_comes_from_the_environment(home: Path) -> None:
    """Without an argument it is what WORKBENCH_HOME says; settings are defaults of every run."""
    with wb.Workbench(settings=Settings(batch_rows=2, max_restarts=7)) as w:
        assert w.home == home
        run = w.register(PID, SIGNATURE).run(pd.DataFrame({"a": range(5)})).wait()
        assert run.record.batches_in == 3
        assert run.restarts_allowed == 7
        assert repr(w) == "<Workbench with 1 function>"


def test_a_dropped_function_leaves_no_files(w: wb.Workbench) -> None:
    """What a session unpacked of a function goes with it: one that is defined anew for hours does not fill the disk."""
    before = sorted(w._folder.iterdir())
    for number in range(2):
        w.register(f"def evaluate(a):\n    return a + {number}\n", "gone(a INT) -> INT").call(1)
    assert len(list(w._folder.iterdir())) == len(before) + 2
    w.drop("gone")
    assert sorted(w._folder.iterdir()) == before


def test_packages_are_the_same_everywhere(w: wb.Workbench, tmp_path: Path) -> None:
    """`Function.package` and `Workbench.package` write the same bytes, to a file or into a folder."""
    f = w.register(PID, SIGNATURE)
    first = f.package(tmp_path / "a.zip")
    second = w.package(PID, tmp_path, signature=SIGNATURE)
    assert (first.name, second.name) == ("a.zip", "pid.zip")
    assert first.read_bytes() == second.read_bytes()
    assert "CREATE FUNCTION pid(BIGINT)" in f.ddl()
