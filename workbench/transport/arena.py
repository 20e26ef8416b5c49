"""Memory that we share with one child, cut into regions that are lent for one batch each.

An arena is a sealed memfd: whole from the start (`posix_fallocate`, so that no page can be missing later) and of fixed
size, so neither a child's ``ftruncate`` nor a full system can make a read of ours end in SIGBUS. It has no name, and is
gone with the last process that maps it, however that ends. The invariant: a region has one borrower at a time, and
what is read from it is copied before anybody looks at it: the child can write there at any time, and what was
validated must stay what it was. There is no checksum: memory is no wire, no byte of it is lost or doubled on the way.
Left out on purpose: when to use it (`workbench.transport.shm`).
"""

from __future__ import annotations

import fcntl
import mmap
import os
import sys
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

REGIONS: Final = 2
"""Regions of an arena: a batch being worked on and one waiting. What is sent beyond that goes through the socket."""

GRAIN: Final = 1 << 16
"""Regions are multiples of this many bytes."""


def can_share() -> bool:
    """Whether this system has what an arena needs."""
    return sys.platform == "linux" and hasattr(os, "memfd_create") and hasattr(fcntl, "F_ADD_SEALS")


@dataclass(frozen=True, slots=True)
class Region:
    """A part of an arena that is lent to one batch."""

    arena: Arena
    offset: int

    @property
    def length(self) -> int:
        """Bytes of it."""
        return self.arena.region_bytes

    def holds(self, offset: int, length: int) -> bool:
        """Whether that part of the arena lies within."""
        return self.offset <= offset and offset + length <= self.offset + self.length

    def write(self, batch: pa.RecordBatch, size: int) -> tuple[int, int]:
        """Write the Arrow message of a batch, which has ``size`` bytes; where it is."""
        room = pa.py_buffer(self.arena.view(self.offset, self.length))
        sink = pa.FixedSizeBufferWriter(room)
        pa.ipc.new_stream(sink, batch.schema).write_batch(batch)  # the schema comes first, and is not told
        return self.offset + sink.tell() - size, size

    def copy(self, offset: int, length: int) -> pa.Buffer:
        """What is there now."""
        data = pa.allocate_buffer(length)
        memoryview(data).cast("B")[:] = self.arena.view(offset, length)
        return data

    def give_back(self) -> None:
        """The batch was answered: nobody reads or writes here any more."""
        self.arena.free.append(self.offset)


class Arena:
    """Memory for `REGIONS` regions of ``region_bytes``. Raises OSError where there is none left."""

    def __init__(self, region_bytes: int) -> None:
        self.region_bytes = -(-region_bytes // GRAIN) * GRAIN
        self.free = [self.region_bytes * index for index in range(REGIONS)]
        size = self.region_bytes * REGIONS
        self.fd = os.memfd_create("workbench", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        """To be handed to the child by who made the arena, and closed then; the mapping has one of its own."""
        try:
            os.posix_fallocate(self.fd, 0, size)
            fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
            self._view = memoryview(mmap.mmap(self.fd, size))
        except BaseException:
            os.close(self.fd)
            raise

    @property
    def size(self) -> int:
        """Bytes of all regions."""
        return self._view.nbytes

    def view(self, offset: int, length: int) -> memoryview:
        """The bytes there, without a copy."""
        return self._view[offset : offset + length]

    def take(self) -> Region | None:
        """A region that nobody has, None if all are lent."""
        return Region(self, self.free.pop()) if self.free else None
