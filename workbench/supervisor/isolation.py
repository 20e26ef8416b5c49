"""Finding the rows of a batch that kill the process: the batch is halved until each of them is alone.

A batch comes here when it has killed two workers in a row; what else a piece kills does not count against the restart
policy, but against a budget of its own, so that a function that kills always comes to an end. The invariant: each row
of the batch ends in an answer or as a `Loss`. Left out on purpose: starting workers, and what becomes of a row that
is lost.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pyarrow as pa

from workbench.errors import BatchTimeout, WorkerOutOfMemory
from workbench.supervisor.refusal import elsewhere, said
from workbench.supervisor.slot import Work
from workbench.supervisor.worker import Died
from workbench.transport.base import Answer

SUSPECT: Final = 2
"""Deaths in a row after which a batch is looked into: one may have come from outside."""

MOST_FOUND: Final = 64
"""Rows of one batch that are isolated; a batch with more of them is no accident."""


@dataclass(frozen=True, slots=True)
class Loss:
    """How a row ended: ``error_type`` and ``error`` as for any failing row, ``stack`` what the worker left of itself.

    ``attempts`` are the times that it was tried.
    """

    error_type: str
    error: str
    stack: str = ""
    attempts: int = 1


@dataclass(slots=True)
class Search:
    """A batch in pieces. ``answers`` and ``lost`` are by first row; ``open`` pieces have neither yet."""

    work: Work
    deaths: int = 0
    open: int = 1
    answers: dict[int, Answer] = field(default_factory=dict)
    lost: dict[int, Loss] = field(default_factory=dict)

    @property
    def exhausted(self) -> bool:
        """Whether more deaths were spent than finding the rows can take: two for each halving, and two more."""
        rows = self.work.batch.num_rows if self.work.batch is not None else 0
        budget = (len(self.lost) + 1) * (2 * max(1, rows).bit_length() + 2)
        return self.deaths > budget or len(self.lost) > MOST_FOUND

    def halves(self, piece: Work) -> list[Work]:
        """The two halves of a piece that killed its worker."""
        batch: pa.RecordBatch = piece.batch
        middle = batch.num_rows // 2
        self.open += 1
        cuts = ((piece.start, batch.slice(0, middle)), (piece.start + middle, batch.slice(middle)))
        return [
            Work("batch", piece.number, part, piece.context, search=self, start=start, deaths=piece.deaths)
            for start, part in cuts
        ]

    def whole(self) -> tuple[tuple[pa.RecordBatch, ...], dict[str, Any]]:
        """The answers of all pieces as those of one batch; rows of errors count from the batch's first again."""
        meta: dict[str, Any] = {"errors": [], "rows": 0, "seconds": 0.0}
        batches: list[pa.RecordBatch] = []
        for start, answer in sorted(self.answers.items()):
            batches += answer.batches
            meta["errors"] += [{**error, "row": error["row"] + start} for error in answer.meta.get("errors", ())]
            for key in ("rows", "seconds"):
                meta[key] += answer.meta.get(key, 0)
            for key in ("counts", "states"):
                if key in answer.meta:
                    meta.setdefault(key, []).extend(answer.meta[key])
        return tuple(batches), meta


def look_into(owed: deque[Work], loss: Loss) -> Search | None:
    """The oldest request killed its worker: what to do instead is put in its place.

    None if it is no batch, or not yet suspect: then it is sent again as it is.
    """
    head = owed[0] if owed else None
    if head is None or head.request != "batch" or head.answered or head.batch is None:
        return None
    head.deaths += 1
    if head.search is None and head.deaths < SUSPECT:
        return None
    search: Search = head.search or Search(head, deaths=head.deaths - 1)
    search.deaths += 1
    owed.popleft()
    if head.batch.num_rows > 1:
        owed.extendleft(reversed(search.halves(head)))
    else:
        search.open -= 1
        search.lost[head.start] = replace(loss, attempts=head.deaths)
    return search


def loss_of(died: Died, fault: Exception | None) -> Loss:
    """What is said of a row that was alone when its worker ended."""
    if isinstance(fault, BatchTimeout):
        return out_of_time(fault)
    if isinstance(fault, WorkerOutOfMemory):
        return Loss("WorkerOutOfMemory", said(fault), died.stack)
    where = " in a thread that an earlier row may have started" if elsewhere(died.stack) else ""
    why = f": {said(fault)}" if fault else ""
    return Loss("WorkerCrashed", f"the worker died of {died.exit}{where}{why}", died.stack)


def out_of_time(error: BatchTimeout) -> Loss:
    """What is said of a row that was alone when its time was up."""
    return Loss("BatchTimeout", "no answer in time", error.stack)
