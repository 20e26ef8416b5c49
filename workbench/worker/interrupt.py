"""The parent's request to give up on a batch: an exception that is raised in the user's code, and nowhere else.

The invariant: it is raised at most once, and only inside of the ``with`` that the user's code runs in, so that no frame
to the parent is ever cut short by it; a signal that comes at another time is forgotten. Left out on purpose: code that
never comes back to the interpreter, or catches everything; the parent kills such a process.
"""

from __future__ import annotations

import signal
from typing import Any


class Interrupted(KeyboardInterrupt):
    """The batch is out of time. To user code it looks like Ctrl-C, which cleans up and lets it through."""


class Interrupts:
    """A context manager around user code. ``SIGUSR2`` is the request: SIGINT is ignored here."""

    def __init__(self) -> None:
        self._armed = False

    def listen(self) -> None:
        """From now on a signal is dealt with here. To be called in the main thread, where it will be raised."""
        signal.signal(signal.SIGUSR2, self._on_signal)

    def _on_signal(self, number: int, frame: Any) -> None:
        if self._armed:
            self._armed = False
            raise Interrupted("the batch is out of time")

    def __enter__(self) -> None:
        self._armed = True

    def __exit__(self, *error: object) -> None:
        self._armed = False
