"""Attacks: a crash is told by its signal, with a stack. Segfaults at batch 2; always, or in its first life."""

import faulthandler
import sys

from peer import Peer, life

faulthandler.enable()
peer, crash = Peer(), life() == 1 or sys.argv[2:] == ["always"]


def answer(number: int, data: bytes) -> None:
    """Crash as C code does."""
    if crash and number == 2:
        faulthandler._sigsegv()  # type: ignore[attr-defined]
    peer.echo(number, data)


peer.serve(answer)
