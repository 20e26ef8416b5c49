"""Finding Python interpreters by path, name or version, without running any.

The invariant: what is returned exists and may be executed; what is not found is an error that lists what is there. Left
out on purpose: what is installed in them, which only running them can tell (`workbench.session.doctor`), and
downloading.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import Final

from workbench.errors import PythonNotFound

_VERSION: Final = re.compile(r"\d+(\.\d+)?(\.\d+)?")
_EXECUTABLE: Final = re.compile(r"python3\.\d+t?")


def find_python(wanted: str | None) -> str:
    """The absolute path of an interpreter.

    ``wanted`` is a path, a name on PATH, or a version such as ``3.12``; None is our own. Raises PythonNotFound, which
    lists the interpreters that were found.
    """
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
    found = shutil.which(name)
    if found is None:
        raise _not_found(wanted, "was not found on PATH")
    return found


def installed() -> tuple[str, ...]:
    """The interpreters to choose from: our own first, then each ``python3.X`` on PATH, once each."""
    found = {os.path.realpath(sys.executable): sys.executable}
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        try:
            paths = sorted(Path(folder).iterdir())
        except OSError:
            continue  # PATH may name folders that do not exist
        for path in paths:
            if _EXECUTABLE.fullmatch(path.name) and os.access(path, os.X_OK):
                found.setdefault(os.path.realpath(path), str(path))
    return tuple(found.values())


def _not_found(wanted: str, reason: str) -> PythonNotFound:
    names = dict.fromkeys(Path(path).name for path in installed())
    return PythonNotFound(
        f"python {wanted!r} {reason}; no worker was started",
        hint=f"found: {', '.join(names)} (doctor lists them with their pyarrow)",
    )
