"""Attacks: no damaged batch reaches pyarrow's users. Answers with a body that is cut short; always, or in its first life."""

import sys

import protocol
from peer import Peer, life, rows_of

peer, damage = Peer(), life() == 1 or sys.argv[2:] == ["always"]


def answer(number: int, data: bytes) -> None:
    if not damage:
        peer.echo(number, data)
        return
    peer.send(protocol.PART, number, data[:-8])
    peer.end(number, rows_of(data))


peer.serve(answer)
