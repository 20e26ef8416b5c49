"""Promise attacked: text in the Arrow stream is found, and the stream goes on. argv: where, and how."""

import os
import sys

import pyarrow as pa

where, how = sys.argv[1:]


def say(place: str) -> None:
    """Print at this place, if it is the one."""
    if place == where:
        if how == "print":
            print("hello")
        elif how == "fd":
            sys.stdout.buffer.flush()
            os.write(1, b"hello\n")
        else:
            sys.stdout.buffer.flush()
            os.system("echo hello")


say("start")
reader = pa.ipc.open_stream(sys.stdin.buffer)
writer = None
for number, batch in enumerate(reader):
    if number == 1:
        say("between")
    if writer is None:
        writer = pa.ipc.new_stream(sys.stdout.buffer, batch.schema)
    writer.write_batch(batch)
    if number == 1:
        say("after")
say("end")
