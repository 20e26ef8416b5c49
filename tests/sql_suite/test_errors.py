"""Statements that must fail: with which error, at which place, and in which words; those of Doris where it has some."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from workbench.errors import (
    AmbiguousFunction,
    FunctionNotFound,
    RunError,
    SqlError,
    SqlSyntaxError,
    UdfError,
    UsageProblem,
    WorkbenchError,
    WorkerCrashed,
)

pytest_plugins = ("fix_suite",)

P = "PROPERTIES ('type'='PYTHON_UDF', 'symbol'='f', 'runtime_version'='3.11.9')"
BODY = "AS $$\ndef f(a):\n    return a\n$$"

BAD: dict[str, tuple[type[WorkbenchError], str]] = {
    # a row that fails
    "SELECT inverse(id - 1) FROM sales": (UdfError, r"inverse failed at input row 0 .*ZeroDivisionError"),
    "SELECT 1; SELECT inverse(0)": (UdfError, r"^statement 2, line 1, column 11: inverse failed at input row 0"),
    "SELECT inverse(NULL)": (UdfError, "inverse failed .*TypeError"),
    "SELECT wrong(1)": (UdfError, "wrong failed .*'text' is a str; INT wants int"),
    "SELECT big(2)": (UdfError, r"big failed .*200 does not fit TINYINT \(-128 to 127\)"),
    "SELECT never(1)": (UdfError, "never failed .*the result of row 0 is null"),
    "SELECT inc(inverse(0))": (UdfError, "inverse failed"),
    "SELECT id FROM sales WHERE inverse(id - 3) > 0": (UdfError, "inverse failed at input row 2"),
    "SELECT id FROM sales ORDER BY inverse(id - 3)": (UdfError, "inverse failed"),
    "SELECT max(inverse(id - 5)) FROM sales": (UdfError, "inverse failed"),
    "SELECT rough(id - 1) FROM sales": (UdfError, "rough failed .*Error in accumulate.*ZeroDivisionError"),
    "SELECT shop, rough(id - 1) FROM sales GROUP BY shop": (UdfError, "rough failed"),
    "SELECT rough(id - 1) OVER (ORDER BY id) FROM sales": (UdfError, "rough failed"),
    "SELECT total(id), wavg(id, 0) FROM sales": (
        UdfError,
        "wavg: Error finalizing state of group 0: ZeroDivisionError",
    ),
    "SELECT x FROM sales LATERAL VIEW torn(id) t AS x": (UdfError, "torn failed .*Struct has 2 fields but tuple has 3"),
    "SELECT x FROM sales LATERAL VIEW late(id) t AS x": (UdfError, "late failed .*Error in UDTF execution.*late"),
    "INSERT INTO sales (id) SELECT inverse(0)": (UdfError, "inverse failed"),
    "CREATE TABLE e0 AS SELECT inverse(0) AS x": (UdfError, "inverse failed"),
    "SELECT ip('not an address')": (UdfError, "ip failed .*not an address"),
    # a function that cannot be used, or whose process dies
    "SELECT broken(1)": (RunError, "SyntaxError"),
    "SELECT lost(1)": (RunError, "'f' not found"),
    "SELECT partly(id) FROM sales": (RunError, "UDAF class must implement 'accumulate' method"),
    "SELECT crash(1)": (UdfError, "crash failed .*SIGABRT"),
    # calls that do not fit
    "SELECT mul(1)": (SqlError, r"line 1, column 8: mul is called with \(BIGINT\), there is mul\(INT, INT\)"),
    "SELECT\n  mul(1, 'x')": (SqlError, r"line 2, column 3: mul is called with \(BIGINT, VARCHAR\)"),
    "SELECT flip(array(1))": (SqlError, r"flip is called with \(.*\), there is flip\(BOOLEAN\)"),
    "SELECT tomorrow(1)": (SqlError, "tomorrow is called with"),
    "SELECT head('x')": (SqlError, r"Type VARCHAR with value 'x' can't be cast to .* VARCHAR\[\]"),
    "SELECT norm(point(1, 2), 3)": (SqlError, r"norm is called with"),
    "SELECT answer(1)": (SqlError, r"answer is called with \(BIGINT\), there is answer\(\)"),
    "SELECT total(id, id) FROM sales": (SqlError, "total is called with"),
    "SELECT total(DISTINCT *) FROM sales": (SqlError, r"total takes columns, not \*"),
    "SELECT inc(DISTINCT id) FROM sales": (SqlError, "inc is no aggregate: it takes no DISTINCT"),
    "SELECT inc(id) OVER (ORDER BY id) FROM sales": (SqlError, "inc is no aggregate: it has no OVER"),
    "SELECT span(3)": (SqlError, "span is a table function, which gives no value here"),
    "SELECT span_outer(3)": (SqlError, "span_outer is a table function"),
    "SELECT a FROM sales LATERAL VIEW inc(id) v AS a": (SqlError, "inc is no table function"),
    "SELECT a FROM sales LATERAL VIEW total(id) v AS a": (SqlError, "total is no table function"),
    "SELECT a FROM sales LATERAL VIEW letters(tags) v AS a, b, c": (SqlError, r"letters has 2 columns \(n, c\), 3 are"),
    "SELECT total(total(id)) FROM sales": (SqlError, "aggregate function calls cannot be nested"),
    "SELECT id FROM sales WHERE total(id) > 1": (SqlError, "WHERE clause cannot contain aggregates"),
    "SELECT shop, total(id) FROM sales": (SqlError, '"shop" must appear in the GROUP BY'),
    "SELECT nosuch(id) FROM sales": (SqlError, "nosuch does not exist"),
    "SELECT shop.answer()": (SqlError, "answer"),
    "SELECT tax(1)": (SqlError, "tax does not exist"),
    # tables and columns
    "SELECT nosuch FROM sales": (SqlError, "line 1, column 8: column nosuch does not exist"),
    "SELECT * FROM nosuch": (SqlError, "line 1, column 15: table nosuch does not exist"),
    "SELECT * FROM nosuch.sales": (SqlError, "nosuch"),
    "SELECT * FROM '/nowhere/x.parquet'": (SqlError, "/nowhere/x.parquet"),
    "INSERT INTO nosuch VALUES (1)": (SqlError, "table nosuch does not exist"),
    "INSERT INTO sales VALUES (1)": (SqlError, 'table "sales" has 5 columns but 1 values were supplied'),
    "INSERT INTO sales (nosuch) VALUES (1)": (SqlError, "nosuch"),
    "INSERT INTO sales (id) VALUES ('x')": (SqlError, "Could not convert string 'x' to INT"),
    "INSERT INTO sales (id) VALUES (3000000000)": (SqlError, "3000000000"),
    "CREATE TABLE sales (x INT)": (SqlError, 'Table with name "sales" already exists'),
    "CREATE TABLE e1 (x INT, x INT)": (SqlError, "x"),
    "CREATE TABLE e2 (x HLL)": (SqlError, "the type HLL cannot be had here"),
    "CREATE TABLE e3 (x NOTYPE)": (SqlError, "(?i)notype"),
    "CREATE TABLE e4 (k INT, v INT SUM) AGGREGATE KEY(k) DISTRIBUTED BY HASH(k)": (SqlError, "AGGREGATE KEY|SUM"),
    "CREATE TABLE e5 (k BIGINT AUTO_INCREMENT)": (SqlError, "AUTO_INCREMENT cannot be had here"),
    "DROP TABLE nosuch": (SqlError, "nosuch does not exist"),
    "SELECT CAST('x' AS INT)": (SqlError, "Could not convert string 'x' to INT"),
    "SELECT 1 + ": (SqlError, "cannot be read"),
    "SELECT FROM WHERE": (SqlError, "cannot be read|syntax error"),
    # what only a cluster has
    "CREATE MATERIALIZED VIEW m AS SELECT id FROM sales": (SqlError, "no counterpart: .*materialized"),
    "CREATE INDEX i ON sales (id)": (SqlError, "CREATE INDEX cannot be run here"),
    "ALTER TABLE sales ADD COLUMN x INT": (SqlError, "ALTER TABLE cannot be run here"),
    "INSERT OVERWRITE TABLE sales SELECT * FROM sales": (SqlError, "INSERT OVERWRITE cannot be run here"),
    "SET enable_profile = true": (SqlError, "SET .* cannot be run here"),
    "SHOW CREATE TABLE sales": (SqlError, "SHOW CREATE cannot be run here"),
    "GRANT SELECT_PRIV ON *.* TO 'u'": (SqlError, "GRANT .* cannot be"),
    "CREATE USER 'u' IDENTIFIED BY 'p'": (SqlError, "CREATE USER cannot be"),
    "ATTACH 'x.db'": (SqlError, "cannot be"),
    "COPY sales TO 'x.csv'": (SqlError, "COPY .* cannot be"),
    "PRAGMA version": (SqlError, "cannot be"),
    "INSTALL httpfs": (SqlError, "cannot be"),
    "CREATE VIEW v9 AS SELECT inc(id) FROM sales": (SqlError, "a view cannot call a Python function here"),
    # functions and databases
    f"CREATE FUNCTION inc(BIGINT) RETURNS BIGINT {P} {BODY}": (SqlError, r"function already exists: inc\(BIGINT\)"),
    f"CREATE FUNCTION nodb.f(INT) RETURNS INT {P} {BODY}": (SqlError, "Unknown database 'nodb'"),
    f"CREATE FUNCTION span_outer(INT) RETURNS INT {P} {BODY}": (SqlError, "function already exists: span"),
    f"CREATE FUNCTION f1(BITMAP) RETURNS INT {P} {BODY}": (SqlError, "BITMAP"),
    f"CREATE FUNCTION f1(INT) RETURNS HLL {P} {BODY}": (SqlError, "HLL"),
    f"CREATE TABLES FUNCTION f1(INT) RETURNS INT {P} {BODY}": (SqlError, "ARRAY"),
    f"CREATE FUNCTION f1(INT) {P} {BODY}": (SqlSyntaxError, "RETURNS"),
    f"CREATE FUNCTION f1 RETURNS INT {P} {BODY}": (SqlSyntaxError, r"line 1, column 20: .*\("),
    f"CREATE FUNCTION f1(INT) RETURNS INT {BODY}": (SqlError, "type"),
    "CREATE FUNCTION f1(INT) RETURNS INT PROPERTIES ('type'='JAVA_UDF', 'symbol'='f')": (SqlError, "JAVA_UDF"),
    f"CREATE FUNCTION f1(INT) RETURNS INT PROPERTIES ('type'='PYTHON_UDF') {BODY}": (SqlError, "No 'symbol' in prop"),
    f"CREATE FUNCTION f1(INT) RETURNS INT {P}": (SqlError, "file"),
    "CREATE FUNCTION f1(INT) RETURNS INT PROPERTIES ('type'='PYTHON_UDF', 'symbol'='m.f', 'file'='file:///no.zip')": (
        WorkbenchError,
        r"no\.zip",
    ),
    "SELECT 1;\nDROP FUNCTION inc(STRING)": (FunctionNotFound, r"^statement 2, line 2, column 1: inc\(STRING\) is not"),
    "DROP FUNCTION nosuch(INT)": (FunctionNotFound, "nosuch"),
    "DROP FUNCTION": (SqlSyntaxError, "line 1, column 14: "),
    "SHOW CREATE FUNCTION kind": (AmbiguousFunction, "kind is ambiguous"),
    "SHOW CREATE FUNCTION span_outer": (FunctionNotFound, "span_outer is made and dropped with its table function"),
    "SHOW PYTHON PACKAGES IN '2.7.18'": (SqlError, "there is no Python '2.7.18'"),
    "SHOW PYTHON": (SqlSyntaxError, "VERSIONS or PACKAGES"),
    "SHOW TABLES FROM nosuch": (SqlError, "Unknown database 'nosuch'"),
    "USE nosuch": (SqlError, "Unknown database 'nosuch'"),
    "USE hive.db": (SqlError, "there is no catalog 'hive'"),
    "CREATE DATABASE shop": (SqlError, "Can't create database 'shop'; database exists"),
    "CREATE DATABASE information_schema": (SqlError, "the engine's own"),
    "DROP DATABASE nosuch": (SqlError, "Unknown database 'nosuch'"),
    "DROP DATABASE default": (SqlError, "the database default cannot be dropped"),
    "DROP DATABASE main": (SqlError, "the engine's own"),
    # text that ends nowhere, and text that hides another one
    "": (UsageProblem, "there is no statement in this SQL"),
    " ; -- nothing\n;": (UsageProblem, "there is no statement in this SQL"),
    "SELECT 'a": (SqlSyntaxError, "line 1, column 8: a string is never closed"),
    'SELECT 1;\nSELECT "a': (SqlSyntaxError, "line 2, column 8: a string is never closed"),
    "SELECT `a": (SqlSyntaxError, "a name in backticks is never closed"),
    "SELECT /* a": (SqlSyntaxError, r"a comment is never closed"),
    f"CREATE FUNCTION f1(INT) RETURNS INT {P} AS $$ def f": (SqlSyntaxError, r"a body that \$\$ opens is never closed"),
    f"CREATE FUNCTION f1(INT) RETURNS INT {P} AS $$ '$$' $$": (SqlSyntaxError, "is never closed"),
    "SELECT 1\0": (SqlSyntaxError, "a NUL character cannot stand in SQL"),
    "SELECT * FROM `sales; DROP TABLE sales`": (SqlError, "sales; DROP TABLE sales"),
    "SELECT `inc(1); DROP TABLE sales; --`(1)": (SqlError, "DROP TABLE sales"),
    "SELECT __call_0(1)": (SqlError, "__call_0"),
    "SELECT * FROM read_text('/etc/hostname') WHERE nosuch = 1": (SqlError, "nosuch"),
    f"SELECT {'(' * 5000}1{')' * 5000}": (SqlError, "nested too deeply"),
}


def test_the_share_of_errors() -> None:
    """As many errors as rows, with those of `tests/sql` and `tests/engines`."""
    assert len(BAD) > 100


@pytest.mark.parametrize("text", BAD, ids=lambda text: re.sub(r"\W+", " ", text)[:60])
def test_errors(rows: Callable[[str], list[tuple[Any, ...]]], text: str) -> None:
    """The script fails with this error; the tables and functions are there after it."""
    error, words = BAD[text]
    with pytest.raises(error, match=words) as caught:
        rows(text)
    assert isinstance(caught.value, WorkbenchError)
    assert "Traceback" not in str(caught.value)
    assert rows("USE default; SELECT count(*) FROM sales") == [(5,)]


def test_a_crash_is_one(rows: Callable[[str], list[tuple[Any, ...]]]) -> None:
    """A row that kills its process is named as the cause of the failure."""
    with pytest.raises((UdfError, WorkerCrashed), match="SIGABRT"):
        rows("SELECT crash(id) FROM sales")
