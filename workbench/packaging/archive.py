"""Reading a zip that may be hostile: all rules are checked and all bytes unpacked and counted before one is written.

The invariant: a `Package` in hand is safe. Its names stay inside a folder, its contents are within the limits and agree
with its checksums and manifest. No number in the zip's headers is believed: what counts is what really comes out of it.
Left out on purpose: what the files mean (`workbench.packaging.layout`).
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from workbench.errors import PackageError, UnsafeArchive
from workbench.packaging import names
from workbench.settings import ZIP_BYTES, ZIP_FILES, ZIP_RATIO

MANIFEST: Final = "workbench.json"
"""The manifest's path in our packages; foreign zips have none."""

FORMAT: Final = 1
"""The number of the manifest's format. A reader refuses a higher one."""

BOMB_FLOOR: Final = 1 << 20
"""A file of up to 1 MiB is no bomb, however well it was compressed (a table of zeros is 1:1000)."""

_CHUNK: Final = 1 << 16
_ENCRYPTED: Final = 0x1
_LOCAL_HEADER: Final = struct.Struct("<4s22xHH")
"""Of the 30 bytes before an entry's name: the magic, and the lengths of name and extra field (APPNOTE.TXT 4.3.7)."""

_DAMAGE: Final = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
    OSError,
)
"""Everything that `zipfile` was seen to raise for damaged input, which is more than BadZipFile."""


@dataclass(frozen=True)
class Package:
    """One zip, read and found safe. ``manifest`` is None for a foreign one; ``contents`` holds bytes by path."""

    data: bytes = field(repr=False)
    contents: Mapping[str, bytes] = field(repr=False)
    manifest: Mapping[str, Any] | None = field(repr=False)

    @property
    def files(self) -> tuple[str, ...]:
        """The paths of all files, sorted."""
        return tuple(sorted(self.contents))

    def read(self, name: str) -> bytes:
        """One file's bytes; raises PackageError if there is none of that name."""
        if name not in self.contents:
            raise PackageError(f"{name!r} is not in the zip", hint=listing(self.files))
        return self.contents[name]

    @cached_property
    def sha256(self) -> str:
        """Of the zip as it is, byte for byte."""
        return hashlib.sha256(self.data).hexdigest()

    @cached_property
    def content(self) -> str:
        """A sha256 of paths and contents only: the same for the same code, also if another zlib packed it."""
        hashes = {name: hashlib.sha256(data).hexdigest() for name, data in self.contents.items() if name != MANIFEST}
        return hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()


def read_zip(source: Path | bytes) -> Package:
    """Read and check a zip as a whole, in memory.

    Raises UnsafeArchive, which names the entry, for one that would write outside its folder or explode (256 MB, 10,000
    files, 1:200); PackageError for what is no zip, is damaged, or does not agree with its own manifest.
    """
    where = "zip" if isinstance(source, bytes) else str(source)
    data = source if isinstance(source, bytes) else _bytes_of(source)
    if not zipfile.is_zipfile(io.BytesIO(data)):
        raise PackageError(f"not a zip: {where}", hint="give a .zip, a .py file or a folder")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            contents = _unpacked(archive, data)
    except PackageError:
        raise
    except _DAMAGE as error:
        raise PackageError(f"damaged zip: {where}: {error}", hint="build or download it again") from error
    return Package(data, contents, _manifest(contents))


def extract(package: Package, to: Path) -> None:
    """Write all files below ``to``, which must be empty or not exist; it appears at once or not at all.

    Files get mode 0644 whatever the zip says. Raises PackageError if ``to`` holds something or cannot be written.
    """
    temporary = None
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{to.name}-", dir=to.parent))
        for name, data in package.contents.items():
            path = temporary / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            path.chmod(0o644)
        temporary.replace(to)  # rename(2): an empty folder is replaced, one that holds something is an error
    except OSError as error:
        raise PackageError(
            f"cannot unpack to {to}: {os.strerror(error.errno or 0)}", hint="name a new folder"
        ) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def listing(found: tuple[str, ...], *, most: int = 10) -> str:
    """The way out of "not found": what there is instead."""
    if not found:
        return "it holds none"
    rest = f" and {len(found) - most} more" if len(found) > most else ""
    return "there are: " + ", ".join(found[:most]) + rest


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(ZIP_BYTES + 1)
    except OSError as error:
        raise PackageError(f"cannot read {path}: {os.strerror(error.errno or 0)}") from error
    if len(data) > ZIP_BYTES:
        raise PackageError(f"{path} is larger than {ZIP_BYTES >> 20} MB")
    return data


