"""Attacks: what is no frame is told at once, never waited on. Answers its first batch with text, in its first life."""

from peer import Peer, life

peer, first = Peer(), life() == 1
peer.serve(
    lambda number, data: peer.socket.sendall(b"Traceback: all is lost\n" * 9) if first else peer.echo(number, data)
)
