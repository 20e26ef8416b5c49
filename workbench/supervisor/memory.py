"""How much memory a worker may have: measured as resident set, because the size of its address space says nothing.

Bare pyarrow reserves 1.4 GB of addresses and uses 0.1 GB. A worker that comes near the limit is replaced between two
batches, which loses nothing; one that goes beyond it in the middle of a batch is ended. Left out on purpose: who does
it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SOFT: Final = 0.8
"""The part of the limit from which a worker is replaced between batches."""

LOOK_SECONDS: Final = 0.1
"""How often a worker that is busy is looked at: an allocation of 1 GB takes about that long."""


@dataclass(frozen=True, slots=True)
class MemoryLimit:
    """``limit`` is bytes of resident set of one worker."""

    limit: int

    def tired(self, used: int, when_new: int) -> bool:
        """Whether to replace a worker that has answered. A new one that is as large would be no better."""
        return used > SOFT * self.limit and used > when_new + (self.limit - when_new) // 4

    def exceeded(self, used: int) -> bool:
        """Whether a worker must be ended at once."""
        return used > self.limit

    def __str__(self) -> str:
        return f"{self.limit / 1e6:,.0f} MB"


def resident(pid: int) -> int | None:
    """Bytes of a process's resident set as of now; None where the system does not tell (macOS)."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return None
