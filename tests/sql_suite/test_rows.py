"""Doris statements and the rows that they must give, from what Doris documents; each call runs in a real subprocess."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

pytest_plugins = ("fix_suite",)

Rows = list[tuple[Any, ...]]

GOOD: dict[str, Rows] = {
    # scalars, types and overloads
    "SELECT inc(id) FROM sales ORDER BY id": [(2,), (3,), (4,), (5,), (6,)],
    "SELECT mul(id, 3) FROM sales WHERE mul(id, id) > 9 ORDER BY 1": [(12,), (15,)],
    "SELECT inc(inc(inc(0)))": [(3,)],
    "SELECT kind('x'), kind(1), kind(1.5), kind(TRUE)": [("str", "int", "Decimal", "bool")],
    "SELECT kind(CAST(1 AS DOUBLE)), kind(CAST('2024-01-01' AS DATE)), kind(amount) FROM sales WHERE id = 1": [
        ("float", "date", "Decimal")
    ],
    "SELECT kind(array(1, 2))": [("list",)],
    "SELECT kind(CAST(1 AS TINYINT)), kind(CAST(1 AS SMALLINT)), kind(CAST(1 AS FLOAT))": [("int", "int", "float")],
    "SELECT same('é漢😀'), same(''), same(NULL)": [("é漢😀", "", None)],
    "SELECT same('it''s'), same(\"a\\\"b\"), same('a\\nb')": [("it's", 'a"b', "a\nb")],
    "SELECT coalesced(tags, 'none') FROM sales ORDER BY id": [("a,b",), ("b",), ("none",), ("",), ("c,a,b",)],
    "SELECT coalesced(shop, NULL) FROM sales WHERE id = 5": [(None,)],
    "SELECT answer(), answer() + 1": [(42, 43)],
    "SELECT answer() FROM sales": [(42,)] * 5,
    "SELECT nothing(id) IS NULL FROM sales WHERE id < 3": [(True,), (True,)],
    "SELECT tomorrow(day) FROM sales WHERE id < 5 ORDER BY id": [
        (date(2024, 1, 31),),
        (date(2024, 2, 1),),
        (date(2024, 2, 29),),
        (date(2024, 3, 1),),
    ],
    "SELECT tomorrow('2023-12-31')": [(date(2024, 1, 1),)],
    "SELECT noon(CAST('2024-03-31 02:30:00' AS DATETIME))": [(datetime.fromisoformat("2024-03-31 12:00"),)],
    "SELECT sum(cents(amount)) FROM sales WHERE amount IS NOT NULL": [(2100,)],
    "SELECT huge(1)": [(Decimal(2**126 + 1),)],
    "SELECT CAST(huge(0) AS STRING)": [(str(2**126),)],
    "SELECT head(split_by_string(tags, ',')) FROM sales WHERE id IN (1, 5) ORDER BY id": [("a",), ("c",)],
    "SELECT head(array())": [(None,)],
    "SELECT pairs(map('b', 2, 'a', 1))": [([{"k": "a", "v": 1}, {"k": "b", "v": 2}],)],
    "SELECT struct_element(point(3, 4), 'x'), norm(point(3, 4))": [(3, 7)],
    "SELECT norm(named_struct('x', id, 'y', 10)) FROM sales WHERE id < 3 ORDER BY id": [(11,), (12,)],
    "SELECT counts('aab')['a']": [(2,)],
    "SELECT flip(id > 2) FROM sales WHERE id IN (2, 3) ORDER BY id": [(True,), (False,)],
    "SELECT flip(NULL)": [(None,)],
    "SELECT ip('10.0.0.255')": [("10.0.1.0",)],
    "SELECT many(id) FROM sales ORDER BY id": [(2,), (4,), (6,), (8,), (10,)],
    "SELECT vec(id) FROM sales ORDER BY id DESC LIMIT 2": [(6,), (5,)],
    "SELECT lst(id, 10) FROM sales WHERE id < 3 ORDER BY id": [(11,), (12,)],
    # where a call may stand
    "SELECT CASE WHEN inc(id) % 2 = 0 THEN 'even' ELSE 'odd' END FROM sales ORDER BY id LIMIT 2": [("even",), ("odd",)],
    "SELECT id FROM sales ORDER BY inc(0 - id)": [(5,), (4,), (3,), (2,), (1,)],
    "SELECT count(DISTINCT inc(id % 2)) FROM sales": [(2,)],
    "SELECT id FROM sales WHERE inc(id) BETWEEN 3 AND 4 ORDER BY id": [(2,), (3,)],
    "SELECT id FROM sales s WHERE EXISTS (SELECT 1 FROM weights w WHERE inc(w.id) = s.id) ORDER BY id": [
        (2,),
        (3,),
        (4,),
    ],
    "SELECT s.id, w.w FROM sales s JOIN weights w ON inc(w.id) = s.id ORDER BY 1, 2": [
        (2, 0.5),
        (3, 1.5),
        (4, 2.0),
        (4, 4.0),
    ],
    "SELECT s.id FROM sales s LEFT ANTI JOIN weights w ON s.id = w.id ORDER BY 1": [(4,), (5,)],
    "WITH a AS (SELECT inc(id) AS x FROM sales), b AS (SELECT inc(x) AS y FROM a) SELECT max(y) FROM b": [(7,)],
    "SELECT x FROM (SELECT inc(id) AS x FROM sales) t WHERE x > 4 ORDER BY x": [(5,), (6,)],
    "SELECT inc(1) UNION SELECT inc(1)": [(2,)],
    "SELECT inc(1) EXCEPT SELECT 2": [],
    "SELECT DISTINCT flip(id > 0) FROM sales": [(False,)],
    "SELECT IF(inc(1) = 2, 'y', 'n'), IFNULL(nothing(1), 7), NULLIF(inc(1), 2)": [("y", 7, None)],
    "SELECT everywhere(3)": [("g3",)],
    "SELECT shop.inc(1), inc(1)": [(101, 2)],
    "USE shop; SELECT inc(1), default.inc(1), everywhere(1), answer()": [(101, 2, "g1", 42)],
    "USE default; SELECT shop.tax(amount) FROM sales WHERE id = 1": [(Decimal("1.9950"),)],
    # aggregates
    "SELECT total(amount) FROM sales": [(21.0,)],
    "SELECT shop, total(amount) FROM sales GROUP BY shop ORDER BY shop": [
        (None, 1.25),
        ("north", 12.75),
        ("south", 7.0),
    ],
    "SELECT total(shop) FROM sales WHERE id < 4": [("north+north+south",)],
    "SELECT total(DISTINCT shop) FROM sales WHERE id < 4": [("north+south",)],
    "SELECT shop FROM sales GROUP BY shop HAVING total(amount) > 7 ORDER BY 1": [("north",)],
    "SELECT spread(id) FROM sales WHERE id > 100": [(None,)],
    "SELECT shop, spread(id) FROM sales WHERE id > 100 GROUP BY shop": [],
    "SELECT wavg(w, id) FROM weights": [((0.5 + 3 + 6 + 12) / 9,)],
    "SELECT seen(), count(*) FROM sales": [(5, 5)],
    "SELECT collect(id) FROM sales": [([1, 2, 3, 4, 5],)],
    "SELECT size(collect(id)), inc(spread(id)) FROM sales": [(5, 5)],
    "SELECT total(amount) + sum(id), total(inc(id)) FROM sales": [(36.0, 20.0)],
    "SELECT x, total(w) FROM (SELECT inc(id) AS x, w FROM weights) t GROUP BY x ORDER BY x": [
        (2, 0.5),
        (3, 1.5),
        (4, 6.0),
    ],
    "SELECT year(day), month(day), spread(id) FROM sales WHERE day IS NOT NULL GROUP BY 1, 2 ORDER BY 2": [
        (2024, 1, 1),
        (2024, 2, 1),
    ],
    "SELECT shop, total(amount) FROM sales WHERE id < 5 GROUP BY ROLLUP(shop) ORDER BY shop": [
        (None, 19.75),
        ("north", 12.75),
        ("south", 7.0),
    ],
    # windows
    "SELECT id, spread(id) OVER (PARTITION BY shop ORDER BY id) FROM sales ORDER BY id": [
        (1, 0),
        (2, 1),
        (3, 0),
        (4, 1),
        (5, 0),
    ],
    "SELECT id, total(amount) OVER (PARTITION BY shop) FROM sales ORDER BY id": [
        (1, 12.75),
        (2, 12.75),
        (3, 7.0),
        (4, 7.0),
        (5, 1.25),
    ],
    "SELECT id, collect(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM sales WHERE id < 4": [
        (1, [1, 2]),
        (2, [1, 2, 3]),
        (3, [2, 3]),
    ],
    "SELECT id, seen() OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM sales ORDER BY id": [
        (1, 1),
        (2, 2),
        (3, 3),
        (4, 4),
        (5, 5),
    ],
    "SELECT id, seen() OVER (ORDER BY shop) FROM sales ORDER BY id": [(1, 3), (2, 3), (3, 5), (4, 5), (5, 1)],
    "SELECT id, wavg(w, id) OVER (PARTITION BY id) AS m FROM weights ORDER BY id, w": [
        (1, 0.5),
        (2, 1.5),
        (3, 3.0),
        (3, 3.0),
    ],
    "SELECT id, m FROM (SELECT id, total(w) OVER (ORDER BY w) AS m FROM weights) t WHERE m > 2 ORDER BY m": [
        (3, 4.0),
        (3, 8.0),
    ],
    # table functions
    "SELECT id, t FROM sales LATERAL VIEW cut(tags, ',') v AS t ORDER BY id, t": [
        (1, "a"),
        (1, "b"),
        (2, "b"),
        (5, "a"),
        (5, "b"),
        (5, "c"),
    ],
    "SELECT id, t FROM sales LATERAL VIEW cut_outer(tags, ',') v AS t WHERE id IN (2, 3, 4) ORDER BY id": [
        (2, "b"),
        (3, None),
        (4, None),
    ],
    "SELECT t, n, c FROM sales LATERAL VIEW cut(tags, ',') v AS t LATERAL VIEW letters(t) l AS n, c WHERE id = 2": [
        ("b", 0, "b")
    ],
    "SELECT id, n FROM sales LATERAL VIEW span(id) v AS n WHERE id < 3 ORDER BY 1, 2": [(1, 0), (2, 0), (2, 1)],
    "SELECT a, b FROM (SELECT 2 AS k) s LATERAL VIEW span(k) x AS a LATERAL VIEW span(k) y AS b ORDER BY 1, 2": [
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
    ],
    "SELECT k, a, b FROM (SELECT 1 AS k) s LATERAL VIEW span_outer(k) x AS a LATERAL VIEW span_outer(a) y AS b": [
        (1, 0, None)
    ],
    "SELECT t, count(*) FROM sales LATERAL VIEW cut(tags, ',') v AS t GROUP BY t ORDER BY 2 DESC, 1": [
        ("b", 3),
        ("a", 2),
        ("c", 1),
    ],
    "SELECT t, total(id) FROM sales LATERAL VIEW cut(tags, ',') v AS t GROUP BY t ORDER BY t": [
        ("a", 6.0),
        ("b", 8.0),
        ("c", 5.0),
    ],
    "SELECT inc(n) FROM (SELECT 3 AS k) s LATERAL VIEW span(k) v AS n ORDER BY 1": [(1,), (2,), (3,)],
    "SELECT o FROM (SELECT 7 AS k) s LATERAL VIEW one(k) v AS o": [(7,)],
    "SELECT v.n FROM sales LATERAL VIEW span(inc(id)) v AS n WHERE id = 1 ORDER BY 1": [(0,), (1,)],
    "WITH p AS (SELECT c FROM (SELECT 'xy' AS s) q LATERAL VIEW letters(s) l AS n, c) SELECT c FROM p ORDER BY c": [
        ("x",),
        ("y",),
    ],
    # Doris's own words
    "SELECT id FROM sales ORDER BY day, id LIMIT 2": [(5,), (1,)],
    "SELECT id FROM sales ORDER BY day DESC LIMIT 1": [(4,)],
    "SELECT id FROM sales ORDER BY shop ASC NULLS LAST, id LIMIT 1": [(1,)],
    "SELECT id FROM sales LIMIT 2 OFFSET 3": [(4,), (5,)],
    "SELECT `id` FROM `sales` WHERE `shop` <=> NULL": [(5,)],
    "SELECT date_format(day, '%Y/%m') FROM sales WHERE id = 4": [("2024/02",)],
    "SELECT date_add(day, INTERVAL 1 DAY) FROM sales WHERE id = 4": [(datetime.fromisoformat("2024-03-01"),)],
    "SELECT group_concat(shop, '-') FROM sales WHERE id IN (1, 3)": [("north-south",)],
    "SELECT concat('a', 1), lower('X'), length('abc'), char_length('é')": [("a1", "x", 3, 1)],
    "SELECT id FROM sales WHERE shop LIKE 'n%' ORDER BY id": [(1,), (2,)],
    "SELECT shop REGEXP '^s' FROM sales WHERE id = 3": [(True,)],
    "SELECT array_contains(array(1, 2), 2), array_size([1, 2, 3])": [(True, 3)],
    "SELECT e FROM (SELECT array(3, 4) AS a) t LATERAL VIEW explode(a) v AS e ORDER BY e": [(3,), (4,)],
    "SELECT count(*), sum(number) FROM numbers('number' = '100')": [(100, 4950)],
    "SELECT inc(number) FROM numbers('number' = '2') ORDER BY 1": [(1,), (2,)],
    "SELECT 5 DIV 2, 5 % 3, -7 % 3, 1 / 2": [(2, 2, -1, 0.5)],
    "SELECT lead(id, 1) OVER (ORDER BY id) FROM sales ORDER BY id DESC LIMIT 1": [(None,)],
    # scripts
    "CREATE TABLE a1 (x INT) DISTRIBUTED BY RANDOM; INSERT INTO a1 SELECT inc(id) FROM sales; SELECT sum(x) FROM a1": [
        (20,)
    ],
    "CREATE TABLE a2 AS SELECT id, inc(id) AS n FROM sales; SELECT n FROM a2 WHERE id = 1": [(2,)],
    "CREATE TABLE a3 (x INT, y STRING); INSERT INTO a3 (y) VALUES ('q'); SELECT x, y FROM a3": [(None, "q")],
    "CREATE TABLE a4 (x INT); INSERT INTO a4 VALUES (1), (2); UPDATE a4 SET x = inc(x); SELECT sum(x) FROM a4": [(5,)],
    "CREATE TABLE a5 (x INT); INSERT INTO a5 VALUES (1), (2); DELETE FROM a5 WHERE inc(x) = 2; SELECT x FROM a5": [
        (2,)
    ],
    "CREATE TABLE a6 (x INT); INSERT INTO a6 VALUES (1); TRUNCATE TABLE a6; SELECT count(*) FROM a6": [(0,)],
    "CREATE TABLE a7 (x INT); INSERT INTO a7 VALUES (1), (2)": [("2 rows",)],
    "CREATE TABLE IF NOT EXISTS sales (x INT); SELECT count(*) FROM sales": [(5,)],
    "DROP TABLE IF EXISTS no_such_table": [("done",)],
    "CREATE DATABASE z1; USE z1; CREATE TABLE t (x INT); INSERT INTO t VALUES (7); USE default; SELECT x FROM z1.t": [
        (7,)
    ],
    "CREATE DATABASE z2; USE z2; CREATE TABLE t (x INT); CREATE TABLE u (x INT); SHOW TABLES LIKE 'u%'; ": [("u",)],
    "USE default; SELECT count(*) FROM internal.default.sales": [(5,)],
    "CREATE VIEW v1 AS SELECT id + 1 AS n FROM sales; SELECT inc(n) FROM v1 ORDER BY 1 LIMIT 1": [(3,)],
    "SHOW FUNCTIONS LIKE 'inc'": [("inc",)],
    "SHOW GLOBAL FUNCTIONS": [("everywhere",)],
    "SHOW FUNCTIONS LIKE 'span%'": [("span",), ("span_outer",)],
    "USE shop; SHOW FUNCTIONS": [("inc",), ("tax",)],
    "USE default; -- a comment ; with a semicolon\n# another\n/* SELECT 2; */ SELECT /* x */ 1;;": [(1,)],
}


@pytest.mark.parametrize("text", GOOD)
def test_rows(rows: Callable[[str], Rows], text: str) -> None:
    """The script's last statement gives these rows, in this order."""
    assert rows(text) == GOOD[text]
