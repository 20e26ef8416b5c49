"""What is kept on disk under attack: zips that were tampered with, and a registry whose writers are killed.

Left out on purpose: disks that are full; the tests of the packaging and the registry do that.
"""

from __future__ import annotations

import io
import signal
import sqlite3
import stat
import subprocess
import sys
import time
import warnings
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from workbench.errors import PackageError, UnsafeArchive
from workbench.packaging import extract, read_zip
from workbench.registry import Registry
from workbench.settings import ZIP_BYTES

NAMES: Final = (
    *("../evil.py", "a/../../evil.py", "/evil.py", "C:evil.py", "..\\evil.py", "a//b.py", "./a.py", "a\nb.py", "A.PY"),
    *("a.py", "a.py/b.py", "a/", "pkg/__init__.py", "x" * 300, "donn\u00e9es.txt", "donne\u0301es.txt", "con", "a\0b"),
)
PIECES: Final = (b"../", b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"\0", b"\xff\xff\xff\xff", b"/etc/")
MODES: Final = (stat.S_IFREG | 0o644, stat.S_IFREG | 0o6777, stat.S_IFLNK | 0o777, stat.S_IFDIR, stat.S_IFIFO, 0)


def _zip(rng: Random) -> bytes:
    """A zip of hostile names and kinds, some of it a bomb."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of the duplicates that it writes
        for _ in range(rng.randrange(1, 5)):
            info = zipfile.ZipInfo("x")
            info.filename = rng.choice(NAMES) if rng.random() < 0.4 else f"pkg/m{rng.randrange(4)}.py"
            info.external_attr = rng.choice(MODES) << 16 if rng.random() < 0.2 else MODES[0] << 16
            bomb = rng.random() < 0.02
            data = b"\0" * (3 << 20) if bomb else rng.randbytes(rng.randrange(200))
            archive.writestr(info, data, zipfile.ZIP_DEFLATED if bomb or rng.random() < 0.5 else zipfile.ZIP_STORED)
    return packed.getvalue()


def _mutated(rng: Random, data: bytes) -> bytes:
    raw = bytearray(data)
    for _ in range(rng.randrange(4)):
        at = rng.randrange(len(raw))
        match rng.randrange(5):
            case 0:
                raw[at] ^= 1 << rng.randrange(8)
            case 1:
                raw[at : at + 4] = rng.randbytes(4)
            case 2:
                del raw[at : at + rng.randint(1, 30)]
            case 3:
                raw[at:at] = rng.choice(PIECES)
            case _:
                piece = rng.choice(PIECES)
                raw[at : at + len(piece)] = piece
    return bytes(raw)


def s8_zips(rng: Random, home: Path, full: bool) -> str:
    """Whatever is in a zip, nothing is written outside the folder it is unpacked to, and nothing beyond the limits."""
    count, read, unsafe = (10_000 if full else 1_000), 0, 0
    for number in range(count):
        try:
            package = read_zip(_mutated(rng, _zip(rng)))
            extract(package, home / "root" / "to")
        except UnsafeArchive:
            unsafe += 1
            continue
        except PackageError:
            continue
        read += 1
        root = home / "root"
        found = {path.relative_to(root / "to").as_posix() for path in (root / "to").rglob("*") if path.is_file()}
        assert found == set(package.files), f"zip {number}: {sorted(found)} instead of {package.files}"
        assert not any(path.is_symlink() for path in root.rglob("*")), f"zip {number}: a link"
        assert sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) <= ZIP_BYTES
        assert [path.name for path in root.iterdir()] == ["to"], f"zip {number}: {list(root.iterdir())}"
        (root / "to").rename(home / "old")
        _remove(home / "old")
        assert [path.name for path in home.iterdir()] == ["root"], f"zip {number}: {list(home.iterdir())}"
    assert read, "every zip was refused"
    return f"{count:,} zips, {read:,} read, {unsafe:,} refused as unsafe, the others as damaged, nothing outside"


def _remove(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


WRITER: Final = """
import sys
from pathlib import Path
from workbench.errors import RegistryError
from workbench.functions import FunctionSpec
from workbench.packaging import build
from workbench.registry import Registry

home, name, begin, end = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
with Registry(home) as registry:
    number = begin
    while number < end:
        spec = FunctionSpec(name, "script", None, None, "job.py")
        try:
            registry.register(spec, build({"job.py": f"{name} {number}".encode()}, spec), str(number))
        except RegistryError as error:  # locked for more than 5 s: nothing was written, which may be tried again
            if "locked" not in error.message:
                raise
            continue
        print(number, flush=True)
        number += 1
"""


@dataclass
class _Writer:
    """One of the processes that write; it is started again where it was killed."""

    home: Path
    name: str
    total: int
    done: int = 0
    process: subprocess.Popen[str] = field(init=False)

    def start(self) -> None:
        argv = [sys.executable, "-c", WRITER, str(self.home), self.name, str(self.done), str(self.total)]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)

    def kill(self) -> None:
        """Kill it, and take note of what it had said to be there."""
        self.process.kill()
        said, _ = self.process.communicate()
        assert self.process.returncode in (0, -signal.SIGKILL), f"{self.name} left with {self.process.returncode}"
        self.done = int(said.split()[-1]) + 1 if said else self.done

    def finish(self) -> None:
        said, _ = self.process.communicate()
        assert self.process.returncode == 0, f"{self.name} left with {self.process.returncode}"
        self.done = int(said.split()[-1]) + 1 if said else self.done


def s9_registry(rng: Random, home: Path, full: bool) -> str:
    """Eight processes write one registry, some are killed: the file is whole, and what was committed is there."""
    rounds, kills, processes = (1_000, 20, 8) if full else (25, 4, 4)
    writers = [_Writer(home, f"writer{index}", rounds) for index in range(processes)]
    killed = 0
    try:
        for writer in writers:
            writer.start()
        while killed < kills:
            writer = rng.choice(writers)
            time.sleep(rng.uniform(0.3, 1.5))
            if writer.process.poll() is None:
                writer.kill()
                killed += 1
                writer.start()
            elif all(one.process.poll() is not None for one in writers):
                break
        for writer in writers:
            writer.finish()
    finally:
        for writer in writers:
            writer.process.kill()
            writer.process.wait()
            if writer.process.stdout is not None:
                writer.process.stdout.close()
    with Registry(home) as registry:
        for writer in writers:
            versions = registry.versions(writer.name)
            assert [known.version for known in versions] == list(range(1, len(versions) + 1)), "versions with gaps"
            # A version that was committed and not told when its writer was killed is the latest: no other is made.
            assert [known.source for known in versions] == [str(number) for number in range(rounds)], writer.name
            for known in versions:
                assert registry.package_path(known.sha256).is_file(), f"no package of {writer.name} {known.version}"
    connection = sqlite3.connect(home / "registry.sqlite")
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",), "the file is damaged"
    finally:
        connection.close()
    assert killed, "no kill met a writer"
    return (
        f"{processes} processes x {rounds:,} writes, {killed} of {kills} kills met, all committed rows there, file ok"
    )
