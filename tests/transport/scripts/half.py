"""Promise attacked: only whole messages count. Leaves half a message at the first batch, then goes on."""

import sys

import pyarrow as pa

for number, batch in enumerate(pa.ipc.open_stream(sys.stdin.buffer)):
    if number == 0:
        writer = pa.ipc.new_stream(sys.stdout.buffer, batch.schema)
        sys.stdout.buffer.write(batch.serialize()[:100])
    else:
        writer.write_batch(batch)
