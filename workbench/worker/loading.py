"""Finding the user's function: the roots go on `sys.path`, the module is imported, the symbol looked up.

A module that cannot be reached because Python already has one of that name is an error that says so; it is never mixed
up with another (Doris forbids such names for the same reason).
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any, Mapping, Sequence


class NotLoaded(Exception):
    """The code was imported, but what was asked for is not there."""


def load(setup: Mapping[str, Any]) -> Any:
    """The object that ``setup`` names: ``roots`` (folders), ``module`` (dotted), ``attribute`` (its last part)."""
    roots: Sequence[str] = setup["roots"]
    sys.path[:0] = roots[:1]
    sys.path.extend(roots[1:])  # the folder inside the package, last: its files must not hide modules of Python
    name: str = setup["module"]
    known = sys.modules.get(name.partition(".")[0])
    if known is not None and not _below(getattr(known, "__file__", None), roots):
        raise NotLoaded(f"a module called {name!r} is part of Python or of the worker; rename the file")
    module = importlib.import_module(name)
    if not _below(getattr(module, "__file__", None), roots):
        raise NotLoaded(f"module {name!r} of the package is hidden by another of the same name; rename the file")
    attribute: str = setup["attribute"]
    try:
        found = getattr(module, attribute)
    except AttributeError:
        raise NotLoaded(f"{attribute!r} not found in module {name!r}") from None
    if not callable(found):
        raise NotLoaded(f"{attribute!r} in module {name!r} is not a callable")
    if setup["kind"] == "udaf" and not isinstance(found, type):
        raise NotLoaded(f"{attribute!r} in module {name!r} is not a class")
    return found


def _below(file: Any, roots: Sequence[str]) -> bool:
    return isinstance(file, str) and any(os.path.abspath(file).startswith(root + os.sep) for root in roots)
