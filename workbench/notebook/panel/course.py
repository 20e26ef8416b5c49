"""The course of one run for the History tab: lives of workers, batches, and a mark for everything else.

It reads each event once, so that an update costs what is new and not what has been. The invariant: what is sent is
small however long a run is: the newest marks, lives and batches each for itself, and of all batches how many there were
in each part of the run's time. Workers have the numbers that the events and the log give them. Left out on purpose:
the words (`marks`), measured values (`gauges`) and drawing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from workbench.errors import RunError
from workbench.events import ROUTINE, SIGNS, Event
from workbench.notebook.cells import cell, shorten, visible
from workbench.notebook.panel import marks
from workbench.notebook.panel.series import Bins, Peaks
from workbench.notebook.panel.sources import line_in
from workbench.session import Run
from workbench.session.record import DeadLetter
from workbench.session.remains import Remains, remains
from workbench.session.report import frame_lines

MARKS: Final = 300
TICKS: Final = 200
LIVES: Final = 60
LAST_LINES: Final = 20
VALUES: Final = 12

Facts = dict[str, Any]

_ENDS: Final = frozenset({"crashed", "recycled", "stopped", "gave_up"})
_DEADLY: Final = frozenset({"crashed", "gave_up", "failed"})


class Course:
    """Of ``run``. To be used by one thread at a time, which may be another than the run's."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._read = 0
        self._count = 0
        self._lives: dict[int, Facts] = {}
        self._marks: deque[tuple[Event, Facts]] = deque(maxlen=MARKS)
        self._ticks: deque[tuple[int, float, int]] = deque(maxlen=TICKS)
        self._signs = Peaks(lambda sign: sign[1] in _DEADLY)
        self._batches = 0
        self._strip = Bins()
        self._killers: set[int] = set()
        self._recycled: deque[float] = deque()
        self.rates = Bins()
        """Rows that were answered, by time; all under the key 0."""
        self.ready: float | None = None
        """When the first worker was ready: seconds since the run began."""
        self.last = 0.0
        """When the newest batch was answered."""
        self.answered: dict[int, float] = {}
        """When the newest batches were answered, by their number."""

    def read(self) -> None:
        """Take in what has happened since."""
        record = self._run.record
        seen = record.events_seen
        for event in record.between(self._read, seen):
            self._live(event)
            if event.kind == "batch":
                self._batch(event)
            elif event.kind not in ROUTINE and (event.kind != "stopped" or event.detail):
                self._mark(event)
        self._read = seen

    def facts(self) -> Facts:
        """The timeline: ``lives`` as bars, ``ticks`` for the newest batches, ``strip`` for all, if they are more."""
        run = self._run
        return {
            "seconds": run.seconds,
            "running": run.status == "running",
            "ready": self.ready,
            "lives": [dict(life) for life in self._lives.values()],
            "ticks": list(self._ticks),
            "batches": self._batches,
            "strip": self._strip.facts() if self._batches > TICKS else None,
        }

    def marks(self) -> Facts:
        """The newest ``marks``, the ``count`` of all, and ``signs`` of the whole run, the gravest where there are many.

        A sign is ``[time, kind, sign, word, label, worker]``. Apart from the timeline, which changes with every batch.
        """
        return {"count": self._count, "marks": [facts for _, facts in self._marks], "signs": self._signs.points}

    def _live(self, event: Event) -> None:
        if event.worker is None:
            return
        life = self._lives.get(event.worker)
        if life is None:
            if event.kind not in ("started", "restarted", "crashed"):
                return  # of one that is no longer shown, as a row that is set aside after its end
            follows = event.kind == "started" and self._recycled
            began = self._recycled.popleft() if follows else event.time
            life = {"worker": event.worker, "from": began, "ready": None, "to": None, "pid": event.pid}
            self._lives[event.worker] = life
            while len(self._lives) > LIVES:
                gone = next(iter(self._lives))
                del self._lives[gone]
                self._strip.drop(gone)
        life["pid"] = life["pid"] or event.pid
        if event.kind == "started":
            life["ready"] = event.time
            self.ready = event.time if self.ready is None else self.ready
        if event.kind == "recycled":
            self._recycled.append(event.time)
        if event.kind in _ENDS and life["to"] is None:
            life["to"] = event.time

    def _batch(self, event: Event) -> None:
        if event.worker is None or event.batch is None:
            return
        self._batches += 1
        self._ticks.append((event.worker, round(event.time, 6), event.batch))
        if event.worker in self._lives:
            self._strip.add(event.worker, event.time, 1)
        self.rates.add(0, event.time, event.rows or 0)
        self.last = event.time
        self.answered[event.batch] = event.time

    def _mark(self, event: Event) -> None:
        if event.kind == "skipped" and event.batch is not None:
            self.answered.pop(event.batch, None)  # it is not measured
        life = self._lives.get(event.worker or 0)
        began = None
        if life is not None and event.kind == "started":
            began = 0.0 if event.worker == 1 else life["from"] if life["from"] < event.time else None
        again = event.kind == "crashed" and event.batch in self._killers
        if event.kind == "crashed" and event.batch is not None:
            self._killers.add(event.batch)
        said = marks.words(event, again=again, began=began)
        if event.kind not in ("started", "finished"):
            self._signs.add((round(event.time, 6), event.kind, SIGNS[event.kind], said.word, said.label, event.worker))
        replayable = said.row is not None and self._letter(said.row) is not None
        self._marks.append((event, marks.mark(event, said if replayable else said._replace(row=None))))
        self._count += 1

    def _letter(self, row: int) -> DeadLetter | None:
        """The dead letter of a row of the input, if it was kept."""
        letters = self._run.record.letters
        at = bisect_left(letters, row, key=lambda letter: letter.row)
        return letters[at] if at < len(letters) and letters[at].row == row else None

    def more(self, number: int, names: Mapping[str, str]) -> Facts:
        """What is told of the mark with this number, counted from 0, only to those who ask.

        ``frames``: where a worker died or a row failed, as errors say it, files called by ``names``; ``line``: where
        that is in the code that is shown; ``lines``: what the worker printed last; ``values``: those of the row.
        """
        at = number - (self._count - len(self._marks))
        if not 0 <= at < len(self._marks):
            return {"frames": [], "lines": [], "values": []}
        event, facts = self._marks[at]
        worker = event.worker if event.kind in _DEADLY else None
        frames, lines = Remains((), []) if worker is None else remains(self._run.record, worker)
        error = self._run.error
        if event.kind == "failed" and isinstance(error, RunError):
            frames = getattr(error, "frames", ())
        letter = self._letter(facts["row"]) if "row" in facts else None
        if letter is not None:
            frames = letter.frames
        values = list(letter.values.items())[:VALUES] if letter is not None else []
        return {
            "frames": [_long(line) for line in frame_lines(frames, names)],
            "line": line_in(self._run.spec, [(frame.file, frame.line) for frame in frames]),
            "lines": [[line.stream, _long(line.text)] for line in lines[-LAST_LINES:]],
            "values": [[visible(name), *cell(value, 60)] for name, value in values],
        }


def _long(text: str) -> str:
    return shorten(visible(text), 2 * marks.TEXT)
