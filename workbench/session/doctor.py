"""What this machine has for the workbench: interpreters with their pyarrow, a home that can be written, packages.

The invariant: looking leaves nothing behind and ends within `DEADLINE`, whatever an interpreter does when started; what
is found is data, each finding with its remedy. Left out on purpose: showing it, and installing anything.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import IO, Any, Final, Literal

from workbench.environments import installed
from workbench.session.launch import ALLOWED
from workbench.supervisor.process import Process, spawn

DEADLINE: Final = 10.0
"""Seconds for all interpreters together; they are asked at once."""

OLDEST: Final = (3, 8)
PACKAGES: Final = ("pyarrow", "pandas", "ipywidgets", "jupyterlab", "nbval")
SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - looked at, not written

_ASK: Final = """
import json, platform, sys, sysconfig
found = {
    "implementation": platform.python_implementation(),
    "version": platform.python_version(),
    "numbers": list(sys.version_info[:2]),
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
}
try:
    import pyarrow
    found["pyarrow"] = pyarrow.__version__
except ImportError as error:
    found["pyarrow"], found["reason"] = None, "" if error.name == "pyarrow" else str(error)
print(json.dumps(found))
"""
"""Runs in interpreters as old as 3.8, or older ones that must be able to say so."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``grade``: "ok"; "note" limits something; "problem" stops the workbench."""

    about: str
    grade: Literal["ok", "note", "problem"]
    text: str
    remedy: str = ""


def doctor(home: Path) -> list[Finding]:
    """Look at interpreters, the home, shared memory and the packages that the workbench is built on. Raises nothing."""
    return [*_interpreters(installed()), _home(home), _shared_memory(), *_packages()]


@dataclass(frozen=True, slots=True)
class _Asked:
    """An interpreter that was started, or could not be, and the files that it answers into."""

    path: str
    process: Process | OSError
    answer: IO[bytes]
    errors: IO[bytes]


def _interpreters(paths: tuple[str, ...]) -> Iterator[Finding]:
    deadline = time.monotonic() + DEADLINE
    env = {name: os.environ[name] for name in ALLOWED if name in os.environ}
    with ExitStack() as always_cleanup:
        asked = []
        for path in paths:
            files = [always_cleanup.enter_context(tempfile.TemporaryFile()) for _ in range(2)]
            process = _start(path, env, *files)
            if isinstance(process, Process):
                always_cleanup.callback(process.close)
            asked.append(_Asked(path, process, *files))
        for one in asked:
            yield _interpreter(one, deadline)


def _start(path: str, env: Mapping[str, str], answer: IO[bytes], errors: IO[bytes]) -> Process | OSError:
    argv = [path, "-c", _ASK]
    try:
        return spawn(argv, env=env, cwd=os.sep, stdin=None, stdout=answer.fileno(), stderr=errors.fileno())
    except OSError as error:
        return error


def _interpreter(asked: _Asked, deadline: float) -> Finding:
    path, own = asked.path, asked.path == sys.executable
    bad: Literal["note", "problem"] = "problem" if own else "note"
    if isinstance(asked.process, OSError):
        return Finding(path, bad, f"cannot be started: {asked.process.strerror}")
    end = asked.process.wait(max(0.0, deadline - time.monotonic()))
    if end is None:
        return Finding(path, bad, f"did not answer within {DEADLINE:g} s")
    try:
        found: dict[str, Any] = json.loads(_text(asked.answer))
    except ValueError:
        reason = _text(asked.errors).strip().partition("\n")[0]
        return Finding(path, bad, f"does not run: {reason or end}")
    threads = ", free-threaded" if found["free_threaded"] else ""
    text = f"{found['implementation']} {found['version']}{threads}" + (" (runs the workbench)" if own else "")
    if found["implementation"] != "CPython" or tuple(found["numbers"]) < OLDEST:
        return Finding(path, bad, f"{text}: refused", "functions run in CPython 3.8 or newer")
    if found["pyarrow"] is None:
        reason = f"cannot be imported: {found['reason']}" if found["reason"] else "missing"
        return Finding(path, bad, f"{text}, pyarrow {reason}", f"{path} -m pip install pyarrow")
    return Finding(path, "ok", f"{text}, pyarrow {found['pyarrow']}")


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _home(home: Path) -> Finding:
    there = next(folder for folder in (home, *home.parents) if folder.exists())  # it is made when it is first used
    try:
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as error:
        remedy = "give another with --home or the variable WORKBENCH_HOME"
        return Finding("home", "problem", f"{home} cannot be written: {error.strerror}", remedy)
    return Finding("home", "ok", f"{home}, {free / 1e9:,.0f} GB free")


def _shared_memory() -> Finding:
    if not os.access(SHARED_MEMORY, os.W_OK):
        return Finding("shared memory", "note", f"no {SHARED_MEMORY} here", "nothing to do: batches go through pipes")
    return Finding(
        "shared memory", "ok", f"{SHARED_MEMORY}, {shutil.disk_usage(SHARED_MEMORY).free / 1e6:,.0f} MB free"
    )


def _packages() -> Iterator[Finding]:
    yield Finding("platform", "ok", f"{platform.system()} {platform.machine()}")
    for name in PACKAGES:
        try:
            yield Finding(name, "ok", metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Finding(name, "problem", "missing", f"{sys.executable} -m pip install {name}")
