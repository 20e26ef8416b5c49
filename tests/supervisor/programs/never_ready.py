"""Attacks: the start has a deadline. Says that phases have begun whose numbers it is given, prints one line, sleeps."""

import sys
import time

from peer import Peer, protocol

peer = Peer()
for number in filter(str.isdigit, sys.argv[1:]):
    peer.send(protocol.BEAT, int(number), b"")
print("importing a large library", flush=True)
time.sleep(60)
