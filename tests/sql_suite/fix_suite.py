"""One workbench for the suite, with functions and tables that a Doris script made."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pytest

from workbench import Workbench

VERSION = ".".join(map(str, sys.version_info[:3]))

STATE = """
    def __init__(self):
        self.seen = []
    @property
    def aggregate_state(self):
        return self.seen
    def merge(self, other):
        self.seen += other
"""


def create(head: str, body: str, symbol: str = "f", more: str = "") -> str:
    """A CREATE FUNCTION as Doris shipped it."""
    properties = f'"type"="PYTHON_UDF", "symbol"="{symbol}", "runtime_version"="{VERSION}"{more}'
    return f"CREATE {head} PROPERTIES ({properties}) AS $$\n{body}$$;\n"


def scalar(head: str, expression: str, more: str = "") -> str:
    """A scalar function of one expression over ``a`` and ``b``."""
    names = [name for name in ("a", "b") if re.search(rf"\b{name}\b", expression)]
    arguments = ", ".join(names or (["a"] if "()" not in head else []))
    return create(f"FUNCTION {head}", f"def f({arguments}):\n    return {expression}\n", more=more)


def aggregate(head: str, arguments: str, kept: str, result: str) -> str:
    """An aggregate that keeps ``kept`` of each row in a list, and makes ``result`` of that."""
    body = f"class f:{STATE}    def accumulate(self, {arguments}):\n        self.seen.append({kept})\n"
    return create(f"AGGREGATE FUNCTION {head}", f"{body}    def finish(self):\n        return {result}\n")


def table(head: str, arguments: str, body: str) -> str:
    """A table function."""
    return create(f"TABLES FUNCTION {head}", f"def f({arguments}):\n    {body}\n")


FUNCTIONS = [
    scalar("inc(BIGINT) RETURNS BIGINT", "None if a is None else a + 1"),
    scalar("mul(INT, INT) RETURNS BIGINT", "a * b"),
    scalar("same(STRING) RETURNS STRING", "a"),
    scalar("same(BIGINT) RETURNS BIGINT", "a"),
    scalar("same(DOUBLE) RETURNS DOUBLE", "a"),
    scalar("kind(STRING) RETURNS STRING", "type(a).__name__"),
    scalar("kind(BIGINT) RETURNS STRING", "type(a).__name__"),
    scalar("kind(DOUBLE) RETURNS STRING", "type(a).__name__"),
    scalar("kind(BOOLEAN) RETURNS STRING", "type(a).__name__"),
    scalar("kind(DATE) RETURNS STRING", "type(a).__name__"),
    scalar("kind(DECIMAL(10,2)) RETURNS STRING", "type(a).__name__"),
    scalar("kind(ARRAY<INT>) RETURNS STRING", "type(a).__name__"),
    scalar("coalesced(STRING, STRING) RETURNS STRING", "b if a is None else a"),
    scalar("answer() RETURNS INT", "42"),
    scalar("nothing(INT) RETURNS INT", "None"),
    scalar("never(INT) RETURNS INT", "None", ', "always_nullable"="false"'),
    scalar("inverse(INT) RETURNS DOUBLE", "1 / a"),
    scalar("wrong(INT) RETURNS INT", "'text'"),
    scalar("big(INT) RETURNS TINYINT", "a * 100"),
    scalar("tomorrow(DATE) RETURNS DATE", "a + __import__('datetime').timedelta(days=1)"),
    scalar("noon(DATETIME) RETURNS DATETIME", "a.replace(hour=12, minute=0, second=0)"),
    scalar("cents(DECIMAL(10,2)) RETURNS BIGINT", "int(a * 100)"),
    scalar("huge(INT) RETURNS LARGEINT", "2 ** 126 + a"),
    scalar("head(ARRAY<STRING>) RETURNS STRING", "a[0] if a else None"),
    scalar("pairs(MAP<STRING,INT>) RETURNS ARRAY<STRUCT<k:STRING,v:INT>>", "sorted(dict(a).items())"),
    scalar("point(INT, INT) RETURNS STRUCT<x:INT,y:INT>", "{'x': a, 'y': b}"),
    scalar("norm(STRUCT<x:INT,y:INT>) RETURNS INT", "a['x'] + a['y']"),
    scalar("counts(STRING) RETURNS MAP<STRING,INT>", "{s: a.count(s) for s in sorted(set(a))}"),
    scalar("flip(BOOLEAN) RETURNS BOOLEAN", "None if a is None else not a"),
    scalar("ip(IPV4) RETURNS STRING", "str(a + 1)"),
    scalar("many(INT) RETURNS INT", "[x * 2 for (x,) in a]", ', "batch_size"="2"'),
    create(
        "FUNCTION vec(INT) RETURNS INT", "import pandas as pd\ndef f(a: pd.Series) -> pd.Series:\n    return a + 1\n"
    ),
    create("FUNCTION lst(INT, INT) RETURNS INT", "def f(a: list, b):\n    return [x + b for x in a]\n"),
    create("FUNCTION broken(INT) RETURNS INT", "def f(a:\n"),
    create("FUNCTION lost(INT) RETURNS INT", "def g(a):\n    return a\n"),
    create("FUNCTION crash(INT) RETURNS INT", "import os\ndef f(a):\n    os.abort()\n"),
    aggregate("total(DOUBLE) RETURNS DOUBLE", "a", "a or 0", "sum(self.seen)"),
    aggregate("total(STRING) RETURNS STRING", "a", "a or ''", "'+'.join(sorted(self.seen))"),
    aggregate("spread(BIGINT) RETURNS BIGINT", "a", "a", "max(self.seen) - min(self.seen) if self.seen else None"),
    aggregate(
        "wavg(DOUBLE, INT) RETURNS DOUBLE",
        "a, b",
        "(a, b)",
        "sum(a * b for a, b in self.seen) / sum(b for _, b in self.seen)",
    ),
    aggregate("seen() RETURNS BIGINT", "*_", "1", "len(self.seen)"),
    aggregate("collect(INT) RETURNS ARRAY<INT>", "a", "a", "sorted(x for x in self.seen if x is not None)"),
    create(
        "AGGREGATE FUNCTION rough(INT) RETURNS INT",
        f"class f:{STATE}    def accumulate(self, a):\n        1 / a\n    def finish(self):\n        return 0\n",
    ),
    create("AGGREGATE FUNCTION partly(INT) RETURNS INT", "class f:\n    def __init__(self):\n        pass\n"),
    table("cut(STRING, STRING) RETURNS ARRAY<STRING>", "a, b", "yield from (a or '').split(b) if a else ()"),
    table("span(INT) RETURNS ARRAY<INT>", "a", "yield from range(a or 0)"),
    table("letters(STRING) RETURNS ARRAY<STRUCT<n:INT,c:STRING>>", "a", "yield from enumerate(a or '')"),
    table("one(INT) RETURNS ARRAY<INT>", "a", "return a"),
    table("torn(INT) RETURNS ARRAY<STRUCT<x:INT,y:INT>>", "a", "yield (a, a, a)"),
    table("late(INT) RETURNS ARRAY<INT>", "a", "yield a; raise ValueError('late')"),
    "CREATE DATABASE shop; USE shop;",
    scalar("inc(BIGINT) RETURNS BIGINT", "a + 100"),
    scalar("tax(DECIMAL(10,2)) RETURNS DECIMAL(12,4)", "a * __import__('decimal').Decimal('0.19')"),
    "USE default;",
    create("GLOBAL FUNCTION everywhere(INT) RETURNS STRING", "def f(a):\n    return f'g{a}'\n"),
]

STORED = """
CREATE TABLE sales (id INT, day DATE, shop VARCHAR(10), amount DECIMAL(10,2), tags STRING)
ENGINE=OLAP DUPLICATE KEY(id) COMMENT 'sold' DISTRIBUTED BY HASH(id) BUCKETS 4 PROPERTIES ("replication_num" = "1");
INSERT INTO sales VALUES
  (1, '2024-01-30', 'north', 10.50, 'a,b'), (2, '2024-01-31', 'north', 2.25, 'b'),
  (3, '2024-02-28', 'south', 7.00, NULL), (4, '2024-02-29', 'south', NULL, ''), (5, NULL, NULL, 1.25, 'c,a,b');
"""

FRAME = pd.DataFrame({"id": [1, 2, 3, 3], "w": [0.5, 1.5, 2.0, 4.0]})


@pytest.fixture(scope="module")
def suite(shared: Workbench) -> Workbench:
    """The workbench with all of these."""
    shared.sql("".join(FUNCTIONS) + STORED)
    return shared


@pytest.fixture
def rows(suite: Workbench) -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
    """What the last statement of a script gives, as tuples. Its workers end with the test."""

    def run(text: str) -> list[tuple[Any, ...]]:
        result = suite.sql(text, {"weights": FRAME}).to_arrow()
        return list(zip(*(column.to_pylist() for column in result.columns), strict=True))

    yield run
    for function in suite.functions():
        if function.status["workers"]:
            function.stop()
