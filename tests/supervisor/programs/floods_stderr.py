"""Attacks: a log neither blocks nor grows. Writes 25 MB before, during and after each answer, some of it one long line."""

import os

import protocol
from peer import Peer, rows_of

peer = Peer()
LINE = b"x" * 99 + b"\n"
BLOCK = LINE * 10_000


def flood() -> None:
    for _ in range(24):
        os.write(2, BLOCK)
    os.write(2, b"y" * 1_000_000 + b"\n")


def answer(number: int, data: bytes) -> None:
    flood()
    peer.send(protocol.PART, number, data)
    flood()
    peer.end(number, rows_of(data))


peer.serve(answer)
