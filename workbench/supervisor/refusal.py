"""How a run ends badly, in words: our errors, made of what a worker said and of how it died.

Left out on purpose: when it ends; that is for the supervisor to know.
"""

from __future__ import annotations

import linecache
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from workbench.errors import (
    BatchTimeout,
    Frame,
    RestartsExhausted,
    RunError,
    UdfError,
    WorkbenchError,
    WorkerCrashed,
    WorkerStartError,
    WorkerStartTimeout,
)
from workbench.supervisor import missing
from workbench.supervisor.worker import Died, Launch
from workbench.worker.words import counted

_STACK: Final = re.compile(r'File "(?P<path>[^"]*/package/(?P<file>[^"]+))", line (?P<line>\d+),? in (?P<function>.+)')
"""A line of a dump or a traceback in the user's own code: packages are unpacked into folders of that name."""

_STARTED: Final = re.compile(r"threading\.py\", line \d+ in _bootstrap$", re.MULTILINE)
"""The outermost frame of a thread that is not the first."""

_LATE: Final = {
    "start": "Python, or what it begins with, is not there yet: the machine is busy, or start_timeout too short",
    "import": "it is still importing pyarrow: the disk is slow, or start_timeout too short",
    "load": "the code is still being imported: look at what it does outside of functions, or raise start_timeout",
}
"""The way out for a worker that is late, by what it was doing."""

NOT_RUN: Final = (126, 127)
"""Exit statuses by which a shell says that a command cannot be run, or is not there: trying again would not help."""

BEFORE_READY: Final = " before it was ready"
"""When a worker died that had not been given a batch yet."""

SHOWN_ERROR: Final = 1_000
"""Characters of an error in a message."""


def frames_of(info: Mapping[str, Any]) -> tuple[Frame, ...]:
    """The user's frames out of an error's plain data."""
    return tuple(
        Frame(frame["file"], frame["line"], frame["function"], frame.get("text", ""), frame.get("locals", {}))
        for frame in info.get("frames", ())
    )


def dumped_frames(stack: str) -> list[dict[str, Any]]:
    """The user's own frames in the dump of a process, outermost first, as an error's plain data has them.

    The lines of code are read now: the folder with them is gone when the session is.
    """
    return [
        {
            "file": found["file"],
            "line": int(found["line"]),
            "function": found["function"],
            "text": linecache.getline(found["path"], int(found["line"])).strip(),
        }
        for found in reversed(list(_STACK.finditer(stack)))
    ]


def error_text(info: Mapping[str, Any]) -> str:
    """``prefix: Type: message`` of an error's plain data."""
    text = f"{info['error_type']}: {info['error']}" if info["error"] else str(info["error_type"])
    return f"{info['prefix']}: {text}" if info.get("prefix") else text


def in_short(info: Mapping[str, Any]) -> str:
    """`error_text` for a message, which a value of 10 MB must not flood; the fields of the error have more of it."""
    text = error_text(info)
    return text if len(text) <= SHOWN_ERROR else text[: SHOWN_ERROR - 1] + "…"


def said(error: Exception) -> str:
    """The text of an error without its way out."""
    return error.message if isinstance(error, WorkbenchError) else str(error)


def as_udf_error(info: Mapping[str, Any]) -> RunError:
    """A script's exception, as the cause of its end."""
    return UdfError(error_text(info), error_type=info["error_type"], error=info["error"], frames=frames_of(info))


def death(died: Died, refused: Mapping[str, Any] | None, fault: Exception | None) -> str:
    """How a worker died, after what it refused, and why we ended it, in words."""
    after = f" after {error_text(refused)}" if refused is not None else ""
    return f"{died.exit}{after}" + (f": {said(fault)}" if fault is not None else "")


def elsewhere(stack: str) -> bool:
    """Whether a crash was in a thread that user code had started: it may go on behind the batch that started it."""
    crashed = stack.partition("Current thread 0x")[2].partition("\n\n")[0]
    return bool(_STARTED.search(crashed))


