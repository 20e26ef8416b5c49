"""Statements over many rows, in stages and as DuckDB calls: the same rows, types, order, calls and errors."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import workbench as wb
from workbench.engines import duckdb_staged
from workbench.errors import QueryError, UdfError
from workbench.session.query import Queries
from workbench.session.sql_functions import SqlFunction

ROWS = 50_000
TABLES = {
    "big": pa.table(
        {
            "id": range(ROWS),
            "k": [one % 7 for one in range(ROWS)],
            "v": [None if one % 11 == 0 else one * 0.5 for one in range(ROWS)],
            "s": [None if one % 13 == 0 else f"text {one % 100}" for one in range(ROWS)],
            "arr": [[one % 3, None] for one in range(ROWS)],
        }
    ),
    "side": pa.table({"k": range(7), "name": [f"name {one}" for one in range(7)]}),
}
FUNCTIONS: list[tuple[str, str, dict[str, Any]]] = [
    ("def evaluate(a):\n    return None if a is None else a + 1\n", "plus(a BIGINT) -> BIGINT", {}),
    ("def evaluate(a):\n    return None if a is None else a * 2\n", "pure(a INT) -> INT", {"volatility": "immutable"}),
    ("def evaluate(a, b):\n    return f'{a} {b}'\n", "both(a STRING, b DOUBLE) -> STRING", {}),
    ("def evaluate(a):\n    return {'x': a, 'y': [a]}\n", "pair(a INT) -> STRUCT<x:INT, y:ARRAY<INT>>", {}),
    ("def evaluate(a):\n    return a\n", "big_of(a LARGEINT) -> LARGEINT", {}),
    ("def evaluate(a):\n    return 100 // (a - 41234)\n", "breaks(a BIGINT) -> BIGINT", {}),
]

IN_STAGES = [
    "SELECT plus(id) AS b FROM big",
    "SELECT * FROM big WHERE plus(id) > 49990",
    "SELECT id, plus(id), s, pure(k) FROM big",
    "SELECT plus(plus(id)) AS p, plus(k) + 1 AS q FROM big",
    "SELECT *, pure(k) AS p FROM big WHERE k < 5 ORDER BY v, id",
    "SELECT both(s, v) AS b FROM big b WHERE b.id % 2 = 0 ORDER BY b.id DESC",
    "SELECT sum(plus(id)) AS m, count(pure(k)) FROM big",
    "SELECT k, sum(plus(id)) AS m FROM big GROUP BY k HAVING sum(k) > 5 ORDER BY k",
    "SELECT plus(k) AS p, count(*) FROM big GROUP BY plus(k) ORDER BY p",
    "SELECT plus(k), count(*) FROM big GROUP BY 1 ORDER BY 1",
    "SELECT DISTINCT pure(k) AS p FROM big ORDER BY p",
    "SELECT id, plus(k) AS p FROM big WHERE pure(k) > 4 AND id > 10 AND plus(k) < 7",
    "SELECT k, pure(k), pure(k) * 2 FROM big",
    "SELECT plus(k) AS k FROM big ORDER BY k",
    "SELECT *, plus(plus(id)) AS p FROM big WHERE pure(k) > 8",
    "SELECT pair(k) AS p, arr FROM big",
    "SELECT b.id, plus(b.id), t.name FROM big b JOIN side t ON b.k = t.k ORDER BY b.id",
    "WITH c AS (SELECT id, k FROM big WHERE k <> 3) SELECT plus(id) FROM c",
    "SELECT plus(id) FROM (SELECT id FROM big ORDER BY id DESC LIMIT 40000) c",
    "SELECT row_number() OVER (ORDER BY id) AS n, plus(id) AS p FROM big ORDER BY n",
    "SELECT plus(CAST(v AS BIGINT)) FROM big WHERE s IN (SELECT s FROM big WHERE id < 50)",
    "SELECT both(s, 1) FROM big",
]
AS_THEY_ARE = [
    "SELECT CASE WHEN id <> 41234 THEN breaks(id) END AS b FROM big",
    "SELECT coalesce(v, plus(id)) FROM big",
    "SELECT id FROM big WHERE id = 5 OR plus(id) = 8",
    "SELECT plus(id) FROM big LIMIT 3",
    "SELECT plus(k), count(*) FROM big GROUP BY k ORDER BY k",
    "SELECT plus(sum(id)) FROM big",
    "SELECT id FROM big WHERE plus(id) > (SELECT max(k) FROM side)",
    "SELECT k, count(*) FROM big WHERE plus(id) > 1 AND plus(id) < 9 GROUP BY k",
    "SELECT plus(1) FROM big",
    "SELECT id AS x, plus(x) FROM big",
    "SELECT plus(k) FROM side",
    "SELECT big_of(id) FROM big WHERE id < 1500",
    "SELECT plus(id), plus(id) FROM big",
    "SELECT plus(id) FROM big UNION ALL SELECT plus(k) FROM side",
    "SELECT name FROM side JOIN big ON side.k = big.k WHERE plus(big.k) > 6",
    "SELECT (SELECT max(name) FROM side WHERE side.k = big.k), plus(id) FROM big",
]


@pytest.fixture(scope="module")
def queries(shared: wb.Workbench) -> Iterator[Queries]:
    """A session with the functions above."""
    for source, signature, options in FUNCTIONS:
        shared.register(source, signature, **options).start(6 if "plus" in signature else 2)
    made = Queries(shared)
    yield made
    made.close()


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the functions that batches of stages were passed through.

    Few rows are many here, and in many batches: as DuckDB's are, or a worker would begin to share memory and keep it.
    """
    monkeypatch.setattr(duckdb_staged, "MANY_ROWS", 500)
    monkeypatch.setattr(duckdb_staged, "BATCH_ROWS", 2_048)
    names: list[str] = []
    passed = SqlFunction.passed

    def spied(self: SqlFunction, *arguments: Any) -> Any:
        names.append(self.name)
        return passed(self, *arguments)

    monkeypatch.setattr(SqlFunction, "passed", spied)
    return names


