"""Asking interpreters about themselves: a small program runs in each at once, and prints JSON.

The invariant: it ends within `DEADLINE`, whatever an interpreter does when started, and leaves nothing behind. Left
out on purpose: what is asked, and which interpreters there are.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import IO, Any, Final

from workbench.session.launch import ALLOWED
from workbench.supervisor.process import Process, spawn

DEADLINE: Final = 10.0
"""Seconds for all interpreters together."""

Answer = dict[str, Any] | str
"""What an interpreter printed; or, as text, why it did not."""


def ask(paths: Sequence[str], program: str) -> Iterator[tuple[str, Answer]]:
    """Each path with its answer, in order. ``program`` runs in interpreters as old as 3.8."""
    deadline = time.monotonic() + DEADLINE
    env = {name: os.environ[name] for name in ALLOWED if name in os.environ}
    with ExitStack() as always_cleanup:
        asked = []
        for path in paths:
            answer, errors = (always_cleanup.enter_context(tempfile.TemporaryFile()) for _ in range(2))
            process = _start(path, program, env, answer, errors)
            if isinstance(process, Process):
                always_cleanup.callback(process.close)
            asked.append((path, process, answer, errors))
        for path, process, answer, errors in asked:
            yield path, _answer(process, answer, errors, deadline)


def _start(path: str, program: str, env: Mapping[str, str], answer: IO[bytes], errors: IO[bytes]) -> Process | OSError:
    argv = [path, "-c", program]
    try:
        return spawn(argv, env=env, cwd=os.sep, stdin=None, stdout=answer.fileno(), stderr=errors.fileno())
    except OSError as error:
        return error


def _answer(process: Process | OSError, answer: IO[bytes], errors: IO[bytes], deadline: float) -> Answer:
    if isinstance(process, OSError):
        return f"cannot be started: {process.strerror}"
    end = process.wait(max(0.0, deadline - time.monotonic()))
    if end is None:
        return f"did not answer within {DEADLINE:g} s"
    try:
        found: dict[str, Any] = json.loads(_text(answer))
    except ValueError:
        reason = _text(errors).strip().partition("\n")[0]
        return f"does not run: {reason or end}"
    return found


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
