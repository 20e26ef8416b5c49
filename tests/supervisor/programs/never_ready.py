"""Attacks: the start has a deadline. Says that a phase has begun, if given its number, prints one line, and sleeps."""

import sys
import time

from peer import Peer, protocol

peer = Peer()
for number in sys.argv[1:]:
    peer.send(protocol.BEAT, int(number), b"")
print("importing a large library", flush=True)
time.sleep(60)
