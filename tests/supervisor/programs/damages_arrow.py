"""Attacks: no damaged batch reaches pyarrow's users. Answers with a body cut short; always, or in its first life."""

import sys

from peer import Peer, life, protocol, rows_of

peer, damage = Peer(), life() == 1 or sys.argv[2:] == ["always"]


def answer(number: int, data: bytes) -> None:
    """Cut the end off."""
    if not damage:
        peer.echo(number, data)
        return
    peer.send(protocol.PART, number, data[:-8])
    peer.end(number, rows_of(data))


peer.serve(answer)