def _unpacked(archive: zipfile.ZipFile, data: bytes) -> dict[str, bytes]:
    entries = archive.infolist()
    if len(entries) > ZIP_FILES:
        raise UnsafeArchive(entries[ZIP_FILES].filename, f"is one of {len(entries)} entries, more than {ZIP_FILES}")
    for entry in entries:
        if reason := _refused(entry):
            raise UnsafeArchive(entry.filename, reason)
    if found := names.clash(entry.filename for entry in entries):
        raise UnsafeArchive(*found)
    _check_overlap(entries, data, archive.start_dir)
    contents: dict[str, bytes] = {}
    left = ZIP_BYTES
    for entry in entries:
        if not entry.is_dir():
            contents[entry.filename] = _inflated(archive, entry, left)
            left -= len(contents[entry.filename])
    return contents


def _refused(entry: zipfile.ZipInfo) -> str | None:
    """Why an entry is refused for what its headers say."""
    if "\0" in entry.orig_filename:  # zipfile cuts the name there, and so do C programs
        return "has a NUL in its name"
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "is a link"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a device, pipe or socket"
    if entry.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is neither stored nor deflated"
    if entry.is_dir() and entry.file_size:
        return "is a folder with contents"
    return names.fault(entry.filename)


def _check_overlap(entries: list[zipfile.ZipInfo], data: bytes, directory: int) -> None:
    """Refuse entries that share bytes: the quoted-overlap bomb of David Fifield (42 kB to 5 GB without recursion)."""
    end = directory
    for entry in sorted(entries, key=lambda entry: entry.header_offset, reverse=True):
        start = entry.header_offset
        if start < 0 or start + 30 > len(data):
            raise UnsafeArchive(entry.filename, "lies outside the zip")
        _, name, extra = _LOCAL_HEADER.unpack_from(data, start)
        if start + 30 + name + extra + entry.compress_size > end:
            raise UnsafeArchive(entry.filename, "overlaps with another entry")
        end = start


def _inflated(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int) -> bytes:
    """What really comes out of an entry, stopped as soon as it is too much."""
    most = max(BOMB_FLOOR, ZIP_RATIO * entry.compress_size)
    found = bytearray()
    with archive.open(entry) as stream:
        while chunk := stream.read(_CHUNK):
            found += chunk
            if len(found) > left:
                raise UnsafeArchive(entry.filename, f"makes the zip unpack to more than {ZIP_BYTES >> 20} MB")
            if len(found) > most:
                raise UnsafeArchive(entry.filename, f"unpacks to more than {ZIP_RATIO} times its size")
    if len(found) != entry.file_size:
        raise UnsafeArchive(entry.filename, "is not as long as its header says")
    return bytes(found)


def _manifest(contents: Mapping[str, bytes]) -> Mapping[str, Any] | None:
    if MANIFEST not in contents:
        return None
    try:
        manifest = json.loads(contents[MANIFEST])
        number, hashes = int(manifest["format"]), dict(manifest["files"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PackageError(f"{MANIFEST} is damaged", hint="rename it if it is a file of yours") from error
    if number > FORMAT:
        raise PackageError(
            f"the package has format {number}, this version reads up to {FORMAT}", hint="pip install -U udf-workbench"
        )
    for name in sorted(hashes.keys() | contents.keys() - {MANIFEST}):
        if name not in contents:
            raise PackageError(f"the package lacks {name!r}, which its manifest lists", hint="build it again")
        if name not in hashes:
            raise PackageError(f"{name!r} is not in the manifest of its package", hint="build it again")
        if hashlib.sha256(contents[name]).hexdigest() != hashes[name]:
            raise PackageError(f"{name!r} was changed after its package was built", hint="build it again")
    return manifest  # type: ignore[no-any-return]  # JSON: its fields are checked where they are used
