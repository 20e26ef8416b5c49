"""Attacks: a row that ends the process each time is found and named. Ends in WorkerCrashed."""

import os
import signal


def evaluate(a: int) -> int:
    """Give back what comes, but sin at 5."""
    if a == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return a
