"""Attacks: memory has a limit. Ends in WorkerOutOfMemory."""

import time

kept: list[bytes] = []


def evaluate(a: int) -> int:
    """Give back what comes, but sin at 5."""
    if a == 5:
        kept.append(b"x" * 500_000_000)
        time.sleep(5)
    return a
