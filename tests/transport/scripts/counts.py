"""Promise attacked: attribution. Emits as many batches as the input's first value says, slowly for every third."""

import sys
import time

import pyarrow as pa

reader = pa.ipc.open_stream(sys.stdin.buffer)
writer = pa.ipc.new_stream(sys.stdout.buffer, reader.schema)
for number, batch in enumerate(reader):
    if number % 3 == 1:
        time.sleep(0.02)
    for _ in range(batch["n"][0].as_py()):
        writer.write_batch(batch)
writer.write_batch(pa.record_batch({"n": [-1]}))
