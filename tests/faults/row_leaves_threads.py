"""Attacks: a thread that never ends does not keep a worker. Heals."""

import threading
import time


def evaluate(a: int) -> int:
    """Give back what comes, but sin at 5."""
    if a == 5:
        threading.Thread(target=time.sleep, args=(1000,)).start()
    return a
