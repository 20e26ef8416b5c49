"""Whether an interpreter is one that a source asks for by ``requires-python``.

The invariant: one that does not fit is refused before it runs any of the source. Left out on purpose: looking for one
that fits, which would run code in a Python that nobody named.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from functools import lru_cache
from pathlib import Path
from typing import Final

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from workbench.environments.interpreters import installed
from workbench.environments.uv import Failed, run
from workbench.errors import EnvironmentBuildError, UsageProblem, WorkerStartError

ASK_SECONDS: Final = 10.0
_ASK: Final = "import platform; print(platform.python_version())"


def check_python(name: str, wanted: str, interpreter: str) -> None:
    """Raise WorkerStartError unless the interpreter, a path, has a version that ``wanted`` allows, as in ``>=3.11``.

    Raises UsageProblem for what cannot be read.
    """
    try:
        allowed = SpecifierSet(wanted)
    except InvalidSpecifier as error:
        raise UsageProblem(f"{name}: requires-python {wanted!r} cannot be read", hint="as in >=3.11") from error
    version = _version(interpreter)
    if not allowed.contains(version, prereleases=True):
        names = ", ".join(dict.fromkeys(Path(path).name for path in installed()))
        raise WorkerStartError(
            f"{name} requires Python {wanted}, and {Path(interpreter).name} is {version}; no worker was started",
            hint=f"name another with python (--python 3.12); found: {names}",
        )


def _version(interpreter: str) -> str:
    if os.path.realpath(interpreter) == os.path.realpath(sys.executable):
        return platform.python_version()
    return _asked(interpreter, Path(interpreter).stat().st_mtime_ns)


@lru_cache
def _asked(interpreter: str, _changed: int) -> str:
    """What another interpreter says; once, as long as it is the same file."""
    try:
        said = run([interpreter, "-I", "-c", _ASK], deadline=time.monotonic() + ASK_SECONDS).strip()
        return str(Version(said))
    except (Failed, EnvironmentBuildError, InvalidVersion) as error:  # the second if it takes too long
        hint = "give another with python (--python); workbench doctor tells which run"
        raise WorkerStartError(f"{interpreter} does not say which Python it is", hint=hint) from error
