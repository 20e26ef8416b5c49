"""Attacks: whatever a row raises is the row's error, and the worker goes on. Ends in KeyboardInterrupt."""


def evaluate(a: int) -> int:
    """Give back what comes, but sin at 5."""
    if a == 5:
        raise KeyboardInterrupt
    return a
