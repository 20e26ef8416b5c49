"""Interpreters are found by path, name and version; what is missing is an error that lists what there is."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from workbench.environments import find_python, installed
from workbench.errors import PythonNotFound


@pytest.fixture
def pythons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH of one folder that holds python3.7 and python3.30, a text file, and of one that does not exist."""
    for name in ("python3.7", "python3.30t", "python3"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "python3.9").write_text("not executable")
    (tmp_path / "python3.8-config").write_text("#!/bin/sh\n")
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), str(tmp_path / "missing"), ""]))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "uv"))
    return tmp_path


def test_our_own_is_the_default(pythons: Path) -> None:
    """None, ``3`` and our own minor version are the interpreter that runs us, whatever stands on PATH."""
    minor = f"3.{sys.version_info.minor}"
    assert {find_python(wanted) for wanted in (None, "3", minor, f"{minor}.0")} == {sys.executable}


def test_by_version_name_and_path(pythons: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version is looked up as ``python3.X``; a relative path is absolute, ``~`` is the home folder."""
    found = str(pythons / "python3.7")
    monkeypatch.chdir(pythons)
    monkeypatch.setenv("HOME", str(pythons))
    for wanted in ("3.7", "3.7.16", "python3.7", found, "./python3.7", "~/python3.7"):
        assert find_python(wanted) == found


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ("3.99", "was not found on PATH, nor in pyenv or uv"),
        ("python3.9", "was not found on PATH, nor in pyenv or uv"),
        ("no-such-python", "was not found on PATH"),
        ("", "was not found on PATH"),
        ("/no/such/python", "does not exist"),
        ("./python3.9", "is not executable"),
        ("./", "is a folder"),
    ],
)
def test_what_is_missing_is_named(pythons: Path, monkeypatch: pytest.MonkeyPatch, wanted: str, reason: str) -> None:
    """What was wanted, why not, and which there are; no path of this machine is in the text."""
    monkeypatch.chdir(pythons)
    with pytest.raises(PythonNotFound) as caught:
        find_python(wanted)
    first, second = str(caught.value).splitlines()
    assert first == f"python {wanted!r} {reason}; no worker was started"
    assert "python3.30t, python3.7" in second
    assert str(pythons) not in str(caught.value)


def test_installed_lists_each_once(pythons: Path) -> None:
    """Our own first; a link to one that is known is not another."""
    (pythons / "python3.6").symlink_to(pythons / "python3.7")
    found = installed()
    assert found[0] == sys.executable
    assert [Path(path).name for path in found[1:]] == ["python3.30t", "python3.6"]


def executable(path: Path) -> str:
    """A program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_those_of_pyenv_and_uv_need_not_be_on_path(pythons: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest of a version is taken, itself and not the shim, which may be for another version."""
    shim = Path(executable(pythons / "pyenv/shims/python3.12"))
    monkeypatch.setenv("PATH", os.pathsep.join([str(shim.parent), str(pythons)]))
    executable(pythons / "pyenv/versions/3.12.9/bin/python3.12")
    newest = executable(pythons / "pyenv/versions/3.12.10/bin/python3.12")
    other = executable(pythons / "uv/cpython-3.9.2-linux/bin/python3.9")
    assert find_python("3.12") == find_python("python3.12") == newest
    assert find_python("3.9") == other
    assert {newest, other} < set(installed())
    assert str(shim) not in installed()


@pytest.mark.parametrize("name", ["pypy3.10", "graalpy"])
def test_another_python_is_refused_by_name(pythons: Path, name: str) -> None:
    """Under whatever name it is called."""
    executable(pythons / name)
    (pythons / "python3.16").symlink_to(pythons / name)
    for wanted in (name, "3.16"):
        with pytest.raises(PythonNotFound, match=f"{wanted!r} is {name.partition('3')[0]}; no worker was started"):
            find_python(wanted)
