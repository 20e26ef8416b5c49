"""Attacks: the rows that are announced are those that arrive. Announces too many for batch 2, in its first life."""

from peer import Peer, life, rows_of

peer, first = Peer(), life() == 1
peer.serve(lambda number, data: peer.echo(number, data, rows=rows_of(data) + (first and number == 2)))
