"""From files and a spec to one zip, the same bytes for the same input wherever and whenever it is built.

What the zip format would let vary (times, order, mode bits, the system) is fixed. One thing is not ours to fix: another
build of zlib may pack the same bytes differently. Therefore versions are told apart by `Package.content`, which looks
only at what is inside. Left out on purpose: which files belong in (`workbench.packaging.collect`).
"""

from __future__ import annotations

import hashlib
import io
import json
import stat
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, Final

from workbench.errors import PackageError
from workbench.functions import FunctionSpec
from workbench.packaging import names
from workbench.packaging.archive import BOMB_FLOOR, FORMAT, MANIFEST, listing
from workbench.settings import ZIP_BYTES, ZIP_FILES, ZIP_RATIO

EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The oldest time that a zip can express."""

LEVEL: Final = 6
"""zlib's default, written down so that it stays."""

_UNIX: Final = 3


def build(files: Mapping[str, bytes], spec: FunctionSpec) -> bytes:
    """The zip of ``files`` (bytes by path) with a manifest of ``spec`` at its root.

    Raises PackageError for a name that cannot be unpacked everywhere, for too much, or if ``spec.entry`` is not among
    the files.
    """
    _check(files, spec)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in sorted({**files, MANIFEST: _manifest(files, spec)}.items()):
            info = zipfile.ZipInfo(name, EPOCH)
            info.create_system = _UNIX
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(info, data, _method(data), LEVEL)
    return packed.getvalue()


def _manifest(files: Mapping[str, bytes], spec: FunctionSpec) -> bytes:
    fields: dict[str, Any] = {
        "format": FORMAT,
        "name": spec.name,
        "database": spec.database,
        "signature": str(spec.signature) if spec.signature else None,
        "kind": spec.kind,
        "symbol": spec.symbol,
        "entry": spec.entry,
        "batch_size": spec.batch_size,
        "always_nullable": spec.always_nullable,
        "volatility": spec.volatility,
        "requirements": list(spec.requirements),
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }
    return (json.dumps(fields, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _method(data: bytes) -> int:
    """Deflated, but for what packs so well that a reader would take it for a bomb."""
    if len(data) > BOMB_FLOOR and len(data) > ZIP_RATIO * len(zlib.compress(data, LEVEL)) // 2:
        return zipfile.ZIP_STORED
    return zipfile.ZIP_DEFLATED


def _check(files: Mapping[str, bytes], spec: FunctionSpec) -> None:
    if MANIFEST in files:
        raise PackageError(f"{MANIFEST!r} is the name of the package's manifest", hint="rename that file")
    for name in files:
        if reason := names.fault(name):
            raise PackageError(f"{name!r} {reason}", hint="rename that file")
    if found := names.clash(sorted(files)):
        raise PackageError(f"{found[0]!r} {found[1]}", hint="rename that file")
    if len(files) >= ZIP_FILES or sum(map(len, files.values())) > ZIP_BYTES - BOMB_FLOOR:
        raise PackageError(
            f"more than {ZIP_FILES} files or {ZIP_BYTES >> 20} MB", hint="leave out data and environments"
        )
    if spec.entry not in files:
        raise PackageError(f"the entry {spec.entry!r} is not among the files", hint=listing(tuple(sorted(files))))
