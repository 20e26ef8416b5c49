"""Attacks: restarts come to an end. Ends in RestartsExhausted."""

import os

os._exit(7)


def evaluate(a: int) -> int:
    """Give back what comes."""
    return a
