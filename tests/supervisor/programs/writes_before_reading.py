"""Attacks: neither side waits for the other. Sends each answer in full before it looks for the next request."""

from peer import Peer

peer = Peer()
peer.serve(peer.echo)
