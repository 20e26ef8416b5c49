"""A SELECT that calls scalar functions, as stages: inner queries, whose rows go through the functions in large batches.

DuckDB calls a function with at most 2,048 rows and waits for the answer. Here an inner query gives the arguments of
the calls and every column that the rest of the SELECT wants, and the outer one is the same SELECT with a column in the
place of each: clauses, aggregates and windows stay what they are. A call within a call is a stage of its own, and so is
a call in WHERE, which goes first. The invariant: a function is called for the rows for which DuckDB would call it, and
rows keep their order. Left out on purpose, and called by DuckDB: calls under CASE, AND, coalesce and whatever else may
skip a row; LIMIT; calls with constant arguments, in sub-queries, or over groups. Whether it pays, the engine decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlglot import exp

_CALL: Final = re.compile(r"__call_(\d+)")
_CLAUSES: Final = ("expressions", "where", "group", "having", "order")
"""Where calls are looked for."""

_READ: Final = ("with_", "from_", "joins", "laterals")
"""What only the inner query has."""

_REFUSED: Final = (exp.Query, exp.Lambda, exp.UDTF, exp.Explode, exp.Placeholder, exp.Parameter)
_SEVERAL: Final = ("unnest", "generate_subscripts")
"""Functions that give several rows where they stand."""

_EVERY_ROW: Final = (
    *(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Neg, exp.Paren, exp.Cast, exp.DPipe),
    *(exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.Is, exp.Not, exp.Between),
    *(exp.Alias, exp.Ordered, exp.Order, exp.Group, exp.Having, exp.Where, exp.Distinct, exp.AggFunc),
)
"""What wants the value of its operand for every row."""


@dataclass(frozen=True, slots=True)
class StagedCall:
    """A call of a stage: the columns of its arguments and its result, and how often the text has it."""

    number: int
    arguments: tuple[str, ...]
    result: str
    uses: int


@dataclass(frozen=True, slots=True)
class Stage:
    """Rows that go through functions, and are the table ``name`` then: without the arguments, with the results."""

    name: str
    sql: str
    calls: tuple[StagedCall, ...]


@dataclass(frozen=True, slots=True)
class Staged:
    """A statement in stages, each of which reads the one before it; ``sql`` reads the last."""

    stages: tuple[Stage, ...]
    sql: str


def split(tree: exp.Expr, forms: list[str]) -> Staged | None:
    """The stages of a statement whose calls are open, and have these ``forms``; None if it is not one for them."""
    if not forms or set(forms) != {"scalar"}:
        return None
    tree = tree.copy()
    select = tree.expression if isinstance(tree, exp.Insert | exp.Create) else tree
    if not isinstance(select, exp.Select) or (tree is not select and tree.args.get("with_")):
        return None
    if not _fits(select) or len(list(_calls(tree))) != len(list(_own(select, _CLAUSES))):
        return None
    stages: list[Stage] = []
    while any(True for _ in _calls(select)):
        stage = _Stage(select, f"__s{len(stages)}").split()
        if stage is None:
            return None
        stages.append(stage)
    return Staged(tuple(stages), _text(tree))


def _fits(select: exp.Select) -> bool:
    """Whether the clauses are those that are known here."""
    given = {clause for clause, value in select.args.items() if value}
    stars = [item for item in select.expressions if item.is_star]
    distinct, group = select.args.get("distinct"), select.args.get("group")
    return (
        given <= {*_CLAUSES, *_READ, "distinct"}
        and "from_" in given
        and len(stars) <= 1
        and all(isinstance(star, exp.Star) and not any(star.args.values()) for star in stars)
        and all(isinstance(item, exp.Alias | exp.Column | exp.Star) for item in select.expressions)
        and (distinct is None or not distinct.args.get("on"))
        and (group is None or not any(value for name, value in group.args.items() if name != "expressions"))
        and not any(
            isinstance(node, _REFUSED) or (isinstance(node, exp.Anonymous) and node.name.lower() in _SEVERAL)
            for clause in _CLAUSES
            if clause != "where"
            for root in _roots(select, clause)
            for node in root.walk()
        )
    )


class _Stage:
    """One SELECT as two: the inner one is the stage, and the SELECT is changed in its place to read it."""

    def __init__(self, select: exp.Select, name: str) -> None:
        self._select, self._name = select, name
        self._columns: dict[str, exp.Expr] = {}
        self._calls: dict[tuple[str, bool], list[exp.Anonymous]] = {}

    def split(self) -> Stage | None:
        """The stage; None if a call may not be staged. Then the SELECT is of no use any more."""
        select = self._select
        where = select.args.get("where")
        conjuncts = list(where.this.flatten()) if where and isinstance(where.this, exp.And) else [where and where.this]
        called = [one for one in conjuncts if one is not None and any(True for _ in _calls(one))]
        if called and (any(select.args.get(clause) for clause in ("with_", "joins", "laterals")) or not _one(select)):
            return None  # a filter may go below a join, to rows that are others
        if any(one.find(*_REFUSED) for one in called):
            return None
        found = list(_calls(called[0])) if called else list(_own(select, _CLAUSES))
        wanted = [call for call in found if sum(1 for _ in _calls(call)) == 1]
        if not all(self._wants(call, called) for call in wanted) or not self._plain_names():
            return None
        inner = exp.Select(**{clause: select.args.get(clause) for clause in _READ})
        kept = [one.copy() for one in conjuncts if one is not None and one not in called]
        if kept:
            inner.set("where", exp.Where(this=exp.and_(*kept)))
        select.set("where", exp.Where(this=exp.and_(*[one.copy() for one in called])) if called else None)
        return self._moved(inner, wanted if not called else self._again(wanted))

    def _again(self, wanted: list[exp.Anonymous]) -> list[exp.Anonymous]:
        """The calls where they are now, after the conditions were copied."""
        texts = {_text(call) for call in wanted}
        return [call for call in _own(self._select, ("where",)) if _text(call) in texts]

    def _moved(self, inner: exp.Select, wanted: list[exp.Anonymous]) -> Stage:
        """Put columns of the inner query in the places of the calls, and of all other columns."""
        select = self._select
        arguments: list[exp.Expr] = []
        calls: list[StagedCall] = []
        for call in wanted:
            self._calls.setdefault((_text(call), _aggregated(call)), []).append(call)
        for places in self._calls.values():
            names = [f"{self._name}_a{len(arguments) + index}" for index in range(len(places[0].expressions))]
            arguments += [exp.alias_(one.copy(), name) for one, name in zip(places[0].expressions, names, strict=True)]
            result = f"{self._name}_r{len(calls)}"
            calls.append(StagedCall(_number(places[0]), tuple(names), result, self._uses(places)))
            for place in places:
                place.replace(exp.column(result))
        results = {call.result for call in calls}
        stars = [item.copy() for item in select.expressions if item.is_star]
        for column in list(_columns(select)):
            if column.name not in results and not column.is_star and not self._is_output(column):
                self._hide(column)
        for item in list(select.expressions):
            if item.is_star:
                unseen = [exp.to_identifier(name) for name in (*self._names(), *sorted(results))]
                item.replace(exp.Column(this=exp.Star(except_=unseen), table=exp.to_identifier(self._name)))
        hidden = [exp.alias_(value, name) for name, value in zip(self._names(), self._columns.values(), strict=True)]
        inner.set("expressions", [*stars, *hidden, *arguments])
        for clause in _READ:
            select.set(clause, exp.From(this=exp.to_table(self._name)) if clause == "from_" else None)
        return Stage(self._name, _text(inner), tuple(calls))

    def _uses(self, places: list[exp.Anonymous]) -> int:
        """How often a call is made for a row, if it is volatile: over groups, the group's is the only one."""
        grouped = self._select.args.get("group") is not None
        apart = _aggregated(places[0]) or places[0].find_ancestor(exp.Where) is not None
        return 1 if grouped and not apart else len(places)

    def _names(self) -> list[str]:
        return [f"{self._name}_{index}" for index in range(len(self._columns))]

    def _hide(self, column: exp.Column) -> None:
        """Read it from the stage. An item of the SELECT keeps its name."""
        self._columns.setdefault(_text(column), column.copy())
        made = exp.column(f"{self._name}_{list(self._columns).index(_text(column))}")
        item = column.parent is self._select and column.arg_key == "expressions"
        column.replace(exp.alias_(made, column.this.copy()) if item else made)

    def _is_output(self, column: exp.Column) -> bool:
        """Whether a column in ORDER BY is one of the result, by its name."""
        outputs = {item.alias_or_name.lower() for item in self._select.expressions if not item.is_star}
        return isinstance(column.parent, exp.Ordered) and not column.table and column.name.lower() in outputs

    def _plain_names(self) -> bool:
        """Whether no column may be another item's alias, which the inner query does not know."""
        aliases = [item.alias.lower() for item in self._select.expressions if isinstance(item, exp.Alias)]
        for column in _columns(self._select):
            if column.table or column.name.lower() not in aliases or self._is_output(column):
                continue
            item = column.find_ancestor(exp.Alias)
            own = item is not None and item.parent is self._select and item.alias.lower() == column.name.lower()
            if not own or aliases.count(column.name.lower()) > 1:
                return False
        return True

    def _wants(self, call: exp.Anonymous, called: list[exp.Expr]) -> bool:
        """Whether a call is wanted for every row, and has arguments that rows tell."""
        above: exp.Expr = call
        while above.parent is not None and above.parent is not self._select and not any(above is one for one in called):
            above = above.parent
            if not isinstance(above, _EVERY_ROW) and not _is_call(above):
                return False
        inside = [node for one in call.expressions for node in one.walk()]
        if any(isinstance(node, exp.AggFunc | exp.Window | exp.Query) for node in inside):
            return False
        return any(isinstance(node, exp.Column) for node in inside) and (bool(called) or self._in_rows(call))

    def _in_rows(self, call: exp.Anonymous) -> bool:
        """Whether a call is over rows, not over groups."""
        select = self._select
        group = select.args.get("group")
        if (group is None and not any(isinstance(node, exp.AggFunc) for node in _all(select))) or _aggregated(call):
            return True
        if group is None:
            return False
        items = select.expressions
        grouped = [
            items[int(one.name) - 1] if isinstance(one, exp.Literal) and one.is_int else one
            for one in group.expressions
        ]
        return _text(call) in {_text(one) for item in grouped for one in _calls(item)}


