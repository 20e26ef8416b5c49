"""Queries over the session's database: Doris's SQL in, Arrow out, our functions run by live workers.

Tables are those of the database, of the caller by name (frames, Arrow tables, readers, runs), and files. What a query
names and the database does not have is looked up among the caller's; a caller's table hides one of the database. Left
out on purpose: statements about functions, and scripts of several statements (`workbench.session.statements`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from workbench.engines.duckdb import DuckDB
from workbench.errors import QueryError
from workbench.functions import DEFAULT_DATABASE
from workbench.session.data import open_data
from workbench.session.function import Function
from workbench.session.run import Run
from workbench.session.sql_functions import SqlFunction
from workbench.session.sql_session import SqlSession
from workbench.session.sql_words import in_our_words
from workbench.sql.queries import Known, Query, rewrite
from workbench.sql.queries_lateral import OUTER

if TYPE_CHECKING:
    from workbench.session.workbench import Workbench


@dataclass(frozen=True, slots=True)
class Answer:
    """What a statement gave, and what is to be said of it. ``reads``: it asked for rows and changed none."""

    table: pa.Table
    reads: bool
    notes: tuple[str, ...]


class Queries:
    """The database of a session: in memory, or in the file ``path``, which keeps its tables."""

    def __init__(self, workbench: Workbench, path: str | os.PathLike[str] | None = None) -> None:
        self._workbench = workbench
        self.engine = DuckDB(":memory:" if path is None else os.fspath(path))

    def close(self) -> None:
        """Close the database. May be called twice."""
        self.engine.close()

    def run(
        self,
        text: str,
        tables: Mapping[str, Any] | None = None,
        *,
        session: SqlSession | None = None,
        offset: int = 0,
        limits: Mapping[str, Any] | None = None,
        progress: Callable[[Mapping[str, int]], None] | None = None,
    ) -> Answer:
        """Run one statement of Doris's SQL. ``session`` says where names are looked up.

        ``offset`` is where the text begins in its script, ``limits`` are options of `Function.run`; ``progress`` is
        told how many rows have gone into each function. Raises QueryError for a statement that cannot be run, and
        what a function's run raises: UdfError for a row that fails.
        """
        session = session or SqlSession()
        functions = self._functions(session.search_path())
        query = rewrite(text, {name: _known(found[0]) for name, found in functions.items()}, offset=offset)
        given = {name.lower(): table for name, table in (tables or {}).items()}
        found = {name: given[name.lower()] for place, name in query.tables if not place and name.lower() in given}
        made: dict[int, SqlFunction] = {}  # one of each, so that two calls share their workers

        def overloads(name: str) -> list[SqlFunction]:
            return [made.setdefault(one.registered_id, SqlFunction(one, limits)) for one in functions[name]]

        read = {name: as_table(name, table) for name, table in found.items()}
        database = "main" if session.database == DEFAULT_DATABASE else session.database
        try:
            table = self.engine.run(
                query,
                overloads=overloads,
                tables=read,
                database=database,
                tick=None
                if progress is None
                else lambda: progress({one.name: one.rows for one in list(made.values())}),
            )
        except QueryError as error:
            told = in_our_words(
                error,
                text,
                given=tables or {},
                tables=self.engine.tables(database),
                columns={name: table.schema.names for name, table in read.items()},
                functions=functions,
            )
            told.offset = None if told.offset is None else told.offset + offset
            raise told from error
        if query.sql.startswith("EXPLAIN"):
            table = _with_names(table, query)
        return Answer(table, query.reads, query.notes)

    def _functions(self, places: Sequence[str]) -> dict[str, list[Function]]:
        """All functions by the names under which a query may call them; overloads together.

        Each as ``database.name``; by its name alone if it is in one of ``places``, of which the first counts most.
        """
        found: dict[tuple[str, str], list[Function]] = {}
        for function in self._workbench.functions():
            name, place = function.name.lower(), function.spec.database.lower()
            for called in (name, name + OUTER) if function.kind == "udtf" else (name,):
                found.setdefault((place, called), []).append(function)
        named = {f"{place}.{called}": ones for (place, called), ones in found.items()}
        for wanted in reversed(places):
            named |= {called: ones for (place, called), ones in found.items() if place == wanted.lower()}
        return named


def _with_names(plan: pa.Table, query: Query) -> pa.Table:
    """A plan with the functions' own names, as long as the ones that stand for them: it is drawn in boxes."""
    texts = plan.column("explain_value").to_pylist()
    for call in reversed(query.calls):
        texts = [text.replace(call.symbol, call.name.ljust(len(call.symbol))) for text in texts]
    return plan.set_column(1, "explain_value", pa.array(texts, pa.string()))


def _known(function: Function) -> Known:
    signature = function.signature
    fields = signature.output_fields(function.kind) if signature is not None else ()
    return Known(function.kind, tuple(name for name, _ in fields))


def as_table(name: str, data: Any) -> pa.Table | pa.RecordBatchReader:
    """Something that a query may read: an Arrow table as it is, a reader once, all else as a table."""
    if isinstance(data, Run):
        return data.to_arrow()
    if isinstance(data, pa.Table | pa.RecordBatchReader):
        return data
    try:
        opened = open_data(data, batch_rows=1 << 20, batch_bytes=1 << 30)
        return pa.Table.from_batches(opened.batches, opened.schema)
    except ValueError as error:
        raise QueryError(f"the table {name}: {error}") from error
