"""What is known of one run, in bounded memory, as plain tables: events, logs, dead letters, metrics, state.

The invariant: everything is counted, the newest is kept; rare events and the last state of each group are kept before
common ones. These tables are what every screen is made from. Left out on purpose: the results, which belong to whoever
consumes the run.
"""

from __future__ import annotations

import itertools
import json
from bisect import bisect_left, bisect_right
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any

import pandas as pd
import pyarrow as pa

from workbench import settings
from workbench.errors import Frame
from workbench.events import ROUTINE, Event, LogLine
from workbench.session.fan_out import FanOut
from workbench.session.places import Places
from workbench.session.recent import Recent

EVENT_COLUMNS = ("time", "kind", "worker", "pid", "batch", "rows", "signal", "exit_status", "detail")
LOG_COLUMNS = ("time", "worker", "batch", "stream", "text")
METRIC_COLUMNS = ("batch", "worker", "rows_in", "rows_out", "seconds", "latency")
MERGED = "merged"
"""What changed in a state that the end of a run has made of its parts."""

WHOLE = "Int64"  # pandas' integers with NULL


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An input row that has no result. ``row`` counts over the whole input, ``batch`` from 0; ``values`` by column.

    ``frames`` are the user's own, outermost first; () where none is known, as for all but the first rows of a batch.
    """

    batch: int
    row: int
    values: Mapping[str, Any]
    error_type: str
    error: str
    attempts: int = 1
    frames: tuple[Frame, ...] = field(default=(), compare=False, repr=False)


@dataclass(slots=True)
class Record:
    """The record of one run; written by its thread, read by anyone."""

    groups: tuple[str, ...] = ()
    parts: int = 1
    """Workers of an aggregate that each have a state of their own until the end: batches go to them in turn."""
    rows_in: int = 0
    rows_out: int = 0
    batches_in: int = 0
    skipped: int = 0
    skipped_rows: int = 0
    dead: int = 0
    restarts: int = 0
    fan_out: FanOut = field(default_factory=FanOut)
    recent: Recent = field(default_factory=Recent)
    letters: list[DeadLetter] = field(default_factory=list)
    rows: list[pa.RecordBatch] = field(default_factory=list)
    """The input rows of `letters`, in the same order, in the types that they came with."""
    failures: Counter[str] = field(default_factory=Counter)
    """How many of `letters` have each type of error."""
    ended_by: tuple[DeadLetter, pa.RecordBatch] | None = None
    """The row that ended the run, if one did. It is not counted as set aside."""
    lines_seen: int = 0
    places: Places = field(default_factory=Places)
    _lines: deque[tuple[int, LogLine]] = field(default_factory=lambda: deque(maxlen=settings.LOG_LINES))
    _events: deque[tuple[int, Event]] = field(default_factory=lambda: deque(maxlen=settings.EVENT_RING))
    _ticks: deque[tuple[int, Event]] = field(default_factory=lambda: deque(maxlen=settings.EVENT_RING))
    _count: int = 0
    _letter_bytes: int = 0
    _metrics: deque[tuple[Any, ...]] = field(default_factory=lambda: deque(maxlen=settings.EVENT_RING))
    _states: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=settings.STATE_RING))
    _last_states: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)

    def event(self, event: Event) -> None:
        """Note an event."""
        (self._ticks if event.kind in ROUTINE else self._events).append((self._count, event))
        self._count += 1
        self.restarts += event.kind == "restarted"
        if event.kind == "crashed":
            self.places.died(event, self.lines)

    def line(self, line: LogLine) -> None:
        """Note a log line."""
        self._lines.append((self.lines_seen, line))
        self.lines_seen += 1

    @property
    def numbered(self) -> list[tuple[int, LogLine]]:
        """The log lines that are kept, each with its number among all that there were."""
        return list(self._lines)

    @property
    def lines(self) -> list[LogLine]:
        """The log lines that are kept, the newest last."""
        return [line for _, line in self.numbered]

    @property
    def events_seen(self) -> int:
        """How many events there were, kept or not."""
        return self._count

    @property
    def has_room(self) -> bool:
        """Whether the next dead letter would be kept."""
        return self._room > 0

    @property
    def _room(self) -> int:
        full = self._letter_bytes >= settings.DEAD_LETTER_BYTES
        return 0 if full else max(0, settings.DEAD_LETTERS - len(self.letters))

    def lost(self, count: int, letters: Iterable[DeadLetter], rows: pa.RecordBatch) -> None:
        """Note so many dead letters; ``letters``, whose ``rows`` these are, are asked for as long as there is room."""
        self.dead += count
        room = self._room
        for letter in itertools.islice(letters, room):
            late = letter.frames and len(self.letters) >= settings.DETAILED_LETTERS
            self.letters.append(replace(letter, frames=()) if late else letter)
            self.failures[letter.error_type] += 1
        if room:
            first = rows.slice(0, room)
            self.rows.append(first)
            self._letter_bytes += first.nbytes

    def measured(self, batch: int, worker: int, *, rows_in: int, rows_out: int, seconds: float, latency: float) -> None:
        """Note how long a batch took: ``seconds`` in the worker, ``latency`` from here to here."""
        self._metrics.append((batch, worker, rows_in, rows_out, seconds, latency))

    def states(self, batch: int, found: Iterable[Mapping[str, Any]], *, final: bool = False) -> None:
        """Note the states of groups after a batch; at the end, those that differ from what was last seen."""
        for state in found:
            key = tuple(state["key"])
            before = self._last_states.get(key)
            if final and before is not None and before["state"] == state["state"]:
                before["result"] = state["result"]
                continue
            row = {
                "group": len(self._last_states) if before is None else before["group"],
                "batch": batch,
                "key": key,
                "result": state["result"],
                "state": state["state"],
                "changed": state.get("changed", MERGED),
            }
            self._last_states[key] = row
            self._states.append(row)

    @property
    def all_events(self) -> list[Event]:
        """The events that were kept, in order."""
        return [event for _, event in sorted([*self._events, *self._ticks], key=lambda pair: pair[0])]

    def between(self, start: int, stop: int) -> list[Event]:
        """Those of `all_events` that were seen as the ``start``-th up to the ``stop``-th; it costs what they are."""
        number = itemgetter(0)
        found = []
        for kept in (list(self._events), list(self._ticks)):
            found += kept[bisect_left(kept, start, key=number) : bisect_left(kept, stop, key=number)]
        return [event for _, event in sorted(found, key=number)]

    def measures_since(self, batch: int) -> list[tuple[Any, ...]]:
        """The rows of `metrics_frame` of later batches than this one, without making a table of them."""
        kept = list(self._metrics)
        return kept[bisect_right(kept, batch, key=itemgetter(0)) :]

    @property
    def ticks(self) -> list[Event]:
        """The finished batches that were kept."""
        return [event for _, event in list(self._ticks) if event.kind == "batch"]

    @property
    def incidents(self) -> list[Event]:
        """The events that were kept and are no finished batches, in order."""
        return [event for _, event in list(self._events)]

    @property
    def snapshots(self) -> list[Event]:
        """When an aggregate's state was saved, as far as that was kept."""
        return [event for _, event in list(self._ticks) if event.kind == "snapshot"]

    @property
    def newest_states(self) -> list[dict[str, Any]]:
        """The states that were kept, in order: ``group``, ``batch``, ``key``, ``result``, ``state``, ``changed``.

        Groups are numbered in the order in which they were first seen, which is that of `last_states`.
        """
        return list(self._states)

    @property
    def last_states(self) -> list[dict[str, Any]]:
        """The last state of each group, in the order in which they were first seen."""
        return list(self._last_states.values())

    @property
    def all_states(self) -> list[dict[str, Any]]:
        """`newest_states`, after the last ones of groups that are not among them."""
        kept = self.newest_states
        shown = {id(row) for row in kept}
        return [row for row in self.last_states if id(row) not in shown] + kept

    def part(self, state: Mapping[str, Any]) -> int | None:
        """Which of `parts` a state is of; None for what was merged at the end."""
        return None if state["changed"] == MERGED else state["batch"] % self.parts

    def events_frame(self) -> pd.DataFrame:
        """One row an event; see `workbench.events.Event`."""
        return events_frame(event.as_row() for event in self.all_events)

    def logs_frame(self) -> pd.DataFrame:
        """One row a line."""
        rows = [(line.time, line.worker, line.batch, line.stream, line.text) for line in self.lines]
        return pd.DataFrame(rows, columns=list(LOG_COLUMNS)).astype({"worker": WHOLE, "batch": WHOLE})

    def metrics_frame(self) -> pd.DataFrame:
        """One row a finished batch; seconds as floats."""
        frame = pd.DataFrame(list(self._metrics), columns=list(METRIC_COLUMNS))
        return frame.astype(dict.fromkeys(METRIC_COLUMNS[:4], "int64") | {"seconds": "float64", "latency": "float64"})

    def letters_frame(self, columns: Sequence[str]) -> pd.DataFrame:
        """One row a dead letter: batch, row, the input columns, error_type, error, attempts."""
        return letters_frame(self.letters, columns)

    def states_frame(self) -> pd.DataFrame:
        """One row for each group that a batch changed, and at least the last state of each group."""
        rows = self.all_states
        ours = ("batch", "result", "state", "changed")
        return pd.DataFrame(
            [(row["batch"], *row["key"], row["result"], row["state"], row["changed"]) for row in rows],
            columns=[*ours[:1], *apart(self.groups, ours), *ours[1:]],
        )


