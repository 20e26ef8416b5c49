"""Attacks: an answer is for the run that asked. Says all of batch 0 again 300 ms later, when nothing is asked for."""

import threading
import time

from peer import Peer, life

peer, first = Peer(), life() == 1


def answer(number: int, data: bytes) -> None:
    """The right answer, and the same once more when the run is over."""
    peer.echo(number, data)
    if first:
        threading.Thread(target=later, args=(number, bytes(data)), daemon=True).start()


def later(number: int, data: bytes) -> None:
    """Too late."""
    time.sleep(0.3)
    peer.echo(number, data)


peer.serve(answer)
