"""Data of each SQL type: what is ordinary, what is modest, and the extremes that are always tried.

A type is a `Domain` of Hypothesis strategies, made by the function of its family. The invariant: the same seed gives
the same data wherever it is drawn. Hypothesis mixes constants of the caller's own modules into wide ranges of numbers
and text; so everything here is put together from draws of at most a hundred choices, where it has none. Left out on
purpose: NULL beside a value, which `generate` adds, and drawing.
"""

from __future__ import annotations

import datetime as dt
import functools
import ipaddress
import json
import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal as Exact
from typing import Any, Final

from hypothesis import strategies as st

from workbench import types
from workbench.worker.kinds import TIME_MAX

Values = st.SearchStrategy[Any]

LONG: Final = 1_000
"""Characters or bytes of a long text."""


@dataclass(frozen=True, slots=True)
class Domain:
    """``ordinary`` is any value; ``modest`` one with which sums stay small; ``extremes`` are tried each."""

    ordinary: Values
    modest: Values
    extremes: tuple[Any, ...]


def domain(type_: types.DataType, *, nulls: bool) -> Domain:
    """The values of a type; ``nulls``: also within lists, maps and structs."""
    return _FAMILIES[type(type_)](type_, nulls)


def whole(low: int, high: int) -> Values:
    """Whole numbers of every size in a range."""
    pairs = (len(str(max(abs(low), abs(high)))) + 1) // 2

    def number(digits: list[int], *, negative: bool) -> int:
        value = functools.reduce(lambda left, right: 100 * left + right, digits, 0)
        value = -value if negative else value
        return value if low <= value <= high else low + value % (high - low + 1)

    return st.builds(number, st.lists(st.integers(0, 99), min_size=1, max_size=pairs), negative=st.booleans())


_LETTERS: Final = "abcxyzABCXYZ0123456789 .,;:-_/'\"\\%$@\n\t"
_STRANGE: Final = "äßéøñİıſ�\u0301\u0327\u200b\u200d\u202e\x00\x7f中文한あÅ😀👩🏽𝕏𐍈\U0010ffff"
_TEXTS: Final = (
    "",
    " ",
    "a",
    "Z",
    "0",
    "NULL",
    "a b",
    "é",
    "e\u0301",
    "İ",
    "中",
    "😀",
    "👩\u200d🚀",
    "\x00",
    "'",
    "x" * LONG,
)


def text() -> Values:
    """Text of a few characters, strange ones among them."""
    return st.lists(st.one_of(st.sampled_from(_LETTERS), st.sampled_from(_STRANGE)), max_size=12).map("".join)


def _string(type_: types.String, _nulls: bool) -> Domain:  # noqa: FBT001 - one form for all families
    cut = type_.length
    plain = st.lists(st.sampled_from(_LETTERS), min_size=1, max_size=min(8, cut or 8)).map("".join)
    extremes = tuple(dict.fromkeys(one[:cut] for one in _TEXTS))
    return Domain(text().map(lambda value: value[:cut]), plain, extremes)


def _json(_type: types.Json, _nulls: bool) -> Domain:  # noqa: FBT001
    values = st.one_of(
        whole(-999, 999), text(), st.lists(whole(0, 99), max_size=3), st.dictionaries(text(), whole(0, 99))
    )
    extremes = ("null", "true", "0", '""', "[]", "{}", '{"a": null}', '[1, [2, {"b": []}]]', json.dumps("x" * LONG))
    return Domain(values.map(json.dumps), values.map(json.dumps), extremes)


def _binary(type_: types.Binary, _nulls: bool) -> Domain:  # noqa: FBT001
    values = st.lists(whole(0, 255), max_size=min(12, type_.length or 12)).map(bytes)
    extremes = tuple(dict.fromkeys(one[: type_.length] for one in (b"", b"\0", b"a", b"\xff", b"x" * LONG)))
    return Domain(values, values, extremes)


def _boolean(_type: types.Boolean, _nulls: bool) -> Domain:  # noqa: FBT001
    return Domain(st.booleans(), st.booleans(), (False, True))


def _integers(bits: int) -> Domain:
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    return Domain(whole(low, high), whole(max(low, -100), min(high, 100)), (0, 1, -1, low, high))


def _float(type_: types.Float, _nulls: bool) -> Domain:  # noqa: FBT001
    layout = struct.Struct("<f" if type_.bits == 32 else "<d")  # noqa: PLR2004 - bits of a FLOAT
    largest, smallest = (3.4028234663852886e38, 1e-45) if layout.size == 4 else (1.7976931348623157e308, 5e-324)  # noqa: PLR2004

    def near(value: float) -> float:
        return float(layout.unpack(layout.pack(value))[0])

    ordinary = st.builds(lambda number, power: near(number * 10.0**power), whole(-(10**9), 10**9), st.integers(-12, 12))
    extremes = (0.0, -0.0, 1.0, -1.5, largest, -largest, near(smallest), float("inf"), float("-inf"), float("nan"))
    return Domain(ordinary, whole(-10_000, 10_000).map(lambda number: near(number / 100)), extremes)


def _decimal(type_: types.Decimal, _nulls: bool) -> Domain:  # noqa: FBT001
    most = 10**type_.precision - 1

    def scaled(number: int) -> Exact:
        return Exact((int(number < 0), tuple(map(int, str(abs(number)))), -type_.scale))

    few = min(most, 99 * 10**type_.scale)
    return Domain(
        whole(-most, most).map(scaled), whole(-few, few).map(scaled), tuple(map(scaled, (0, 1, -1, most, -most)))
    )


