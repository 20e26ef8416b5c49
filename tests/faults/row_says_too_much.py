"""Attacks: an error of 10 MB is cut, and neither blocks nor hides anything. Ends in ValueError."""


def evaluate(a: int) -> int:
    """Give back what comes, but sin at 5."""
    if a == 5:
        raise ValueError("ä" * 5_000_000)
    return a
