"""The child as a process: what it starts with, where its output goes, how it answers and how it ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fix_processes import ENV, WORKER, Bench, alive, batch, column, function, ids, listen, source, until

from workbench.errors import BatchTimeout, StateLost, UdfError, WorkerStartTimeout
from workbench.supervisor.worker import Worker, ignore
from workbench.transport.base import Ready, Refused

TOTAL = """
class evaluate:
    def __init__(self): self.total = 0
    @property
    def aggregate_state(self): return self.total
    def accumulate(self, value): self.total += value
    def merge(self, other): self.total += other
    def finish(self): return self.total
"""


@contextlib.contextmanager
def ready(folder: Path, code: str, **more: Any) -> Iterator[Worker]:
    """A worker that has loaded ``code``."""
    worker = Worker(function(folder, code, **more), ignore)
    try:
        listen(worker, lambda said: isinstance(said, Ready))
        yield worker
    finally:
        worker.close()


def test_the_three_kinds(tmp_path: Path, bench: Bench) -> None:
    """A scalar function, a table function and an aggregate run in a real child and give what they should."""
    scalar = function(tmp_path, "def evaluate(a, b):\n    return a + b\n", arguments=["BIGINT"] * 2)
    assert column(bench.run(scalar, [batch([1, 2], [10, 20])])) == [11, 22]
    table = function(tmp_path, "def evaluate(a):\n    yield from range(a)\n", kind="udtf", launch={"key": "table"})
    assert column(bench.run(table, [batch([2, 0, 3])])) == [0, 1, 0, 1, 2]
    total = function(tmp_path, TOTAL, kind="udaf", launch={"key": "total"})
    (outcome,) = (one for one in bench.run(total, [batch([5, 6, 5], [1, 2, 3])], width=1) if one.number is None)
    assert outcome.batches[0].to_pydict() == {"a": [5, 6], "out0": [4, 2]}


def test_ready_says_with_what(tmp_path: Path) -> None:
    """Ready tells the versions of the interpreter that the function runs in."""
    with ready(tmp_path, "def evaluate(a): return a") as worker:
        assert worker.ready is not None
        assert worker.ready.info["python"] == sys.version.split()[0]
        assert set(worker.ready.info) == {"python", "pyarrow", "load_seconds"}
        assert worker.channel.phase == "load"  # the last that was begun before


def test_a_late_worker_says_what_it_was_doing(tmp_path: Path, bench: Bench) -> None:
    """Here it never comes to the user's code, as pyarrow takes too long."""
    slow = tmp_path / "slow"
    slow.mkdir()
    (slow / "pyarrow.py").write_text("import time\ntime.sleep(60)\n")
    launch = {"env": {**ENV, "PYTHONPATH": str(slow)}, "start_timeout": 2.0}
    with pytest.raises(WorkerStartTimeout, match=r"not ready after 2 s \(phase: import\)"):
        bench.run(function(tmp_path, "def evaluate(a): return a", launch=launch), ids(1, 1))


LOOK = """
import json, os, sys
at_import = {"modules": sorted(sys.modules), "path": list(sys.path)}

def evaluate(a):
    fds = {}
    for fd in os.listdir("/proc/self/fd"):
        try:
            fds[fd] = os.readlink(f"/proc/self/fd/{fd}").split(":")[0]
        except FileNotFoundError:
            pass
    return json.dumps({"fds": fds, "env": dict(os.environ), "cwd": os.getcwd(), "umask": oct(os.umask(0o22)),
                       "sid": os.getsid(0), "pid": os.getpid(), **at_import})
"""


def look(folder: Path, bench: Bench, **more: Any) -> dict[str, Any]:
    """What a child sees around itself."""
    (text,) = column(bench.run(function(folder, LOOK, returns=["STRING"], **more), [batch([1])]))
    seen: dict[str, Any] = json.loads(text)
    return seen


