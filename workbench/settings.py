"""Every default and limit, each in one place with its reason.

`Settings` is what `%config Workbench` and arguments change.
The module constants are limits that protect the workbench itself; they are not options. Left out on purpose: reading
files or the environment, but for the one variable that says where the home is.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import platformdirs


@dataclass(frozen=True, slots=True)
class Settings:
    """The defaults of a run; each can be overridden by the argument of the same name."""

    batch_rows: int = 65_536
    """Rows of a batch: large enough that the wake-up of a process (50 µs) is lost in it, small enough for a cache."""

    batch_bytes: int = 32 << 20
    """A batch is also cut at this size, so that rows of 10 MB each do not make a batch of 600 GB."""

    display_rows: int = 20
    """Rows of a table that are shown; the rest is counted."""

    max_restarts: int | None = None
    """None: at most 3 restarts in 60 s and 10 in 10 min. A number: the most that one run may restart in all."""

    on_invalid: str = "skip"
    """What a script's invalid output does: as on Fungi, it is logged, counted and skipped."""

    python: str | None = None
    """The interpreter of the workers; None is the one that runs the workbench."""

    start_timeout: float = 30.0
    """Seconds from spawn to ready: a cold import of a large library takes 10 on a slow disk."""

    window: int = 2
    """Batches in flight per worker: one being worked on, one waiting, so that the worker never waits for us."""


DISPLAY_CELL: Final = 80
"""Characters of one cell that are shown; the rest is cut with an ellipsis."""

MAX_FRAME: Final = 1 << 30
"""Bytes of one frame. A larger length field is damage, refused before anything is allocated."""

MAX_LOG_LINE: Final = 4_096
"""Bytes of one log line; what is longer is cut."""

LOG_LINES: Final = 2_000
"""Log lines kept of a run, in a ring."""

EVENT_RING: Final = 10_000
"""Events kept of a run: everything but finished batches is kept first."""

STATE_RING: Final = 10_000
"""Rows of the state table kept of a run; the last state of each group is kept besides."""

STATE_GROUPS: Final = 100
"""Groups whose state is reported after one batch; more would cost more than the batch."""

DEAD_LETTERS: Final = 100_000
"""Dead letters kept with their values; the count goes on."""

DETAILED_LETTERS: Final = 1_000
"""Dead letters kept with the lines of code that failed and their values, 2 KB each; the others have the error only."""

DEAD_LETTER_BYTES: Final = 64 << 20
"""Bytes of the rows of dead letters that are kept: a hundred thousand rows of 10 MB each would fill any memory."""

SNAPSHOT_BATCHES: Final = 16
"""Batches between two snapshots of an aggregate's state; what came since is kept to be replayed."""

SILENT_SECONDS: Final = 3.0
"""Without a sign of life for so long a busy worker, which beats each second, is called not responding."""

LOG_BURST: Final = 1_000
"""Log lines of one worker that are kept however fast they come: a function that prints for each row of a sample."""

LOG_RATE: Final = 100
"""Log lines of one worker that are kept in a second after that; what is more is counted, and the count is told."""

STOP_SECONDS: Final = 2.0
"""How long a worker may take to end by itself, or to finish what it was doing, before it is killed."""

BUILD_SECONDS: Final = 900.0
"""How long an environment may take to build: a gigabyte of wheels over a slow line."""

ENVIRONMENT_DAYS: Final = 30.0
"""Environments that were not used for so long are removed by `workbench env prune`."""

RUNS_KEPT: Final = 100
"""Runs of one function whose events and dead letters stay in the registry; the oldest go first."""

ZIP_BYTES: Final = 256 << 20
"""Bytes of a zip when unpacked."""

ZIP_FILES: Final = 10_000
"""Files in a zip."""

ZIP_RATIO: Final = 200
"""Unpacked to packed: text compresses to 1:10 or so, a bomb to 1:1000."""


def home(given: str | os.PathLike[str] | None = None) -> Path:
    """Where registry and packages live: ``given``, else the variable WORKBENCH_HOME, else a per-user data folder."""
    chosen = given or os.environ.get("WORKBENCH_HOME") or platformdirs.user_data_dir("udf-workbench")
    return Path(chosen).expanduser().absolute()
