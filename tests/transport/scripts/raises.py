"""Promise attacked: errors lead to the line. Raises at the second batch."""

import sys

import pyarrow as pa


def check(number: int) -> None:
    """Raise for the second batch."""
    label = f"batch {number}"
    if number == 1:
        raise ValueError(f"bad {label}")


for number, _ in enumerate(pa.ipc.open_stream(sys.stdin.buffer)):
    check(number)
