"""Attacks: restarts come to an end. Dies before it is ready, each time."""

import sys

from peer import life

print("life", life(), file=sys.stderr, flush=True)
sys.exit(3)
