"""The embedded engine: DuckDB runs a query, our workers run the functions in it.

A statement comes with open calls (`workbench.sql.queries`). DuckDB binds it; where it meets a call it tells the types
of its arguments, by which the overload is chosen and a function of just these types is made. So arguments arrive as
they are in the query, and are cast by the function's own rules. The invariant: what a statement made (tables,
functions) is gone after it; a function's error leaves as it was raised, not as DuckDB words it. The statement runs in a
thread of its own, so that the caller can be interrupted. Left out on purpose: workers; a function is called through
`SqlFunction`.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from workbench.engines.duckdb_overloads import choose, fields_of, split_types, stands_for
from workbench.engines.duckdb_staged import Filled, Passing, Stages, many_rows
from workbench.engines.duckdb_types import duckdb_type, quote, stored, struct_type
from workbench.errors import QueryError
from workbench.functions import Kind, Volatility
from workbench.sql.queries import Call, Query
from workbench.sql.queries_staged import Staged
from workbench.types import Array, DataType, LargeInt, Struct

POLL_SECONDS: Final = 0.05
"""How often a statement is interrupted until it ends: it may be on its way into the next call."""

TICK_SECONDS: Final = 0.1
"""How often the caller is told that a statement is still running."""

_UNBOUND: Final = re.compile(r"given name and argument types '(__call_(\d+)\((.*)\))'\. You might", re.DOTALL)


class SqlFunction(Passing, Protocol):
    """A function that can be called from SQL, from several threads at once. Columns have the types of the query."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def arguments(self) -> tuple[DataType, ...]: ...
    @property
    def volatility(self) -> Volatility: ...

    def scalar(self, columns: Sequence[pa.Array], rows: int) -> pa.Array:
        """One value for each row."""

    def aggregate(self, groups: pa.Array, columns: Sequence[pa.Array], count: int) -> pa.Array:
        """One value for each of ``count`` groups; ``groups`` says of each row which (from 0)."""

    def running(self, groups: pa.Array, columns: Sequence[pa.Array]) -> pa.Array:
        """One value for each row: the result of its group after it."""

    def table(self, columns: Sequence[pa.Array], rows: int) -> tuple[list[pa.Array], pa.Array]:
        """The columns of the result, and how many of its rows belong to each row."""

    def cancel(self) -> None:
        """End what is being called, from another thread."""

    def close(self) -> None:
        """The statement is over."""


class DuckDB:
    """A database, in memory or in a file, and the statements that run in it, one at a time."""

    def __init__(self, path: str = ":memory:") -> None:
        self._connection = duckdb.connect(path)
        self._connection.execute("SET python_enable_replacements = false")
        self._connection.execute("SET TimeZone = 'UTC'")
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the database. May be called twice."""
        self._connection.close()

    def databases(self) -> set[str]:
        """The names of the databases that are there, DuckDB's own among them."""
        found = self._connection.execute("SELECT schema_name FROM information_schema.schemata").fetchall()
        return {name for (name,) in found}

    def tables(self, database: str) -> list[str]:
        """The names of a database's tables and views, sorted."""
        found = self._connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE lower(table_schema) = lower(?) ORDER BY 1",
            [database],
        ).fetchall()
        return [name for (name,) in found]

    def create_database(self, name: str) -> None:
        """Make a database, if it is not there."""
        self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(name)}")

    def drop_database(self, name: str) -> None:
        """Drop a database with all its tables, if it is there."""
        self._connection.execute(f"DROP SCHEMA IF EXISTS {quote(name)} CASCADE")

    def run(
        self,
        query: Query,
        *,
        overloads: Callable[[str], Sequence[SqlFunction]],
        tables: Mapping[str, Any],
        database: str = "main",
        tick: Callable[[], object] | None = None,
    ) -> pa.Table:
        """Run a statement. ``tables`` are Arrow tables or readers by name, seen before those of the database.

        ``overloads`` gives the functions of a name; ``tick`` is called in this thread while it runs. Raises QueryError,
        what a function raised, and KeyboardInterrupt.
        """
        with self._lock:
            statement = _Statement(self._connection, query, overloads)
            return statement.run(tables, database, tick)


