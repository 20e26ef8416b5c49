"""What the doctor finds, with interpreters that are small programs."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import pytest

from workbench.session import ask
from workbench.session import doctor as module
from workbench.session.doctor import Finding, doctor


@pytest.fixture(autouse=True)
def _only_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No interpreters of pyenv or uv."""
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "uv"))


def interpreter(folder: Path, name: str, body: str) -> None:
    """A program on PATH that is named like a Python."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def says(**found: object) -> str:
    """A shell line that answers as an interpreter would."""
    words = {
        "implementation": '"CPython"',
        "version": '"3.12.1"',
        "numbers": "[3, 12]",
        "free_threaded": "false",
        "pyarrow": '"20.0"',
        **found,
    }
    return "echo '{" + ", ".join(f'"{key}": {value}' for key, value in words.items()) + "}'"


def findings(home: Path) -> dict[str, Finding]:
    """By what they are about, the last part of a path."""
    return {Path(finding.about).name: finding for finding in doctor(home)}


def test_the_own_interpreter_is_fine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It really is asked: version and pyarrow are those of this process; all packages are listed."""
    import pyarrow as pa

    monkeypatch.setenv("PATH", str(tmp_path))
    home = tmp_path / "not" / "yet"
    found = doctor(home)
    assert found[0].about == sys.executable
    assert found[0].grade == "ok"
    assert f"{sys.version_info.major}.{sys.version_info.minor}." in found[0].text
    assert found[0].text.endswith(f"(runs the workbench), pyarrow {pa.__version__}")
    by_name = {finding.about: finding for finding in found}
    assert {name: by_name[name].grade for name in module.PACKAGES} == dict.fromkeys(module.PACKAGES, "ok")
    assert by_name["home"].grade == "ok"
    assert not home.exists(), "looking leaves nothing behind"


def test_each_kind_of_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be used is told from what can, each with its remedy; other interpreters are notes, no problems."""
    interpreter(tmp_path, "python3.7", says(version='"3.7.9"', numbers="[3, 7]"))
    interpreter(tmp_path, "python3.8", says(implementation='"PyPy"'))
    interpreter(tmp_path, "python3.9", says(pyarrow="null", reason='""'))
    interpreter(tmp_path, "python3.10", says(pyarrow="null", reason='"libstdc++ is missing"'))
    interpreter(tmp_path, "python3.12", says())
    interpreter(tmp_path, "python3.13t", says(version='"3.13.0"', free_threaded="true"))
    interpreter(tmp_path, "python3.14", "echo 'shim: no such version' >&2; exit 127")
    (tmp_path / "python3.15").write_text("#!/no/such/interpreter\n")
    (tmp_path / "python3.15").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = findings(tmp_path)
    assert found["python3.7"].text == "CPython 3.7.9: refused"
    assert found["python3.8"].text == "PyPy 3.12.1: refused"
    assert found["python3.8"].remedy == "functions run in CPython 3.8 or newer"
    assert found["python3.9"].text == "CPython 3.12.1, pyarrow missing"
    assert found["python3.9"].remedy == f"add --requires pyarrow, or: {tmp_path}/python3.9 -m pip install pyarrow"
    assert found["python3.10"].text.endswith("pyarrow cannot be imported: libstdc++ is missing")
    assert found["python3.12"].text == "CPython 3.12.1, pyarrow 20.0"
    assert found["python3.13t"].text == "CPython 3.13.0, free-threaded, pyarrow 20.0"
    assert found["python3.14"].text == "does not run: shim: no such version"
    assert found["python3.15"].text.startswith("cannot be started: ")
    grades = {
        finding.grade
        for name, finding in found.items()
        if name.startswith("python3.") and "workbench" not in finding.text
    }
    assert grades == {"ok", "note"}


def test_an_interpreter_that_hangs_does_not_hold_up_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All are asked at once, and the deadline is one for all; what hangs is killed."""
    for minor in (8, 9, 10):
        interpreter(tmp_path, f"python3.{minor}", "exec sleep 60")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(ask, "DEADLINE", 1.5)
    began = time.monotonic()
    found = findings(tmp_path)
    assert time.monotonic() - began < 10
    assert found["python3.9"].text == "did not answer within 1.5 s"


def test_a_home_that_cannot_be_written_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the way to another one."""
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "file").write_text("")
    home = findings(tmp_path / "file")["home"]
    assert home.grade == "problem"
    assert "--home" in home.remedy


def test_no_shared_memory_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches go through pipes then."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(module, "SHARED_MEMORY", tmp_path / "shm")
    assert findings(tmp_path)["shared memory"].grade == "note"


def test_a_missing_package_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(module, "PACKAGES", ("no-such-package",))
    found = findings(tmp_path)["no-such-package"]
    assert found == Finding("no-such-package", "problem", "missing", f"{sys.executable} -m pip install no-such-package")


def test_limits_programs_and_environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with its remedy where it is short or missing; neither stops the workbench."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(resource, "getrlimit", lambda _: (100, 200))
    found = findings(tmp_path)
    files = Finding("open files", "note", "at most 100: too few for many workers", "ulimit -n 1024")
    assert found["open files"] == files
    assert found["processes"].remedy == "ulimit -u 512"
    assert found["Java"] == Finding("Java", "note", "not found", "only a Spark engine needs it")
    assert found["environments"].text.startswith("0, 0 MB")
    interpreter(tmp_path, "java", "exit 1")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)
    found = findings(tmp_path)
    assert found["Java"] == Finding("Java", "ok", str(tmp_path / "java"))
    assert found["open files"].text == "no limit (ulimit -n)"
