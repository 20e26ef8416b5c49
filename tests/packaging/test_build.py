"""Building: the same input gives the same bytes anywhere, which read back and cannot be changed unseen."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from workbench.errors import PackageError
from workbench.functions import FunctionSpec, parse_signature
from workbench.packaging import MANIFEST, build, read_zip

FILES = {"score.py": b"def score(a, b):\n    return a + b\n", "help/wörter.py": b"x = 1\n" * 1000}
SPEC = FunctionSpec(
    name="score",
    kind="udf",
    signature=parse_signature("score(a DOUBLE, b DOUBLE) -> DOUBLE"),
    symbol="score.score",
    entry="score.py",
    requirements=("numpy<2",),
    env={"TOKEN": "secret"},
)

REBUILD = """
import hashlib, os, sys
os.umask(0o077)
sys.path[:0] = [{path!r}]
from test_build import FILES, SPEC
from workbench.packaging import build
print(hashlib.sha256(build(dict(reversed(FILES.items())), SPEC)).hexdigest())
"""


def rezipped(data: bytes, **changes: bytes | None) -> bytes:
    """The same zip with some files replaced, added or (None) left out."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files: dict[str, bytes | None] = {name: archive.read(name) for name in archive.namelist()}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in {**files, **changes}.items():
            if content is not None:
                archive.writestr(name, content)
    return packed.getvalue()


def test_same_input_same_bytes() -> None:
    """Another process, time zone, umask, hash seed and order of files give the same zip."""
    ours = hashlib.sha256(build(FILES, SPEC)).hexdigest()
    environment = {**os.environ, "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7", "LC_ALL": "C"}
    code = REBUILD.format(path=str(Path(__file__).parent))
    theirs = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert theirs.stdout.strip() == ours


def test_fixed_headers() -> None:
    """Sorted names, 1980, 0644, Unix: nothing in a header tells where or when it was built."""
    with zipfile.ZipFile(io.BytesIO(build(FILES, SPEC))) as archive:
        assert archive.namelist() == sorted([*FILES, MANIFEST])
        for info in archive.infolist():
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            assert (info.external_attr >> 16, info.create_system) == (0o100644, 3)


def test_manifest() -> None:
    """The manifest tells what the function is, with the hash of each file, and keeps env to itself."""
    package = read_zip(build(FILES, SPEC))
    assert package.manifest is not None
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()}
    assert dict(package.manifest) == {
        "format": 1,
        "name": "score",
        "database": "default",
        "signature": "score(a DOUBLE, b DOUBLE) -> DOUBLE",
        "kind": "udf",
        "symbol": "score.score",
        "entry": "score.py",
        "batch_size": None,
        "always_nullable": True,
        "volatility": "volatile",
        "requirements": ["numpy<2"],
        "files": hashes,
    }
    assert b"secret" not in package.read(MANIFEST)


def test_content_ignores_packing() -> None:
    """Packed by other means the bytes differ, the content does not."""
    data = build(FILES, SPEC)
    other = rezipped(data)
    assert read_zip(other).sha256 != read_zip(data).sha256
    assert read_zip(other).content == read_zip(data).content
    assert read_zip(build({**FILES, "score.py": b""}, SPEC)).content != read_zip(data).content


def test_bomb_like_data_stays_readable() -> None:
    """A folder's own 5 MB of zeros is stored instead of deflated, so that our reader takes it."""
    assert read_zip(build({**FILES, "zeros.bin": bytes(5_000_000)}, SPEC)).contents["zeros.bin"] == bytes(5_000_000)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({**FILES, MANIFEST: b"{}"}, r"'workbench\.json' is the name of the package's manifest"),
        ({**FILES, "../x.py": b""}, r"'\.\./x\.py' leads out of its folder"),
        ({**FILES, "Score.py": b""}, "differs only in case"),
        ({"other.py": b""}, r"the entry 'score\.py' is not among the files\n  there are: other\.py"),
    ],
)
def test_build_refuses(files: dict[str, bytes], message: str) -> None:
    """What could not be read back is not built."""
    with pytest.raises(PackageError, match=message):
        build(files, SPEC)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"score.py": b"import os"}, r"'score\.py' was changed after its package was built"),
        ({"score.py": None}, r"the package lacks 'score\.py'"),
        ({"extra.py": b""}, r"'extra\.py' is not in the manifest"),
        ({MANIFEST: b"not json"}, r"workbench\.json is damaged"),
        ({MANIFEST: b"[1]"}, r"workbench\.json is damaged"),
        ({MANIFEST: b'{"format": 1, "files": [1]}'}, r"workbench\.json is damaged"),
        ({MANIFEST: b"[" * 100_000}, r"workbench\.json is damaged"),
        ({MANIFEST: json.dumps({"format": 2, "files": {}}).encode()}, "has format 2, this version reads up to 1"),
    ],
)
def test_changed_package_refused(changes: dict[str, bytes | None], message: str) -> None:
    """A package that does not agree with its manifest, or is of a newer format, is refused, naming the file."""
    with pytest.raises(PackageError, match=message):
        read_zip(rezipped(build(FILES, SPEC), **changes))
