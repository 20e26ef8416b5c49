"""Faulthandler's dumps are told from what a program prints itself, line by line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from workbench.dumps import FATAL, Dumps

OWN = [
    "row 1",
    "",
    "  row 2",
    "Thread 0x is what I print",
    "Traceback (most recent call last):",
    '  File "mine.py", line 3, in f',
    "    return 1 / 0",
    "ZeroDivisionError: division by zero",
    "... and so on",
]

CRASH = """
import ctypes, faulthandler, signal, sys, threading, time
faulthandler.enable()
faulthandler.register(signal.SIGUSR1, all_threads=True)
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
def evaluate(depth):
    if depth:
        return evaluate(depth - 1)
    print("asked", file=sys.stderr, flush=True)
    signal.raise_signal(signal.SIGUSR1)
    print("dying", file=sys.stderr, flush=True)
    ctypes.string_at(0)
evaluate(200)
"""


def own(lines: list[str]) -> list[str]:
    """The lines that are no dump's."""
    dumps = Dumps()
    return [line for line in lines if not dumps.holds(line)]


def test_what_a_program_prints_is_its_own() -> None:
    """Tracebacks and empty lines too."""
    assert own(OWN) == OWN


@pytest.mark.parametrize("code", [CRASH, CRASH.replace("ctypes.string_at(0)", "import os; os.abort()")])
def test_a_real_dump_is_known_to_its_last_line(code: str) -> None:
    """Of a signal and of a death, deep and with several threads: what is left are the program's two lines."""
    died = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    lines = died.stderr.splitlines()
    assert any(line.startswith(FATAL) for line in lines)
    assert len(lines) > 100
    assert own(lines) == ["asked", "dying"]


def test_what_stands_between_is_found() -> None:
    """Lines of another stream may come in the middle of a dump."""
    dump = [f"{FATAL}Segmentation fault", "", "Current thread 0x00007f01 (most recent call first):"]
    frames = ['  File "/tmp/package/f.py", line 2 in evaluate', "", "Extension modules: numpy (total: 1)"]
    assert own([*dump, "row 7", *frames, "row 8"]) == ["row 7", "row 8"]