class _Statement:
    """One statement on a cursor of its own."""

    def __init__(self, connection: Any, query: Query, overloads: Callable[[str], Sequence[SqlFunction]]) -> None:
        self._cursor = connection.cursor()
        self._query = query
        self._overloads = overloads
        self._made: list[str] = []
        self._filled: dict[int, Filled] = {}
        self._stages: Stages | None = None
        self._used: list[SqlFunction] = []
        self._done = threading.Event()
        self._failed: BaseException | None = None
        self._result: pa.Table | None = None

    def run(self, tables: Mapping[str, Any], database: str, tick: Callable[[], object] | None) -> pa.Table:
        thread = threading.Thread(target=self._work, args=(tables, database), name="workbench-sql", daemon=True)
        thread.start()
        try:
            # Not join: interrupted, it takes a living thread for dead (Python 3.11).
            while not self._done.wait(TICK_SECONDS if tick is not None else None):
                if tick is not None:
                    tick()
        except BaseException:
            self._stop()
            raise
        finally:
            thread.join()
            self._close(tables)
        if self._result is None:
            raise self._failed or QueryError("the statement gave no result")
        return self._result

    def _stop(self) -> None:
        """Interrupt the statement, and the functions that it waits for, until its thread is at its end."""
        self._failed = self._failed or QueryError("the statement was interrupted")
        while not self._done.wait(POLL_SECONDS):
            for cursor in self._cursors():  # first, or a function that reads from one would be waited for
                cursor.interrupt()
            for function in list(self._used):
                function.cancel()

    def _cursors(self) -> list[Any]:
        return [self._cursor, *(self._stages.cursors if self._stages is not None else ())]

    def _close(self, tables: Mapping[str, Any]) -> None:
        for function in self._used:
            function.close()
        for name in self._made:
            self._cursor.remove_function(name)
        for name in tables:
            self._cursor.unregister(name)
        for cursor in self._cursors():
            cursor.close()

    def _work(self, tables: Mapping[str, Any], database: str) -> None:
        try:
            self._enter(self._cursor, tables, database)
            for call in self._query.calls:
                self._make(call.symbol, lambda *_: pa.nulls(0), [], "INTEGER", pure=True)
            self._result = self._execute(tables, database)
        except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
            self._fail(error)
        finally:
            self._done.set()

    @staticmethod
    def _enter(cursor: Any, tables: Mapping[str, Any], database: str) -> None:
        cursor.execute(f"USE {quote(database)}")
        for name, table in tables.items():
            cursor.register(name, table)

    def _execute(self, tables: Mapping[str, Any], database: str) -> pa.Table:
        """Run it once all calls are filled in; each attempt fills in one."""
        while True:
            try:
                staged = self._query.staged
                if staged is not None and self._in_stages(staged, tables, database):
                    return self._answer(staged.sql)
                return self._answer(self._query.sql)
            except duckdb.BinderException as error:
                found = _UNBOUND.search(str(error))
                if found is None or int(found[2]) in self._filled:
                    raise
            self._fill_in(self._query.calls[int(found[2])], split_types(found[3]))

    def _in_stages(self, staged: Staged, tables: Mapping[str, Any], database: str) -> bool:
        """Whether it is for many rows and can be run in stages, which are ready then."""
        (plan,) = self._cursor.execute(f"EXPLAIN (FORMAT json) {self._query.sql}").fetchall()
        if not many_rows(plan[1]) or any(isinstance(table, pa.RecordBatchReader) for table in tables.values()):
            return False

        def open_cursor() -> Any:
            cursor = self._cursor.cursor()
            self._enter(cursor, tables, database)
            return cursor

        self._stages = Stages(staged, self._filled, open_cursor, self._fail)
        try:
            if not self._stages.prepare(self._cursor):
                return False
            if not self._query.reads:
                return True
            return _columns(self._cursor.sql(self._query.sql)) == _columns(self._cursor.sql(staged.sql))
        except duckdb.Error:  # of a name that means something else between the stages: it is run as it is
            return False

    def _fail(self, error: Exception) -> None:
        """Keep what ends the statement: of a function in its own words, of DuckDB in ours. What came first counts."""
        if self._failed is None:
            self._failed = self._in_our_words(error) if isinstance(error, duckdb.Error) else error

    def _answer(self, sql: str) -> pa.Table:
        if self._query.reads:
            return self._cursor.sql(sql).to_arrow_table()
        changed = self._cursor.execute(sql).fetchall()
        return pa.table({"Count": [count for (count,) in changed]})

    # -- calls ---------------------------------------------------------------------------------------------------------

    def _fill_in(self, call: Call, given: list[str]) -> None:
        """Make the function of a call whose arguments have these types."""
        types = given
        if call.form in ("aggregate", "running"):
            types = fields_of(given[0])
        types = types[: call.arguments]
        arrows = [self._arrow(stands_for(name)) for name in types]
        function = choose(self._overloads(call.name), call, types, arrows)
        if function not in self._used:
            self._used.append(function)
        taken = []
        for wanted, name in zip(function.arguments, types, strict=True):
            large = name == "INTEGER_LITERAL" and isinstance(wanted, LargeInt)  # a literal may have 39 digits
            target = duckdb_type(wanted) if large or name in ("STRING_LITERAL", '"NULL"') else None
            taken.append(target or stands_for(name))
        returns = result_type(call, function)
        if call.form in ("aggregate", "running"):
            fields = [f"a{index} {name}" for index, name in enumerate(taken)] or ["none INTEGER"]
            taken = [f"STRUCT({', '.join(fields)})[]"]
        taken = taken or given
        pure = call.in_window or function.volatility != "volatile"
        self._cursor.remove_function(call.symbol)
        self._made.remove(call.symbol)
        self._make(call.symbol, self._callback(call, function), taken, returns, pure=pure)
        self._filled[call.number] = Filled(function, taken, returns, pure)

    def _make(self, symbol: str, call: Callable[..., Any], types: list[str], returns: str, *, pure: bool) -> None:
        parameters = [self._cursor.type(name) for name in types]
        self._cursor.create_function(
            symbol,
            _exact(call, len(types)),
            parameters,
            self._cursor.type(returns),
            type="arrow",
            null_handling="special",
            side_effects=not pure,
        )
        self._made.append(symbol)

    def _arrow(self, name: str) -> pa.DataType:
        """The Arrow type of a DuckDB type; the name is one that DuckDB gave."""
        return self._cursor.sql(f"SELECT CAST(NULL AS {name}) AS x").to_arrow_table().schema.field(0).type

    def _callback(self, call: Call, function: SqlFunction) -> Callable[..., pa.Array]:
        answer = _ANSWERS[call.form]

        def callback(*columns: pa.ChunkedArray) -> pa.Array:
            if self._failed is not None:
                raise self._failed
            try:
                return stored(answer(call, function, [column.combine_chunks() for column in columns]))
            except BaseException as error:
                if self._failed is None:
                    self._failed = error
                raise

        return callback

    def _in_our_words(self, error: Exception) -> QueryError:
        """What DuckDB says, without its view of a text that nobody wrote, and with our names."""
        text = str(error).partition("\n\nLINE ")[0].partition("\nCandidate")[0].partition("\n\tCandidate")[0]
        offset = None
        for call in reversed(self._query.calls):
            if call.symbol in text:
                offset = call.offset
            text = text.replace(call.symbol, call.name)
        return QueryError(text.strip(), offset=offset)


