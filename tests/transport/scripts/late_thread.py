"""Promise attacked: the end comes after the last byte. A thread and atexit write after the main module ended."""

import atexit
import sys
import threading

import pyarrow as pa

reader = pa.ipc.open_stream(sys.stdin.buffer)
writer = pa.ipc.new_stream(sys.stdout.buffer, reader.schema)
batches = list(reader)
main = threading.main_thread()


def late() -> None:
    """One batch, from a thread."""
    main.join()
    writer.write_batch(batches[0])


atexit.register(lambda: writer.write_batch(batches[1]))
threading.Thread(target=late).start()
