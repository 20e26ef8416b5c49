"""Processes: started by one thread, reaped at once, signalled only while they are ours."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from fix_processes import ENV, Bench, alive, function, program, until

from workbench.errors import PythonNotFound, WorkerStartError
from workbench.supervisor import process
from workbench.supervisor.process import Exit, Process
from workbench.supervisor.worker import Worker, ignore


@contextlib.contextmanager
def spawned(code: str, **more: Any) -> Iterator[tuple[Process, int]]:
    """A process of ``code``, and the fd where what it prints is read."""
    read, write = os.pipe()
    try:
        made = process.spawn(
            [sys.executable, "-S", "-c", code], env=ENV, cwd="/", stdin=None, stdout=write, stderr=write, **more
        )
    finally:
        os.close(write)
    try:
        yield made, read
    finally:
        made.close()
        os.close(read)


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("pass", "exit 0", Exit(status=0)),
        ("raise SystemExit(7)", "exit 7", Exit(status=7)),
        ("import os; os.kill(os.getpid(), 9)", "SIGKILL", Exit(signal="SIGKILL")),
        ("import os; os.kill(os.getpid(), 40)", "signal 40", Exit(signal="signal 40")),
    ],
)
def test_how_it_ended(code: str, text: str, expected: Exit) -> None:
    """The end is told by status or by the name of the signal, and the exit fd tells when."""
    with spawned(code) as (made, _):
        assert select.select([made.exit_fd], [], [], 5)[0]
        assert made.exit == made.wait(0) == expected
        assert (str(made.exit), repr(made)) == (text, f"<Process {text}>")
        assert not alive(made.pid)


def test_it_runs() -> None:
    """Until it ends there is no exit, and waiting has a deadline."""
    with spawned("import time; time.sleep(60)") as (made, _):
        assert made.wait(0.01) is None
        assert repr(made) == "<Process running>"
        assert not select.select([made.exit_fd], [], [], 0)[0]
        made.kill()
        assert made.wait(2) == Exit(signal="SIGKILL")


def test_closing_twice() -> None:
    """Closing ends it, and may be done again."""
    with spawned("import time; time.sleep(60)") as (made, _):
        made.close()
        made.close()
        assert not alive(made.pid)


def test_the_group_goes_with_it() -> None:
    """Grandchildren are ended, when it is killed and when it ends by itself."""
    code = "import subprocess, sys; print(subprocess.Popen(['sleep', '60']).pid, flush=True); sys.stdin.read()"
    for end in (False, True):
        with spawned(code if end else code + "; import time; time.sleep(60)") as (made, read):
            grandchild = int(os.read(read, 100))
            if not end:
                assert alive(grandchild)
                made.kill()
            made.wait(5)
            until(lambda pid=grandchild: not alive(pid), 2)  # type: ignore[misc]


def test_a_signal_is_for_the_process_alone() -> None:
    """A signal goes to the process, not to what it has started."""
    code = """
import os, signal, subprocess
child = subprocess.Popen(["sleep", "60"])
signal.signal(signal.SIGUSR1, lambda *_: (os.write(1, b"%r\\n" % (child.poll() is None)), os._exit(5)))
print("up", flush=True)
signal.pause()
"""
    with spawned(code) as (made, read):
        assert os.read(read, 10) == b"up\n"
        made.signal(signal.SIGUSR1)
        assert os.read(read, 10) == b"True\n"
        assert made.wait(5) == Exit(status=5)


def test_a_pid_is_never_signalled_after_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it is reaped, its pid may be somebody else's: neither it nor its group is signalled again."""
    with spawned("pass") as (made, _):
        made.wait(5)
        sent: list[int] = []
        monkeypatch.setattr(os, "kill", lambda pid, _number: sent.append(pid))
        monkeypatch.setattr(os, "killpg", lambda pid, _number: sent.append(pid))
        made.signal(signal.SIGUSR1)
        made.kill()
        made.close()
        assert sent == []


def test_it_is_not_reaped_before_its_end_is_told() -> None:
    """The pid stays taken until the exit is known, even if signals are sent without pause meanwhile."""
    for _ in range(20):
        with spawned("pass") as (made, _):
            while made.exit is None:
                made.signal(0)
            assert made.exit == Exit(status=0)


def test_all_are_spawned_by_one_thread_that_stays(tmp_path: Path) -> None:
    """A child that asks to die with its parent lives on when the thread that wanted it ends."""
    worker: list[Worker] = []
    launch = function(tmp_path, "def evaluate(a):\n    return a\n")
    short = threading.Thread(target=lambda: worker.append(Worker(launch, ignore)))
    short.start()
    short.join()
    (made,) = worker
    try:
        while made.ready is None:
            for fd, mask in made.fds().items():
                if select.select([fd], [fd] if mask & 2 else [], [], 0.01)[:2] != ([], []):
                    made.on_ready(fd, mask)
        assert made.process.wait(0.2) is None
    finally:
        made.close()


def test_many_threads_may_spawn() -> None:
    """Requests from several threads are carried out one after the other, each for who asked."""
    ended: list[str] = []

    def one(status: int) -> None:
        with spawned(f"raise SystemExit({status})") as (made, _):
            made.wait(10)
            ended.append(str(made.exit) + f" of {status}")

    threads = [threading.Thread(target=one, args=(status,)) for status in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(ended) == [f"exit {status} of {status}" for status in range(8)]


@pytest.fixture
def unusable(tmp_path: Path) -> dict[str, str]:
    """Paths that are no interpreter."""
    (tmp_path / "text").write_text("x", encoding="ascii")
    (tmp_path / "executable_text").write_text("x", encoding="ascii")
    (tmp_path / "executable_text").chmod(0o755)
    return {
        "missing": str(tmp_path / "python3.99"),
        "not_executable": str(tmp_path / "text"),
        "no_program": str(tmp_path / "executable_text"),
        "folder": str(tmp_path),
        "below_a_file": str(tmp_path / "text" / "python"),
        "not_on_path": "no-such-python",
    }


@pytest.mark.parametrize("case", ["missing", "not_executable", "no_program", "folder", "below_a_file", "not_on_path"])
def test_no_python(case: str, unusable: dict[str, str], bench: Bench) -> None:
    """An interpreter that cannot be executed is named at once, before any worker: no event, nothing left behind."""
    launch = program("writes_before_reading")
    launch = type(launch)("score", (unusable[case],), launch.env, launch.channel, launch.setup)
    with pytest.raises(PythonNotFound) as caught:
        bench.supervisor(launch, pa.schema([]))
    assert isinstance(caught.value, FileNotFoundError)
    assert f"{unusable[case]!r} cannot be executed" in str(caught.value)
    assert "no worker was started" in str(caught.value)
    assert bench.events == []


def test_no_process_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the system gives no process, no thread or no pipe, that is an error by name, and nothing is left behind."""
    launch = program("writes_before_reading")

    def refuse(*_args: Any, **_more: Any) -> Any:
        raise OSError(11, "Resource temporarily unavailable")

    for target in ("subprocess.Popen", "os.pipe", "tempfile.mkdtemp"):
        with monkeypatch.context() as patched:
            patched.setattr(target, refuse)
            with pytest.raises(WorkerStartError, match="no process could be started: Resource temporarily unavailable"):
                Worker(launch, ignore)
