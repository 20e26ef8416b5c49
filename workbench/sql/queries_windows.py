"""Aggregates of ours over a window that begins with the partition: one pass instead of one for each row.

``f(x) OVER (PARTITION BY p ORDER BY o)`` as a call over a list is quadratic, because every row has a list of its own.
Here the rows of a partition are listed once, the function gives its result after each of them, and a row takes the one
that its frame ends with: ``count(*)`` over the same window says which. The invariant: the columns, and the rows with
their order, are those that the query would give. Left out on purpose: frames that begin elsewhere, and queries with
GROUP BY, DISTINCT, QUALIFY or ``t.*``: those stay calls over a list, which are right, and slow for long partitions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from sqlglot import exp

from workbench.sql.queries_builtins import named

Test = Callable[[exp.Expr], bool]
Running = Callable[[exp.Anonymous], tuple[str, exp.Expr]]

ELSEWHERE: Final = ("group", "distinct", "qualify", "having", "windows", "into", "sample", "kind")
"""Clauses after or beside which a window is not looked at here."""

OUTSIDE: Final = ("with_", "order", "limit", "offset")
"""Clauses that stay with the outer query."""


def rewrite(tree: exp.Expr, is_aggregate: Test, running: Running) -> None:
    """Rewrite every SELECT with such windows, innermost first."""
    for number, select in enumerate(reversed(list(tree.find_all(exp.Select)))):
        if any(select.args.get(clause) for clause in ELSEWHERE):
            continue
        stars = [item for item in select.expressions if item.is_star]
        if len(stars) > 1 or any(not isinstance(star, exp.Star) or star.args.get("except_") for star in stars):
            continue
        if any(True for item in select.expressions for _ in _windows(item, is_aggregate)):
            _Split(select, f"__b{number}", is_aggregate, running).apply()


def _windows(node: exp.Expr, is_aggregate: Test) -> Iterator[exp.Window]:
    """The windows in an expression that can be had in one pass; not those of its sub-queries."""
    for one in node.walk(prune=lambda one: isinstance(one, exp.Query)):
        if isinstance(one, exp.Window) and is_aggregate(one.this) and _begins_with_partition(one):
            yield one


def _begins_with_partition(window: exp.Window) -> bool:
    call, spec = window.this, window.args.get("spec")
    if window.args.get("alias") or any(isinstance(one, exp.Distinct | exp.Star) for one in call.expressions):
        return False
    if spec is None:
        return True
    start, start_side, end_side = (str(spec.args.get(name)).upper() for name in ("start", "start_side", "end_side"))
    return (
        (start, start_side) == ("UNBOUNDED", "PRECEDING") and end_side != "PRECEDING" and not spec.args.get("exclude")
    )


class _Split:
    """One SELECT as two: the inner one has all values that need its tables, the outer one puts results beside them."""

    def __init__(self, select: exp.Select, base: str, is_aggregate: Test, running: Running) -> None:
        self._select, self._base = select, base
        self._is_aggregate, self._running = is_aggregate, running
        self._hidden: list[exp.Expr] = []
        self._joins: list[exp.Join] = []

    def apply(self) -> None:
        """Change the SELECT in its place."""
        select = self._select
        inner = select.copy()
        for clause in OUTSIDE:
            inner.set(clause, None)
        outputs = {item.alias_or_name.lower() for item in select.expressions if item.alias_or_name}
        items = [item if item.is_star else self._item(item) for item in select.expressions]
        order = select.args.get("order")
        for ordered in order.expressions if order is not None else ():
            self._order(ordered, outputs)
        hidden = [exp.to_identifier(column.alias) for column in self._hidden]
        every = exp.Column(this=exp.Star(except_=hidden), table=exp.to_identifier(self._base))
        inner.set("expressions", [item for item in inner.expressions if item.is_star] + self._hidden)
        with_ = select.args.get("with_") or exp.With(expressions=[])
        with_.append(
            "expressions",
            exp.CTE(this=inner, alias=exp.TableAlias(this=exp.to_identifier(self._base)), materialized=True),
        )
        kept = {clause: select.args.get(clause) for clause in OUTSIDE}
        for clause in list(select.args):
            select.set(clause, kept.get(clause))
        select.set("with_", with_)
        select.set("expressions", [every if item.is_star else item for item in items])
        select.set("from_", exp.From(this=exp.to_table(self._base)))
        select.set("joins", self._joins or None)

    def _item(self, item: exp.Expr) -> exp.Expr:
        name = item.args["alias"] if isinstance(item, exp.Alias) else exp.to_identifier(item.alias_or_name)
        value = self._outer(item.this if isinstance(item, exp.Alias) else item)
        return exp.alias_(value, name) if name else value

    def _order(self, ordered: exp.Expr, outputs: set[str]) -> None:
        value = ordered.this
        known = isinstance(value, exp.Column) and not value.table and value.name.lower() in outputs
        if not known and not isinstance(value, exp.Literal):
            ordered.set("this", self._outer(value))

    def _outer(self, node: exp.Expr) -> exp.Expr:
        """The expression for the outer query: its windows are results there, all else is a column of the inner one."""
        if isinstance(node, exp.Window) and node in list(_windows(node, self._is_aggregate)):
            return self._result(node)
        if not any(True for _ in _windows(node, self._is_aggregate)):
            return node.copy() if isinstance(node, exp.Literal | exp.DataType) else self._hide(node)
        made = node.copy()
        for old, new in zip(list(node.iter_expressions()), list(made.iter_expressions()), strict=True):
            if not isinstance(new, exp.Identifier | exp.DataType):
                new.replace(self._outer(old))
        return made

    def _hide(self, node: exp.Expr) -> exp.Expr:
        """A column of the inner query with this value."""
        name = f"{self._base}_{len(self._hidden)}"
        self._hidden.append(exp.alias_(node.copy(), name))
        return exp.column(name, table=self._base)

    def _result(self, window: exp.Window) -> exp.Expr:
        partition = [self._hide(one) for one in window.args.get("partition_by") or ()]
        symbol, row = self._running(window.this)
        value = self._hide(row)
        counted = window.copy()
        counted.set("this", exp.Count(this=exp.Star()))
        end = self._hide(counted)
        numbered = window.copy()
        numbered.set("this", exp.RowNumber())
        numbered.set("spec", None)
        number = self._hide(numbered)
        ordered = exp.Order(this=_bare(value), expressions=[exp.Ordered(this=_bare(number))])
        lists = f"{self._base}_l{len(self._joins)}"
        results = exp.select(
            *[_bare(one) for one in partition], exp.alias_(named(symbol, named("list", ordered)), "results")
        ).from_(self._base)
        if partition:
            return self._joined(results.group_by(*[_bare(one) for one in partition]), lists, partition, end)
        self._joins.append(exp.Join(this=results.subquery(lists), kind="CROSS"))
        return named("list_extract", exp.column("results", table=lists), end)

    def _joined(self, results: exp.Select, alias: str, partition: list[exp.Expr], end: exp.Expr) -> exp.Expr:
        """The result of a row by its partition and place: a join over lists would copy a whole one to each row."""
        names = [one.name for one in partition]
        every = exp.column("results")
        places = named(
            "range", exp.Literal.number(1), exp.Add(this=named("len", every), expression=exp.Literal.number(1))
        )
        flat = exp.select(
            *[exp.column(name) for name in names],
            exp.alias_(named("unnest", every.copy()), "result"),
            exp.alias_(named("unnest", places), "place"),
        ).from_(results.subquery("r"))
        same = [exp.NullSafeEQ(this=one, expression=exp.column(one.name, table=alias)) for one in partition]
        at = exp.EQ(this=end, expression=exp.column("place", table=alias))
        self._joins.append(exp.Join(this=flat.subquery(alias), on=exp.and_(*same, at), side="LEFT"))
        return exp.column("result", table=alias)


def _bare(column: exp.Expr) -> exp.Expr:
    """A hidden column without its table."""
    return exp.column(column.name)
