"""Which options a run can have: the ways of running that a kind has, and limits that make sense.

Left out on purpose: what the options do, and defaults.
"""

from __future__ import annotations

from numbers import Real
from typing import Any, Final, Literal, get_args

from workbench.errors import UsageProblem
from workbench.functions import Kind

OnError = Literal["fail", "dead_letter", "null"]
OnInvalid = Literal["skip", "fail"]
LEAST_MEMORY: Final = 100_000_000
"""Bytes that a worker takes before it has any data: Python and pyarrow."""


def check_modes(
    name: str, kind: Kind, *, group_by: Any, workers: int, on_error: str, on_invalid: str | None, outer: bool
) -> None:
    """Raise UsageProblem for a way of running that this kind does not have."""
    if outer and kind != "udtf":
        raise _refuse(name, f"outer is for table functions, this is a {kind}", "leave it out")
    if group_by is not None and kind != "udaf":
        raise _refuse(name, f"group_by is for aggregates, this is a {kind}", "leave it out")
    if on_error not in get_args(OnError):
        raise _refuse(name, f"on_error is {on_error!r}", "choose fail, dead_letter or null")
    if on_error == "null" and kind in ("udaf", "udtf"):
        raise _refuse(name, f"on_error='null' has no meaning for a {kind}", "choose fail or dead_letter")
    if on_error != "fail" and kind == "script":
        raise _refuse(name, "on_error is for functions; a script has on_invalid", "choose on_invalid='skip' or 'fail'")
    if on_invalid not in (None, *get_args(OnInvalid)):
        raise _refuse(name, f"on_invalid is {on_invalid!r}", "choose skip or fail")
    _check_numbers(name, workers=workers)
    if workers < 1 or (workers > 1 and kind == "script"):
        raise _refuse(
            name,
            f"workers is {workers}",
            "a script keeps its own state and has one worker; a function has at least one",
        )


def check_limits(
    name: str, memory_limit: int | None, timeout: float | None, batch_rows: int | None, max_restarts: int | None
) -> None:
    """Raise UsageProblem for a limit that nothing could keep."""
    _check_numbers(name, memory_limit=memory_limit, timeout=timeout, batch_rows=batch_rows, max_restarts=max_restarts)
    if memory_limit is not None and memory_limit < LEAST_MEMORY:
        raise _refuse(
            name, f"memory_limit is {memory_limit} bytes", f"a worker takes {LEAST_MEMORY:,} bytes to begin with"
        )
    if timeout is not None and not timeout > 0:
        raise _refuse(name, f"timeout is {timeout}", "give seconds above 0, or leave it out")
    if batch_rows is not None and batch_rows < 1:
        raise _refuse(name, f"batch_rows is {batch_rows}", "give at least 1")
    if max_restarts is not None and max_restarts < 0:
        raise _refuse(name, f"max_restarts is {max_restarts}", "give 0 or more")


def _check_numbers(name: str, **given: object) -> None:
    for option, value in given.items():
        if value is not None and not isinstance(value, Real):
            raise _refuse(name, f"{option} is {value!r}", "give a number")


def _refuse(name: str, what: str, hint: str) -> UsageProblem:
    return UsageProblem(f"{name}: {what}", hint=hint)
