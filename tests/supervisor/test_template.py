"""Workers that are forked from a warm template: clean like spawned ones, and replaced with their template."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fix_processes import ENV, WORKER, Bench, alive, batch, column, function, ids, source, until

from workbench.errors import WorkerStartError
from workbench.supervisor import template
from workbench.supervisor.template import BEFORE_START, MOST_FAILURES, Template
from workbench.supervisor.worker import Launch, Worker, ignore

ECHO = "def evaluate(a):\n    return a\n"
LOOK = """
import json, os, random, sys, tempfile, time
import numpy

def evaluate(a):
    fds = {}
    for fd in os.listdir("/proc/self/fd"):
        try:
            fds[fd] = os.readlink(f"/proc/self/fd/{fd}").split(":")[0]
        except FileNotFoundError:
            pass
    print("said", flush=False)
    return json.dumps({"fds": fds, "env": dict(os.environ), "cwd": os.getcwd(), "tmp": tempfile.gettempdir(),
        "sid": os.getsid(0), "pid": os.getpid(), "parent": os.getppid(), "zone": time.tzname[0],
        "random": random.random(), "numpy": float(numpy.random.random()), "path": sys.path,
        "streams": [sys.stdin.fileno(), sys.stdout.fileno(), sys.stderr.fileno(), sys.stdout is sys.__stdout__]})
"""

pytestmark = pytest.mark.skipif(not template.can_fork(), reason="no templates here")


def forking(folder: Path, code: str = ECHO, *, env: dict[str, str] | None = None, **more: Any) -> Launch:
    """A launch that may be forked; ``env`` is what the function's environment adds."""
    launch = function(folder, code, **more)
    return replace(launch, template=launch.env, env={**launch.env, **(env or {})})


def templates(bench: Bench) -> list[Template]:
    """The templates of a bench that are in use."""
    return list(bench.pool.templates._templates.values())


