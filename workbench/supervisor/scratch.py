"""Temporary folders that do not outlive their process, not even when it is killed.

All folders of a process are below one, whose name tells whose it is: pid and start time, since pids come round again.
The first folder that is wanted sweeps away those of processes that are gone. Left out on purpose: what is put into
them.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

_NAME: Final = re.compile(r"udf-workbench-(?P<pid>\d+)-(?P<start>\d+)")
_lock = threading.Lock()
_tops: dict[tuple[int, str], Path] = {}


def folder(prefix: str) -> Path:
    """A new, empty folder for this user only. Whoever asks for it removes it."""
    return Path(tempfile.mkdtemp(prefix=prefix, dir=_top()))


def _top() -> Path:
    """The one folder of this process below the temporary folder as it is set now."""
    key = (os.getpid(), tempfile.gettempdir())
    with _lock:
        top = _tops.get(key)
        if top is None or not top.is_dir():
            sweep()
            top = Path(key[1]) / f"udf-workbench-{key[0]}-{_start_of(key[0])}"
            top.mkdir(mode=0o700, exist_ok=True)
            _tops[key] = top
            atexit.register(_leave, top, key[0])
        return top


def _leave(top: Path, pid: int) -> None:
    if pid == os.getpid():  # not in a forked child, which has inherited this
        with suppress(OSError):
            top.rmdir()


def sweep() -> list[Path]:
    """Remove what processes left that are gone; which folders those were."""
    gone = []
    for path in Path(tempfile.gettempdir()).glob("udf-workbench-*"):
        name = _NAME.fullmatch(path.name)
        if name is None or _start_of(int(name["pid"])) == int(name["start"]):
            continue
        with suppress(OSError):  # another user's
            if path.stat().st_uid == os.getuid():
                shutil.rmtree(path, ignore_errors=True)
                gone.append(path)
    return gone


def _start_of(pid: int) -> int:
    """When a process started, in the kernel's ticks; 0 if it cannot be told, -1 if there is no such process."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19])
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return -1
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return -1
    except PermissionError:
        return 0
    return 0
