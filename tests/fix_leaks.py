"""What a test must not leave behind: a child process, an open file descriptor, a thread that keeps Python alive.

Compared are numbers of each kind, before and after: fixtures of wider scope are set up before the first look, and one
that replaces its worker in the middle of a test has as many as before. Left out on purpose: daemon threads, memory and
temporary files, and grandchildren, which belong to the tests that make them.
"""

from __future__ import annotations

import gc
import io
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow.csv
import pytest

DEADLINE = 2.0
"""Seconds for what is on its way out: a killed child is reaped, and its pipes are closed, by another thread."""

LAZY = re.compile(r"/dev/(null|u?random|tty)$|/usr/share/|.*/site-packages/|.*/\.hypothesis/|.*/__pycache__/")
"""Files that libraries open once, when they are first used, and keep on purpose: nobody could close them."""

PROC = Path("/proc/self")


# Arrow opens a pipe of its own at the first CSV file, for good: not in the middle of somebody's test.
pyarrow.csv.read_csv(io.BytesIO(b"a\n1\n"))


def children() -> dict[int, str]:
    """Pid and command line of every child of this process, zombies included; empty where there is no /proc (macOS)."""
    found = {}
    for listing in PROC.glob("task/*/children"):
        for pid in map(int, _text(listing).split()):
            command = _text(Path(f"/proc/{pid}/cmdline")).replace("\0", " ").strip()
            # multiprocessing starts it once and keeps it until Python ends.
            if "multiprocessing.resource_tracker" not in command:
                found[pid] = command or "a zombie: nobody waited for it"
    return found


def descriptors() -> Counter[str]:
    """How many descriptors are open by kind: ``pipe``, ``socket``, ``anon_inode:[pidfd]`` or the path of a file."""
    kinds: Counter[str] = Counter()
    for number in PROC.glob("fd/*"):
        try:
            target = str(number.readlink())
        except FileNotFoundError:  # it was the one of this very listing, or another thread was faster
            continue
        kind = re.sub(r"^(pipe|socket):\[\d+\]$", r"\1", target)
        if not LAZY.match(kind) and not re.match(r"/proc/\d+/fd$", kind):
            kinds[kind] += 1
    return kinds


def threads() -> list[threading.Thread]:
    """The threads that Python would wait for at its end."""
    return [thread for thread in threading.enumerate() if not thread.daemon]


@pytest.fixture(autouse=True)
def no_leaks() -> Iterator[None]:
    """Fail the test that leaves more children, descriptors or non-daemon threads than it found."""
    before = children(), descriptors(), threads()
    yield
    deadline = time.monotonic() + DEADLINE
    while leaks := leaked(*before):
        if time.monotonic() > deadline:
            pytest.fail("left behind: " + "; ".join(leaks), pytrace=False)
        gc.collect()  # only now, as it costs 50 ms: what is held by a cycle alone is no leak
        time.sleep(0.01)


def leaked(before: dict[int, str], open_before: Counter[str], running_before: list[threading.Thread]) -> list[str]:
    """What there is more of than before, in words."""
    now, open_now, running = children(), descriptors(), threads()
    found = []
    if len(now) > len(before):
        found += [f"child {pid} ({command})" for pid, command in now.items() if pid not in before]
    found += [f"{count} x {kind}" for kind, count in (open_now - open_before).items()]
    if len(running) > len(running_before):
        found += [f"thread {thread.name}" for thread in running if thread not in running_before]
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):  # it ended while we looked
        return ""
