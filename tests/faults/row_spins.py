"""Attacks: every wait has a deadline. Ends in BatchTimeout."""


def evaluate(a: int) -> int:
    """Give back what comes, but sin at 5."""
    while a == 5:
        pass
    return a