def parent(pid: int) -> int:
    """Who started a process."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def look(launch: Launch, bench: Bench) -> dict[str, Any]:
    """What a worker sees around itself. It is ended after it."""
    (text,) = column(bench.run(launch, [batch([1])]))
    bench.pool.stop(launch.key)
    seen: dict[str, Any] = json.loads(text)
    return seen


def test_a_forked_worker_has_only_what_it_was_given(tmp_path: Path, bench: Bench) -> None:
    """Fds, variables, folder, streams and session are those of a spawned one, beside another forked worker."""
    other = forking(tmp_path, launch={"key": "other"})
    bench.run(other, ids(1, 1))
    launch = forking(tmp_path, LOOK, returns=["STRING"], env={"GIVEN": "ä"})
    with (tmp_path / "open").open("w"):
        seen = look(launch, bench)
    assert seen["parent"] == templates(bench)[0].process.pid
    assert {name: seen["fds"][name] for name in "012"} == {"0": "/dev/null", "1": "pipe", "2": "pipe"}
    assert sorted(seen["fds"].values()) == ["/dev/null", *["pipe"] * 4, "socket"]
    assert set(seen["env"]) - {"LC_CTYPE"} == {*ENV, "GIVEN", "TMPDIR"}
    assert seen["env"]["GIVEN"] == "ä"
    assert seen["cwd"] == seen["tmp"] == seen["env"]["TMPDIR"]
    assert not Path(seen["cwd"]).exists()
    assert seen["sid"] == seen["pid"]
    assert seen["streams"] == [0, 1, 2, True]
    assert bench.text("stdout") == ["said"]
    assert str(WORKER) not in seen["path"]


def test_two_forked_workers_differ(tmp_path: Path, bench: Bench) -> None:
    """Random numbers are seeded anew, and nothing that one has imported or set is seen by the next."""
    launch = forking(tmp_path, LOOK, returns=["STRING"])
    first, second = (look(launch, bench) for _ in range(2))
    assert first["parent"] == second["parent"]
    for name in ("pid", "random", "numpy", "cwd"):
        assert first[name] != second[name], name


def test_the_time_zone_of_the_function_counts(tmp_path: Path, bench: Bench) -> None:
    """TZ is read anew after the fork."""
    launch = forking(tmp_path, LOOK, returns=["STRING"], env={"TZ": "XYZ-3"})
    seen = look(launch, bench)
    assert seen["zone"] == "XYZ"
    assert seen["parent"] != os.getpid()


@pytest.mark.parametrize("name", ["PYTHONHASHSEED", "LD_BIND_NOW", "OMP_NUM_THREADS"])
def test_what_counts_before_the_start_is_spawned(tmp_path: Path, bench: Bench, name: str) -> None:
    """Variables that an interpreter reads when it starts come too late for a fork."""
    assert name.startswith(BEFORE_START)
    seen = look(forking(tmp_path, LOOK, returns=["STRING"], env={name: "1"}), bench)
    assert seen["env"][name] == "1"
    assert seen["parent"] == os.getpid()
    assert templates(bench) == []


def test_a_killed_template_is_replaced(tmp_path: Path, bench: Bench) -> None:
    """Its workers die with it and are replaced by those of a new one; no row is lost. At the third, all is spawned."""
    launch = forking(tmp_path)
    supervisor = bench.supervisor(launch, batch([0]).schema, max_restarts=10)
    wanted = ids(8 * MOST_FAILURES + 4, 3)
    got: list[int] = []
    killed: list[tuple[int, int]] = []
    for outcome in supervisor.outcomes(source(wanted)):
        got += column([outcome])
        if len(killed) == MOST_FAILURES:
            continue
        (living,) = templates(bench)
        if living.process.pid not in [pid for pid, _ in killed]:  # more may be answered than was asked for
            killed.append((living.process.pid, bench.pid()))
            os.kill(living.process.pid, signal.SIGKILL)
            until(lambda: not alive(killed[-1][1]), 2)
    assert got == list(range(3 * len(wanted)))
    assert len(killed) == MOST_FAILURES
    assert {event.signal for event in bench.events if event.kind == "crashed"} == {"SIGKILL"}
    assert templates(bench) == []
    assert parent(bench.pid()) == os.getpid()


def test_an_idle_worker_of_a_killed_template_is_replaced(tmp_path: Path, bench: Bench) -> None:
    """The next run has another, from another template, and no crash."""
    launch = forking(tmp_path)
    bench.run(launch, ids(1, 1))
    (first,) = templates(bench)
    (idle,) = bench.pool.idle(launch.key)
    os.kill(first.process.pid, signal.SIGKILL)
    assert idle.process.wait(2) is not None
    assert column(bench.run(launch, ids(2, 2))) == [0, 1, 2, 3]
    assert templates(bench) != [first]
    assert bench.kinds() == ["started", "started"]


def test_an_interpreter_without_pyarrow_is_spawned(tmp_path: Path, bench: Bench) -> None:
    """Its template cannot start; the spawned worker says what is missing, and no template is tried again."""
    launch = forking(tmp_path, launch={"argv": (sys.executable, "-S", str(WORKER))})
    for _ in range(2):
        with pytest.raises(WorkerStartError, match="ModuleNotFoundError: No module named 'pyarrow'"):
            bench.run(launch, ids(1, 1))
    assert templates(bench) == []
    assert len(bench.pool.templates._retired) == 1


def test_threads_ask_at_the_same_time(tmp_path: Path, bench: Bench) -> None:
    """Each gets a worker of its own: the answers of the template are not mixed up."""
    launch = forking(tmp_path)
    made: list[Worker] = []

    def one() -> None:
        made.append(Worker(launch, ignore, bench.pool.templates))

    threads = [threading.Thread(target=one) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    (used,) = templates(bench)
    try:
        assert len({worker.pid for worker in made}) == 12
        assert {parent(worker.pid) for worker in made} == {used.process.pid}
    finally:
        for worker in made:
            worker.close()


def test_a_template_that_gets_no_process(tmp_path: Path, bench: Bench) -> None:
    """A fork that the system refuses is an error by name; template and workers go on, and later calls work."""
    launch = forking(tmp_path)
    bench.run(launch, ids(1, 1))
    (used,) = templates(bench)
    limited = subprocess.run(["prlimit", "--version"], capture_output=True, check=False)
    if limited.returncode:
        pytest.skip("no prlimit here")
    subprocess.run(["prlimit", f"--pid={used.process.pid}", "--nofile=8:"], check=True)
    workers: list[Worker] = []

    def many() -> None:
        for _ in range(10):
            workers.append(Worker(launch, ignore, bench.pool.templates))  # noqa: PERF401 - those before the error count

    try:
        with pytest.raises(WorkerStartError, match="no process could be started: Too many open files"):
            many()
    finally:
        for worker in workers:
            worker.close()
    assert alive(used.process.pid)
    assert templates(bench) == [used]
    assert column(bench.run(launch, ids(1, 2))) == [0, 1]


def test_closing_the_pool_ends_all(tmp_path: Path, bench: Bench) -> None:
    """Template and workers are gone, also one that holds the GIL."""
    launch = forking(tmp_path, "import ctypes\ndef evaluate(a):\n    ctypes.PyDLL(None).pause()\n")
    worker = Worker(launch, ignore, bench.pool.templates)
    (used,) = templates(bench)
    bench.pool.close()
    until(lambda: not alive(worker.pid) and not alive(used.process.pid), 2)
    worker.close()


def test_a_killed_parent_leaves_nothing(tmp_path: Path) -> None:
    """Kill -9 to the parent: template and forked workers are gone within 2 s."""
    code = f"""
        import sys
        sys.path[:0] = {[str(Path(__file__).parent.parent)]!r}
        from pathlib import Path
        from fix_processes import Bench, function, ids
        from dataclasses import replace
        bench = Bench()
        launch = function(Path({str(tmp_path)!r}), {ECHO!r})
        bench.run(replace(launch, template=launch.env), ids(1, 1))
        (used,) = bench.pool.templates._templates.values()
        (idle,) = bench.pool.idle(launch.key)
        print(used.process.pid, idle.pid, flush=True)
        sys.stdin.read()
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as kernel:
        assert kernel.stdout is not None
        pids = [int(text) for text in kernel.stdout.readline().split()]
        assert len(pids) == 2
        assert all(map(alive, pids))
        kernel.kill()
        until(lambda: not any(map(alive, pids)), 2)