def test_the_child_has_only_what_it_was_given(tmp_path: Path, bench: Bench) -> None:
    """Its fds are 0 to 2, both logs again and the socket, whatever is open here; its variables given, and TMPDIR."""
    with (tmp_path / "open").open("w") as ours:
        os.set_inheritable(ours.fileno(), False)
        seen = look(tmp_path, bench, launch={"env": {**ENV, "GIVEN": "ä"}})
    assert sorted(seen["fds"].values()) == ["/dev/null", *["pipe"] * 4, "socket"]
    assert {name: seen["fds"][name] for name in "012"} == {"0": "/dev/null", "1": "pipe", "2": "pipe"}
    assert set(seen["env"]) - {"LC_CTYPE"} == {*ENV, "GIVEN", "TMPDIR"}  # LC_CTYPE: Python's own, PEP 538
    assert seen["env"]["GIVEN"] == "ä"
    assert seen["sid"] == seen["pid"]


def test_the_child_has_a_folder_of_its_own(tmp_path: Path, bench: Bench) -> None:
    """Working folder and TMPDIR are private, and gone with the worker; neither is on `sys.path`."""
    seen = look(tmp_path, bench)
    assert seen["cwd"] == seen["env"]["TMPDIR"]
    assert Path(seen["cwd"]).is_dir()
    assert seen["path"][0] == str(tmp_path)
    assert not {seen["cwd"], "", ".", str(WORKER)} & set(seen["path"])
    bench.close()
    assert not Path(seen["cwd"]).exists()


def test_a_fresh_child_has_imported_little() -> None:
    """Before it is asked to load anything, a child has imported none of the heavy modules."""
    code = f"""
        import sys, socket
        ours, theirs = socket.socketpair()
        import os; os.environ["WORKBENCH_FD"] = str(theirs.detach())
        ours.close()
        import runpy; runpy.run_path({str(WORKER)!r}, run_name="__main__")
        print(*sorted(set(sys.modules) & {{"numpy", "pandas", "pyarrow", "multiprocessing", "asyncio", "subprocess"}}))
        print(len(sys.modules))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    heavy, count = done.stdout.split("\n")[:2]
    assert heavy == ""
    assert int(count) < 120


PRINTS = """
import ctypes, os, subprocess, sys
libc = ctypes.CDLL(None)

def evaluate(a):
    print("print", a)
    print("unfinished", a, end="\\n" if a % 2 else "")
    sys.stdout.flush()
    if not a % 2:
        print()
    os.write(1, b"os.write %d\\n" % a)
    libc.puts(b"puts %d" % a)
    libc.fflush(None)
    sys.__stdout__.write(f"__stdout__ {a}\\n")
    print("stderr", a, file=sys.stderr)
    if a == 3:
        subprocess.run(["echo", f"grandchild {a}"], check=True)
    print("\\ud800 ä")
    return a
