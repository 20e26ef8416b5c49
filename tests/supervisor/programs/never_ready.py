"""Attacks: the start has a deadline. Prints one line, and sleeps."""

import time

print("importing a large library", flush=True)
time.sleep(60)
