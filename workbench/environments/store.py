"""Environments: an interpreter with packages for each (Python, set of requirements, platform), built once and kept.

A folder is built beside its place, and moved there with its marker inside: so the one that is there is whole, whoever
was killed meanwhile. A file lock lets one process build while others wait; whoever uses an environment holds the same
lock shared, so that none is pruned under a living worker. The invariant: `Environments.python` returns an interpreter
that has imported what our worker needs, or raises, and then nothing is left of it. Left out on purpose: what the power
does to files that uv has just written.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement

from workbench import settings
from workbench.environments.uv import Failed, run, uv
from workbench.errors import EnvironmentBuildError

MARKER: Final = "workbench.json"
FORMAT: Final = 1
OLDEST: Final = (3, 8)
LOCK_POLL: Final = 0.02
"""Seconds between two looks at a lock that another process holds."""

KNOWN: Final = (("numpy<2", "pyarrow>=26", "pyarrow<26"),)
"""If both of the first two were chosen, the third is needed: the resolver accepts what then cannot be imported."""

IMPORTED: Final = ("pyarrow", "numpy", "pandas")
"""What our worker imports, where it is installed: built to fit each other, and no use if they do not."""

_ASK: Final = """
import json, platform, sys
print(json.dumps([platform.python_implementation(), platform.python_version(), list(sys.version_info[:2])]))
"""


@dataclass(frozen=True, slots=True)
class Environment:
    """One that is there. ``packages`` are pinned: ``numpy==1.26.4``; ``used_at`` is in seconds since 1970."""

    folder: Path
    python: str
    requirements: tuple[str, ...]
    packages: tuple[str, ...]
    used_at: float

    @property
    def size(self) -> int:
        """Bytes that only this environment takes: what is shared with uv's cache by hard links is not counted."""
        found = (path.lstat() for path in self.folder.rglob("*") if not path.is_dir())
        return sum(stat.st_size for stat in found if stat.st_nlink == 1)


