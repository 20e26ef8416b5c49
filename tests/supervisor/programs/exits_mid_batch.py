"""Attacks: exit status 0 before the answer is a crash like any other. Exits after half an answer, in its first life."""

import os

from peer import Peer, life, protocol

peer, first = Peer(), life() == 1


def answer(number: int, data: bytes) -> None:
    """Leave in the middle of a frame."""
    if first and number == 2:
        frame = protocol.header(protocol.PART, number, data) + bytes(data)
        peer.socket.sendall(frame[: len(frame) // 2])
        os._exit(0)
    peer.echo(number, data)


peer.serve(answer)
