"""Table functions in a query: LATERAL VIEW, LATERAL, and a call after FROM, as lateral joins with `unnest`.

The invariant: ``f`` drops a row for which nothing comes, ``f_outer`` and LATERAL VIEW OUTER keep it with NULLs,
wherever they stand in a chain. A table function is a scalar one here, whose value is the list of its rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlglot import exp

from workbench.errors import QueryError
from workbench.sql.queries_builtins import named, offset_of
from workbench.worker.words import counted

Rows = Callable[[exp.Anonymous, int], exp.Expr | None]
"""The list of rows of a call of ours for so many columns (0: all); None if it is no table function of ours."""

OUTER: Final = "_outer"
HIDDEN: Final = "__row"


def _numbers(call: exp.Anonymous) -> exp.Expr:
    """``numbers("number" = "5")``: 0 to 4, or ``const_value`` so often."""
    given = {}
    for one in call.expressions:
        if not isinstance(one, exp.EQ) or not isinstance(one.expression, exp.Literal):
            raise QueryError('numbers is called as in numbers("number" = "10")', offset=offset_of(call))
        given[one.this.name.lower()] = one.expression.name
    unknown = sorted(given.keys() - {"number", "const_value"})
    if unknown or not all(value.isdigit() for value in given.values()) or "number" not in given:
        raise QueryError(
            "numbers takes whole numbers as number and const_value" + (f", not {unknown[0]}" if unknown else ""),
            offset=offset_of(call),
        )
    count = exp.Literal.number(int(given["number"]))
    if "const_value" not in given:
        return named("range", count)
    return named("list_transform", named("range", count), _constant(int(given["const_value"])))


def _constant(value: int) -> exp.Expr:
    return exp.Lambda(this=exp.Literal.number(value), expressions=[exp.to_identifier("x")])


def _json(type_: str) -> Callable[[exp.Anonymous], exp.Expr]:
    return lambda call: exp.cast(call.expressions[0], exp.DataType.build(f"{type_}[]", dialect="duckdb"))


def _posexplode(call: exp.Anonymous) -> exp.Expr:
    array = call.expressions[0]
    places = named("range", named("len", array.copy()))
    return named("list_zip", places, array)


BUILT_IN: Final[dict[str, tuple[int, int, Callable[[exp.Anonymous], exp.Expr]]]] = {
    "explode": (1, 0, lambda call: call.expressions[0]),
    "explode_split": (2, 1, lambda call: named("string_split", *call.expressions)),
    "explode_numbers": (1, 1, lambda call: named("range", *call.expressions)),
    "explode_map": (1, 2, lambda call: named("map_entries", *call.expressions)),
    "posexplode": (1, 2, _posexplode),
    "explode_json_array_int": (1, 1, _json("BIGINT")),
    "explode_json_array_double": (1, 1, _json("DOUBLE")),
    "explode_json_array_string": (1, 1, _json("VARCHAR")),
    "numbers": (-1, 1, _numbers),
}
"""By name: how many arguments (-1: any), how many columns (0: as many as are named), and the list of rows."""


def rows_of(call: exp.Expr, columns: int, ours: Rows) -> tuple[exp.Expr, bool, int] | None:
    """The list of rows of a call, whether it keeps rows without output, and its columns; None if it gives no rows."""
    if not isinstance(call, exp.Anonymous):
        return None
    name = call.name.lower()
    made = ours(call, columns)
    if made is not None:
        return made, name.endswith(OUTER), columns
    base = name.removesuffix(OUTER)
    if base not in BUILT_IN:
        return None
    arguments, width, build = BUILT_IN[base]
    if base == "explode" and columns == 2:  # noqa: PLR2004 - a map: its key and its value
        base, width, build = "explode_map", 2, BUILT_IN["explode_map"][2]
    if arguments not in (-1, len(call.expressions)):
        raise QueryError(
            f"{name} takes {counted(arguments, 'argument')}, not {len(call.expressions)}", offset=offset_of(call)
        )
    if columns > 1 and columns != max(width, 1):
        raise QueryError(f"{name} has {counted(max(width, 1), 'column')}, {columns} are named", offset=offset_of(call))
    return build(call), name.endswith(OUTER), columns or max(width, 1)


def rewrite(tree: exp.Expr, ours: Rows, columns_of: Callable[[exp.Anonymous], tuple[str, ...]]) -> exp.Expr:
    """Replace all of them. ``columns_of`` names the columns of a table function of ours."""
    for select in list(tree.find_all(exp.Select)):
        for lateral in select.args.get("laterals") or []:
            select.append("joins", _join(lateral, ours))
        select.set("laterals", None)
    for lateral in list(tree.find_all(exp.Lateral)):
        if lateral.meta.get("ours"):
            continue
        _replace_lateral(lateral, ours, columns_of)
    for table in list(tree.find_all(exp.Table)):
        if isinstance(table.this, exp.Anonymous):
            _replace_table(table, ours, columns_of)
    return tree


def _columns(alias: exp.Expr | None) -> list[str]:
    return [column.name for column in alias.columns] if isinstance(alias, exp.TableAlias) else []


def _join(lateral: exp.Lateral, ours: Rows) -> exp.Join:
    """``LATERAL VIEW [OUTER] f(a) x AS b, c`` as a join."""
    alias = lateral.args.get("alias")
    names = _columns(alias)
    found = rows_of(lateral.this, len(names), ours)
    if found is None:
        raise no_rows(lateral.this)
    rows, keeps, width = found
    keeps = keeps or bool(lateral.args.get("outer"))
    source = _source(rows, width, alias.name if alias is not None else "", names)
    if keeps:
        return exp.Join(this=source, side="LEFT", on=exp.true())
    return exp.Join(this=source, kind="CROSS")


def _replace_lateral(lateral: exp.Lateral, ours: Rows, columns_of: Callable[[exp.Anonymous], tuple[str, ...]]) -> None:
    alias, call = lateral.args.get("alias"), lateral.this
    if not isinstance(call, exp.Anonymous):
        return  # LATERAL (SELECT …) is the same in both
    names = _columns(alias) or list(columns_of(call))
    found = rows_of(call, len(names), ours)
    if found is None:
        raise no_rows(call)
    rows, keeps, columns = found
    join = lateral.parent
    if keeps and isinstance(join, exp.Join):
        join.set("kind", None)
        join.set("side", "LEFT")
        join.set("on", exp.true())
    lateral.replace(_source(rows, columns, alias.name if alias is not None else "", names))


def _replace_table(table: exp.Table, ours: Rows, columns_of: Callable[[exp.Anonymous], tuple[str, ...]]) -> None:
    """``FROM f('a') AS x(b)``."""
    call = table.this
    alias = table.args.get("alias")
    names = _columns(alias) or list(columns_of(call))
    found = rows_of(call, len(names), ours)
    if found is None:
        return  # a table function of DuckDB, or nothing that it knows, which it says itself
    rows, _, columns = found
    name = alias.name if isinstance(alias, exp.TableAlias) else call.name
    names = names or (["number"] if call.name.lower() == "numbers" else [])
    source = _source(rows, columns, name, names)
    first = isinstance(table.parent, exp.From)
    table.replace(exp.Subquery(this=source.this.this, alias=source.args["alias"]) if first else source)


def _source(rows: exp.Expr, width: int, name: str, columns: list[str]) -> exp.Lateral:
    each = named("unnest", rows)
    if width <= 1:
        query = exp.select(each)
    else:
        inner = exp.select(exp.alias_(each, HIDDEN)).subquery("__rows")
        parts = [named("struct_extract_at", exp.column(HIDDEN), exp.Literal.number(i + 1)) for i in range(width)]
        query = exp.select(*parts).from_(inner)
    alias = exp.TableAlias(
        this=exp.to_identifier(name or "__lateral", quoted=True),
        columns=[exp.to_identifier(column, quoted=True) for column in columns] or None,
    )
    lateral = exp.Lateral(this=exp.Subquery(this=query), alias=alias)
    lateral.meta["ours"] = True
    return lateral


def no_rows(call: exp.Expr) -> QueryError:
    """The refusal of a call that gives no rows where rows are wanted."""
    name = call.name or call.sql("doris")
    return QueryError(
        f"{name} is no table function",
        offset=offset_of(call),
        hint="LATERAL VIEW takes one: explode, or a function with CREATE TABLES FUNCTION",
    )