class Notes:
    """Where events and log lines go: into the record, and to whoever stores them.

    Knows nothing of the run, so that a run that is no longer wanted can be collected.
    """

    def __init__(self, record: Record, store: Callable[[Event], None] | None = None) -> None:
        self.record = record
        self._store = store

    def event(self, event: Event) -> None:
        """Keep an event."""
        self.record.event(event)
        if self._store is not None:
            self._store(event)

    def line(self, line: LogLine) -> None:
        """Keep a log line."""
        self.record.line(line)


def apart(columns: Sequence[str], ours: Sequence[str]) -> list[str]:
    """The names of the data's columns in a table of ours: one that we use too is ``input_row`` instead of ``row``."""
    taken = {*columns, *ours}
    names = []
    for name in columns:
        shown = name
        while shown in ours or (shown != name and shown in taken):
            shown = f"input_{shown}"
        names.append(shown)
    return names


def letters_frame(letters: Iterable[DeadLetter], columns: Sequence[str]) -> pd.DataFrame:
    """Dead letters as a table; see `Record.letters_frame`."""
    rows = [
        (one.batch, one.row, *(one.values[name] for name in columns), one.error_type, one.error, one.attempts)
        for one in letters
    ]
    ours = ("batch", "row", "error_type", "error", "attempts")
    frame = pd.DataFrame(rows, columns=[*ours[:2], *apart(columns, ours), *ours[2:]])
    return frame.astype({"batch": "int64", "row": "int64", "attempts": "int64"})


def events_frame(rows: Iterable[Mapping[str, Any]], first: Sequence[str] = ()) -> pd.DataFrame:
    """Events as a table, whole numbers with NULL where there is none."""
    frame = pd.DataFrame(list(rows), columns=[*first, *EVENT_COLUMNS])
    return frame.astype(dict.fromkeys(("worker", "pid", "batch", "rows", "exit_status"), WHOLE))


def values_of(batch: pa.RecordBatch, row: int) -> dict[str, Any]:
    """One row of a batch as Python values by column."""
    one = batch.slice(row, 1)
    return {name: column[0].as_py() for name, column in zip(one.schema.names, one.columns, strict=True)}


def as_json(values: Mapping[str, Any]) -> str:
    """A row as JSON text, for the registry; what JSON does not know as its text."""
    return json.dumps(values, default=str, ensure_ascii=False)


def shown(value: Any) -> str:
    """A value as a line shows it."""
    text = repr(value[:200] if isinstance(value, str | bytes) else value)
    return text if len(text) <= 120 else text[:119] + "…"  # noqa: PLR2004 - as long as a line
