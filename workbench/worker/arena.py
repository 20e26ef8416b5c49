"""The parent's shared memory as the worker sees it: batches are read where they lie, answers written where they may be.

The parent alone makes arenas and says who may use which part when; so nothing is allocated or freed here. Memory of
inputs is mapped read-only. The invariant: what is read stays as it is until the batch was answered, and no longer. So
whatever outlives the call must be a copy, as the Python values that a function gets are. Left out on purpose: growing;
an answer that does not fit goes through the socket.
"""

from __future__ import annotations

import mmap
import os
from typing import Any, Optional, Tuple

ALIGNMENT = 64  # bytes; Arrow's own for buffers


class Arena:
    """A mapping of the memory behind ``fd``, which is closed. The mapping goes with its last view."""

    def __init__(self, fd: int, *, writable: bool) -> None:
        try:
            access = mmap.PROT_READ | mmap.PROT_WRITE if writable else mmap.PROT_READ
            self._view = memoryview(mmap.mmap(fd, os.fstat(fd).st_size, prot=access))
        finally:
            os.close(fd)

    def view(self, offset: int, length: int) -> memoryview:
        """The bytes there, without a copy."""
        return self._view[offset : offset + length]


class Room:
    """What was lent for one answer; its parts are written one behind the other."""

    def __init__(self, arena: Arena, offset: int, length: int) -> None:
        self._arena, self._at, self._end = arena, offset, offset + length

    def write(self, part: Any) -> Optional[Tuple[int, int]]:
        """Where the Arrow message of a batch was written; None if it does not fit."""
        import pyarrow as pa

        size = pa.ipc.get_record_batch_size(part)
        needed = part.schema.serialize().size + size  # a stream writer cannot be asked to leave out the schema
        if needed > self._end - self._at:
            return None
        sink = pa.FixedSizeBufferWriter(pa.py_buffer(self._arena.view(self._at, needed)))
        pa.ipc.new_stream(sink, part.schema).write_batch(part)
        end = self._at + sink.tell()
        self._at = -(-end // ALIGNMENT) * ALIGNMENT
        return end - size, size
