"""Whatever goes in comes out: the identity function over generated tables, row by row and in batches.

One function and one worker for each type and mode, kept for all examples. Left out on purpose: what the types
themselves take and refuse (`tests/types`), and what the worker makes of values (`tests/worker`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.types import parse_type
from workbench.worker.kinds import TIME_MAX

TEXT = st.text(max_size=20)
INTS = {"TINYINT": 8, "SMALLINT": 16, "INT": 32, "BIGINT": 64, "LARGEINT": 128}


def nullable(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """These, or NULL."""
    return st.none() | values


def spelled(address: Any) -> str:
    """The one spelling, which is Python's own from 3.13 on."""
    return f"::ffff:{address.ipv4_mapped}" if address.ipv4_mapped else str(address)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=5
).map(json.dumps)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "BOOLEAN": st.booleans(),
    **{sql: st.integers(-(1 << bits - 1), (1 << bits - 1) - 1) for sql, bits in INTS.items()},
    "FLOAT": st.floats(width=32),
    "DOUBLE": st.floats(),
    "DECIMAL(20,3)": st.decimals(1 - 10**17, 10**17 - 1, places=3),
    "DECIMAL(50,10)": st.decimals(1 - 10**40, 10**40 - 1, places=10),
    "STRING": TEXT,
    "DATE": st.dates(),
    "DATETIME(6)": st.datetimes(),
    "TIMESTAMPTZ(6)": st.datetimes(timezones=st.just(UTC)),
    "TIME(6)": st.integers(-TIME_MAX, TIME_MAX).map(float),
    "IPV4": st.ip_addresses(v=4).map(str),
    "IPV6": st.ip_addresses(v=6).map(spelled),
    "UUID": st.uuids().map(str),
    "VARBINARY(20)": st.binary(max_size=20),
    "JSON": DOCUMENTS,
    "VARIANT": DOCUMENTS,
    "ARRAY<STRING>": st.lists(nullable(TEXT), max_size=4),
    "ARRAY<LARGEINT>": st.lists(nullable(st.integers(-(1 << 127), (1 << 127) - 1)), max_size=4),
    "MAP<UUID, ARRAY<VARBINARY>>": st.dictionaries(
        st.uuids().map(str), nullable(st.lists(nullable(st.binary(max_size=3)), max_size=3)), max_size=3
    ),
    "STRUCT<a:IPV6, b:ARRAY<TIMESTAMPTZ>, c:JSON>": st.fixed_dictionaries(
        {
            "a": nullable(st.ip_addresses(v=6).map(spelled)),
            "b": nullable(st.lists(nullable(st.datetimes(timezones=st.just(UTC))), max_size=3)),
            "c": nullable(DOCUMENTS),
        }
    ),
    "MAP<STRING, BIGINT>": st.dictionaries(TEXT, nullable(st.integers(-(1 << 63), (1 << 63) - 1)), max_size=4),
    "STRUCT<a:DATE, b:ARRAY<DOUBLE>>": st.fixed_dictionaries(
        {"a": nullable(st.dates()), "b": nullable(st.lists(nullable(st.floats()), max_size=3))}
    ),
}


@pytest.fixture(scope="module")
def identities(shared: wb.Workbench) -> Iterator[Callable[[str, int], wb.Function]]:
    """The identity of a SQL type, row by row or in batches; each worker is started before the first test looks."""
    made: dict[tuple[str, int], wb.Function] = {}
    for index, sql in enumerate(VALUES):
        for size in (1, 3):
            f = shared.register(
                "def evaluate(v):\n    return v\n"
                if size == 1
                else "def evaluate(rows):\n    return [v for (v,) in rows]\n",
                f"same{index}_{size}(v {sql}) -> {sql}",
                batch_size=size if size > 1 else None,
            )
            f.start()
            made[sql, size] = f
    yield lambda sql, size: made[sql, size]
    for f in made.values():
        f.stop()


def plain(value: Any) -> Any:
    """A value that can be compared: NaN equals itself, a map is no list of pairs."""
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        pairs = bool(value) and all(isinstance(item, tuple) for item in value)
        return plain(dict(value)) if pairs else [plain(item) for item in value]
    return value


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("sql", VALUES)
def test_the_identity_changes_nothing(sql: str, size: int, identities: Callable[[str, int], wb.Function]) -> None:
    """Types x NULLs x Unicode, whatever the batches: the result's column is the input's."""
    f, arrow = identities(sql, size), parse_type(sql).arrow

    @settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
    @given(values=st.lists(nullable(VALUES[sql]), min_size=1, max_size=12), rows=st.integers(1, 12))
    def check(values: list[Any], rows: int) -> None:
        pairs = [list(value.items()) if sql.startswith("MAP") and value is not None else value for value in values]
        table = pa.table({"v": pa.array(pairs, arrow)})
        out = f.run(table, batch_rows=rows).to_arrow()
        assert out.schema.field(1).type == arrow
        assert plain(out.column(1).to_pylist()) == plain(table["v"].to_pylist())

    check()


def test_values_are_what_the_types_promise(w: wb.Workbench) -> None:
    """The function sees Python values, not Arrow's: a dict, an int of 128 bits, a Decimal, a wall clock."""
    f = w.register(
        "def evaluate(a, b, c, d):\n    return repr((a, b, c, d))\n",
        "show(a MAP<STRING, LARGEINT>, b DECIMAL(5,2), c DATE, d DATETIME) -> STRING",
    )
    assert f.call({"x": 2**100}, Decimal("1.50"), date(2020, 1, 2), datetime.fromisoformat("2020-01-02T03:04")) == (
        "({'x': 1267650600228229401496703205376}, Decimal('1.50'), datetime.date(2020, 1, 2), "
        "datetime.datetime(2020, 1, 2, 3, 4))"
    )
