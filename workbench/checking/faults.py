"""What kind of fault a failure is, in a word and a sentence, and when two failures are the same fault.

Left out on purpose: results that differ, which are no failures (`compare`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from workbench.errors import BatchTimeout, UdfError, WorkbenchError, WorkerCrashed
from workbench.supervisor.refusal import BEFORE_READY

_KINDS: Final = {
    "BatchTimeout": "hang",
    "NeverReady": "load",
    "NullResult": "null",
    "RowCountMismatch": "count",
    "WrongLength": "count",
    "WorkerCrashed": "crash",
    "WorkerOutOfMemory": "crash",
}
_SENTENCES: Final = {
    "crash": "the worker dies",
    "load": "the worker dies while it loads the code",
    "hang": "there is no answer",
    "null": "the result is NULL, but always_nullable is false",
    "count": "the number of results is not that of the rows",
    "range": "the result does not fit {returns}",
    "type": "the result is no {returns}",
}
EXPECTED: Final = {
    "crash": "a result, or an exception",
    "load": "a function that can be called",
    "hang": "an answer",
    "null": "a value",
    "count": "one result for each row",
    "range": "a value of {returns}",
    "type": "a value of {returns}",
    "error": "a result",
}
_SHOWN: Final = 300


@dataclass(frozen=True, slots=True)
class Fault:
    """A failure, without the values of its row. ``said`` is what it said; faults of one ``key`` are the same."""

    kind: str
    key: str
    said: str
    line: int | None = None

    def sentence(self, returns: str) -> str:
        """What is wrong."""
        at = "" if self.line is None else f" (line {self.line})"
        if self.kind == "error":
            return f"it raises {self.key.partition(' ')[0]}{at}"
        return _SENTENCES[self.kind].format(returns=returns) + at


def of_row(info: Mapping[str, Any]) -> Fault:
    """The fault behind the error of a row, as plain data."""
    name, said = str(info["error_type"]), str(info["error"])
    frames = info.get("frames") or ()
    return _fault(name, said, frames[-1]["line"] if frames else None)


def of_run(error: Exception) -> Fault:
    """The fault behind the error that ended a run."""
    if isinstance(error, UdfError):
        return _fault(error.error_type, error.error, error.frames[-1].line if error.frames else None)
    name = "WorkerCrashed" if isinstance(error, WorkerCrashed) else type(error).__name__
    if isinstance(error, WorkerCrashed) and BEFORE_READY in error.message:
        name = "NeverReady"
    name = "BatchTimeout" if isinstance(error, BatchTimeout) else name
    frames = getattr(error, "frames", ())
    said = error.message if isinstance(error, WorkbenchError) else str(error)
    if isinstance(error, WorkerCrashed):
        said = f"the worker died of {error.exit}"
    elif isinstance(error, BatchTimeout):
        said = "no answer in time: the worker was ended"
    return _fault(name, said, frames[-1].line if frames else None)


def _fault(name: str, said: str, line: int | None) -> Fault:
    kind = _KINDS.get(name, "error")
    if name == "ValueMismatch" or (name == "AggregateError" and said.startswith("finish() returned")):
        kind = "range" if "does not fit" in said else "type"
    first = said.partition("\n")[0]
    text = first if len(first) <= _SHOWN else first[: _SHOWN - 1] + "…"
    if kind != "error":
        return Fault(kind, kind, text, line)
    where = f"line {line}" if line is not None else re.sub(r"[0-9]+|'[^']*'", "…", first)
    return Fault(kind, f"{name} {where}", f"{name}: {text}" if text else name, line)
