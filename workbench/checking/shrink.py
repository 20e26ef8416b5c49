"""Making rows that show a fault smaller: fewer rows, then simpler values, as long as they still show it.

The invariant: what is returned shows the fault, and was run. Left out on purpose: what the fault is; a predicate runs
the real function, so each question costs a run, and ``more`` says whether there is time for another.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from workbench.checking.trial import Row

_DAY: Final = dt.datetime(2000, 1, 1)  # noqa: DTZ001 - a wall clock
_TRIES: Final = 24
"""Places of a text or list at which something is left out."""


def shrink(
    rows: Sequence[Row],
    fails: Callable[[list[Row]], bool],
    simpler_at: Callable[[int], Callable[[Any], Any]],
    more: Callable[[], bool],
) -> list[Row]:
    """The smallest rows that were found to fail, beginning with ``rows``, which do."""
    kept = _fewer(list(rows), fails, more)
    changed = True
    while changed and more():
        changed = False
        for index, column in [(index, column) for index, row in enumerate(kept) for column in range(len(row))]:
            row = kept[index]
            for value in simpler_at(column)(row[column]):
                if not more():
                    return kept
                tried = [*kept[:index], (*row[:column], value, *row[column + 1 :]), *kept[index + 1 :]]
                if fails(tried):
                    kept, changed = tried, True
                    break
    return kept


def _fewer(rows: list[Row], fails: Callable[[list[Row]], bool], more: Callable[[], bool]) -> list[Row]:
    size = len(rows) // 2
    while size:
        start = 0
        while start < len(rows) and len(rows) > 1:
            if not more():
                return rows
            tried = rows[:start] + rows[start + size :]
            if tried and fails(tried):
                rows = tried
            else:
                start += size
        size //= 2
    return rows


def simpler(value: Any) -> Iterator[Any]:
    """Values of the same type to try instead of this one, the simplest first. NULL is never among them."""
    match value:
        case bool():
            yield from [False] if value else []
        case int():
            yield from _numbers(value)
        case float():
            yield from _floats(value)
        case Decimal():
            yield from map(Decimal, _numbers(int(value)) if value == int(value) else (0, int(value)))
        case str() | bytes():
            yield from _texts(value)
        case dt.datetime():
            yield from [_DAY.replace(tzinfo=value.tzinfo)] if value.replace(tzinfo=None) != _DAY else []
        case dt.date():
            yield from [_DAY.date()] if value != _DAY.date() else []
        case list():
            yield from _parts(value)
            yield from ([*value[:at], one, *value[at + 1 :]] for at, item in enumerate(value) for one in simpler(item))
        case dict():
            yield from ({**value, key: one} for key, item in value.items() for one in simpler(item))


def _numbers(value: int) -> Iterator[int]:
    """Toward 0 by halves: to 0 first, to the next number last."""
    size = abs(value)
    sign = -1 if value < 0 else 1
    if value < -1:
        yield size - 1  # which is in range wherever the value is
    step = size
    while step:
        yield sign * (size - step)
        step //= 2


def _floats(value: float) -> Iterator[float]:
    if value == 0:
        if math.copysign(1.0, value) < 0:
            yield 0.0
        return
    yield from (0.0, 1.0) if value != 1 else (0.0,)
    if not math.isfinite(value):
        return
    whole = int(value)
    yield from (float(whole),) if whole != value else map(float, _numbers(whole)) if abs(value) < 1 << 53 else ()


def _texts(value: Any) -> Iterator[Any]:
    yield from _parts(value)
    if isinstance(value, str):
        for at, sign in enumerate(value[:_TRIES]):
            yield from (value[:at] + plain + value[at + 1 :] for plain in "a0" if (sign > plain and sign not in "a0"))


def _parts(value: Any) -> Iterator[Any]:
    """The same with less in it."""
    if not value:
        return
    yield value[:0]
    half = len(value) // 2
    if half:
        yield from (value[:half], value[half:])
    if len(value) > 2:  # noqa: PLR2004 - of two the halves were tried
        yield from (value[:at] + value[at + 1 :] for at in range(min(len(value), _TRIES)))