def in_batch(number: int, stack: str) -> str:
    """Which batch to blame for a death while ``number`` was worked on."""
    started = ", in a thread that it or an earlier batch had started" if elsewhere(stack) else ""
    return f" in batch {number}{started}"


def not_run(launch: Launch, died: Died) -> WorkerStartError:
    """An interpreter that is there and cannot run: a launcher of another version, as pyenv's."""
    return WorkerStartError(
        f"{launch.label}: {launch.argv[0]!r} is no interpreter that runs: it left with {died.exit}",
        logs=died.last_lines,
        hint="give another with python (--python); workbench doctor tells which run",
    )


def refused_to_load(label: str, info: Mapping[str, Any], logs: Sequence[str]) -> WorkerStartError:
    """A worker that cannot load what it was told to."""
    error = info["error"] if info["error_type"] == "NotLoaded" else f"{info['error_type']}: {info['error']}"
    missed = info["error_type"] == "ModuleNotFoundError"
    hint = missing.hint(info["error"]) if missed else str(info.get("hint", ""))
    return WorkerStartError(f"{label} cannot be loaded: {error}", frames=frames_of(info), logs=logs, hint=hint)


def not_ready(launch: Launch, logs: Sequence[str], phase: str) -> WorkerStartTimeout:
    """A worker that took too long in a phase, see `Channel.phase`."""
    return WorkerStartTimeout(
        f"{launch.label}: the worker was not ready after {launch.start_timeout:g} s (phase: {phase})",
        logs=logs,
        hint=_LATE.get(phase, _LATE["start"]),
    )


def died_at_start(launch: Launch, died: Died) -> WorkerStartError | WorkerCrashed:
    """A worker that died while it was loading, and is not tried again."""
    if died.exit.status in NOT_RUN:
        return not_run(launch, died)
    return WorkerCrashed(
        f"{launch.label} died of {died.exit}{BEFORE_READY}",
        exit=str(died.exit),
        stack=died.stack,
        frames=frames_of({"frames": dumped_frames(died.stack)}),
        logs=died.last_lines,
    )


def gave_up(
    label: str, died: Died, batch: int | None, restarts: int, cause: Exception | None, *, where: str
) -> RestartsExhausted:
    """The end of a worker that died more often than its policy allows.

    ``where`` is what it was doing, in words; ``cause`` is why it died, if that is more than its exit says.
    """
    crashes = counted(restarts + 1, "crash", "crashes")
    message = f"{label} stopped after {counted(restarts, 'restart')}; {crashes}, the last of {died.exit}{where}"
    if cause is not None:
        message += f": {said(cause)}"
    return RestartsExhausted(
        message,
        exit=str(died.exit),
        batch=batch,
        restarts=restarts,
        stack=died.stack,
        frames=frames_of({"frames": dumped_frames(died.stack)}),
        logs=died.last_lines,
        hint=("" if batch is None else f"batch {batch} has no result; ")
        + "the history shows each crash; --max-restarts N allows more",
    )


def timed_out(label: str, batch: int, timeout: float | None, stack: str, logs: Sequence[str] = ()) -> BatchTimeout:
    """The end of a worker that did not answer; ``stack`` is where it was, ``logs`` what it had printed."""
    return BatchTimeout(
        f"{label}: batch {batch} was not answered within {timeout:g} s",
        batch=batch,
        stack=stack,
        frames=frames_of({"frames": dumped_frames(stack)}),
        logs=logs,
        hint="raise timeout (--timeout S), or have the row found: on_error='dead_letter' (--on-error dead_letter)",
    )


def with_frames(error: BatchTimeout, info: Mapping[str, Any] | None) -> BatchTimeout:
    """The error with the frames that the interrupted code told itself: those have locals, which a dump has not."""
    frames = frames_of(info or {})
    if not frames:
        return error
    return BatchTimeout(
        error.message, batch=error.batch, stack=error.stack, frames=frames, logs=error.logs, hint=error.hint
    )
