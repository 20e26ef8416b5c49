"""Attacks: a death loses no row and doubles none. Heals."""

import os
import pathlib

mark = pathlib.Path(os.environ["MARK"])


def evaluate(a: int) -> int:
    """Give back what comes, but sin at 5."""
    if a == 5 and not mark.exists():
        mark.touch()
        os._exit(0)
    return a
