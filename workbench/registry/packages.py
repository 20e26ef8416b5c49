"""Packages as files, each named by the sha256 of its bytes.

The invariant: a file of that name has that content or is refused. Files are written beside, flushed to disk and
renamed, so a half-written one never has a valid name. Left out on purpose: when a file is no longer needed; the
registry knows.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Collection
from pathlib import Path

from workbench.errors import RegistryError


class PackageFiles:
    """The folder of packages of one home."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, data: bytes) -> str:
        """Store a package and return its sha256; one that is there and whole is left alone, a damaged one replaced."""
        sha256 = hashlib.sha256(data).hexdigest()
        path = self._file(sha256)
        if path.exists() and path.read_bytes() == data:
            return sha256
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".part", delete=False) as file:
                try:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                    Path(file.name).replace(path)
                except BaseException:
                    Path(file.name).unlink(missing_ok=True)
                    raise
            _flush_folder(self.folder)
        except OSError as error:
            raise RegistryError(f"cannot store a package in {self.folder}: {os.strerror(error.errno or 0)}") from error
        return sha256

    def path(self, sha256: str) -> Path:
        """The file of a package, checked; raises RegistryError if it is missing or was changed."""
        path = self._file(sha256)
        if not path.is_file():
            raise RegistryError(
                f"package {sha256[:12]} is missing from {self.folder}", hint="register the function again"
            )
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise RegistryError(f"package {path} was changed or damaged", hint="register the function again")
        return path

    def keep_only(self, wanted: Collection[str]) -> None:
        """Remove all other packages and what an interrupted `put` left; the caller keeps others from `put`."""
        for path in self.folder.glob("*.*"):
            if path.suffix == ".part" or (path.suffix == ".zip" and path.stem not in wanted):
                try:
                    path.unlink(missing_ok=True)
                except OSError as error:
                    raise RegistryError(f"cannot remove {path}: {os.strerror(error.errno or 0)}") from error

    def _file(self, sha256: str) -> Path:
        return self.folder / f"{sha256}.zip"


def _flush_folder(folder: Path) -> None:
    """Make a rename last through a loss of power."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
