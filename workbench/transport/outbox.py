"""What is still to be sent through a socket, in order: pieces of bytes, some with a file descriptor alongside.

The invariant: nothing is copied, nothing waits, and a descriptor is closed here once it was sent or can no longer be.
It arrives with the first byte of its piece, so a receiver that reads piece by piece knows to which one it belongs.
"""

from __future__ import annotations

import array
import os
import socket
from collections import deque
from itertools import islice
from typing import Final

GATHER: Final = 16
"""Pieces of one call: header and payload leave together."""


class Outbox:
    """The pieces that one channel has yet to send."""

    def __init__(self) -> None:
        self._pieces: deque[tuple[memoryview, int | None]] = deque()

    def __bool__(self) -> bool:
        return bool(self._pieces)

    def put(self, piece: memoryview, fd: int | None = None) -> None:
        """Add a piece, which is not empty. The descriptor is ours from now on."""
        self._pieces.append((piece, fd))

    def send(self, connection: socket.socket) -> None:
        """Send what can be sent. Raises BlockingIOError if that is not all, ConnectionError if nobody is there."""
        while self._pieces:
            pieces: list[memoryview] = []
            first = self._pieces[0][1]
            for piece, fd in islice(self._pieces, GATHER):
                if pieces and fd is not None:
                    break
                pieces.append(piece)
            rights = [] if first is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [first]))]
            sent = connection.sendmsg(pieces, rights)
            if first is not None:
                os.close(first)
                self._pieces[0] = (pieces[0], None)
            while self._pieces and sent >= len(self._pieces[0][0]):
                sent -= len(self._pieces.popleft()[0])
            if sent:
                self._pieces[0] = (self._pieces[0][0][sent:], self._pieces[0][1])

    def clear(self) -> None:
        """Send nothing more."""
        for _, fd in self._pieces:
            if fd is not None:
                os.close(fd)
        self._pieces.clear()