def _columns(relation: Any) -> tuple[list[str], list[Any]]:
    """What a query gives."""
    return list(relation.columns), list(relation.types)


def _exact(call: Callable[..., Any], count: int) -> Callable[..., Any]:
    """DuckDB looks at how many parameters a function has, and wants no stars."""
    names = ", ".join(f"a{index}" for index in range(count))
    made: Callable[..., Any] = eval(f"lambda {names}: call({names})", {"call": call})  # noqa: S307 - our own names
    return made


def _scalar(call: Call, function: SqlFunction, columns: list[pa.Array]) -> pa.Array:
    return function.scalar(columns[: call.arguments], len(columns[0]))


def _rows(lists: pa.Array, arguments: int) -> tuple[pa.Array, list[pa.Array]]:
    """Which list each row is in, and the columns of all rows."""
    rows = lists.flatten()
    return pc.list_parent_indices(lists), rows.flatten()[:arguments]


def _aggregate(call: Call, function: SqlFunction, columns: list[pa.Array]) -> pa.Array:
    groups, rows = _rows(columns[0], call.arguments)
    return function.aggregate(groups, rows, len(columns[0]))


def _running(call: Call, function: SqlFunction, columns: list[pa.Array]) -> pa.Array:
    lists = columns[0]
    groups, rows = _rows(lists, call.arguments)
    return _listed(function.running(groups, rows), pc.list_value_length(lists))


def _table(call: Call, function: SqlFunction, columns: list[pa.Array]) -> pa.Array:
    values, counts = function.table(columns[: call.arguments], len(columns[0]))
    if len(values) == 1:
        return _listed(values[0], counts)
    names = [name for name, _ in _fields(function)] if call.columns == 1 else [f"c{i}" for i in range(len(values))]
    return _listed(pa.StructArray.from_arrays(values, names=names), counts)


def _listed(values: pa.Array, counts: pa.Array) -> pa.Array:
    ends = pc.cumulative_sum(counts.fill_null(0).cast(pa.int32()))
    return pa.ListArray.from_arrays(pa.concat_arrays([pa.array([0], pa.int32()), ends]), values)


_ANSWERS: Final = {"scalar": _scalar, "aggregate": _aggregate, "running": _running, "table": _table}


def _fields(function: SqlFunction) -> tuple[tuple[str, DataType], ...]:
    """The columns of a table function."""
    item = function.returns.item if isinstance(function.returns, Array) else function.returns
    return item.fields if isinstance(item, Struct) else (("value", item),)


def result_type(call: Call, function: SqlFunction) -> str:
    """The DuckDB type that a call gives. Raises QueryError for one that DuckDB does not have."""
    made: str | None
    if call.form == "table" and call.columns > 1:
        item = struct_type(tuple((f"c{index}", type_) for index, (_, type_) in enumerate(_fields(function))))
        made = None if item is None else f"{item}[]"
    else:
        made = duckdb_type(function.returns)
        if call.form == "running" and made is not None:
            made += "[]"
    if made is None:
        raise QueryError(
            f"{function.name} returns {function.returns}, which DuckDB cannot hold",
            offset=call.offset,
            hint="it has DECIMAL up to 38 digits",
        )
    return made
