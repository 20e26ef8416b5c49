"""Doris's queries over the embedded engine: a statement and the rows that it must give, through real workers.

The values were written from what Doris documents, not copied from a run.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

import workbench as wb
from workbench.errors import QueryError, UdfError, WorkbenchError
from workbench.session.query import Queries

TABLES = {
    "t": pa.table(
        {
            "id": [1, 2, 3],
            "s": ["a,bb", "c", None],
            "v": [1.0, 2.0, 4.0],
            "k": ["x", "x", "y"],
            "arr": [[1, 2], [], None],
        }
    ),
    "o": pd.DataFrame({"id": [1, 1, 3], "amount": [10, 20, 30]}),
    "n": pa.table({"i": pa.array([], pa.int64()), "d": pa.array([], pa.float64())}),
}

SUM = """
class Total:
    def __init__(self):
        self.total = 0
    def accumulate(self, v):
        self.total += v or 0
    def merge(self, other):
        self.total += other
    @property
    def aggregate_state(self):
        return self.total
    def finish(self):
        return self.total
"""
DOT = SUM.replace("accumulate(self, v)", "accumulate(self, a, b)").replace("v or 0", "a * b")
COUNT = SUM.replace("accumulate(self, v)", "accumulate(self)").replace("v or 0", "1")
FUNCTIONS: list[tuple[str, str, dict[str, Any]]] = [
    ("def evaluate(a):\n    return None if a is None else a + 1\n", "plus(a BIGINT) -> BIGINT", {}),
    ("def evaluate(a):\n    return None if a is None else a + 1\n", "pure(a INT) -> INT", {"volatility": "immutable"}),
    ("def evaluate():\n    return 7\n", "seven() -> INT", {}),
    ("def evaluate(a):\n    return a\n", "big(a LARGEINT) -> LARGEINT", {}),
    ("def evaluate(a):\n    return 'number'\n", "which(a INT) -> STRING", {}),
    ("def evaluate(a):\n    return 'text'\n", "which(a STRING) -> STRING", {}),
    ("def evaluate(a, b):\n    return 'two'\n", "which(a STRING, b STRING) -> STRING", {}),
    ("def evaluate(a, b):\n    return a / b\n", "ratio(a INT, b INT) -> DOUBLE", {}),
    ("def evaluate(a, b):\n    return 42\n", "levenshtein(a STRING, b STRING) -> INT", {}),
    ("def evaluate(a):\n    return a is None\n", "is_none(a STRING) -> BOOLEAN", {}),
    ("def evaluate(a):\n    return a.hex()\n", "hex_of(a VARBINARY) -> STRING", {}),
    ("def evaluate(a):\n    return a\n", "same_date(a DATE) -> DATE", {}),
    ("def evaluate(a):\n    return a\n", "same_time(a DATETIME) -> DATETIME", {}),
    ("def evaluate(a):\n    return a\n", "money(a DECIMAL(10,2)) -> DECIMAL(10,2)", {}),
    ("def evaluate(a):\n    return sum(a)\n", "total_of(a ARRAY<INT>) -> BIGINT", {}),
    ("def evaluate(a):\n    return sorted(a)\n", "keys_of(a MAP<STRING, INT>) -> ARRAY<STRING>", {}),
    ("def evaluate(a):\n    return a['x'] + a['y']\n", "add(a STRUCT<x:INT, y:INT>) -> INT", {}),
    ("def evaluate(a):\n    return {'x': a, 'y': str(a)}\n", "pair(a INT) -> STRUCT<x:INT, y:STRING>", {}),
    ("def evaluate(a):\n    return a\n", "shout(a STRING) -> STRING", {}),
    (
        "def evaluate(s):\n    for p in (s or '').split(','):\n        if p:\n            yield p, len(p)\n",
        "split(s STRING) -> ARRAY<STRUCT<part:STRING, n:INT>>",
        {},
    ),
    ("def evaluate(s):\n    if s:\n        yield from s.split(',')\n", "words(s STRING) -> ARRAY<STRING>", {}),
    ("def evaluate(n):\n    yield from range(n)\n", "upto(n INT) -> ARRAY<INT>", {}),
    ("def evaluate(n):\n    return None\n", "none_at_all(n INT) -> ARRAY<INT>", {"kind": "udtf"}),
    (SUM, "total(v DOUBLE) -> DOUBLE", {}),
    (DOT, "dot(a BIGINT, b BIGINT) -> BIGINT", {}),
    (COUNT, "how_many() -> BIGINT", {}),
]


@pytest.fixture(scope="module")
def queries(shared: wb.Workbench) -> Iterator[Queries]:
    """A session with the functions above; each has a worker that is ready."""
    for source, signature, options in FUNCTIONS:
        shared.register(source, signature, **options).start(2)
    made = Queries(shared)
    made.run("CREATE TABLE stored (a INT, b STRING) ENGINE=OLAP DUPLICATE KEY(a) DISTRIBUTED BY HASH(a) BUCKETS 1")
    made.run("SELECT total(number) FROM numbers('number' = '200000') GROUP BY number % 5000")
    made.run("INSERT INTO stored VALUES (2, 'two'), (NULL, 'none'), (1, 'one')")
    yield made
    made.close()


def rows(queries: Queries, text: str) -> list[tuple[Any, ...]]:
    """What a statement gives, as tuples."""
    table = queries.run(text, TABLES).table
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


GOOD: list[tuple[str, list[tuple[Any, ...]]]] = [
    ("SELECT plus(1)", [(2,)]),
    ("SELECT plus(NULL)", [(None,)]),
    ("SELECT plus(id) FROM t ORDER BY id", [(2,), (3,), (4,)]),
    ("SELECT plus(plus(id)) FROM t ORDER BY 1 DESC", [(5,), (4,), (3,)]),
    ("SELECT id FROM t WHERE plus(id) > 2 ORDER BY id", [(2,), (3,)]),
    ("SELECT plus(sum(id)) FROM t", [(7,)]),
    ("SELECT from_unixtime(0), from_unixtime(1196440219 + 0)", [("1970-01-01 00:00:00", "2007-11-30 16:30:19")]),
    ("SELECT from_unixtime(1196440219, '%Y/%m/%d %H:%i:%s')", [("2007/11/30 16:30:19",)]),
    ("SELECT from_unixtime(1196440219.25, '%s.%f')", [("19.250000",)]),
    ("SELECT from_unixtime(1196440219, 'yyyyMMdd'), from_unixtime(NULL)", [("20071130", None)]),
    ("SELECT shout(from_unixtime(id, 'yyyy-MM-dd')) FROM t WHERE id = 1", [("1970-01-01",)]),
    ("SELECT date_format('2020-01-02 03:04:05', 'yyyy-MM-dd HH:mm:ss')", [("2020-01-02 03:04:05",)]),
    ("SELECT date_format('2020-01-02 03:04:05', '%i')", [("04",)]),
    ("SELECT k, sum(plus(id)) FROM t GROUP BY k ORDER BY k", [("x", 5), ("y", 4)]),
    ("SELECT plus(id) AS p, count(*) FROM t GROUP BY plus(id) ORDER BY p", [(2, 1), (3, 1), (4, 1)]),
    ("SELECT pure(1), pure(2)", [(2, 3)]),
    ("SELECT pure(CAST(5 AS TINYINT)), pure(CAST(6 AS BIGINT))", [(6, 7)]),
    ("SELECT plus(CAST(3 AS LARGEINT))", [(4,)]),
    ("SELECT plus(4.0)", [(5,)]),
    ("SELECT seven() FROM t", [(7,), (7,), (7,)]),
    ("SELECT big(170141183460469231731687303715884105727)", [(Decimal(2**127 - 1),)]),
    ("SELECT big(id) FROM t WHERE id = 1", [(Decimal(1),)]),
    ("SELECT which(1), which('x'), which('x', 'y'), which(s) FROM t WHERE id = 1", [("number", "text", "two", "text")]),
    ("SELECT which(sum(id)) FROM t", [("number",)]),
    ("SELECT which(max(s)) FROM t", [("text",)]),
    ("SELECT ratio(id, 2) FROM t ORDER BY id", [(0.5,), (1.0,), (1.5,)]),
    ("SELECT levenshtein('a', 'b')", [(42,)]),
    ("SELECT `plus`(1), PLUS(1), Plus(1)", [(2, 2, 2)]),
    ("SELECT default.plus(1)", [(2,)]),
    ("SELECT is_none(s) FROM t ORDER BY id", [(False,), (False,), (True,)]),
    ("SELECT hex_of(CAST('ab' AS VARBINARY))", [("6162",)]),
    ("SELECT CAST(same_date('2024-02-29') AS STRING)", [("2024-02-29",)]),
    ("SELECT CAST(same_time('2024-02-29 12:34:56') AS STRING)", [("2024-02-29 12:34:56",)]),
    ("SELECT money(12.5)", [(Decimal("12.50"),)]),
    ("SELECT money(3)", [(Decimal("3.00"),)]),
    ("SELECT total_of([1, 2, 3]), total_of(array(4, 5))", [(6, 9)]),
    ("SELECT total_of(arr) FROM t WHERE id < 3 ORDER BY id", [(3,), (0,)]),
    ("SELECT keys_of(map('b', 1, 'a', 2)), keys_of({'z': 1})", [(["a", "b"], ["z"])]),
    ("SELECT add(named_struct('x', 1, 'y', 2))", [(3,)]),
    ("SELECT add(named_struct('y', 1, 'x', 2))", [(3,)]),
    ("SELECT pair(5)", [({"x": 5, "y": "5"},)]),
    ("SELECT struct_element(pair(5), 'y')", [("5",)]),
    ("SELECT shout(12), shout(CAST('2020-01-02' AS DATE))", [("12", "2020-01-02")]),
    ("SELECT plus(id), amount FROM t JOIN o USING (id) ORDER BY amount", [(2, 10), (2, 20), (4, 30)]),
    ("SELECT CASE WHEN plus(id) = 2 THEN 'two' ELSE 'more' END FROM t ORDER BY id", [("two",), ("more",), ("more",)]),
    ("SELECT if(plus(id) > 3, 'a', 'b') FROM t ORDER BY id", [("b",), ("b",), ("a",)]),
    ("WITH c AS (SELECT plus(id) AS p FROM t) SELECT sum(p) FROM c", [(9,)]),
    ("SELECT (SELECT plus(max(id)) FROM t)", [(4,)]),
    ("SELECT id FROM t WHERE id IN (SELECT plus(id) FROM t) ORDER BY id", [(2,), (3,)]),
    ("SELECT plus(1) UNION ALL SELECT plus(2) ORDER BY 1", [(2,), (3,)]),
    ("SELECT DISTINCT which(id) FROM t", [("number",)]),
    ("SELECT plus(i) FROM n", []),
    ("SELECT row_number() OVER (ORDER BY plus(id) DESC) FROM t ORDER BY id", [(3,), (2,), (1,)]),
    # aggregates
    ("SELECT total(v) FROM t", [(7.0,)]),
    ("SELECT total(id) FROM t", [(6.0,)]),
    ("SELECT k, total(v) FROM t GROUP BY k ORDER BY k", [("x", 3.0), ("y", 4.0)]),
    ("SELECT total(d) FROM n", [(0.0,)]),
    ("SELECT total(d) FROM n GROUP BY i", []),
    ("SELECT total(v) FILTER (WHERE v > 100) FROM t", [(0.0,)]),
    ("SELECT k, total(v) FILTER (WHERE v > 1) FROM t GROUP BY k ORDER BY k", [("x", 2.0), ("y", 4.0)]),
    ("SELECT total(DISTINCT length(k)) FROM t", [(1.0,)]),
    ("SELECT k FROM t GROUP BY k HAVING total(v) > 3.5", [("y",)]),
    ("SELECT k FROM t GROUP BY k ORDER BY total(v) DESC", [("y",), ("x",)]),
    ("SELECT dot(id, id) FROM t", [(14,)]),
    ("SELECT how_many() FROM t", [(3,)]),
    ("SELECT total(plus(id)) FROM t", [(9.0,)]),
    ("SELECT plus(dot(id, 1)) FROM t", [(7,)]),
    ("SELECT total(v) + total(id) FROM t", [(13.0,)]),
    ("SELECT total(v) OVER () FROM t", [(7.0,), (7.0,), (7.0,)]),
    ("SELECT id, total(v) OVER (PARTITION BY k) FROM t ORDER BY id", [(1, 3.0), (2, 3.0), (3, 4.0)]),
    ("SELECT id, total(v) OVER (ORDER BY id) FROM t ORDER BY id", [(1, 1.0), (2, 3.0), (3, 7.0)]),
    ("SELECT id, total(v) OVER (ORDER BY id DESC) FROM t ORDER BY id", [(1, 7.0), (2, 6.0), (3, 4.0)]),
    ("SELECT total(v) OVER (ORDER BY k) FROM t ORDER BY id", [(3.0,), (3.0,), (7.0,)]),
    (
        "SELECT total(v) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS m FROM t ORDER BY id",
        [(1.0,), (3.0,), (6.0,)],
    ),
    (
        "SELECT total(v) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING) AS m FROM t ORDER BY id",
        [(3.0,), (7.0,), (7.0,)],
    ),
    ("SELECT v - total(v) OVER (PARTITION BY k ORDER BY id) FROM t ORDER BY id", [(0.0,), (-1.0,), (0.0,)]),
    (
        "SELECT *, total(amount) OVER (PARTITION BY id ORDER BY amount) AS m FROM o ORDER BY amount",
        [(1, 10, 10.0), (1, 20, 30.0), (3, 30, 30.0)],
    ),
    (
        "SELECT total(id) OVER (ORDER BY id) m, total(v) OVER (PARTITION BY k ORDER BY id) FROM t ORDER BY id DESC LIMIT 2",  # noqa: E501
        [(6.0, 4.0), (3.0, 3.0)],
    ),
    ("WITH w AS (SELECT total(v) OVER (ORDER BY id) AS m FROM t) SELECT max(m) FROM w", [(7.0,)]),
    ("SELECT sum(total(v)) OVER () FROM t GROUP BY k", [(7.0,), (7.0,)]),
    # table functions
    ("SELECT id, a, b FROM t LATERAL VIEW split(s) x AS a, b ORDER BY id, a", [(1, "a", 1), (1, "bb", 2), (2, "c", 1)]),
    (
        "SELECT id, a FROM t LATERAL VIEW words_outer(s) x AS a ORDER BY id, a",
        [(1, "a"), (1, "bb"), (2, "c"), (3, None)],
    ),
    (
        "SELECT id, a FROM t LATERAL VIEW OUTER words(s) x AS a ORDER BY id, a",
        [(1, "a"), (1, "bb"), (2, "c"), (3, None)],
    ),
    ("SELECT id, x.a FROM t LATERAL VIEW words(s) x AS a WHERE x.a <> 'a' ORDER BY id", [(1, "bb"), (2, "c")]),
    ("SELECT x.a FROM t LATERAL VIEW split(s) x AS a WHERE id = 2", [({"part": "c", "n": 1},)]),
    (
        "SELECT id, a, b FROM t LATERAL VIEW words(s) x AS a LATERAL VIEW upto(length(a)) y AS b ORDER BY 1, 2, 3",
        [(1, "a", 0), (1, "bb", 0), (1, "bb", 1), (2, "c", 0)],
    ),
    ("SELECT k, count(*) FROM t LATERAL VIEW words(s) x AS a GROUP BY k", [("x", 3)]),
    ("SELECT a FROM t, LATERAL words(s) AS x(a) ORDER BY a", [("a",), ("bb",), ("c",)]),
    ("SELECT * FROM split('p,qq') AS x(a, b)", [("p", 1), ("qq", 2)]),
    ("SELECT part, n FROM split('p,qq')", [("p", 1), ("qq", 2)]),
    ("SELECT plus(n) FROM t LATERAL VIEW split(s) x AS a, n ORDER BY 1", [(2,), (2,), (3,)]),
    ("SELECT id FROM t LATERAL VIEW none_at_all(id) x AS a", []),
    ("SELECT id, a FROM t LATERAL VIEW none_at_all_outer(id) x AS a ORDER BY id", [(1, None), (2, None), (3, None)]),
    ("SELECT total(n) FROM t LATERAL VIEW split(s) x AS a, n", [(4.0,)]),
    # built-ins that only Doris has
    ("SELECT id, e FROM t LATERAL VIEW explode(arr) x AS e ORDER BY e", [(1, 1), (1, 2)]),
    (
        "SELECT id, e FROM t LATERAL VIEW explode_outer(arr) x AS e ORDER BY id, e",
        [(1, 1), (1, 2), (2, None), (3, None)],
    ),
    ("SELECT e FROM t LATERAL VIEW explode_split(s, ',') x AS e WHERE id = 1 ORDER BY e", [("a",), ("bb",)]),
    ("SELECT e FROM t LATERAL VIEW explode_numbers(id) x AS e WHERE id = 2", [(0,), (1,)]),
    ("SELECT p, e FROM t LATERAL VIEW posexplode(arr) x AS p, e ORDER BY p", [(0, 1), (1, 2)]),
    (
        "SELECT a, b FROM o LATERAL VIEW explode(map('m', amount)) x AS a, b ORDER BY b",
        [("m", 10), ("m", 20), ("m", 30)],
    ),
    ("SELECT e FROM t LATERAL VIEW explode_json_array_int('[3, 4]') x AS e WHERE id = 1 ORDER BY e", [(3,), (4,)]),
    ('SELECT number FROM numbers("number" = "3")', [(0,), (1,), (2,)]),
    ('SELECT * FROM numbers("number" = "2", "const_value" = "9")', [(9,), (9,)]),
    ("SELECT plus(number) FROM numbers('number' = '2')", [(1,), (2,)]),
    ("SELECT struct(1, 'a'), {1, 'a'}", [({"col1": 1, "col2": "a"}, {"col1": 1, "col2": "a"})]),
    ("SELECT size([1, 2]), element_at([5, 6], 2), map('a', 1)['a']", [(2, 6, 1)]),
    ("SELECT 7 DIV 2, 7 % 2, NULL <=> NULL, ifnull(NULL, 3), nvl(NULL, 4)", [(3, 1, True, 3, 4)]),
    ("SELECT 'it''s', \"double\", 'a\\'b'", [("it's", "double", "a'b")]),
    ("SELECT concat_ws('-', 'a', 'b'), upper('x'), substring('hello', 2, 3)", [("a-b", "X", "ell")]),
    ("SELECT a FROM stored ORDER BY a", [(None,), (1,), (2,)]),
    ("SELECT a FROM stored ORDER BY a DESC", [(2,), (1,), (None,)]),
    ("SELECT b FROM stored ORDER BY a LIMIT 1, 1", [("one",)]),
    ("SELECT * EXCEPT(b) FROM stored WHERE a = 1", [(1,)]),
    (
        "SELECT CAST(1 AS LARGEINT), CAST('x' AS STRING), CAST('1.50' AS DECIMALV3(9,2))",
        [(Decimal(1), "x", Decimal("1.50"))],
    ),
]


@pytest.mark.parametrize(("text", "expected"), GOOD, ids=[text for text, _ in GOOD])
def test_rows(queries: Queries, text: str, expected: list[tuple[Any, ...]]) -> None:
    """The statement gives these rows."""
    assert rows(queries, text) == expected


BAD: list[tuple[str, type[WorkbenchError], str]] = [
    ("SELECT ratio(id, 0) FROM t WHERE id = 2", UdfError, "ratio failed .*ZeroDivisionError: division by zero"),
    ("SELECT plus(ratio(id, 0)) FROM t", UdfError, "ratio failed"),
    ("SELECT total_of(arr) FROM t", UdfError, "total_of failed .*TypeError"),
    ("SELECT pure(3000000000)", UdfError, r"value 3000000000 does not fit INT \(-2147483648 to 2147483647\)"),
    ("SELECT pure(1.5)", UdfError, "value 1.5 does not fit INT"),
    ("SELECT plus('x')", QueryError, r"plus is called with \(VARCHAR\), there is plus\(BIGINT\)"),
    ("SELECT plus(s) FROM t", QueryError, r"plus is called with \(VARCHAR\)"),
    ("SELECT plus('x')", QueryError, r"\n  cast the arguments"),
    ("SELECT from_unixtime(0, s) FROM t", QueryError, "from_unixtime takes a format in quotes here"),
    (
        "SELECT plus(1, 2)",
        QueryError,
        r"plus is called with \(BIGINT, BIGINT\), there is plus\(BIGINT\)\n  it takes 1 arg",
    ),
    ("SELECT plus()", QueryError, r"plus is called with \(\).*\n  it takes 1 argument$"),
    ("SELECT ratio(1)", QueryError, r"\n  it takes 2 arguments$"),
    ("SELECT seven(1)", QueryError, r"\n  it takes 0 arguments$"),
    ("SELECT which(1, 2, 3)", QueryError, r"there is which\(INT\); .*\n  it takes 1 or 2 arguments$"),
    ("SELECT which(TRUE)", QueryError, r"which is called with \(BOOLEAN\), there is which\(INT\); which\(STRING\)"),
    ("SELECT which([1])", QueryError, r"which is called with \(INTEGER\[\]\)"),
    ("SELECT total('x')", QueryError, r"total is called with \(VARCHAR\), there is total\(DOUBLE\)"),
    ("SELECT total(v, v) FROM t", QueryError, r"total is called with \(DOUBLE, DOUBLE\)"),
    ("SELECT total(*) FROM t", QueryError, r"total takes columns, not \*"),
    ("SELECT plus(DISTINCT id) FROM t", QueryError, "plus is no aggregate: it takes no DISTINCT"),
    ("SELECT plus(id) OVER () FROM t", QueryError, "plus is no aggregate: it has no OVER"),
    ("SELECT plus(id) FILTER (WHERE id > 1) FROM t", QueryError, "plus is no aggregate"),
    (
        "SELECT words(s) FROM t",
        QueryError,
        r"words is a table function, which gives no value here\n  write LATERAL VIEW words",
    ),
    ("SELECT a FROM t LATERAL VIEW split(s) x AS a, b, c", QueryError, r"split has 2 columns \(part, n\), 3 are named"),
    ("SELECT a FROM t LATERAL VIEW words(s) x AS a, b", QueryError, r"words has 1 column \(words\), 2 are named"),
    ("SELECT a FROM t LATERAL VIEW plus(id) x AS a", QueryError, "plus is no table function"),
    ("SELECT a FROM t LATERAL VIEW nothing(id) x AS a", QueryError, "nothing is no table function"),
    ("SELECT a FROM t LATERAL VIEW explode(arr, 1) x AS a", QueryError, "explode takes 1 argument, not 2"),
    (
        "SELECT a FROM t LATERAL VIEW explode_numbers(id) x AS a, b",
        QueryError,
        "explode_numbers has 1 column, 2 are named",
    ),
    (
        "SELECT * FROM numbers('count' = '3')",
        QueryError,
        "numbers takes whole numbers as number and const_value, not count",
    ),
    ("SELECT * FROM numbers(3)", QueryError, "numbers is called as in numbers"),
    ("SELECT named_struct('a', 1, 'b')", QueryError, "named_struct takes names and values in turn"),
    ("SELECT map('a')", QueryError, "map takes keys and values in turn"),
    ("SELECT nosuch(id) FROM t", QueryError, "nosuch does not exist"),
    ("SELECT nosuch FROM t", QueryError, "column nosuch does not exist"),
    ("SELECT * FROM nosuch", QueryError, "nosuch does not exist"),
    ("SELECT", QueryError, "cannot be read|syntax error|SELECT clause without"),
    ("SELEC 1", QueryError, "cannot be r"),
    ("SELECT 'open", QueryError, "a quote or comment is not closed"),
    ("SELECT (1", QueryError, r"cannot be read.*expecting \)"),
    ("SELECT 1; SELECT 2", QueryError, "one statement was expected, 2 are here"),
    ("", QueryError, "one statement was expected, 0 are here"),
    ("ALTER TABLE stored ADD COLUMN c INT", QueryError, "ALTER TABLE cannot be run here"),
    ("CREATE INDEX i ON stored (a)", QueryError, "CREATE INDEX cannot be run here"),
    ("INSERT OVERWRITE TABLE stored SELECT 1, 'x'", QueryError, "INSERT OVERWRITE cannot be run here"),
    ("CREATE TABLE q (a BITMAP)", QueryError, "the type BITMAP cannot be had here"),
    ("CREATE TABLE q (a INT) AGGREGATE KEY(a) DISTRIBUTED BY RANDOM", QueryError, "AGGREGATE KEY: a table that merges"),
    ("CREATE VIEW q AS SELECT plus(1)", QueryError, "a view cannot call a Python function here"),
    ("INSERT INTO stored VALUES ('x', 'y')", QueryError, "Could not convert string 'x' to INT"),
    ("CREATE TABLE stored (a INT)", QueryError, 'Table with name "stored" already exists'),
]


@pytest.mark.parametrize(("text", "error", "message"), BAD, ids=[text for text, *_ in BAD])
def test_errors(queries: Queries, text: str, error: type[WorkbenchError], message: str) -> None:
    """The statement fails with this error."""
    with pytest.raises(error, match=message):
        queries.run(text, TABLES)


def test_position(queries: Queries) -> None:
    """An error of a call says where it is in the script."""
    with pytest.raises(QueryError) as caught:
        queries.run("SELECT 1,\n  plus('x')", TABLES, offset=100)
    assert caught.value.offset == 112


def test_row_and_line(queries: Queries) -> None:
    """A row that fails leads to its values and to the line of the function, not into DuckDB; it can be replayed."""
    with pytest.raises(UdfError) as caught:
        queries.run("SELECT ratio(id, id - 2) FROM t", TABLES)
    assert caught.value.values == {"a": "2", "b": "0"}
    assert [(frame.line, frame.function) for frame in caught.value.frames] == [(2, "evaluate")]
    with pytest.raises(UdfError):
        queries._workbench.function("ratio").replay().wait()


def test_tables_of_the_session(queries: Queries, tmp_path: Any) -> None:
    """Rows are inserted, changed and deleted; storage clauses are told; a file is read by its name."""
    made = queries.run(
        "CREATE TABLE kept (id INT COMMENT 'c', p BIGINT) UNIQUE KEY(id) COMMENT 'x' DISTRIBUTED BY HASH(id) "
        "BUCKETS AUTO PROPERTIES('replication_num'='1')"
    )
    assert (
        "UNIQUE KEY says how Doris stores the table and was left out: rows with equal keys are all kept" in made.notes
    )
    assert len(made.notes) == 5
    queries.run("INSERT INTO kept SELECT id, plus(id) FROM t", TABLES)
    queries.run("UPDATE kept SET p = plus(p) WHERE id = 1")
    queries.run("DELETE FROM kept WHERE plus(id) = 3")
    assert rows(queries, "SELECT * FROM kept ORDER BY id") == [(1, 3), (3, 4)]
    queries.run("TRUNCATE TABLE kept")
    assert rows(queries, "SELECT count(*) FROM kept") == [(0,)]
    queries.run("DROP TABLE kept FORCE")
    queries.run("CREATE VIEW seen AS SELECT a + 1 AS b FROM stored")
    assert rows(queries, "SELECT plus(b) FROM seen ORDER BY b") == [(None,), (3,), (4,)]
    path = tmp_path / "x.parquet"
    pa.parquet.write_table(TABLES["t"], path)
    assert rows(queries, f"SELECT plus(id) FROM '{path}' ORDER BY id") == [(2,), (3,), (4,)]


def test_names_of_columns(queries: Queries) -> None:
    """A column without a name is called as it was written."""
    names = queries.run("SELECT plus( id ), k, total(v) OVER (ORDER BY id) m FROM t", TABLES).table.schema.names
    assert names == ["plus( id )", "k", "m"]


def test_running_windows_are_those_of_a_reference(queries: Queries) -> None:
    """16,000 rows in 7 partitions: a row has the total of its partition up to it, and the worker saw it once."""
    ids = list(range(16_000))
    table = pa.table({"id": ids, "p": [one % 7 for one in ids], "v": [float(one * 7919 % 1000) for one in ids]})
    text = "SELECT id, total(v) OVER (PARTITION BY p ORDER BY id) AS m FROM big ORDER BY id"
    answer = queries.run(text, {"big": table}).table.to_pandas()
    expected = table.to_pandas().groupby("p")["v"].cumsum()
    assert answer["m"].tolist() == expected.tolist()
    run = queries._workbench.function("total").last_run
    assert run is not None
    assert run.record.rows_in <= 16_000


def test_groups_are_those_of_a_reference(queries: Queries) -> None:
    """More groups than DuckDB hands out at once, and rows enough for all its threads."""
    ids = list(range(200_000))
    table = pa.table({"id": ids, "g": [one % 5_000 for one in ids]})
    answer = queries.run(
        "SELECT g, total(plus(id)) AS m FROM big GROUP BY g ORDER BY g", {"big": table}
    ).table.to_pandas()
    expected = (table.to_pandas()["id"] + 1).groupby(table.to_pandas()["g"]).sum()
    assert answer["m"].tolist() == expected.tolist()


def test_interrupt(queries: Queries) -> None:
    """Ctrl-C ends a statement whose function waits, and the worker is kept for the next statement."""
    w = queries._workbench
    slow = w.register("import time\ndef evaluate(a):\n    time.sleep(0.5)\n    return a\n", "slow(a BIGINT) -> BIGINT")
    slow.start()
    (pid,) = slow.status["workers"]
    timer = threading.Timer(0.2, signal.pthread_kill, (threading.main_thread().ident or 0, signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        queries.run("SELECT slow(id) FROM t WHERE id = 1", TABLES)
    timer.join()
    assert slow.status["workers"] == [pid]
    assert rows(queries, "SELECT slow(1)") == [(1,)]
    w.drop("slow")
