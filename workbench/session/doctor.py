"""What this machine has for the workbench: interpreters with their pyarrow, a home that can be written, packages.

The invariant: looking leaves nothing behind and ends soon, whatever an interpreter does when started; what
is found is data, each finding with its remedy. Left out on purpose: showing it, and installing anything.
"""

from __future__ import annotations

import os
import platform
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final, Literal

from workbench.environments import Environments, installed
from workbench.session.ask import Answer, ask

OLDEST: Final = (3, 8)
PACKAGES: Final = ("pyarrow", "pandas", "ipywidgets", "jupyterlab", "nbval", "uv")
SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - looked at, not written

LIMITS: Final = (
    ("open files", resource.RLIMIT_NOFILE, 1_024, "ulimit -n"),
    ("processes", resource.RLIMIT_NPROC, 512, "ulimit -u"),
)
"""What the system limits, and below what 32 workers at once may not have enough."""

PROGRAMS: Final = (
    ("Java", ("java",), "only a Spark engine needs it"),
    ("Chromium", ("chromium", "chromium-browser", "google-chrome"), "only the tests of the panel need it"),
)

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
    return [
        *(_interpreter(*one) for one in ask(installed(), _ASK)),
        _home(home),
        _environments(home),
        _shared_memory(),
        *(_limit(*one) for one in LIMITS),
        *_packages(),
        *(_program(*one) for one in PROGRAMS),
    ]


def _interpreter(path: str, found: Answer) -> Finding:
    own = path == sys.executable
    bad: Literal["note", "problem"] = "problem" if own else "note"
    if isinstance(found, str):
        return Finding(path, bad, found)
    threads = ", free-threaded" if found["free_threaded"] else ""
    text = f"{found['implementation']} {found['version']}{threads}" + (" (runs the workbench)" if own else "")
    if found["implementation"] != "CPython" or tuple(found["numbers"]) < OLDEST:
        return Finding(path, bad, f"{text}: refused", "functions run in CPython 3.8 or newer")
    if found["pyarrow"] is None:
        reason = f"cannot be imported: {found['reason']}" if found["reason"] else "missing"
        return Finding(
            path, bad, f"{text}, pyarrow {reason}", f"add --requires pyarrow, or: {path} -m pip install pyarrow"
        )
    return Finding(path, "ok", f"{text}, pyarrow {found['pyarrow']}")


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


def _environments(home: Path) -> Finding:
    found = Environments(home).list()
    size = sum(one.size for one in found) / 1e6
    return Finding("environments", "ok", f"{len(found)}, {size:,.0f} MB besides uv's cache (workbench env list, prune)")


def _limit(about: str, number: int, least: int, shown: str) -> Finding:
    soft, hard = resource.getrlimit(number)
    if soft == resource.RLIM_INFINITY:
        return Finding(about, "ok", f"no limit ({shown})")
    if soft >= least:
        return Finding(about, "ok", f"at most {soft:,} ({shown})")
    most = "higher, by the administrator" if soft == hard else str(least)
    return Finding(about, "note", f"at most {soft:,}: too few for many workers", f"{shown} {most}")


def _program(about: str, names: tuple[str, ...], remedy: str) -> Finding:
    found = next(filter(None, map(shutil.which, names)), None)
    return Finding(about, "note", "not found", remedy) if found is None else Finding(about, "ok", found)


def _packages() -> Iterator[Finding]:
    yield Finding("platform", "ok", f"{platform.system()} {platform.machine()}")
    for name in PACKAGES:
        try:
            yield Finding(name, "ok", metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Finding(name, "problem", "missing", f"{sys.executable} -m pip install {name}")
