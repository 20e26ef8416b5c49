"""What happened: the runs of each function with their events and dead letters, the last `RUNS_KEPT` of them.

Numbers of runs count from 1 over all versions of a function and are not given twice while it is registered. A run that
has not ended is kept, however many came after it: it still has events to hand over. One whose process was killed stays
"running", and goes after `OPEN_KEPT`. A live run tells a `Story`, which is written soon (`workbench.registry.ledger`)
and before anything is read here. Left out on purpose: which events are worth telling.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from workbench.errors import RegistryError
from workbench.events import Event
from workbench.registry.database import Database
from workbench.registry.ledger import Ledger
from workbench.settings import RUNS_KEPT

OPEN_KEPT: Final = timedelta(days=7)
"""After this long a run that never told its end is taken for one whose process was killed."""

_RUNS = """
SELECT runs.id, runs.run, versions.version, runs.started, runs.status, runs.rows_in, runs.rows_out, runs.skipped,
       runs.dead_letters, runs.restarts, runs.error
FROM runs JOIN versions ON versions.id = runs.version_id
WHERE versions.function_id = (SELECT function_id FROM versions WHERE id = ?)
ORDER BY runs.run
"""

_EVENTS = """
SELECT runs.run, versions.version, events.time, events.kind, events.worker, events.pid, events.batch, events.rows,
       events.signal, events.exit_status, events.detail
FROM events JOIN runs ON runs.id = events.run_id JOIN versions ON versions.id = runs.version_id
WHERE runs.id = :run OR versions.function_id = (SELECT function_id FROM versions WHERE id = :registered)
ORDER BY runs.run, events.id
"""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One input row that was set aside; batch and row count from 0, ``values`` is JSON text by column."""

    batch: int | None
    row: int | None
    values: str
    error_type: str
    error: str
    attempts: int = 1


@dataclass(slots=True, eq=False)
class Story:
    """What one run has told and is not written yet; made by `RunLog.begin_story`, and added to by its run.

    ``end`` are the arguments of `RunLog.end_run`. ``lost`` is told why it cannot be written, and may be told again.
    """

    registered_id: int
    lost: Callable[[RegistryError], None]
    started: str
    run_id: int | None = None
    events: list[Event] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    end: Mapping[str, Any] | None = None


