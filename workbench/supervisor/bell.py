"""A way to tell a thread that waits in `select` to stop: a flag, and a descriptor that wakes it.

The invariant: once rung it stays rung; ringing one that was closed does nothing. Left out on purpose: what to stop.
"""

from __future__ import annotations

import os
import threading


class Bell:
    """``fd`` becomes readable when it is rung. May be rung and closed from any thread, more than once."""

    def __init__(self) -> None:
        self.fd, self._write = os.pipe()
        self.rung = False
        self._lock = threading.RLock()

    def ring(self) -> None:
        with self._lock:
            if self.fd >= 0 and not self.rung:
                os.write(self._write, b"!")
            self.rung = True

    def close(self) -> None:
        with self._lock:
            if self.fd >= 0:
                os.close(self.fd)
                os.close(self._write)
                self.fd = -1
