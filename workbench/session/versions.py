"""What changed from one version of a function to another: its source as a unified diff, its definition in words.

The invariant: the values of environment variables are not shown, as they may be secrets. Left out on purpose: what the
change does to results (`workbench.session.compare`), and files of the package beside the one that holds the function.
"""

from __future__ import annotations

from difflib import unified_diff
from typing import TYPE_CHECKING

from workbench.errors import FunctionNotFound

if TYPE_CHECKING:
    from workbench.session.function import Function


def earlier(function: Function, version: int | None = None) -> Function | None:
    """That version of the same function, by default the one before; None if this is the first."""
    versions = {one.version: one for one in function.versions}
    if version is None:
        return versions.get(max((number for number in versions if number < function.version), default=0))
    if version not in versions:
        known = ", ".join(map(str, versions))
        raise FunctionNotFound(f"{function.name} has no version {version}", hint=f"it has: {known}")
    return versions[version]


def source_diff(function: Function, version: int | None = None) -> str:
    """See `Function.diff`."""
    before = earlier(function, version)
    if before is None:
        return ""
    labels = f"{function.name} v{before.version}", f"{function.name} v{function.version}"
    lines = unified_diff(before.source.splitlines(), function.source.splitlines(), *labels, lineterm="")
    return "".join(f"{line}\n" for line in lines)


def changes(function: Function) -> str:
    """What a version changed, in a few words: ``source +2 -1, batch_size``; "first" for the first."""
    before = earlier(function)
    if before is None:
        return "first"
    lines = function.diff().splitlines()[2:]
    added, removed = (sum(line.startswith(sign) for line in lines) for sign in "+-")
    old, new = before.spec.to_json(), function.spec.to_json()
    words = [f"source +{added} -{removed}"] if lines else []
    words += [key for key in new if new[key] != old[key]]
    return ", ".join(words) or "other files"
