"""Attacks: a row that ends the process each time is found and named. Ends in WorkerCrashed."""

import os


def evaluate(a: int) -> int:
    """Give back what comes, but sin at 5."""
    if a == 5:
        os._exit(0)
    return a
