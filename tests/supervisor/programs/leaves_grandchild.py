"""Attacks: a death is seen although a grandchild holds the pipes; both end. Dies at batch 2, in its first life."""

import os
import subprocess

from peer import Peer, life

peer, first = Peer(), life() == 1


def answer(number: int, data: bytes) -> None:
    """Die, but leave a child."""
    if first and number == 2:
        print(subprocess.Popen(["sleep", "60"]).pid, flush=True)
        os._exit(1)
    peer.echo(number, data)


peer.serve(answer)
