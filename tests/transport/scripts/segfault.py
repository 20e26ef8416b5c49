"""Promise attacked: a death is seen. A segmentation fault at the second batch, with output half written."""

import faulthandler
import sys

import pyarrow as pa

reader = pa.ipc.open_stream(sys.stdin.buffer)
writer = pa.ipc.new_stream(sys.stdout.buffer, reader.schema)
for number, batch in enumerate(reader):
    writer.write_batch(batch)
    if number == 1:
        sys.stdout.flush()
        faulthandler._sigsegv()  # type: ignore[attr-defined]
