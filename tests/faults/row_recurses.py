"""Attacks: an endless recursion is an error of the row. Ends in RecursionError."""


def evaluate(a: int) -> int:
    """Give back what comes, but sin at 5."""
    return evaluate(a) + 1 if a == 5 else a
