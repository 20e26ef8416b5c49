"""Promise attacked: reading and writing never wait for each other. Writes 10 MB before it reads anything."""

import sys

import pyarrow as pa

big = pa.record_batch({"n": pa.array(range(131_072))})
writer = pa.ipc.new_stream(sys.stdout.buffer, big.schema)
for _ in range(10):
    writer.write_batch(big)
for batch in pa.ipc.open_stream(sys.stdin.buffer):
    writer.write_batch(batch)
