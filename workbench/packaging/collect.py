"""What goes into a package: the files of a cell, a file or a folder, and whatever is imported beside them.

All functions return bytes by path inside the package. The invariant: nothing from outside the named file or folder gets
in, also not through a link. Left out on purpose: reading the code, and deciding on names (the caller has done both).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from workbench.errors import PackageError, ScriptNotFound
from workbench.packaging.archive import MANIFEST
from workbench.settings import ZIP_BYTES, ZIP_FILES

LEFT_OUT: Final = ("__pycache__", "*.py[co]", ".*", "*.egg-info", "*.dist-info", "__pypackages__", "node_modules")
"""Caches, hidden files (version control, .venv, .env) and what installers leave; besides, every virtual environment."""


def from_text(text: str, name: str) -> dict[str, bytes]:
    """A cell as the module ``name``."""
    try:
        return {f"{name}.py": text.encode()}
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise PackageError(f"line {line} of {name} has a character that is no Unicode text") from error


def from_file(path: Path) -> dict[str, bytes]:
    """One file, at the root of the package."""
    if not path.exists():
        raise ScriptNotFound(f"file not found: {path}", hint=f"looked in {path.absolute().parent}")
    return {path.name: _content(path, ZIP_BYTES)}


def from_folder(path: Path, *, keep_top: bool) -> dict[str, bytes]:
    """All files below a folder but for what `LEFT_OUT` names.

    With ``keep_top`` the paths start with the folder's name (see `workbench.packaging.layout.keeps_top`). Raises
    PackageError for a folder without Python files, a link that leads out of it, a device, or too much.
    """
    files = _below(path, keep_top=keep_top)
    if not any(name.endswith(".py") for name in files):
        raise PackageError(f"no Python files in {path}", hint="name the folder that holds the .py files")
    return files


def add_imports(files: dict[str, bytes], imports: Iterable[str | os.PathLike[str]]) -> dict[str, bytes]:
    """``files`` and, beside them at the root, further files and folders (under their own names; data is welcome).

    Raises PackageError, naming both, if two of them would be the same file.
    """
    all_files = dict(files)
    origin = dict.fromkeys(files, "the function's own")
    for path in map(Path, imports):
        for name, data in (_below(path, keep_top=True) if path.is_dir() else from_file(path)).items():
            if name in all_files:
                raise PackageError(f"{name!r} is there twice: {origin[name]} and {path}", hint="rename one of them")
            all_files[name] = data
            origin[name] = str(path)
    return all_files


def _below(folder: Path, *, keep_top: bool) -> dict[str, bytes]:
    if not folder.is_dir():
        raise ScriptNotFound(f"folder not found: {folder}", hint=f"looked in {folder.absolute().parent}")
    real = folder.resolve()
    prefix = f"{real.name}/" if keep_top else ""
    files: dict[str, bytes] = {}
    left = ZIP_BYTES
    for path in _walk(folder):
        name = path.relative_to(folder).as_posix()
        if name == MANIFEST:  # an unpacked package: the next one gets a manifest of its own
            continue
        if path.is_symlink() and not path.resolve().is_relative_to(real):
            raise PackageError(f"{path} is a link that leads out of {folder}", hint="copy the file there")
        if len(files) >= ZIP_FILES:
            raise PackageError(f"{folder} holds more than {ZIP_FILES} files", hint="leave out data and environments")
        files[prefix + name] = _content(path, left)
        left -= len(files[prefix + name])
    return files


def _walk(folder: Path) -> Iterator[Path]:
    """All files in a fixed order, without what is left out."""
    for path in sorted(folder.iterdir()):
        if any(fnmatch(path.name, pattern) for pattern in LEFT_OUT) or (path / "pyvenv.cfg").exists():
            continue
        if not path.is_dir():
            yield path
        elif path.is_symlink():
            raise PackageError(f"{path} is a link to a folder", hint="copy the folder there")
        else:
            yield from _walk(path)


def _content(path: Path, most: int) -> bytes:
    if not path.is_file():
        raise PackageError(f"{path} is no regular file", hint="leave it out, or name a folder that has none such")
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise PackageError(f"cannot read {path}: {os.strerror(error.errno or 0)}") from error
    if len(data) > most:
        raise PackageError(f"more than {ZIP_BYTES >> 20} MB, with {path}", hint="leave out data and environments")
    return data
