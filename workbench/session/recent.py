"""The newest rows of a run's result, for those who look at it while it goes on or after it was streamed.

The invariant: at least the newest batch is kept, and beside it no more than `ROWS` rows, `BYTES` bytes and `PARTS`
batches, however long the run is; nothing is kept unless somebody asked for it. Left out on purpose: drawing.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

import pyarrow as pa

ROWS: Final = 10_000
BYTES: Final = 16 << 20
PARTS: Final = 1_000
"""Batches: those of one row, or of none, are not kept without end either."""


class Part(NamedTuple):
    """One batch of the result: of input rows ``since`` to ``upto``, and how many result rows came before it."""

    batch: pa.RecordBatch
    since: int
    upto: int
    before: int


class Recent:
    """Written by the thread that moves the run, read by anyone."""

    def __init__(self, rows: int = 0) -> None:
        self._most = rows
        self._parts: deque[Part] = deque()
        self._rows = self._bytes = self._upto = self._before = 0

    def keep(self, batch: pa.RecordBatch, upto: int) -> None:
        """Keep a batch, after which ``upto`` input rows had been answered; let go of the oldest."""
        if not self._most:
            return
        self._parts.append(Part(batch, self._upto, upto, self._before))
        self._upto, self._before = upto, self._before + batch.num_rows
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        while len(self._parts) > 1 and (len(self._parts) > PARTS or self._rows > self._most or self._bytes > BYTES):
            oldest = self._parts.popleft().batch
            self._rows -= oldest.num_rows
            self._bytes -= oldest.nbytes

    @property
    def parts(self) -> list[Part]:
        """What is kept, oldest first."""
        return list(self._parts)
