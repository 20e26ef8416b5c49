"""One home, several processes, one of them killed: what was committed is there, and the file is whole."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

from workbench.registry import Registry

WRITER = """
import sys
from pathlib import Path
from workbench.events import Event
from workbench.functions import FunctionSpec
from workbench.packaging import build
from workbench.registry import Registry

home, name, rounds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
with Registry(home) as registry:
    for number in range(rounds):
        for function in (name, "shared"):
            spec = FunctionSpec(function, "script", None, None, "job.py")
            known = registry.register(spec, build({"job.py": f"{name} {number}".encode()}, spec), "")
        run = registry.begin_run(known.id)
        registry.add_events(run, [Event("batch", batch=number)] * 5)
        registry.end_run(run, "finished")
        print(number, flush=True)
"""


def start(home: Path, name: str, rounds: int) -> subprocess.Popen[str]:
    """A process that waits for a line, then registers and records."""
    argv = [sys.executable, "-c", WRITER, str(home), name, str(rounds)]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def line(process: subprocess.Popen[str]) -> str:
    """The next line that it printed: what was committed last."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_processes_and_a_kill(home: Path) -> None:
    """Three processes create the home and write at once, one is killed in the middle: every committed row is there."""
    rounds = 60
    names = ("a", "b", "killed")
    processes = {name: start(home, name, rounds if name != "killed" else 100_000) for name in names}
    try:
        for process in processes.values():
            assert line(process) == "ready"
        for process in processes.values():  # from here on they race, for the creation of the file first
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        committed = 0
        while committed < rounds - 1:
            committed = int(line(processes["killed"]))
        processes["killed"].kill()
        assert processes["killed"].wait(10) == -signal.SIGKILL
        for name in ("a", "b"):
            processes[name].communicate(timeout=30)
            assert processes[name].returncode == 0
    finally:
        for process in processes.values():
            process.kill()
            process.communicate()
    with Registry(home) as registry:
        assert len(registry.versions("a")) == len(registry.versions("b")) == rounds
        assert len(registry.versions("killed")) > committed
        shared = registry.versions("shared")
        assert [known.version for known in shared] == list(range(1, len(shared) + 1))
        assert len(shared) >= 2 * rounds + committed
        for known in shared:
            registry.package_path(known.sha256)
        runs = registry.runs(shared[0].id)
        assert [run["run"] for run in runs] == list(range(runs[0]["run"], runs[0]["run"] + len(runs)))
        for run in runs:
            assert len(registry.events(run_id=run["id"])) == 5 or run["status"] == "running"
    connection = sqlite3.connect(home / "registry.sqlite")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
