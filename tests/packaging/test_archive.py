"""Reading zips: what is safe comes back whole, everything else is refused by name before anything is written."""

from __future__ import annotations

import io
import random
import stat
import struct
import warnings
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import PackageError, UnsafeArchive
from workbench.packaging import extract, read_zip


def make(*entries: tuple[str, bytes], mode: int = stat.S_IFREG | 0o644, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these names and contents, however bad the names are."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of the duplicates that it writes
        for name, data in entries:
            info = zipfile.ZipInfo("x")
            info.filename = name
            info.external_attr = mode << 16
            archive.writestr(info, data, method)
    return packed.getvalue()


def patched(data: bytes, *, local: int, central: int, form: str, value: int, entry: int = 0) -> bytes:
    """Overwrite a field of the local (offset -1: leave it) and the central header of one entry."""
    raw = bytearray(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        start = archive.infolist()[entry].header_offset
        at = archive.start_dir
    for _ in range(entry):
        at = raw.index(b"PK\x01\x02", at + 4)
    if local >= 0:
        struct.pack_into(form, raw, start + local, value)
    struct.pack_into(form, raw, at + central, value)
    return bytes(raw)


def test_contents_come_back() -> None:
    """A foreign zip without manifest: files by path, folders left out, the hash of the zip itself."""
    package = read_zip(make(("top/", b""), ("top/main.py", b"x = 1\n"), ("top/données.txt", b"")))
    assert package.files == ("top/données.txt", "top/main.py")
    assert package.read("top/main.py") == b"x = 1\n"
    assert package.manifest is None
    assert len(package.sha256) == 64
    assert read_zip(b"#!/bin/sh\nexec unzip $0\n" + package.data).contents == package.contents
    with pytest.raises(PackageError, match=r"'main\.py' is not in the zip\n  there are: top/donn"):
        package.read("main.py")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../evil.py", "leads out of its folder"),
        ("a/../../evil.py", "leads out of its folder"),
        ("..", "leads out of its folder"),
        ("/etc/evil.py", "is an absolute path"),
        ("C:evil.py", "starts with a drive letter"),
        ("c:/evil.py", "starts with a drive letter"),
        ("..\\evil.py", "has a backslash in its name"),
        ("\\\\host\\share", "has a backslash in its name"),
        ("a//b.py", "has an empty part in its path"),
        ("./a.py", "has an empty part in its path"),
        ("a\nb.py", "has a control character in its name"),
        ("a" * 300 + ".py", "has too long a name"),
        ("a/" * 600 + "b.py", "has too long a name"),
    ],
)
def test_name_refused(name: str, reason: str) -> None:
    """A name that would be written elsewhere, or cannot be written everywhere, is refused, with itself in the error."""
    with pytest.raises(UnsafeArchive) as caught:
        read_zip(make(("good.py", b""), (name, b"")))
    assert (caught.value.member, caught.value.reason) == (name, reason)


def test_nul_refused() -> None:
    """A name with a NUL is one name to Python and another to C programs."""
    with pytest.raises(UnsafeArchive, match="NUL"):
        read_zip(make(("goodXpy", b"")).replace(b"goodXpy", b"good\0py"))


@pytest.mark.parametrize(
    ("names", "member", "reason"),
    [
        (("a", "a"), "a", "is there twice"),
        (("util.py", "Util.py"), "Util.py", "differs only in case from 'util.py'"),
        (("straße.py", "STRASSE.py"), "STRASSE.py", "differs only in case"),
        (("caf\u00e9.py", "cafe\u0301.py"), "cafe\u0301.py", "differs only in case"),
        (("pkg/a.py", "PKG/b.py"), "PKG/b.py", "differs only in case from 'pkg'"),
        (("pkg", "pkg/a.py"), "pkg", "is a file and a folder"),
        (("pkg/a.py", "Pkg"), "Pkg", "is a file and a folder"),
        (("pkg/", "pkg"), "pkg", "is a file and a folder"),
    ],
)
def test_clash_refused(names: tuple[str, ...], member: str, reason: str) -> None:
    """Two entries that would be one file on some system are refused."""
    with pytest.raises(UnsafeArchive) as caught:
        read_zip(make(*((name, b"") for name in names)))
    assert caught.value.member == member
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        (stat.S_IFLNK | 0o777, "is a link"),
        (stat.S_IFCHR | 0o666, "is a device, pipe or socket"),
        (stat.S_IFBLK | 0o666, "is a device, pipe or socket"),
        (stat.S_IFIFO | 0o666, "is a device, pipe or socket"),
        (stat.S_IFSOCK | 0o666, "is a device, pipe or socket"),
    ],
)
def test_kind_refused(mode: int, reason: str) -> None:
    """Only files and folders are read."""
    with pytest.raises(UnsafeArchive, match=reason):
        read_zip(make(("x", b"/etc/passwd"), mode=mode))


def test_encrypted_and_odd_compression_refused() -> None:
    """What cannot be read, or only by a decompressor without limits, is refused by name."""
    with pytest.raises(UnsafeArchive, match=r"'x\.py' is encrypted"):
        read_zip(patched(make(("x.py", b"1")), local=6, central=8, form="<H", value=1))
    with pytest.raises(UnsafeArchive, match=r"'x\.py' is neither stored nor deflated"):
        read_zip(make(("x.py", b"1"), method=zipfile.ZIP_LZMA))