def _one(select: exp.Select) -> bool:
    """Whether rows come from one table, as it is."""
    return isinstance(select.args["from_"].this, exp.Table)


def _roots(select: exp.Select, clause: str) -> list[exp.Expr]:
    value = select.args.get(clause)
    return list(value) if isinstance(value, list) else [value] if value else []


def _own(select: exp.Select, clauses: tuple[str, ...]) -> Iterator[exp.Anonymous]:
    """The calls in clauses of a SELECT."""
    return (call for clause in clauses for root in _roots(select, clause) for call in _calls(root))


def _all(select: exp.Select) -> Iterator[exp.Expr]:
    """The nodes of the clauses of a SELECT."""
    return (node for clause in _CLAUSES for root in _roots(select, clause) for node in root.walk())


def _columns(select: exp.Select) -> Iterator[exp.Column]:
    return (node for node in _all(select) if isinstance(node, exp.Column))


def _calls(node: exp.Expr) -> Iterator[exp.Anonymous]:
    return (one for one in node.find_all(exp.Anonymous) if _is_call(one))


def _is_call(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and _CALL.fullmatch(node.name) is not None


def _number(call: exp.Anonymous) -> int:
    return int(call.name.removeprefix("__call_"))


def _aggregated(call: exp.Anonymous) -> bool:
    """Whether a call is in an aggregate."""
    return isinstance(call.find_ancestor(exp.AggFunc, exp.Select), exp.AggFunc)


def _text(node: exp.Expr) -> str:
    return node.sql("duckdb", normalize_functions=False)
