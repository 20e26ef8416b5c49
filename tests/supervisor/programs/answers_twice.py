"""Attacks: each batch has one answer. Answers batch 2 twice, in its first life."""

from peer import Peer, life

peer, first = Peer(), life() == 1


def answer(number: int, data: bytes) -> None:
    """One answer too many."""
    for _ in range(2 if first and number == 2 else 1):
        peer.echo(number, data)


peer.serve(answer)
