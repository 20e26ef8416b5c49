"""One SQLite file that several threads and several processes may use at once; the only place that opens one.

The invariant: a file that is not ours, is damaged, or was written by a newer version is refused by name and not
touched. Every write is one transaction that takes the write lock first (BEGIN IMMEDIATE), so that none can fail half
way for a lock. Left out on purpose: what is in the tables, but for their shape.
"""

from __future__ import annotations

import fcntl
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from workbench.errors import RegistryError

SCHEMA_VERSION: Final = 1
"""Kept in the file as ``user_version``."""

BUSY_SECONDS: Final = 5.0
"""How long one process waits for the write lock of another; a write takes milliseconds."""

_WAYS_OUT: Final = {
    sqlite3.SQLITE_BUSY: "another process holds it; try again",
    sqlite3.SQLITE_CONSTRAINT: "the function or run was dropped meanwhile; register or run it again",
    sqlite3.SQLITE_FULL: "make room on its disk",
    sqlite3.SQLITE_READONLY: "make its folder writable, or name another home",
    sqlite3.SQLITE_CANTOPEN: "make its folder writable, or name another home",
}

SCHEMA: Final = """
CREATE TABLE functions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    database TEXT NOT NULL,
    folded TEXT NOT NULL,          -- the name in lower case: Doris does not tell cases apart
    argument_types TEXT NOT NULL,  -- "" for a script
    UNIQUE (database, folded, argument_types)
);
CREATE TABLE versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice: a handle to a dropped version must not find another
    function_id INTEGER NOT NULL REFERENCES functions ON DELETE CASCADE,
    version INTEGER NOT NULL,
    spec TEXT NOT NULL,
    content TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    source TEXT NOT NULL,
    created TEXT NOT NULL,
    UNIQUE (function_id, version)
);
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    version_id INTEGER NOT NULL REFERENCES versions ON DELETE CASCADE,
    run INTEGER NOT NULL,  -- counts from 1 over all versions of a function
    started TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'running',
    rows_in INTEGER NOT NULL DEFAULT 0,
    rows_out INTEGER NOT NULL DEFAULT 0,
    skipped INTEGER NOT NULL DEFAULT 0,
    dead_letters INTEGER NOT NULL DEFAULT 0,
    restarts INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT ''
);
CREATE INDEX runs_of_version ON runs (version_id);
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    kind TEXT NOT NULL,
    time REAL NOT NULL,
    worker INTEGER,
    pid INTEGER,
    batch INTEGER,
    rows INTEGER,
    signal TEXT,
    exit_status INTEGER,
    detail TEXT NOT NULL
);
CREATE INDEX events_of_run ON events (run_id);
CREATE TABLE dead_letters (
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    batch INTEGER,
    row INTEGER,
    "values" TEXT NOT NULL,
    error_type TEXT NOT NULL,
    error TEXT NOT NULL,
    attempts INTEGER NOT NULL
);
CREATE INDEX dead_letters_of_run ON dead_letters (run_id);
"""


class Database:
    """One connection, lent to one thread at a time. Closing twice is allowed; using it then is a RegistryError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RegistryError(f"cannot create {path.parent}: {error.strerror}", hint="name another home") from error
        with self._translated():
            connection = sqlite3.connect(path, BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            with self._translated():
                self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._connection: sqlite3.Connection | None = connection

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """The connection, to read from; what is read in one block may be of several moments."""
        with self._lock, self._translated():
            if self._connection is None:
                raise RegistryError("the registry is closed", hint="open the workbench again")
            yield self._connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """The connection, in a transaction that is committed at the end and rolled back by an error.

        Inside of another it is a part of that one.
        """
        with self.read() as connection:
            if connection.in_transaction:
                yield connection
                return
            asked = False
            try:  # an interrupt may come behind any line, also the first and the last
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                asked = True
                connection.execute("COMMIT")
            except BaseException as error:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                elif asked and not isinstance(error, sqlite3.Error):
                    error.committed = True  # type: ignore[attr-defined]
                raise

    def close(self) -> None:
        """Close the file; may be called twice."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.row_factory = sqlite3.Row
        if self._version(connection) == 0:
            # Two processes may be the first, and the switch to WAL does not wait for the other by itself.
            with closing((self.path.parent / "registry.lock").open("a")) as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if self._version(connection) == 0:
                    self._create(connection)
        version = self._version(connection)
        if version > SCHEMA_VERSION:
            raise RegistryError(
                f"{self.path} was written by a newer version (schema {version}, this one knows {SCHEMA_VERSION})",
                hint="pip install -U udf-workbench, or name another home",
            )
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(
            "PRAGMA synchronous = NORMAL"
        )  # in WAL mode a crash of ours loses nothing that was committed

    def _create(self, connection: sqlite3.Connection) -> None:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise RegistryError(f"{self.path} is a database of something else", hint="name another home")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")

    @staticmethod
    def _version(connection: sqlite3.Connection) -> int:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """SQLite's errors as ours, with the way out; ProgrammingError is a mistake of this code and stays one."""
        try:
            yield
        except sqlite3.ProgrammingError:
            raise
        except sqlite3.DatabaseError as error:
            code = error.sqlite_errorcode & 0xFF  # the primary code, without the extension
            if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                hint = "it was not changed; move it away to begin a new registry (packages/ beside it stays good)"
                raise RegistryError(f"{self.path} is damaged: {error}", hint=hint) from error
            raise RegistryError(f"cannot use {self.path}: {error}", hint=_WAYS_OUT.get(code, "")) from error
