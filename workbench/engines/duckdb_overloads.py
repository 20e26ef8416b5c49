"""Which overload a call means, by the types that DuckDB tells of its arguments, and those types as it writes them.

The invariant: the nearest is taken, and where none fits, the error says what is there and whether the number or the
types of the arguments are wrong. Left out on purpose: running it (`workbench.engines.duckdb`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol, TypeVar

import pyarrow as pa

from workbench.engines.duckdb_types import taken_as
from workbench.errors import QueryError
from workbench.sql.queries import Call
from workbench.types import DataType
from workbench.worker.words import counted

_LITERALS: Final = {"INTEGER_LITERAL": "BIGINT", "STRING_LITERAL": "VARCHAR", '"NULL"': "INTEGER", "JSON": "VARCHAR"}


class _Overload(Protocol):
    @property
    def arguments(self) -> tuple[DataType, ...]: ...


AnOverload = TypeVar("AnOverload", bound=_Overload)


def stands_for(name: str) -> str:
    """The type that an argument has which DuckDB calls by this name: a literal has a name of its own."""
    return _LITERALS.get(name, name)


def choose(
    overloads: Sequence[AnOverload], call: Call, types: Sequence[str], arrows: Sequence[pa.DataType]
) -> AnOverload:
    """The overload that takes arguments of these types, the nearest if several do. Raises QueryError."""
    best: tuple[int, AnOverload] | None = None
    for function in overloads:
        if len(function.arguments) != len(types):
            continue
        distances = [
            _distance(wanted, name, arrow)
            for wanted, name, arrow in zip(function.arguments, types, arrows, strict=True)
        ]
        if None not in distances:
            total = sum(distance for distance in distances if distance is not None)
            if best is None or total < best[0]:
                best = total, function
    if best is not None:
        return best[1]
    given = ", ".join(stands_for(name) if name != '"NULL"' else "NULL" for name in types)
    there = "; ".join(f"{call.name}({', '.join(map(str, function.arguments))})" for function in overloads)
    takes = sorted({len(function.arguments) for function in overloads})
    hint = "cast the arguments, as in CAST(x AS BIGINT)"
    if len(types) not in takes:
        hint = f"it takes {' or '.join([*map(str, takes[:-1]), counted(takes[-1], 'argument')])}"
    raise QueryError(f"{call.name} is called with ({given}), there is {there}", offset=call.offset, hint=hint)


def _distance(wanted: DataType, name: str, arrow: pa.DataType) -> int | None:
    """How far an argument is from what is wanted; None if it cannot be taken."""
    if name == '"NULL"':
        return 0
    if wanted.arrow == arrow:
        return 0
    if wanted.accepts(arrow):
        if pa.types.is_integer(arrow) and pa.types.is_integer(wanted.arrow):
            wider: int = wanted.arrow.bit_width - arrow.bit_width
            return wider // 8 if wider > 0 else 100 - wider
        if pa.types.is_integer(wanted.arrow):
            return 150  # only whole numbers will do
        numbers = (pa.types.is_integer, pa.types.is_decimal, pa.types.is_floating)
        return 10 if [test(arrow) for test in numbers] == [test(wanted.arrow) for test in numbers] else 20
    return 200 if taken_as(wanted, name, arrow) else None


def split_types(text: str) -> list[str]:
    """``BIGINT, STRUCT(a INTEGER, b VARCHAR)[]`` as two names."""
    parts, depth, begin, quoted = [], 0, 0, ""
    for index, sign in enumerate(text):
        if quoted:
            quoted = "" if sign == quoted else quoted
        elif sign in "\"'":
            quoted = sign
        elif sign == "," and depth == 0:
            parts.append(text[begin:index].strip())
            begin = index + 1
        else:
            depth += (sign == "(") - (sign == ")")
    return [*parts, text[begin:].strip()] if text.strip() else []


def fields_of(text: str) -> list[str]:
    """The types of the fields in ``STRUCT(a0 BIGINT, a1 VARCHAR)[]``."""
    inside = text[len("STRUCT(") : text.rindex(")")]
    return [part.partition(" ")[2] for part in split_types(inside)]
