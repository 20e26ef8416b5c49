"""Finding Python interpreters by path, name or version, without running any.

The invariant: what is returned exists, may be executed and is not known to be another Python than CPython; what is not
found is an error that lists what is there. Looked through are PATH and the folders of pyenv and uv, whose interpreters
need not be on it. Left out on purpose: what is installed in them, which only running them can tell
(`workbench.session.doctor`), and downloading.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import Final

import platformdirs

from workbench.errors import PythonNotFound

_VERSION: Final = re.compile(r"\d+(\.\d+)?(\.\d+)?")
_EXECUTABLE: Final = re.compile(r"python3\.\d+t?")
_OTHERS: Final = re.compile(r"(pypy|graalpy|jython|ironpython|micropython)", re.IGNORECASE)


def find_python(wanted: str | None) -> str:
    """The absolute path of an interpreter.

    ``wanted`` is a path, a name on PATH, or a version such as ``3.12``; None is our own. Raises PythonNotFound, which
    lists the interpreters that were found.
    """
    found = _find(wanted)
    if other := _OTHERS.match(Path(os.path.realpath(found)).name):
        raise PythonNotFound(
            f"python {wanted!r} is {other[0]}; no worker was started", hint="functions run in CPython 3.8 or newer"
        )
    return found


def _find(wanted: str | None) -> str:
    if wanted is None:
        return sys.executable
    if os.sep in wanted or wanted.startswith("~"):
        path = Path(wanted).expanduser().absolute()
        if path.is_file() and os.access(path, os.X_OK):
            return str(path)
        reason = "is a folder" if path.is_dir() else "is not executable" if path.exists() else "does not exist"
        raise _not_found(wanted, reason)
    name = wanted
    if _VERSION.fullmatch(wanted):
        minor = ".".join(wanted.split(".")[:2])
        if minor in ("3", f"3.{sys.version_info.minor}"):
            return sys.executable
        name = f"python{minor}"
    folders = os.pathsep.join(map(str, _folders())) if _EXECUTABLE.fullmatch(name) else None
    found = shutil.which(name, path=folders)
    if found is None:
        raise _not_found(wanted, "was not found on PATH" + (", nor in pyenv or uv" if folders else ""))
    return found


def installed() -> tuple[str, ...]:
    """The interpreters to choose from: our own first, then each ``python3.X``, once each."""
    found = {os.path.realpath(sys.executable): sys.executable}
    for folder in _folders():
        try:
            paths = sorted(folder.iterdir())
        except OSError:
            continue  # PATH may name folders that do not exist
        for path in paths:
            if _EXECUTABLE.fullmatch(path.name) and os.access(path, os.X_OK):
                found.setdefault(os.path.realpath(path), str(path))
    return tuple(found.values())


def _folders() -> list[Path]:
    """Where interpreters are: on PATH, in pyenv, made by uv; in the latter two the newest first."""
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR", Path(platformdirs.user_data_dir("uv"), "python")))
    managed = [*pyenv.glob("versions/*/bin"), *uv.glob("*/bin")]
    managed.sort(key=lambda folder: [int(part) for part in re.findall(r"\d+", folder.parent.name)], reverse=True)
    on_path = [Path(folder) for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if folder]
    # A shim of pyenv runs only where its version is enabled; the interpreters themselves always do.
    return [*(folder for folder in on_path if folder != pyenv / "shims"), *managed]


def _not_found(wanted: str, reason: str) -> PythonNotFound:
    names = dict.fromkeys(Path(path).name for path in installed())
    return PythonNotFound(
        f"python {wanted!r} {reason}; no worker was started",
        hint=f"found: {', '.join(names)} (doctor lists them with their pyarrow)",
    )
