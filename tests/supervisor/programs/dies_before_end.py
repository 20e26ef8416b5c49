"""Attacks: an answer counts when its end arrived. Dies between data and end of batch 2, in its first life."""

import os
import signal

import protocol
from peer import Peer, life

peer, first = Peer(), life() == 1


def answer(number: int, data: bytes) -> None:
    if first and number == 2:
        peer.send(protocol.PART, number, data)
        os.kill(os.getpid(), signal.SIGKILL)
    peer.echo(number, data)


peer.serve(answer)
