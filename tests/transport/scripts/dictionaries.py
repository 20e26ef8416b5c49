"""Promise attacked: dictionaries live as long as the stream. Prints where argv says so, in the middle of the stream."""

import sys

import pyarrow as pa

reader = pa.ipc.open_stream(sys.stdin.buffer)
writer = pa.ipc.new_stream(sys.stdout.buffer, reader.schema)
for number, batch in enumerate(reader):
    if [str(number)] == sys.argv[1:]:
        print("hello")
    writer.write_batch(batch)
