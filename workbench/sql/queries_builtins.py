"""Built-ins and types of Doris that DuckDB spells in another way, or does not have.

Left out on purpose: those that sqlglot turns right by itself, which are most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from sqlglot import exp

from workbench.errors import QueryError

TYPES: Final = {
    exp.DataType.Type.INT128: exp.DataType.Type.INT128,
    exp.DataType.Type.IPV4: exp.DataType.Type.TEXT,
    exp.DataType.Type.IPV6: exp.DataType.Type.TEXT,
    exp.DataType.Type.VARIANT: exp.DataType.Type.JSON,
}
"""Types that DuckDB stores as another one: addresses are text for functions too."""

REFUSED: Final = ("BITMAP", "HLL", "QUANTILE_STATE", "AGG_STATE")
"""Types that only Doris has."""

OURS: Final = "ours"
"""The mark of what was written for DuckDB already."""

Arguments = Sequence[exp.Expr]


def named(name: str, *arguments: exp.Expr) -> exp.Expr:
    """A call by a name that sqlglot writes as it is."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def struct_of(pairs: Sequence[tuple[str, exp.Expr]]) -> exp.Expr:
    """``{'a': x, 'b': y}``, which is a STRUCT in DuckDB."""
    made = exp.Struct(
        expressions=[
            exp.PropertyEQ(this=exp.to_identifier(name, quoted=True), expression=value) for name, value in pairs
        ]
    )
    made.meta[OURS] = True
    return made


def _named_struct(call: exp.Anonymous) -> exp.Expr:
    names, values = call.expressions[::2], call.expressions[1::2]
    if len(names) != len(values) or not all(isinstance(one, exp.Literal) and one.is_string for one in names):
        raise QueryError(
            "named_struct takes names and values in turn, as in named_struct('a', 1, 'b', 2)", offset=offset_of(call)
        )
    return struct_of([(name.name, value) for name, value in zip(names, values, strict=True)])


def _struct(call: exp.Anonymous) -> exp.Expr:
    return struct_of([(f"col{index}", value) for index, value in enumerate(call.expressions, 1)])


def _map(call: exp.Anonymous) -> exp.Expr:
    keys, values = call.expressions[::2], call.expressions[1::2]
    if len(keys) != len(values):
        raise QueryError("map takes keys and values in turn, as in map('a', 1, 'b', 2)", offset=offset_of(call))
    return _map_of(keys, values)


def _map_of(keys: Arguments, values: Arguments) -> exp.Expr:
    return named("map", exp.Array(expressions=list(keys)), exp.Array(expressions=list(values)))


def _renamed(name: str) -> Callable[[exp.Anonymous], exp.Expr]:
    return lambda call: named(name, *call.expressions)


CALLS: Final[dict[str, Callable[[exp.Anonymous], exp.Expr]]] = {
    "named_struct": _named_struct,
    "struct": _struct,
    "map": _map,
    "size": _renamed("len"),
    "cardinality": _renamed("len"),
    "map_size": _renamed("cardinality"),
    "element_at": _renamed("array_extract"),
    "array_range": _renamed("range"),
    "array_sum": _renamed("list_sum"),
    "array_avg": _renamed("list_avg"),
    "array_min": _renamed("list_min"),
    "array_max": _renamed("list_max"),
    "struct_element": _renamed("struct_extract"),
    "strleft": _renamed("left"),
    "strright": _renamed("right"),
}


FORMATS: Final = {
    "yyyyMMdd": "%Y%m%d",
    "yyyy-MM-dd": "%Y-%m-%d",
    "yyyy-MM-dd HH:mm:ss": "%Y-%m-%d %H:%M:%S",
}
"""Formats of time that Doris knows besides those with a %, as DuckDB has them."""


def _from_unixtime(node: exp.UnixToTime) -> exp.Expr:
    """Text in Doris, of whole seconds unless the format asks for more; the time zone here is UTC."""
    given = node.args.get("format") or exp.Literal.string("yyyy-MM-dd HH:mm:ss")
    if not (isinstance(given, exp.Literal) and given.is_string):
        raise QueryError("from_unixtime takes a format in quotes here", offset=offset_of(node))
    seconds = exp.cast(node.this, "DECIMAL(30, 6)")  # an INT, or fewer digits, times a million would not fit
    micros = exp.cast(exp.Mul(this=seconds, expression=exp.Literal.number(1_000_000)), "BIGINT")
    return named("strftime", named("make_timestamp", micros), _format(given))


def _format(given: exp.Expr) -> exp.Expr:
    return exp.Literal.string(FORMATS.get(given.name, given.name))


def rewrite(node: exp.Expr) -> exp.Expr:
    """What DuckDB reads where Doris reads ``node``; the node itself if there is no difference."""
    if isinstance(node, exp.Anonymous) and node.name.lower() in CALLS:
        return CALLS[node.name.lower()](node)
    if isinstance(node, exp.Struct) and node.expressions and not node.meta.get(OURS):
        if all(isinstance(one, exp.PropertyEQ) and one.this.name for one in node.expressions):
            return _braces(node)
        return struct_of([(f"col{index}", value) for index, value in enumerate(node.expressions, 1)])
    if isinstance(node, exp.UnixToTime):
        return _from_unixtime(node)
    if isinstance(node, exp.TimeToStr) and isinstance(node.args["format"], exp.Literal):
        node.set("format", _format(node.args["format"]))
    if isinstance(node, exp.DataType) and node.this in TYPES:
        return exp.DataType(this=TYPES[node.this])
    return node


def _braces(node: exp.Struct) -> exp.Expr:
    """``{'a': 1}`` is a MAP in Doris; a struct is written by named_struct."""
    keys: list[exp.Expr] = [
        exp.Literal.string(one.this.name) if isinstance(one.this, exp.Identifier) else one.this
        for one in node.expressions
    ]
    return _map_of(keys, [one.expression for one in node.expressions])


def offset_of(node: exp.Expr) -> int | None:
    """Where a node, or the first part of it that knows, stands in the text; None if none does."""
    starts = [one.meta["start"] for one in node.walk() if "start" in one.meta]
    return min(starts) if starts else None