"""


def test_whatever_is_printed_is_in_the_log(tmp_path: Path, bench: Bench) -> None:
    """Python, C and grandchildren may print: every line is in the log with its stream, and the data is unharmed."""
    batches = ids(5, 2)
    assert column(bench.run(function(tmp_path, PRINTS), batches)) == list(range(10))
    printed = bench.text("stdout")
    for words in ("print {}", "unfinished {}", "os.write {}", "puts {}", "__stdout__ {}"):
        assert [line for line in printed if line in {words.format(row) for row in range(10)}] == [
            words.format(row) for row in range(10)
        ]
    assert "grandchild 3" in printed
    assert printed.count("\\ud800 ä") == 10
    assert bench.text("stderr") == [f"stderr {row}" for row in range(10)]


def test_the_last_words_before_a_crash_are_kept(tmp_path: Path, bench: Bench) -> None:
    """What was printed before a segmentation fault is in the log, although nobody flushed it."""
    code = "import faulthandler\ndef evaluate(a):\n    print('last words')\n    faulthandler._sigsegv()\n"
    with pytest.raises(Exception, match="SIGSEGV") as caught:
        bench.run(function(tmp_path, code), ids(1, 1), max_restarts=0)
    assert bench.text("stdout") == ["last words"]
    stack = caught.value.stack  # type: ignore[attr-defined]
    assert stack.startswith("Fatal Python error: Segmentation fault")
    assert f'File "{tmp_path}/udf_under_test.py", line 4 in evaluate' in stack


def test_a_long_dump_leaves_room_for_what_was_said(tmp_path: Path, bench: Bench) -> None:
    """Deep recursion on several threads: the error has the user's last lines, and the dump from its beginning."""
    code = """
import faulthandler, threading, time
def deep(n, do):
    return deep(n - 1, do) if n else do()
def evaluate(a):
    for _ in range(5):
        threading.Thread(target=deep, args=(90, lambda: time.sleep(60)), daemon=True).start()
    print('first of all')
    for i in range(3):
        print('step', i)
    deep(90, faulthandler._sigsegv)
"""
    with pytest.raises(Exception, match="SIGSEGV") as caught:
        bench.run(function(tmp_path, code), ids(1, 1), max_restarts=0)
    assert caught.value.logs == ("first of all", "step 0", "step 1", "step 2")  # type: ignore[attr-defined]
    assert caught.value.stack.startswith("Fatal Python error: Segmentation fault")  # type: ignore[attr-defined]


def test_the_log_is_there_before_the_answer(tmp_path: Path, bench: Bench) -> None:
    """When an answer is handed out, everything that was printed for it has been logged."""
    launch = function(tmp_path, "def evaluate(a):\n    print('row', a)\n    return a\n")
    supervisor = bench.supervisor(launch, ids(1, 1)[0].schema)
    for outcome in supervisor.outcomes(source(ids(20, 3))):
        assert outcome.number is not None
        assert {f"row {row}" for row in range(outcome.number * 3 + 3)} <= set(bench.text("stdout"))


def test_a_child_that_is_stuck_shows_where(tmp_path: Path, bench: Bench) -> None:
    """A batch that takes too long ends the run; the error has the user's file and line."""
    code = "def evaluate(a):\n    while a:\n        pass\n    return a\n"
    started = time.monotonic()
    with pytest.raises(BatchTimeout) as caught:
        bench.run(function(tmp_path, code), ids(2, 1), timeout=1.0)
    assert caught.value.batch == 1
    assert f'File "{tmp_path}/udf_under_test.py", line' in caught.value.stack
    assert str(caught.value).startswith("evaluate: batch 1 was not answered within 1 s")
    assert time.monotonic() - started < 10
    assert bench.kinds() == ["started", "interrupted"]


def test_a_stuck_child_that_holds_the_interpreter(tmp_path: Path, bench: Bench) -> None:
    """C code that never gives the interpreter back, and has spawned others, is ended all the same."""
    code = """
import subprocess
def evaluate(a):
    print(subprocess.Popen(["sleep", "60"]).pid)
    sum(range(10**12))
"""
    with pytest.raises(BatchTimeout) as caught:
        bench.run(function(tmp_path, code), ids(1, 1), timeout=0.3)
    assert "line 5 in evaluate" in caught.value.stack
    until(lambda: not alive(int(bench.text("stdout")[0])), 1)


@pytest.mark.parametrize("error", ["SystemExit(1)", "KeyboardInterrupt", "GeneratorExit"])
def test_a_failing_row_is_no_end(tmp_path: Path, bench: Bench, error: str) -> None:
    """After an error of a row the same process answers the next batch, and the next run."""
    launch = function(tmp_path, f"def evaluate(a):\n    if a == 1: raise {error}\n    return a\n")
    for _ in range(2):
        outcomes = bench.run(launch, ids(3, 2), on_error="dead_letter")
        assert column(outcomes) == [0, None, 2, 3, 4, 5]
        assert [len(outcome.meta["errors"]) for outcome in outcomes] == [1, 0, 0]
    assert len({event.pid for event in bench.events}) == 1


