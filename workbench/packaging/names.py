"""Which names a file inside a package may have: the same rule for the zips we write and for those we read.

The invariant: files whose names pass can be written below one folder on every system, none above it, none over another.
Left out on purpose: the zip itself; this is about text only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

MAX_NAME: Final = 255
"""Bytes of one part of a path that Linux and macOS file systems take."""

MAX_PATH: Final = 1_024
"""Bytes of a whole path inside a package: PATH_MAX of macOS, the smaller one, is 1,024 with the folder before it."""

_DRIVE: Final = re.compile(r"[A-Za-z]:")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def fault(name: str) -> str | None:
    """Why this name is refused, as the end of a sentence about it; None if it is good. Folders may end in ``/``."""
    if "\0" in name:
        return "has a NUL in its name"
    if _CONTROL.search(name):
        return "has a control character in its name"
    if "\\" in name:
        return "has a backslash in its name"
    if name.startswith("/"):
        return "is an absolute path"
    if _DRIVE.match(name):
        return "starts with a drive letter"
    parts = name.removesuffix("/").split("/")
    if ".." in parts:
        return "leads out of its folder"
    if "" in parts or "." in parts:
        return "has an empty part in its path"
    try:
        lengths = [len(part.encode()) for part in parts]
    except UnicodeEncodeError:
        return "has a name that is no Unicode text"
    if max(lengths) > MAX_NAME or sum(lengths) + len(lengths) > MAX_PATH:
        return "has too long a name"
    return None


def clash(names: Iterable[str]) -> tuple[str, str] | None:
    """The first name that cannot be written beside the others, and why; folders end in ``/``.

    Refused are a name twice, two names that differ only in case or in Unicode form (one file on macOS and Windows), and
    a file whose name is also a folder's.
    """
    files: dict[str, str] = {}
    folders: dict[str, str] = {}
    for name in names:
        path = name.removesuffix("/")
        parents = [path[:at] for at, char in enumerate(path) if char == "/"]
        if name.endswith("/"):
            parents.append(path)
        elif (other := files.get(_folded(path))) is not None:
            return name, "is there twice" if other == path else f"differs only in case from {other!r}"
        else:
            files[_folded(path)] = path
        for folder in parents:
            if (other := folders.setdefault(_folded(folder), folder)) != folder:
                return name, f"differs only in case from {other!r}"
    for key in sorted(files.keys() & folders.keys()):
        return files[key], "is a file and a folder"
    return None


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