def as_it_is(queries: Queries, text: str, monkeypatch: pytest.MonkeyPatch) -> pa.Table:
    """What the statement gives without stages."""
    with monkeypatch.context() as patched:
        patched.setattr(duckdb_staged, "MANY_ROWS", 1 << 60)
        return queries.run(text, TABLES).table


@pytest.mark.parametrize("text", IN_STAGES)
def test_in_stages(queries: Queries, text: str, passed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Stages give the rows, names and types that DuckDB's own calls give, in their order."""
    table = queries.run(text, TABLES).table
    assert passed
    passed.clear()
    assert table.equals(as_it_is(queries, text, monkeypatch))
    assert not passed


@pytest.mark.parametrize("text", AS_THEY_ARE)
def test_as_they_are(queries: Queries, text: str, passed: list[str]) -> None:
    """What would call a function for other rows, or for too few, is left to DuckDB."""
    assert queries.run(text, TABLES).table.num_columns
    assert not passed


@pytest.mark.parametrize("text", ["CREATE TABLE made AS {}", "INSERT INTO made {}"])
def test_writes(queries: Queries, text: str, passed: list[str]) -> None:
    """A table is made and filled from stages, with the types that it would have."""
    queries.run("DROP TABLE IF EXISTS made")
    if text.startswith("INSERT"):
        queries.run("CREATE TABLE made (p BIGINT, s STRING)")
    changed = queries.run(text.format("SELECT plus(id) AS p, s FROM big"), TABLES).table
    assert passed == ["plus"]
    assert changed.column(0).to_pylist() == [ROWS]
    rows = queries.run("SELECT p, s FROM made").table
    assert rows.column("p").to_pylist() == list(range(1, ROWS + 1))
    assert rows.column("s").equals(TABLES["big"].column("s"))
    queries.run("INSERT INTO made SELECT plus(p), s FROM made")  # it reads what was there before
    assert queries.run("SELECT count(*) FROM made").table.column(0).to_pylist() == [2 * ROWS]
    queries.run("DROP TABLE made")


def test_calls(queries: Queries, tmp_path: Path, passed: list[str]) -> None:
    """A volatile function is called once for each row, also where another stage reads its results."""
    calls = tmp_path / "calls"
    source = f"import os\nF = os.open({str(calls)!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)\n"
    source += "def evaluate(a):\n    os.write(F, b'.')\n    return a\n"
    queries._workbench.register(source, "counts(a BIGINT) -> BIGINT")
    queries.run("SELECT counts(id) AS c, plus(counts(id + 1)), id FROM big WHERE k < 6", TABLES)
    queries._workbench.drop("counts")
    assert sorted(passed) == ["counts", "counts", "plus"]
    assert calls.stat().st_size == 2 * sum(one % 7 < 6 for one in range(ROWS))


def test_failing_row(queries: Queries, passed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that fails ends the statement by the function's own error, with the same values."""
    text = "SELECT k, breaks(id) AS b FROM big"
    with pytest.raises(UdfError) as staged:
        queries.run(text, TABLES)
    assert passed
    with pytest.raises(UdfError) as called:
        as_it_is(queries, text, monkeypatch)
    for name in ("function", "error_type", "error", "values", "frames", "hint"):
        assert getattr(staged.value, name) == getattr(called.value, name)
    assert (staged.value.row, staged.value.values) == (41234, {"a": "41234"})
    assert queries.run("SELECT count(plus(id)) FROM big", TABLES).table.column(0).to_pylist() == [ROWS]


def test_failing_source(queries: Queries, passed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What DuckDB cannot compute for an argument is told as without stages."""
    text = "SELECT plus(CAST(CASE WHEN id < 40000 THEN '1' ELSE 'x' END AS BIGINT)) AS b FROM big"
    with pytest.raises(QueryError) as staged:
        queries.run(text, TABLES)
    assert passed
    with pytest.raises(QueryError) as called:
        as_it_is(queries, text, monkeypatch)
    assert str(staged.value) == str(called.value)


def test_timeout_is_for_one_call(queries: Queries, passed: list[str]) -> None:
    """A timeout is for one call of 2,048 rows, so a statement with one is left to DuckDB."""
    queries.run("SELECT plus(id) FROM big", TABLES, limits={"timeout": 60.0})
    assert not passed


def test_reader(queries: Queries, passed: list[str]) -> None:
    """A reader can be read once, and is left to DuckDB."""
    reader = TABLES["big"].to_reader()
    assert queries.run("SELECT plus(id) FROM big", {"big": reader}).table.num_rows == ROWS
    assert not passed


def test_interrupt(queries: Queries, passed: list[str]) -> None:
    """Ctrl-C ends a statement in stages at once, and its workers are kept for the next."""
    source = "import time\ndef evaluate(a):\n    time.sleep(0.001)\n    return a\n"
    slow = queries._workbench.register(source, "drags(a BIGINT) -> BIGINT")
    slow.start(2)
    workers = set(slow.status["workers"])

    def interrupt() -> None:
        deadline = time.monotonic() + 20
        while not passed and time.monotonic() < deadline:
            time.sleep(0.01)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        queries.run("SELECT drags(id) FROM big", TABLES)
    assert time.monotonic() - began < 15
    thread.join()
    assert set(slow.status["workers"]) <= workers
    assert queries.run("SELECT drags(1)").table.column(0).to_pylist() == [1]
    queries._workbench.drop("drags")
