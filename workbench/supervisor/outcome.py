"""What a run is told of each batch. Left out on purpose: what its columns mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from workbench.supervisor.isolation import Loss


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one batch: the batches that came back, or the error for which a script's batch was skipped.

    ``number`` is None for what came at the end, after all input. ``lost`` are the rows that kill the process, by
    their number in the batch; nothing in ``batches`` and ``meta`` belongs to them.
    """

    number: int | None
    context: Any
    batches: tuple[pa.RecordBatch, ...]
    meta: Mapping[str, Any] = field(default_factory=dict)
    invalid: Exception | None = None
    lost: Mapping[int, Loss] = field(default_factory=dict)
    worker: int = 0
    seconds: float = 0.0
