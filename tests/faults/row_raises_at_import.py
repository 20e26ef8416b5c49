"""Attacks: a module that cannot be loaded is told at once, and not tried again. Ends in WorkerStartError."""

raise RuntimeError("not today")


def evaluate(a: int) -> int:
    """Give back what comes."""
    return a
