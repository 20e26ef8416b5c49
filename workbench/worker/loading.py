"""Finding the user's function: the roots go on `sys.path`, the module is imported, the symbol looked up.

A module that cannot be reached because Python already has one of that name is an error that says so; it is never mixed
up with another (Doris forbids such names for the same reason).
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any, Mapping, Sequence

METHODS = ("accumulate", "merge", "finish")
SHOWN_NAMES = 10  # of what a module defines, in a message


class NotLoaded(Exception):
    """The code was imported, but what was asked for is not there, or not what it must be; ``hint`` is the way out."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def load(setup: Mapping[str, Any]) -> Any:
    """The object that ``setup`` names: ``roots`` (folders), ``module`` (dotted), ``attribute`` (its last part)."""
    roots: Sequence[str] = setup["roots"]
    sys.path[:0] = roots[:1]
    sys.path.extend(roots[1:])  # the folder inside the package, last: its files must not hide modules of Python
    name: str = setup["module"]
    known = sys.modules.get(name.partition(".")[0])
    if known is not None and not _below(getattr(known, "__file__", None), roots):
        raise NotLoaded(
            f"module name {name!r} is not allowed for UDFs: "
            f"a module called {name!r} is part of Python or of the worker; rename the file"
        )
    module = importlib.import_module(name)
    if not _below(getattr(module, "__file__", None), roots):
        raise NotLoaded(f"module {name!r} of the package is hidden by another of the same name; rename the file")
    attribute: str = setup["attribute"]
    try:
        found = getattr(module, attribute)
    except AttributeError:
        raise NotLoaded(f"{attribute!r} not found in module {name!r}", _there_is(module)) from None
    if not callable(found):
        raise NotLoaded(f"{attribute!r} in module {name!r} is not a callable")
    if setup["kind"] == "udaf":
        _check_aggregate(found, f"{attribute!r} in module {name!r}")
    return found


def _check_aggregate(found: Any, where: str) -> None:
    """What the source did not show, as of a class that is imported or made, in Doris's words."""
    if not isinstance(found, type):
        raise NotLoaded(f"{where} is not a class", f"a class has {', '.join((*METHODS, 'aggregate_state'))}")
    for method in METHODS:
        if not callable(getattr(found, method, None)):
            raise NotLoaded(f"{where}: UDAF class must implement '{method}' method")
    state = next((vars(base)["aggregate_state"] for base in found.__mro__ if "aggregate_state" in vars(base)), None)
    if state is None:
        raise NotLoaded(f"{where}: UDAF class must have 'aggregate_state' property")
    if not isinstance(state, property):
        raise NotLoaded(f"{where}: 'aggregate_state' must be a @property", "write @property above def aggregate_state")


def _there_is(module: Any) -> str:
    names = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
    return f"the module has {', '.join(names[:SHOWN_NAMES])}" if names else "the module has no function or class"


def _below(file: Any, roots: Sequence[str]) -> bool:
    return isinstance(file, str) and any(os.path.abspath(file).startswith(root + os.sep) for root in roots)
