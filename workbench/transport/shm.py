"""Which batches of a channel go through shared memory, and in which arena.

Large ones do: above `THRESHOLD` bytes the copies and checksums of a socket cost more than a region of an arena, which
the two sides read and write in place. There is one arena for inputs and one for outputs, each as large as the largest
batch so far; a larger one takes its place when it is needed. The invariant: this is never more than a shortcut. Where
there is no memory, no free region or no such system, the socket takes the batch as it takes all small ones, and the
result is the same. Left out on purpose: the frames that tell the child (`workbench.transport.framed`).
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from workbench.transport import arena
from workbench.transport.arena import Arena, Region

THRESHOLD: Final = 1 << 16
"""Bytes of a batch from which on it goes through shared memory."""

MOST: Final = 64 << 20
"""Bytes of the largest region; each arena has two, for each worker."""

KEPT: Final = 8 << 20
"""Bytes that a worker without work keeps; if it has more, it gives up all."""


class Lender:
    """One direction of one channel: its arena, and what became of the wish for a larger one."""

    def __init__(self) -> None:
        self._arena: Arena | None = None
        self.full = ""
        """Why there is no memory, in words, if there was none when it was needed. No more is asked for then."""

    def open(self) -> None:
        """Another run begins; perhaps there is memory again."""
        self.full = ""

    def lend(self, size: int) -> tuple[Region | None, Arena | None]:
        """A region of at least ``size`` bytes, if there is one, and the arena, if it is new to the child."""
        if size > MOST:
            return None, None
        if self._arena is not None and size <= self._arena.region_bytes:
            return self._arena.take(), None
        if self.full:
            return None, None
        wanted = min(size + size // 8, MOST)
        try:
            self._arena = Arena(wanted)
        except OSError as error:
            self.full = f"no {wanted * arena.REGIONS / 1e6:,.0f} MB of shared memory ({error.strerror})"
            return None, None
        return self._arena.take(), self._arena

    @property
    def size(self) -> int:
        """Bytes of the arena."""
        return self._arena.size if self._arena is not None else 0

    def close(self) -> None:
        """Give it up. Regions that are still lent keep what they need."""
        self._arena = None


def message_bytes(batch: pa.RecordBatch) -> tuple[int, int]:
    """Bytes of the Arrow message of a batch, and of the room that `Region.write` needs for it."""
    size = pa.ipc.get_record_batch_size(batch)
    return size, size + batch.schema.serialize().size
