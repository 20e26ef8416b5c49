"""How the output of a table function spreads over its input: the most rows of one, how many had none, whose each is.

The invariant: a row that failed is in none of these; one that had no output is empty, also where the outer form keeps
it with NULLs. Left out on purpose: the output itself.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from workbench.session.binding import Prepared


@dataclass(slots=True)
class FanOut:
    """Of one run. ``most`` is the greatest number of output rows of an input row, ``empty`` the rows without any."""

    most: int = 0
    empty: int = 0
    _kept: list[pa.Array] | None = None

    def keep(self) -> None:
        """Remember from here on which input row each output row belongs to: 8 bytes for each."""
        self._kept = []

    def note(self, counts: Sequence[int], prepared: Prepared, failed: Collection[int], *, outer: bool) -> pa.Array:
        """Note a batch: the ``counts`` of its rows that were sent; ``failed`` are rows of the batch.

        Returns for each output row the row of the batch that it belongs to.
        """
        rows, given = np.asarray(prepared.rows, np.int64), np.asarray(counts, np.int64)
        empty = (given == 0) & ~np.isin(rows, list(failed))
        self.most = max(self.most, int(given.max(initial=0)))
        self.empty += int(empty.sum())
        whose = pa.array(np.repeat(rows, given + empty if outer else given))
        if self._kept is not None:
            self._kept.append(pa.array(prepared.input_rows, pa.int64()).take(whose))
        return whose

    def input_rows(self) -> pa.ChunkedArray:
        """For each output row the number of its input row, if they were kept; else none."""
        return pa.chunked_array(self._kept or [], pa.int64())
