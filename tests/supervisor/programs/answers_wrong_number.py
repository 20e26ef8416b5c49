"""Attacks: an answer belongs to the batch that it names. Answers batch 2 as batch 7, in its first life."""

from peer import Peer, life

peer, first = Peer(), life() == 1
peer.serve(lambda number, data: peer.echo(7 if first and number == 2 else number, data))
