"""Promise attacked: every batch is answered. Leaves its loop at the second batch and ends cleanly."""

import sys

import pyarrow as pa

reader = pa.ipc.open_stream(sys.stdin.buffer)
writer = pa.ipc.new_stream(sys.stdout.buffer, reader.schema)
for number, batch in enumerate(reader):
    writer.write_batch(batch)
    if number == 1:
        break
