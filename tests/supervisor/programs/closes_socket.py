"""Attacks: a child that closes its end and lives on is noticed and ended. Does so at batch 2, in its first life."""

import time

from peer import Peer, life

peer, first = Peer(), life() == 1


def answer(number: int, data: bytes) -> None:
    """Close instead of an answer."""
    if first and number == 2:
        peer.socket.close()
        time.sleep(60)
    peer.echo(number, data)


peer.serve(answer)
