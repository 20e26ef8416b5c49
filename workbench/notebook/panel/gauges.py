"""What is measured of one run for the Metrics tab: rows a second, latency, memory and queue, over the run's time.

The invariant: every number is finite, and one measurement is enough for a picture. Rates are those of the run: rows
that were answered in a part of its time, whoever worked on them. Memory and queue are looked at when the panel is told
something, so they are known while it runs and not in between. Left out on purpose: marks (`course`) and drawing.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Any, Final

import numpy as np

from workbench.notebook.panel.course import Course
from workbench.notebook.panel.series import Peaks
from workbench.session import Run
from workbench.session.vitals import lives, memory

PARTS: Final = 60
"""Of the run's time, for the rate."""

BATCHES_PER_PART: Final = 3
"""At least, so that a rate tells more than when a batch happened to be done."""

Facts = dict[str, Any]


class Gauges:
    """Of ``run``, whose ``course`` knows when what was answered. To be used by one thread at a time."""

    def __init__(self, run: Run, course: Course) -> None:
        self._run, self._course = run, course
        self._read = -1
        self._batches = self._rows = 0
        self._latencies = Peaks(itemgetter(2))
        self._memory = Peaks(itemgetter(1))
        self._queue = Peaks(itemgetter(1))
        self._workers = 1

    def read(self) -> None:
        """Take in what was measured since, and what happened; a run that goes on is looked at."""
        new = self._run.record.measures_since(self._read)
        self._course.read()  # after it was asked what is new: what is measured was answered before, and is known now
        for batch, _, rows, _, _, latency in new:
            at = self._course.answered.pop(batch, None)
            if at is not None:
                self._latencies.add((round(at, 4), batch, round(latency * 1000, 4)))
            self._batches, self._rows, self._read = self._batches + 1, self._rows + rows, batch
        if self._run.status == "running":
            now = round(self._run.seconds, 4)
            self._queue.add((now, self._run.queue))
            if used := memory(self._run):
                self._memory.add((now, used))
                self._workers = max(1, len(lives(self._run)))

    def facts(self) -> Facts:
        """Points as ``[time, …]``: latencies in ms with their batch, memory in bytes; rates as ``[from, to, rows/s]``.

        ``each``: how many batches a latency is the highest of. ``limit``: bytes that the workers may have together.
        """
        run, course = self._run, self._course
        limit = run.options.get("memory_limit")
        until = run.seconds if run.status == "running" else course.last
        since = min(course.ready or 0.0, until)
        latencies = [row[-1] * 1000 for row in run.record.measures_since(-1)]
        p50, p95 = np.percentile(latencies, (50, 95)).tolist() if latencies else (None, None)
        parts = max(1, min(PARTS, self._batches // BATCHES_PER_PART))
        return {
            "since": since,
            "until": until,
            "rates": course.rates.rates(since, until, parts) if self._batches else [],
            "latencies": self._latencies.points,
            "each": self._latencies.each,
            "memory": self._memory.points,
            "queue": self._queue.points,
            "limit": limit and limit * self._workers,
            "rate": self._rows / run.seconds if self._rows and run.seconds else None,
            "p50": p50,
            "p95": p95,
        }
