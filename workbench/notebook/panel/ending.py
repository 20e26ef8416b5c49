"""The end of Python: the panels say their last word, and from then on nothing.

A kernel that ends takes its threads and sockets down in an order of its own, and what another thread sends meanwhile is
lost or garbles other messages. The invariant: after the hook of `atexit`, which runs before those of the kernel, no
panel sends. Left out on purpose: ending the runs, which hooks that were set later have done by then (`live`).
"""

from __future__ import annotations

import atexit
import threading
import weakref
from typing import Final

SECONDS: Final = 1.0
"""What a last word may take: a refresh takes some milliseconds."""

_speaking: Final[weakref.WeakSet[threading.Thread]] = weakref.WeakSet()
_over: Final = threading.Event()


def speaks(thread: threading.Thread) -> None:
    """This thread tells of a run, and ends with it."""
    _speaking.add(thread)


def over() -> bool:
    """Whether nothing may be sent any more."""
    return _over.is_set()


@atexit.register
def _end() -> None:
    for thread in list(_speaking):
        thread.join(SECONDS)
    _over.set()
