"""Attacks: every wait has a deadline, also for C code that keeps the interpreter. Ends in BatchTimeout."""

import ctypes


def evaluate(a: int) -> int:
    """Give back what comes, but sin at 5."""
    if a == 5:
        ctypes.PyDLL(None).pause()
    return a
