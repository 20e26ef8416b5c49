"""Doris scripts in a workbench: its statements in order, each by what carries it out, each with its result.

What is about functions, databases and Python is `workbench.session.statements`', all else is run by the database. The
invariant: a script that cannot be split into statements does nothing; of any other, all before a failing statement is
done, and the error says which statement it was and where. Left out on purpose: transactions.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from workbench.errors import QueryError, SqlError, UsageProblem, WorkbenchError
from workbench.functions import DEFAULT_DATABASE
from workbench.session import statements
from workbench.session.query import Queries
from workbench.session.result import Result
from workbench.session.sql_session import SqlSession
from workbench.sql import read_script
from workbench.sql.literals import like
from workbench.sql.scan import error_at
from workbench.sql.statements import CreateDatabase, DropDatabase, Other, ShowTables, Statement, Use
from workbench.worker.words import counted

if TYPE_CHECKING:
    from workbench.session.workbench import Workbench

RESERVED: Final = ("main", "temp", "system", "information_schema", "pg_catalog")
"""Databases that the engine has for itself."""

MESSAGE: Final = 1_000
"""Characters of a message: it may quote the statement, which may have megabytes."""

_EXPLAIN: Final = "EXPLAIN "


@dataclass(frozen=True, slots=True)
class Progress:
    """Statement ``number`` of ``count`` is running; ``rows`` have gone into the functions that it calls, by name."""

    number: int
    count: int
    rows: Mapping[str, int]

    @property
    def text(self) -> str:
        """``statement 2 of 3: 1,200,000 rows into score``."""
        calls = ", ".join(f"{counted(count, 'row')} into {name}" for name, count in self.rows.items())
        return f"statement {self.number} of {self.count}: {calls or 'running'}"


class Scripts:
    """The SQL session of a workbench: the database in use, and tables in memory or in the file ``path``."""

    def __init__(self, workbench: Workbench, path: str | os.PathLike[str] | None = None) -> None:
        self._workbench = workbench
        self._queries = Queries(workbench, path)
        self._session = SqlSession()
        self._session.databases.update(self._queries.engine.databases() - set(RESERVED))

    def close(self) -> None:
        """Close the database. May be called twice."""
        self._queries.close()

    def tables(self) -> list[str]:
        """The names of the tables and views in the database in use."""
        return self._queries.engine.tables(_schema(self._session.database))

    def run(
        self,
        text: str,
        tables: Mapping[str, Any] | None = None,
        *,
        limits: Mapping[str, Any] | None = None,
        explain: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> Iterator[Result]:
        """The results of a script's statements, each run when it is asked for. ``tables`` and errors as in `sql`.

        ``limits`` are options of `Function.run`. ``explain``: of the last statement only its plan. ``progress`` is
        called in this thread some times a second while a query runs.
        """
        _check_types(text, tables)
        script = read_script(text)
        if not script:
            raise UsageProblem("there is no statement in this SQL", hint="as in SELECT 1")
        if explain and not isinstance(script[-1], Other):
            raise script[-1].error("only a query has a plan", hint="leave the statement, or --explain, out")
        said: set[str] = set()
        for number, statement in enumerate(script, 1):
            tell = None if progress is None else _teller(progress, number, len(script))
            try:
                if isinstance(statement, Other):
                    planned = explain and number == len(script)
                    result = self._query(statement, tables, limits or {}, tell, explain=planned)
                else:
                    result = self._own(statement)
            except QueryError as error:
                at = max(statement.place.offset, error.offset or 0)
                placed = error_at(text, at, _short(error.message), hint=error.hint, kind=SqlError)
                raise _numbered(placed, number, script) from error
            except WorkbenchError as error:
                raise _numbered(error, number, script)  # noqa: B904 - it is the same one
            new = tuple(note for note in dict.fromkeys(result.notes) if note not in said)
            said.update(new)
            yield Result(result.table, result.reads, new)

    def _query(
        self,
        statement: Other,
        tables: Mapping[str, Any] | None,
        limits: Mapping[str, Any],
        tell: Callable[[Mapping[str, int]], None] | None,
        *,
        explain: bool,
    ) -> Result:
        before = _EXPLAIN if explain else ""
        answer = self._queries.run(
            before + statement.text,
            tables,
            session=self._session,
            offset=statement.place.offset - len(before),
            limits=limits,
            progress=tell,
        )
        return Result(answer.table if answer.reads else _status(answer.table), answer.reads, answer.notes)

    def _own(self, statement: Statement) -> Result:
        """A statement that no query is, in the registry and in the database."""
        engine = self._queries.engine
        match statement:
            case ShowTables():
                database = statement.database or self._session.database
                statements.need_database(statement, database, self._workbench, self._session)
                found = engine.tables(_schema(database))
                if statement.like is not None:
                    found = [name for name in found if like(statement.like).fullmatch(name)]
                return Result(pa.table({f"Tables_in_{database}": pa.array(found, pa.string())}), reads=True)
            case CreateDatabase() | Use() | DropDatabase() if statement.database.lower() in RESERVED:
                raise statement.error(
                    f"the database {statement.database} is the engine's own", hint="choose another name"
                )
        answer = statements.execute(statement, self._workbench, self._session)
        match statement:
            case CreateDatabase() | Use() if statement.database != DEFAULT_DATABASE:
                engine.create_database(statement.database)
            case DropDatabase():
                engine.drop_database(statement.database)
        return Result(answer.table, answer.table.schema.names != ["Status"], answer.notes)


def _teller(progress: Callable[[Progress], None], number: int, count: int) -> Callable[[Mapping[str, int]], None]:
    return lambda rows: progress(Progress(number, count, rows))


def _short(message: str) -> str:
    """A message without the rest of a name or literal that has no end."""
    return message if len(message) <= MESSAGE else f"{message[:MESSAGE]}…"


def _schema(database: str) -> str:
    return "main" if database == DEFAULT_DATABASE else database


def _status(changed: pa.Table) -> pa.Table:
    """What a statement did that asked for no rows: how many it changed, if it is one that changes some."""
    if not changed.num_rows:
        return pa.table({"Status": ["done"]})
    count = changed.column(0)[0].as_py()
    return pa.table({"Status": [counted(count, "row")]})


def _numbered(error: WorkbenchError, number: int, script: list[Statement]) -> WorkbenchError:
    """The error with its statement, where there are several; one of SQL names line and column by itself."""
    if len(script) > 1:
        place = script[number - 1].place
        where = "" if isinstance(error, SqlError) else f", line {place.line}, column {place.column}"
        separator = ", " if isinstance(error, SqlError) else ": "
        error.message = f"statement {number}{where}{separator}{error.message}"
    return error


def _check_types(text: object, tables: object) -> None:
    if not isinstance(text, str):
        raise UsageProblem(f"SQL is text, not {type(text).__name__}", hint="as in SELECT 1")
    if not isinstance(tables, Mapping | None):
        raise UsageProblem(f"tables is of type {type(tables).__name__}", hint="give names, as in tables={'t': df}")
