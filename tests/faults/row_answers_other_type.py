"""Attacks: a value of another type than was declared is an error of the row. Ends in ValueMismatch."""

from typing import Any


def evaluate(a: int) -> Any:
    """Give back what comes, but sin at 5."""
    return {"no": "number"} if a == 5 else a
