"""Telling the parent that this process is alive while a request takes long, and ending it when there is no parent.

A thread beats once a second as long as something is worked on. It needs the GIL for that: code that never gives it
back, or a stopped process, is silent, which is what the parent wants to know. It also looks whether the parent is
still there, for systems whose kernel does not tell. The invariant: a short request costs nothing but two assignments.
Left out on purpose: what the parent makes of silence; an orphan that holds the GIL, where only the kernel could end it.
"""

from __future__ import annotations

import _thread
import os
import time
from typing import Any, Callable

SECONDS = 1.0


class Pulse:
    """``busy`` is set by the main loop around a request; ``beat`` is called while it is."""

    def __init__(self, beat: Callable[[], Any]) -> None:
        self.busy = False
        self._beat = beat
        self._parent = os.getppid()

    def start(self) -> None:
        """Beat from now on, in a thread that `threading` does not list: it is none of the user's."""
        _thread.start_new_thread(self._run, ())

    def _run(self) -> None:
        while True:
            time.sleep(SECONDS)
            if os.getppid() != self._parent:
                os._exit(1)  # the main thread may be in a loop that never ends
            if self.busy:
                self._beat()
