"""Attacks: what a function started is gone with its worker. Heals."""

import subprocess


def evaluate(a: int) -> int:
    """Give back what comes, but sin at 5."""
    if a == 5:
        subprocess.Popen(["sleep", "1000"])
    return a
