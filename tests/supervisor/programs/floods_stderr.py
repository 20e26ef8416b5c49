"""Attacks: a log neither blocks nor grows. Writes 25 MB before and during each answer, some of it one long line."""

import os

from peer import Peer, protocol, rows_of

peer = Peer()
LINE = b"x" * 99 + b"\n"
BLOCK = LINE * 10_000


def flood() -> None:
    """Write 25 MB, the last of it without an end of line until then."""
    for _ in range(24):
        os.write(2, BLOCK)
    os.write(2, b"y" * 1_000_000 + b"\n")


def answer(number: int, data: bytes) -> None:
    """Answer amid floods."""
    flood()
    peer.send(protocol.PART, number, data)
    flood()
    peer.end(number, rows_of(data))


peer.serve(answer)
