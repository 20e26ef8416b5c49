"""Attacks: a module that is not there is told at once, and not tried again. Ends in WorkerStartError."""

import no_such_module  # type: ignore[import-not-found]


def evaluate(a: int) -> int:
    """Give back what comes."""
    return int(no_such_module.name(a))
