"""Attacks: a row that ends the process each time is found and named. Ends in WorkerCrashed."""

import faulthandler


def evaluate(a: int) -> int:
    """Give back what comes, but sin at 5."""
    if a == 5:
        faulthandler._sigsegv()  # type: ignore[attr-defined]
    return a
