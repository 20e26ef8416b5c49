"""When two results are the same, where two columns of results differ, and how a difference is made visible.

The invariant: NULL, the empty string and the error of a row are three different things, NaN is NaN, and a number is the
same number whatever its type, but True is no 1; so inside of lists, maps and structs. Left out on purpose: where the
results come from (`workbench.session.compare`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from workbench.events import SIGNS

NEAR: Final = 1e-9
"""Relative difference of sums of the same numbers in another order: a few thousand roundings of a double at most."""

LEAD: Final = 12
"""Characters that are kept before the first difference of two long texts."""


class NoResult(str):
    """Stands where a row has no result, and says why. No value equals it, least of all the same text."""

    __slots__ = ()


def same(one: Any, other: Any, *, near: float = 0.0) -> bool:
    """Whether two results, values or `NoResult`, are the same; floats within ``near`` of each other, relatively."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(item, other[key], near=near) for key, item in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(same(*pair, near=near) for pair in zip(one, other, strict=True))
    if (
        near
        and isinstance(one, float)
        and isinstance(other, float)
        and math.isclose(one, other, rel_tol=near, abs_tol=near)
    ):
        return True
    if _is_number(one) and _is_number(other):
        return bool(one == other or (one != one and other != other))  # noqa: PLR0124 - NaN
    return type(one) is type(other) and bool(one == other)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def differing(left: Sequence[Any], right: Sequence[Any]) -> list[int]:
    """The positions, from 0, at which two equally long columns of results differ."""
    return [at for at, (one, other) in enumerate(zip(left, right, strict=True)) if not same(one, other)]


def rows_of(table: pa.Table) -> list[Any]:
    """The rows of a script's output: the values of its only column, or each row as a dict."""
    columns = [_values(column) for column in table.columns]
    if len(columns) == 1:
        return columns[0]
    return [dict(zip(table.schema.names, row, strict=True)) for row in zip(*columns, strict=True)]


def _values(column: pa.ChunkedArray) -> list[Any]:
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError):  # Arrow knows dates that Python does not
        return list(column.cast(pa.string()).to_pylist())


def texts(one: Any, other: Any, width: int) -> tuple[str, str]:
    """Two results that differ as texts of at most ``width`` printable characters which differ, too."""
    both = _text(one), _text(other)
    alike = next((at for at, (a, b) in enumerate(zip(*both, strict=False)) if a != b), min(map(len, both)))
    begin = alike - LEAD
    if begin > LEAD and max(map(len, both)) > width:
        both = both[0][:LEAD] + "…" + both[0][begin:], both[1][:LEAD] + "…" + both[1][begin:]
    return _cut(both[0], width), _cut(both[1], width)


def _text(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, NoResult):
        return f"{SIGNS['failed']} {value}"
    return repr(value) if isinstance(value, str | list | tuple | Mapping) else str(value)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
