"""Attacks: whatever is printed is a log, and never data. Heals."""

import ctypes
import os
import sys


def evaluate(a: int) -> int:
    """Give back what comes, and print."""
    print("line", a)
    if sys.__stdout__ is not None:
        sys.__stdout__.write("line\n")
    os.write(1, b"line\n")
    ctypes.CDLL(None).puts(b"line")
    os.system("echo line")
    return a
