"""Attacks: a row that raises fails alone, and by name. Ends in ValueError."""


def evaluate(a: int) -> int:
    """Give back what comes, but sin at 5."""
    if a == 5:
        raise ValueError(f"no {a}")
    return a
