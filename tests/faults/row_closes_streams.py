"""Attacks: a function may close its own streams; the data has others. Heals."""

import os
import sys


def evaluate(a: int) -> int:
    """Give back what comes, but sin at 5."""
    if a == 5:
        sys.stdout.close()
        for fd in (0, 1, 2):
            os.close(fd)
    return a
