"""Attacks: nothing depends on the folder that a worker is in, and what it wrote there is gone with it. Heals."""

import os
import pathlib
import tempfile


def evaluate(a: int) -> int:
    """Give back what comes, and leave files."""
    pathlib.Path("same name").write_text("x" * 1000)
    tempfile.mkstemp()
    if a == 5:
        os.chdir("/")
    return a