def test_an_error_beside_rows_keeps_the_worker(tmp_path: Path, bench: Bench) -> None:
    """An error at the end of an aggregate is a UdfError in Doris's words; the worker is fit for the next run."""
    code = TOTAL[: TOTAL.rindex("return")] + "return 1 // self.total\n"
    launch = function(tmp_path, code, kind="udaf")
    with pytest.raises(UdfError) as caught:
        bench.run(launch, [batch([1, -1])])
    assert caught.value.message == (
        "evaluate: Error finalizing state: ZeroDivisionError: integer division or modulo by zero"
    )
    assert caught.value.frames[-1].function == "finish"
    assert bench.run(launch, [batch([1])])[-1].batches[0].to_pydict() == {"out0": [1]}
    assert len({event.pid for event in bench.events}) == 1


def test_a_state_that_cannot_be_restored(tmp_path: Path, bench: Bench) -> None:
    """If the state saved before a crash cannot be loaded, the run fails by name; it never continues from nothing."""
    code = TOTAL + textwrap.dedent("""
        import os, signal
        class State:
            def __init__(self, total): self.total = total
            def __setstate__(self, state): raise ValueError("no way back")
        def accumulate(self, value):
            if value == 17: os.kill(os.getpid(), signal.SIGKILL)
        evaluate.accumulate = accumulate
        evaluate.aggregate_state = property(lambda self: State(self.total))
        evaluate.merge = lambda self, other: None
    """)
    with pytest.raises(StateLost, match="could not be restored after a crash: Error deserializing state: ValueError"):
        bench.run(function(tmp_path, code, kind="udaf"), ids(20, 1))
    assert "restarted" in bench.kinds()


def test_an_answer_that_is_too_large_is_refused(tmp_path: Path) -> None:
    """An answer that does not fit into a frame is an error that says so, in the child and by name."""
    code = """
import sys
sys.modules["_workbench_worker.host"].LIMIT = 1000
def evaluate(a):
    return a
"""
    with ready(tmp_path, code) as worker:
        data = ids(1, 1000)[0]
        worker.channel.open(data.schema, {"on_error": "fail"})
        worker.channel.submit(0, data)
        (refused,) = listen(worker, lambda said: isinstance(said, Refused))
        assert isinstance(refused, Refused)
        assert refused.info["error_type"] == "AnswerTooLarge"
        assert refused.info["error"].endswith("bytes at once, the limit is 1,000: use smaller batches")


PARENT = """
import sys
from fix_processes import Bench, function, ids, source
from pathlib import Path

class Shown(list):
    def append(self, line):
        print(line.text, flush=True)

bench = Bench(lines=Shown())
launch = function(Path(sys.argv[1]), Path(sys.argv[2]).read_text())
supervisor = bench.supervisor(launch, ids(1, 1)[0].schema)
list(supervisor.outcomes(source(ids(1, 1))))
"""


@pytest.mark.parametrize(
    "busy", ["while True: pass", "import ctypes; ctypes.PyDLL(None).sleep(60)", "import time; time.sleep(60)"]
)
def test_a_worker_dies_with_its_parent(tmp_path: Path, busy: str) -> None:
    """When the parent is killed, a worker that would never look at its socket is gone within 2 s."""
    code = tmp_path / "busy.txt"
    code.write_text(f"import os\ndef evaluate(a):\n    print(os.getpid())\n    {busy}\n", encoding="utf-8")
    tests = str(Path(__file__).parents[1])
    with subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-c", PARENT, str(tmp_path), str(code)],
        env={**os.environ, "PYTHONPATH": tests, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        assert alive(worker)
        parent.send_signal(signal.SIGKILL)
        parent.wait(5)
        until(lambda: not alive(worker), 2)