class RunLog:
    """The part of the registry that is about runs. ``registered_id`` is the ``id`` of a `Registered` version."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ledger: Ledger[Story] = Ledger(self._store)

    def begin_story(self, registered_id: int, lost: Callable[[RegistryError], None]) -> Story:
        """A run begins. Raises RegistryError if its function is no longer registered."""
        with self._database.read() as connection:
            if connection.execute("SELECT 1 FROM versions WHERE id = ?", (registered_id,)).fetchone() is None:
                raise _not_registered()
        story = Story(registered_id, lost, now())
        self._ledger.start()
        self._ledger.note(story)
        return story

    def tell(self, story: Story) -> None:
        """Have written soon what was added to a story."""
        self._ledger.note(story)

    def flush(self) -> None:
        """Write now what was told until now."""
        self._ledger.flush()

    def _store(self, stories: Sequence[Story]) -> None:
        """Write them in one transaction; if that fails each by itself, so that only those are lost that must be."""
        try:
            self._store_together(stories)
        except (RegistryError, ValueError, OverflowError) as error:  # what no file takes must not keep others out
            if len(stories) == 1:
                if not isinstance(error, RegistryError):
                    error = RegistryError(f"it cannot be written: {error}")
                stories[0].lost(error)
                return
            for story in stories:
                self._store((story,))

    def _store_together(self, stories: Sequence[Story]) -> None:
        written: list[tuple[Story, int, int, int, Any]] = []
        try:
            with self._database.write():
                for story in stories:  # its run may add to it meanwhile
                    events, letters, end = tuple(story.events), tuple(story.letters), story.end
                    run_id = story.run_id or self.begin_run(story.registered_id, story.started)
                    if events:
                        self.add_events(run_id, events)
                    if letters:
                        self.add_dead_letters(run_id, letters)
                    if end is not None:
                        self.end_run(run_id, **end)
                    written.append((story, run_id, len(events), len(letters), end))
        except BaseException as error:
            if getattr(error, "committed", False):
                _forget(written)
            raise
        _forget(written)

    def begin_run(self, registered_id: int, started: str | None = None) -> int:
        """Record that a run begins (``started``: ISO text in UTC, None is now), forget the oldest, return its id."""
        with self._database.write() as connection:
            function = connection.execute("SELECT function_id FROM versions WHERE id = ?", (registered_id,)).fetchone()
            if function is None:
                raise _not_registered()
            of_function = "FROM runs WHERE version_id IN (SELECT id FROM versions WHERE function_id = ?)"
            number = connection.execute(f"SELECT coalesce(max(run), 0) + 1 {of_function}", tuple(function)).fetchone()[
                0
            ]
            connection.execute(
                f"DELETE {of_function} AND run <= ? AND (status <> 'running' OR started < ?)",
                (function[0], number - RUNS_KEPT, _iso(datetime.now(UTC) - OPEN_KEPT)),
            )
            done = connection.execute(
                "INSERT INTO runs (version_id, run, started) VALUES (?, ?, ?)",
                (registered_id, number, started or now()),
            )
            return _new_id(done)

    def add_events(self, run_id: int, events: Iterable[Event]) -> None:
        """Record events, in their order. Raises RegistryError if the run is no longer recorded."""
        with self._database.write() as connection:
            connection.executemany(
                "INSERT INTO events (run_id, kind, time, worker, pid, batch, rows, signal, exit_status, detail) VALUES "
                "(:run_id, :kind, :time, :worker, :pid, :batch, :rows, :signal, :exit_status, :detail)",
                ({"run_id": run_id, **event.as_row(), "detail": _text(event.detail)} for event in events),
            )

    def add_dead_letters(self, run_id: int, letters: Iterable[DeadLetter]) -> None:
        """Record rows that were set aside. Raises RegistryError if the run is no longer recorded."""
        with self._database.write() as connection:
            connection.executemany(
                'INSERT INTO dead_letters (run_id, batch, row, "values", error_type, error, attempts) VALUES '
                "(:run_id, :batch, :row, :values, :error_type, :error, :attempts)",
                (
                    {"run_id": run_id, **asdict(one), "values": _text(one.values), "error": _text(one.error)}
                    for one in letters
                ),
            )

    def end_run(
        self,
        run_id: int,
        status: str,
        *,
        rows_in: int = 0,
        rows_out: int = 0,
        skipped: int = 0,
        dead_letters: int = 0,
        restarts: int = 0,
        error: str = "",
    ) -> None:
        """Record how a run ended: ``status`` in one word, counts of rows, batches skipped, the error's text or ""."""
        with self._database.write() as connection:
            done = connection.execute(
                "UPDATE runs SET status = ?, rows_in = ?, rows_out = ?, skipped = ?, dead_letters = ?, restarts = ?, "
                "error = ? WHERE id = ?",
                (status, rows_in, rows_out, skipped, dead_letters, restarts, _text(error), run_id),
            )
            if done.rowcount == 0:
                raise RegistryError("this run is no longer recorded", hint="was its function dropped?")

    def runs(self, registered_id: int) -> list[dict[str, Any]]:
        """All runs of a function, whichever of its versions is given; ``run`` is the number, ``id`` the key."""
        self.flush()
        with self._database.read() as connection:
            return [dict(row) for row in connection.execute(_RUNS, (registered_id,))]

    def events(self, registered_id: int | None = None, *, run_id: int | None = None) -> list[dict[str, Any]]:
        """Events of all runs of a function, or of one run, each with the number of its run and its version."""
        self.flush()
        with self._database.read() as connection:
            return [dict(row) for row in connection.execute(_EVENTS, {"run": run_id, "registered": registered_id})]

    def dead_letters(self, run_id: int) -> list[DeadLetter]:
        """The rows that one run set aside, in the order in which it did."""
        self.flush()
        with self._database.read() as connection:
            rows = connection.execute(
                'SELECT batch, row, "values", error_type, error, attempts FROM dead_letters '
                "WHERE run_id = ? ORDER BY id",
                (run_id,),
            )
            return [DeadLetter(*row) for row in rows]


def _forget(written: Iterable[tuple[Story, int, int, int, Any]]) -> None:
    """What is in the file need not be written again."""
    for story, run_id, events, letters, end in written:
        story.run_id = run_id
        del story.events[:events], story.letters[:letters]
        story.end = None if story.end is end else story.end


def _text(text: str) -> str:
    """What SQLite can store: a lone surrogate, as a user's error may hold, is told as its escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _not_registered() -> RegistryError:
    return RegistryError("the function of this run is no longer registered", hint="register it again")


def now() -> str:
    """This moment, as ISO text in UTC to the second."""
    return _iso(datetime.now(UTC))


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _new_id(cursor: sqlite3.Cursor) -> int:
    if cursor.lastrowid is None:
        raise RegistryError("the registry gave no number to a new record")
    return cursor.lastrowid
