"""The way out of a ModuleNotFoundError: what to install for the module that is missing."""

from __future__ import annotations

import re
from typing import Final

from workbench.distributions import distribution

_MISSING: Final = re.compile(r"No module named '(?P<top>[^'.]+)|.*this Python has no (?P<ours>\w+)")
"""As Python says it, and as the worker does of what it needs for the function's mode."""


def hint(text: str) -> str:
    """The way out, given the text of the error; "" if that does not name a module."""
    found = _MISSING.match(text)
    if found is None:
        return ""
    module = found["top"] or found["ours"]
    return f"`{module}` is not installed in this function's environment: add --requires {distribution(module)}"
