"""Running uv, and an interpreter that it made: the one place where the house starts a program that is no worker.

The invariant: a program has a deadline; it and all that it started are gone when `run` returns or raises, as by Ctrl-C.
It is no worker's supervisor: it needs no pipes that are watched, and its room may not know that one. Left out on
purpose: what is asked of uv (`workbench.environments.store`).
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from typing import Final

from uv import find_uv_bin

from workbench.environments import index
from workbench.errors import EnvironmentBuildError

LAST_LINES: Final = 20
_PASSWORD: Final = re.compile(r"(?<=://)[^/@\s]+@")
_HIDDEN: Final = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME")
"""Variables that would make uv, or an interpreter, look at another environment than it is told."""


class Failed(Exception):
    """A program left with an error; ``lines`` are the last that it wrote of it."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__(*lines)
        self.lines = tuple(lines)


def uv(*arguments: str, deadline: float, text: str = "") -> str:
    """What uv prints, given ``text`` as its input. Raises Failed, and EnvironmentBuildError where it cannot be run."""
    try:
        program = find_uv_bin()
    except FileNotFoundError as error:
        raise EnvironmentBuildError("uv is not installed, which builds environments", hint="pip install uv") from error
    return run([program, *arguments], deadline=deadline, text=text)


def run(argv: Sequence[str], *, deadline: float, text: str = "") -> str:
    """What a program prints; ``deadline`` is in monotonic seconds. Raises as `uv`."""
    env = {name: value for name, value in os.environ.items() if name not in _HIDDEN}
    env |= index.variables(env)
    # A download of a Python behind one's back would take minutes, or hang where there is no network.
    env |= {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}
    try:
        process = subprocess.Popen(
            list(argv),
            env=env,
            cwd=os.sep,  # uv would read the configuration of a project in the working folder
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise Failed([f"{argv[0]} cannot be started: {error.strerror}"]) from error
    try:
        out, err = process.communicate(text, timeout=max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise EnvironmentBuildError(
            "the environment was not built in time", hint="try again: what was downloaded is kept"
        ) from None
    finally:
        with process:  # closes its pipes and waits for it
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        lines = [_PASSWORD.sub("", line.rstrip()) for line in err.splitlines() if line.strip()]
        raise Failed(lines[-LAST_LINES:] or [f"exit {process.returncode}"])
    return out