class Environments:
    """The environments of a home. Safe to use from several threads and processes; close it to let go of them."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "environments"
        self._held: dict[str, int] = {}

    def python(
        self, base: str, requirements: Sequence[str], *, tell: Callable[[str], None], seconds: float | None = None
    ) -> str:
        """The interpreter that has ``requirements`` (normalised) and pyarrow, made with the interpreter ``base``.

        Built if it is not there, which ``tell`` is told before. ``seconds`` limits waiting and building. Raises
        EnvironmentBuildError with uv's last lines.
        """
        deadline = time.monotonic() + (settings.BUILD_SECONDS if seconds is None else seconds)
        try:
            return str(_interpreter(self._hold(base, requirements, tell, deadline)))
        except OSError as error:
            raise EnvironmentBuildError(
                f"no environment can be made here: {error.strerror}",
                hint="workbench doctor looks at the home, workbench env prune makes room in it",
            ) from error

    def _hold(self, base: str, requirements: Sequence[str], tell: Callable[[str], None], deadline: float) -> Path:
        """The folder of a whole environment, which stays as long as it is held."""
        wanted = tuple(sorted({"pyarrow", *requirements}))
        key = _key(base, wanted)
        place = self.folder / key
        if key in self._held and _is_whole(place):
            return place
        self._let_go(key)  # what was used is gone: one may build again
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.folder / f"{key}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(lock, fcntl.LOCK_SH, deadline)
            while not _is_whole(place):
                fcntl.flock(lock, fcntl.LOCK_UN)  # two that hold it shared would wait for each other
                _lock(lock, fcntl.LOCK_EX, deadline)
                if not _is_whole(place):
                    shown = ", ".join(requirements) or "pyarrow"
                    tell(f"building an environment with {shown}; this is done once")
                    _sweep(self.folder, key)
                    _publish(place, base, wanted, deadline)
                _lock(lock, fcntl.LOCK_SH, deadline)  # another may prune between two locks: look again
            os.utime(place / MARKER)
        except BaseException:
            os.close(lock)
            raise
        self._let_go(key)  # of what another thread took meanwhile
        self._held[key] = lock
        return place

    def _let_go(self, key: str) -> None:
        lock = self._held.pop(key, None)
        if lock is not None:
            os.close(lock)

    def list(self) -> list[Environment]:
        """Those that are there, the one used last first."""
        found = [_read(marker) for marker in self.folder.glob(f"*/{MARKER}") if "." not in marker.parent.name]
        return sorted(found, key=lambda one: (-one.used_at, one.folder))

    def prune(self, days: float = settings.ENVIRONMENT_DAYS) -> int:
        """Remove those that were not used for so long, and what killed builders left; how many were removed.

        One that is being built or used, by whatever process, stays.
        """
        removed = 0
        for path in sorted(self.folder.glob("*.lock")):
            lock = os.open(path, os.O_RDWR)
            try:
                with suppress(BlockingIOError):
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    _sweep(self.folder, path.stem)
                    removed += _remove_old(self.folder / path.stem, days)
            finally:
                os.close(lock)
        return removed

    def close(self) -> None:
        """Let go of what was used: it may be pruned now. May be called twice."""
        for key in tuple(self._held):
            self._let_go(key)


def _key(base: str, wanted: Sequence[str]) -> str:
    """Of an interpreter as it is now: one that was updated in place is another."""
    real = os.path.realpath(base)
    found = Path(real).stat()
    parts = [FORMAT, real, found.st_size, found.st_mtime_ns, sys.platform, platform.machine(), *wanted]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _interpreter(place: Path) -> Path:
    return place / "bin" / "python"


def _is_whole(place: Path) -> bool:
    """Whether it was finished, and the interpreter that it was made with is still there."""
    return (place / MARKER).exists() and _interpreter(place).exists()


def _lock(fd: int, how: int, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(fd, how | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise EnvironmentBuildError(
                    "another process builds the same environment, and did not finish in time", hint="try again"
                ) from None
            time.sleep(LOCK_POLL)
        else:
            return


def _sweep(folder: Path, key: str) -> None:
    """Remove what builders of this key left that were killed."""
    for path in folder.glob(f"{key}.building-*"):
        shutil.rmtree(path, ignore_errors=True)  # a uv that survived its parent may still write there: next time


def _remove_old(place: Path, days: float) -> bool:
    marker = place / MARKER
    if not place.exists() or (marker.exists() and time.time() - marker.stat().st_mtime < days * 86_400):
        return False
    marker.unlink(missing_ok=True)  # first: from here on it is not whole
    shutil.rmtree(place)
    return True


def _publish(place: Path, base: str, wanted: Sequence[str], deadline: float) -> None:
    """Build it beside its place and move it there."""
    building = place.with_name(f"{place.name}.building-{secrets.token_hex(4)}")
    try:
        _build(building, base, wanted, deadline)
        shutil.rmtree(place, ignore_errors=True)  # its interpreter is gone
        building.rename(place)
    except BaseException as error:
        shutil.rmtree(building, ignore_errors=True)
        if isinstance(error, Failed):
            raise _not_built(wanted, error) from None
        raise
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _build(building: Path, base: str, wanted: Sequence[str], deadline: float) -> None:
    version = _asked(base, deadline)
    pins, offline = _resolved(base, wanted, deadline)
    uv("venv", "--quiet", "--no-project", "--relocatable", "--python", base, str(building), deadline=deadline)
    python = str(_interpreter(building))
    # Workers may not write bytecode, and would compile everything at each start.
    options = ("--quiet", "--no-deps", "--compile-bytecode", *offline, "--python", python)
    uv("pip", "install", *options, "--requirement", "-", text="\n".join(pins), deadline=deadline)
    installed = {Requirement(pin).name for pin in pins}
    imports = ", ".join(name for name in IMPORTED if name in installed)
    run([python, "-I", "-c", f"import {imports}"], deadline=deadline)
    told = {"format": FORMAT, "python": version, "requirements": list(wanted), "packages": pins}
    with (building / MARKER).open("w", encoding="utf-8") as file:
        json.dump(told, file, indent=2)
        file.flush()
        os.fsync(file.fileno())


def _asked(base: str, deadline: float) -> str:
    """The version of an interpreter. Raises EnvironmentBuildError for one that our worker does not run in."""
    implementation, version, numbers = json.loads(run([base, "-I", "-c", _ASK], deadline=deadline))
    if implementation != "CPython" or tuple(numbers) < OLDEST:
        raise EnvironmentBuildError(
            f"{Path(base).name} is {implementation} {version}", hint="functions run in CPython 3.8 or newer"
        )
    return str(version)


def _resolved(base: str, wanted: Sequence[str], deadline: float) -> tuple[list[str], tuple[str, ...]]:
    """Each package that is needed with its version; and the option by which they are installed, if there is one."""

    def resolve(texts: Sequence[str], *options: str) -> list[str]:
        options = ("--quiet", "--no-header", "--no-annotate", "--python", base, *options)
        return uv("pip", "compile", "-", *options, text="\n".join(texts), deadline=deadline).splitlines()

    offline: tuple[str, ...] = ()
    try:
        pins = resolve(wanted)
    except Failed as error:
        offline = ("--offline",)
        try:  # without a network, what is in uv's cache may do
            pins = resolve(wanted, *offline)
        except Failed:
            raise error from None
    more = _needed_besides(pins)
    return (resolve([*wanted, *more], *offline), offline) if more else (pins, offline)


def _needed_besides(pins: Sequence[str]) -> list[str]:
    """What has to be said on top, of pairs that are known not to fit."""
    read = map(Requirement, pins)
    chosen = {one.name: version for one in read for version in (part.version for part in one.specifier)}

    def has(text: str) -> bool:
        known = Requirement(text)
        return known.name in chosen and known.specifier.contains(chosen[known.name], prereleases=True)

    return [then for one, other, then in KNOWN if has(one) and has(other)]


def _read(marker: Path) -> Environment:
    found: dict[str, Any] = json.loads(marker.read_text(encoding="utf-8"))
    requirements, packages = tuple(found["requirements"]), tuple(found["packages"])
    return Environment(marker.parent, found["python"], requirements, packages, marker.stat().st_mtime)


def _not_built(wanted: Sequence[str], error: Failed) -> EnvironmentBuildError:
    """In uv's own words, which say what does not fit."""
    shown = "\n  ".join(["no environment with " + ", ".join(wanted) + " can be built:", *error.lines])
    return EnvironmentBuildError(shown, logs=error.lines, hint="earlier versions of the function stay as they were")