def test_bombs_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ratio, total size and number of files each stop the reading; small files of zeros are no bomb."""
    assert read_zip(make(("zeros", bytes(1 << 20)))).files == ("zeros",)
    with pytest.raises(UnsafeArchive, match="'zeros' unpacks to more than 200 times its size"):
        read_zip(make(("zeros", bytes(4 << 20))))
    monkeypatch.setattr("workbench.packaging.archive.ZIP_BYTES", 1_500_000)
    with pytest.raises(UnsafeArchive, match="'b' makes the zip unpack to more than"):
        read_zip(make(("a", bytes(1 << 20)), ("b", bytes(1 << 20))))
    monkeypatch.setattr("workbench.packaging.archive.ZIP_FILES", 3)
    with pytest.raises(UnsafeArchive, match="'3' is one of 5 entries"):
        read_zip(make(*((str(number), b"") for number in range(5))))


def test_overlap_refused() -> None:
    """Two entries that share their bytes, as in a bomb without recursion, are refused."""
    data = make(("a", b"12345"), ("b", b"12345"))
    with pytest.raises(UnsafeArchive, match=r"'[ab]' overlaps with another entry"):
        read_zip(patched(data, local=-1, central=42, form="<I", value=0, entry=1))


@pytest.mark.parametrize("size", [1, 1_000_000])
def test_lying_header_refused(size: int) -> None:
    """What a header says of the size is not believed, neither less nor more."""
    data = make(("lies.py", b"x = 1\n" * 100))
    with pytest.raises(PackageError, match=r"lies\.py"):
        read_zip(patched(data, local=22, central=24, form="<I", value=size))


def test_damage_is_named(tmp_path: Path) -> None:
    """A flipped byte, a cut file, no zip at all and a missing file are errors that say which."""
    good = make(("x.py", b"x = 1\n" * 100), method=zipfile.ZIP_STORED)
    with pytest.raises(PackageError, match=r"damaged zip: zip: Bad CRC-32 for file 'x\.py'"):
        read_zip(good.replace(b"x = 1", b"x = 2", 1))
    path = tmp_path / "cut.zip"
    path.write_bytes(good[:200])
    with pytest.raises(PackageError, match=f"not a zip: {path}"):
        read_zip(path)
    with pytest.raises(PackageError, match=r"cannot read .*none\.zip: No such file"):
        read_zip(tmp_path / "none.zip")


def test_mutations_never_surprise(tmp_path: Path) -> None:
    """2,000 damaged zips: each is read or refused with our errors, and what is read stays inside its folder."""
    rng = random.Random(54)
    good = make(("pkg/__init__.py", b""), ("pkg/main.py", b"print(1)\n" * 20), ("data.bin", bytes(range(256))))
    read = 0
    for number in range(2_000):
        raw = bytearray(good)
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(raw))
            match rng.randrange(4):
                case 0:
                    raw[at] ^= 1 << rng.randrange(8)
                case 1:
                    raw[at : at + 4] = rng.randbytes(4)
                case 2:
                    del raw[at : at + rng.randint(1, 30)]
                case _:
                    raw[at:at] = rng.choice([b"../", b"PK\x01\x02", b"PK\x03\x04", b"\0", b"\xff\xff\xff\xff"])
        try:
            package = read_zip(bytes(raw))
        except PackageError:
            continue
        extract(package, tmp_path / "root" / str(number))
        read += 1
    assert read > 0
    assert [path.name for path in tmp_path.iterdir()] == ["root"]


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=30), min_size=1, max_size=4))
def test_accepted_names_stay_below(tmp_path_factory: pytest.TempPathFactory, given_names: list[str]) -> None:
    """Whatever the names are: those that are accepted are written below the folder, under exactly these paths."""
    try:
        package = read_zip(make(*((name, b"") for name in given_names)))
    except PackageError:
        return
    base = tmp_path_factory.mktemp("names")
    extract(package, base / "to")
    found = {path.relative_to(base / "to").as_posix() for path in (base / "to").rglob("*") if path.is_file()}
    assert found == set(package.files)


def test_extract_gives_plain_files(tmp_path: Path) -> None:
    """Files get 0644 whatever the zip says: nothing is executable or setuid."""
    extract(read_zip(make(("bin/tool.py", b"x"), mode=stat.S_IFREG | 0o6777)), tmp_path / "new" / "to")
    mode = (tmp_path / "new/to/bin/tool.py").stat().st_mode
    assert stat.S_IMODE(mode) == 0o644


def test_extract_all_or_nothing(tmp_path: Path) -> None:
    """An empty folder is filled; one that holds something is left as it was, and nothing is left beside it."""
    package = read_zip(make(("x.py", b"x")))
    (tmp_path / "empty").mkdir()
    extract(package, tmp_path / "empty")
    assert (tmp_path / "empty/x.py").read_bytes() == b"x"
    with pytest.raises(PackageError, match=r"cannot unpack to .*empty: Directory not empty"):
        extract(package, tmp_path / "empty")
    (tmp_path / "file").write_text("")
    with pytest.raises(PackageError, match="cannot unpack to"):
        extract(package, tmp_path / "file")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file"]
