"""Faulthandler's dumps in a log: which lines are a dump's, and which are the user's own.

A dump is told line by line, as what is printed to another stream may stand between. The invariant: what a program
printed itself is never taken for a dump's line; Python's tracebacks are its own too. Left out on purpose: what a dump
says (`workbench.supervisor.refusal`).
"""

from __future__ import annotations

import os
import re
from typing import Final

FATAL: Final = "Fatal Python error: "
"""How the dump of a dying process begins; one that was asked for begins with its threads."""

STACK_LINES: Final = 60
"""Lines of a dump that are kept."""

PULSE: Final = os.path.join("worker", "pulse.py")  # noqa: PTH118 - a part of a path in a text
"""Where the thread is that tells us that the worker is alive: of no use in a stack."""

_LINE: Final = re.compile(
    r"""Fatal\ Python\ error:
    | (Current\ thread|Thread)\ 0x[0-9a-f]+.*\(most\ recent\ call\ first\):$
    | \ \ File\ ".*",\ line\ (\d+|\?\?\?)\ in\ .        # in a traceback there is a comma before "in"
    | \ \ (<no\ Python\ frame>|Garbage-collecting)$
    | \ \ \.\.\.$
    | Python\ runtime\ state:\ .
    | Current\ thread's\ C\ stack\ trace\ .
    | \ \ Binary\ file\ ".
    | Extension\ modules:\ .
    | <(Cannot\ show\ all\ threads|truncated)
    """,
    re.VERBOSE,
)


_FIRST: Final = " FCTPE<"


class Dumps:
    """Goes through one log, or one of its streams, line by line."""

    def __init__(self) -> None:
        self._inside = False

    def holds(self, line: str) -> bool:
        """Whether the next line is a dump's; an empty one is if the line before was."""
        may = line[:1] in _FIRST and _LINE.match(line) is not None  # most lines are told by their first character
        self._inside = may or (self._inside and not line.strip())
        return self._inside


class LastDump:
    """The newest dump of a log, from its lines."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, line: str) -> None:
        """Take the next line of a dump."""
        if line.startswith(FATAL):  # what was asked for before is no longer of interest
            self._lines.clear()
        if len(self._lines) < STACK_LINES:
            self._lines.append(line)

    def clear(self) -> None:
        """Forget it."""
        self._lines.clear()

    @property
    def text(self) -> str:
        """Its threads, but for the worker's own; empty if there is none."""
        threads = "\n".join(self._lines).strip().split("\n\n")
        return "\n\n".join(thread for thread in threads if PULSE not in thread)