_DAYS: Final = ((1, 1, 1), (1900, 2, 28), (1969, 12, 31), (1970, 1, 1), (2000, 2, 29), (2024, 12, 31), (9999, 12, 31))
_FIRST_DAY, _LAST_DAY = dt.date(1990, 1, 1).toordinal(), dt.date(2030, 12, 31).toordinal()


def _date(_type: types.Date, _nulls: bool) -> Domain:  # noqa: FBT001
    days = whole(1, dt.date.max.toordinal()).map(dt.date.fromordinal)
    near = whole(_FIRST_DAY, _LAST_DAY).map(dt.date.fromordinal)
    return Domain(days, near, tuple(dt.date(*day) for day in _DAYS))


def _clocks(digits: int, zone: dt.tzinfo | None) -> Domain:
    """Wall clocks, or instants, with so many digits of the second."""
    step = 10 ** (6 - digits)

    def clock(day: int, us: int) -> dt.datetime:
        start = dt.datetime.fromordinal(day).replace(tzinfo=zone)
        return start + dt.timedelta(microseconds=us - us % step)

    us = whole(0, 86_399_999_999)
    days = [dt.date(*day).toordinal() for day in _DAYS]
    return Domain(
        st.builds(clock, whole(1, dt.date.max.toordinal()), us),
        st.builds(clock, whole(_FIRST_DAY, _LAST_DAY), us),
        (*(clock(day, 0) for day in days), clock(days[-1], 86_399_999_999)),
    )


def _time(_type: types.Time, _nulls: bool) -> Domain:  # noqa: FBT001
    extremes = (0.0, 1.0, -1.0, float(TIME_MAX), -float(TIME_MAX), 86_400_000_000.0)
    return Domain(whole(-TIME_MAX, TIME_MAX).map(float), whole(0, 86_399_999_999).map(float), extremes)


def _address(type_: types.Address, _nulls: bool) -> Domain:  # noqa: FBT001
    make: Callable[[Any], Any]
    make, last = (
        (ipaddress.IPv4Address, (1 << 32) - 1) if type_.version == 4 else (ipaddress.IPv6Address, (1 << 128) - 1)  # noqa: PLR2004
    )
    texts = ("127.0.0.1", "10.0.0.1") if last < 1 << 32 else ("::1", "::ffff:10.0.0.1", "fe80::1")
    values = whole(0, last).map(make)
    return Domain(values, values, (make(0), make(last), *map(make, texts)))


def _uuid(_type: types.Uuid, _nulls: bool) -> Domain:  # noqa: FBT001
    last = (1 << 128) - 1
    values = whole(0, last).map(lambda number: uuid.UUID(int=number))
    return Domain(values, values, (uuid.UUID(int=0), uuid.UUID(int=last)))


def _held(type_: types.DataType, *, nulls: bool) -> tuple[Domain, Values, Values]:
    """What stands in a list, map or struct: its domain, and values with NULL among them."""
    one = domain(type_, nulls=nulls)
    absent = [st.none()] if nulls else []
    extremes = [st.sampled_from(one.extremes)] if one.extremes else []
    return one, st.one_of(one.ordinary, *extremes, *absent), st.one_of(one.modest, *absent)


def _array(type_: types.Array, nulls: bool) -> Domain:  # noqa: FBT001
    one, any_, modest = _held(type_.item, nulls=nulls)
    extremes: tuple[Any, ...] = ([], *([item] for item in one.extremes[:3]), list(one.extremes))
    extremes += ([None],) if nulls else ()
    return Domain(st.lists(any_, max_size=4), st.lists(modest, min_size=1, max_size=4), extremes)


def _map(type_: types.Map, nulls: bool) -> Domain:  # noqa: FBT001
    key = domain(type_.key, nulls=False)
    one, any_, modest = _held(type_.value, nulls=nulls)
    extremes: tuple[Any, ...] = (
        {},
        {key.extremes[0]: one.extremes[0]},
        dict.fromkeys(key.extremes[:3], one.extremes[-1]),
    )
    extremes += ({key.extremes[0]: None},) if nulls else ()
    return Domain(
        st.dictionaries(key.modest, any_, max_size=3),
        st.dictionaries(key.modest, modest, min_size=1, max_size=3),
        extremes,
    )


def _struct(type_: types.Struct, nulls: bool) -> Domain:  # noqa: FBT001
    held = {name: _held(inner, nulls=nulls) for name, inner in type_.fields}
    extremes: tuple[Any, ...] = tuple({name: one[0].extremes[at] for name, one in held.items()} for at in (0, -1))
    extremes += (dict.fromkeys(held),) if nulls else ()
    return Domain(
        st.fixed_dictionaries({name: any_ for name, (_, any_, _) in held.items()}),
        st.fixed_dictionaries({name: modest for name, (_, _, modest) in held.items()}),
        extremes,
    )


_FAMILIES: Final[dict[type[types.DataType], Callable[[Any, bool], Domain]]] = {
    types.Address: _address,
    types.Array: _array,
    types.Binary: _binary,
    types.Boolean: _boolean,
    types.Date: _date,
    types.Datetime: lambda type_, _: _clocks(type_.digits, None),
    types.Decimal: _decimal,
    types.Float: _float,
    types.Instant: lambda type_, _: _clocks(type_.digits, dt.UTC),
    types.Integer: lambda type_, _: _integers(type_.bits),
    types.Json: _json,
    types.LargeInt: lambda _type, _: _integers(128),
    types.Map: _map,
    types.String: _string,
    types.Struct: _struct,
    types.Time: _time,
    types.Uuid: _uuid,
}
"""One for each family of `workbench.types`."""
