"""The child's end of the protocol for programs that misuse it: an echo of one BIGINT column, and how often we lived."""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.worker import protocol
else:
    import protocol  # the same, by its path: the package would import everything

__all__ = ["Peer", "life", "protocol", "rows_of"]

HEAD = 8


class Peer:
    """A child that says yes to everything, and gives each batch to a function."""

    def __init__(self) -> None:
        self.socket = socket.socket(fileno=int(os.environ.pop("WORKBENCH_FD")))
        self.frames = protocol.FrameReader(1 << 30)

    def receive(self) -> tuple[int, int, Any]:
        """The next frame. Ends the process when the parent is gone."""
        while True:
            count = self.socket.recv_into(self.frames.target)
            if not count:
                sys.exit(0)
            frame: tuple[int, int, Any] | None = self.frames.received(count)
            if frame is not None:
                return frame

    def send(self, kind: int, number: int, payload: Any) -> None:
        self.socket.sendall(protocol.header(kind, number, payload) + bytes(payload))

    def echo(self, number: int, payload: Any, *, rows: int | None = None) -> None:
        """The right answer, or one that announces other ``rows``."""
        self.send(protocol.PART, number, payload)
        self.end(number, rows_of(payload) if rows is None else rows)

    def end(self, number: int, rows: int) -> None:
        meta = {"rows": rows, "errors": [], "seconds": 0.0}
        self.send(protocol.END, number, protocol.encode(meta))

    def serve(self, on_batch: Callable[[int, Any], None]) -> None:
        """Be ready, and handle batches until the parent closes the socket."""
        while True:
            kind, number, payload = self.receive()
            if kind == protocol.LOAD:
                self.send(protocol.READY, 0, b"{}")
            elif kind == protocol.BATCH:
                on_batch(number, payload)


def rows_of(payload: Any) -> int:
    """How many values a batch of one column of 64-bit integers without NULL has: its body holds nothing else."""
    (metadata,) = struct.unpack_from("<i", payload, HEAD // 2)
    return int((len(payload) - HEAD - metadata) // 8)


def life() -> int:
    """How often this program has been started with this first argument, a file; from 1."""
    tally = Path(sys.argv[1])
    with tally.open("a", encoding="ascii") as file:
        file.write("x")
    return tally.stat().st_size
