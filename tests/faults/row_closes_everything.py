"""Attacks: a worker that closes its channel is replaced, a row that does so each time named. Ends in WorkerCrashed."""

import os


def evaluate(a: int) -> int:
    """Give back what comes, but sin at 5."""
    if a == 5:
        os.closerange(0, 256)
    return a
