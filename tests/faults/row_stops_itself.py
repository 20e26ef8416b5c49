"""Attacks: every wait has a deadline, also for a process that is stopped. Ends in BatchTimeout."""

import os
import signal


def evaluate(a: int) -> int:
    """Give back what comes, but sin at 5."""
    if a == 5:
        os.kill(os.getpid(), signal.SIGSTOP)
    return a
