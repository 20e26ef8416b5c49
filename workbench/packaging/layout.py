"""Where the code is inside a package: the layouts of Fungi and Doris, told by the names of files alone.

Fungi       ``entry: main.py`` is ``main.py``, or ``top/main.py`` below the only folder; root and top are on the path
Doris       ``pkg.mod.func`` is in ``pkg/mod.py`` or ``pkg/mod/__init__.py``; only the root is on the path
proposal    ``get_result`` is ``get_result.py``, or that file below the only folder; its function is ``evaluate``

A folder without ``__init__.py`` is a package too: CPython takes it for a namespace package. Left out on purpose:
whether the function is in the file; that is read from its source, or seen when it is loaded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workbench.errors import PackageError, ScriptNotFound
from workbench.packaging.archive import listing

PROPOSED_FUNCTION: Final = "evaluate"
"""The function's name where the symbol names a file."""

_USUAL: Final = ("main.py", "__main__.py")


@dataclass(frozen=True, slots=True)
class Entry:
    """Where to begin. ``roots`` are the folders of the package that go on the path, in this order; "" is its root."""

    path: str
    module: str
    attribute: str | None
    roots: tuple[str, ...]


def resolve_entry(files: Iterable[str], *, entry: str | None = None, symbol: str | None = None) -> Entry:
    """Find the file to begin with, by ``entry`` (a file), by ``symbol``, or as the only one that it can be.

    Where both are given the entry is the file, and the symbol's last part is what is looked for in it. Raises
    ScriptNotFound for an entry and PackageError for a symbol that is not there; both list the Python files that are.
    """
    python = tuple(sorted(name for name in files if name.endswith(".py")))
    tops = {name.partition("/")[0] for name in files if "/" in name} - {"__MACOSX"}  # which Finder adds to each zip
    top = tops.pop() if len(tops) == 1 else None
    if entry is not None:
        attribute = symbol.rpartition(".")[2] if symbol else None
        path = _first(python, entry, f"{top}/{entry}" if top else None)
        if path is None:
            raise ScriptNotFound(f"entry {entry!r} is not in the package", hint=listing(python))
        return _entry(path, attribute, top)
    if symbol is None:
        return _entry(_only(python, top), None, top)
    bare = symbol.removesuffix(".py")
    if "." not in bare:
        path = _first(python, f"{bare}.py", f"{top}/{bare}.py" if top else None)
        if path is not None:
            return _entry(path, PROPOSED_FUNCTION, top)
        raise PackageError(f"symbol {symbol!r}: there is no file {bare}.py in the package", hint=listing(python))
    return _by_dots(python, symbol, top)


def keeps_top(folder: Path, *, kind: str | None = None, symbol: str | None = None) -> bool:
    """Whether a folder goes into a package under its own name, or only what is in it.

    It does for a script (Fungi's layout), if it is a package with ``__init__.py``, and if the symbol says so
    (``folder.module.func``).
    """
    is_first = symbol is not None and symbol.count(".") > 1 and symbol.partition(".")[0] == folder.resolve().name
    return kind == "script" or (folder / "__init__.py").exists() or is_first


def _by_dots(python: tuple[str, ...], symbol: str, top: str | None) -> Entry:
    """Doris's ``[pkg.]module.func``, from the root of the package and nowhere else, as it is there."""
    module, _, attribute = symbol.rpartition(".")
    stem = module.replace(".", "/")
    path = _first(python, f"{stem}.py", f"{stem}/__init__.py")
    if path is not None:
        return Entry(path, module, attribute, ("",))
    below = top is not None and _first(python, f"{top}/{stem}.py", f"{top}/{stem}/__init__.py")
    way_out = f"the symbol would be {top}.{symbol}" if below else listing(python)
    raise PackageError(f"symbol {symbol!r}: there is no {stem}.py in the package", hint=way_out)


def _entry(path: str, attribute: str | None, top: str | None) -> Entry:
    roots = ("", top) if top is not None and path.startswith(f"{top}/") else ("",)
    below_top = (
        path.removeprefix(f"{top}/") if top and "." in top else path
    )  # repo-1.2 cannot be imported, what is in it can
    module = below_top.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return Entry(path, module, attribute, roots)


def _only(python: tuple[str, ...], top: str | None) -> str:
    """The file that nobody had to name: ``main.py``, or the only one there is."""
    candidates = [name for name in python if not name.endswith("__init__.py")]
    usual = _first(python, *_USUAL, *(f"{top}/{name}" for name in _USUAL if top))
    if usual is not None:
        return usual
    if len(candidates) == 1:
        return candidates[0]
    raise PackageError("which file of the package to run is not clear; name it as the entry", hint=listing(python))


def _first(python: tuple[str, ...], *wanted: str | None) -> str | None:
    return next((name for name in wanted if name in python), None)
