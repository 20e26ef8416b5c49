"""Temporary folders: those of living processes stay, those of dead ones are swept, also when pids come round again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from workbench.supervisor import scratch


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of one's own."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


MAKES = "from workbench.supervisor import scratch; import sys; print(scratch.folder('worker-'), flush=True); "


def other(place: Path, then: str) -> subprocess.Popen[str]:
    """Another process that has a folder."""
    return subprocess.Popen([sys.executable, "-c", MAKES + then], stdin=-1, stdout=-1, text=True)


def test_folders_are_private(place: Path) -> None:
    """All are below one that only its owner can enter."""
    first, second = scratch.folder("worker-"), scratch.folder("worker-")
    assert first != second
    assert first.parent == second.parent
    assert first.parent.parent == place
    assert first.parent.stat().st_mode & 0o777 == first.stat().st_mode & 0o777 == 0o700


def test_only_the_dead_are_swept(place: Path) -> None:
    """A killed process's folder goes with the next one's first, a living one's and strangers' stay."""
    with other(place, "sys.stdin.read()") as living, other(place, "sys.stdin.read()") as dead:
        assert living.stdout is not None
        assert dead.stdout is not None
        kept, left = (Path(process.stdout.readline().strip()) for process in (living, dead) if process.stdout)
        (left / "file").write_text("x", encoding="ascii")
        dead.send_signal(signal.SIGKILL)
        dead.wait(5)
        (place / "udf-workbench-of-somebody").mkdir()
        (place / "udf-workbench-1-x").mkdir()
        mine = scratch.folder("worker-")
        assert not left.parent.exists()
        assert kept.is_dir()
        assert mine.is_dir()
        assert scratch.sweep() == []
        assert {path.name for path in place.iterdir()} >= {"udf-workbench-of-somebody", "udf-workbench-1-x"}
        living.communicate("", timeout=10)


def test_an_empty_folder_goes_at_the_end(place: Path) -> None:
    """A process that ends by itself and has put its folders away leaves nothing."""
    with other(
        place, "import os; os.rmdir(scratch.folder('x')); [os.rmdir(p) for p in scratch._top().iterdir()]"
    ) as it:
        it.communicate(timeout=10)
    assert list(place.iterdir()) == []


def test_a_pid_that_came_round_again(place: Path) -> None:
    """A folder whose pid is now somebody else's is swept: the start times differ."""
    pid = os.getpid()
    (place / f"udf-workbench-{pid}-{scratch._start_of(pid) - 1}").mkdir()
    ours = place / f"udf-workbench-{pid}-{scratch._start_of(pid)}"
    ours.mkdir()
    assert [path.name for path in scratch.sweep()] == [f"udf-workbench-{pid}-{scratch._start_of(pid) - 1}"]
    assert ours.is_dir()


def test_without_proc(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where start times are not told, a pid that lives is enough for a folder to stay."""
    monkeypatch.setattr(scratch, "Path", lambda path: Path(str(path).replace("/proc", "/nowhere")))
    with other(place, "sys.stdin.read()") as dead:
        dead.kill()
        dead.wait(5)
    mine = scratch.folder("worker-")
    assert mine.parent.name == f"udf-workbench-{os.getpid()}-0"
    (place / f"udf-workbench-{dead.pid}-0").mkdir()
    assert [path.name for path in scratch.sweep() if path.name.endswith("-0")] == [f"udf-workbench-{dead.pid}-0"]
    assert mine.is_dir()
