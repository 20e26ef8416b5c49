"""Promise attacked: one schema. The second batch has its own writer and other columns, the third the first's again."""

import sys

import pyarrow as pa

for number, batch in enumerate(pa.ipc.open_stream(sys.stdin.buffer)):
    out = batch.rename_columns(["other"]) if number == 1 else batch
    if number != 3:
        writer = pa.ipc.new_stream(sys.stdout.buffer, out.schema)
    writer.write_batch(out)
