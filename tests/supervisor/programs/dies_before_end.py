"""Attacks: an answer counts when its end arrived. Dies between data and end of batch 2, in its first life."""

import os
import signal

from peer import Peer, life, protocol

peer, first = Peer(), life() == 1


def answer(number: int, data: bytes) -> None:
    """Die in the middle of an answer."""
    if first and number == 2:
        peer.send(protocol.PART, number, data)
        os.kill(os.getpid(), signal.SIGKILL)
    peer.echo(number, data)


peer.serve(answer)
