"""DATE and DATETIME: a day, and a wall clock without a time zone, in the years 1 to 9999 as in Python and Doris.

The wall clock never changes on its way; so a column with a zone is refused rather than shifted. Time of day in a DATE
and digits below the microsecond are errors of their row. Left out on purpose: rounding to DATETIME's digits, which
are kept only as part of the signature.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import pyarrow as pa

from workbench.types.base import Arguments, Cast, DataType, Wire, plain, register
from workbench.types.cast import misfit, within

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - wall clocks have no zone
_MOST_DIGITS: Final = 6
_DAY_US: Final = 86_400_000_000
_NS: Final = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_FIRST_US: Final = (datetime.min - _EPOCH) // timedelta(microseconds=1)  # noqa: DTZ901 - as above
_LAST_US: Final = (datetime.max - _EPOCH) // timedelta(microseconds=1)  # noqa: DTZ901 - as above


def _nanoseconds(array: pa.Array) -> list[int | None]:
    """The rows of a column of days or wall clocks as nanoseconds since 1970, exactly and of any size."""
    if pa.types.is_date32(array.type):
        unit, numbers = _DAY_US * 1_000, array.view(pa.int32())
    else:
        unit, numbers = _NS["ms" if pa.types.is_date64(array.type) else array.type.unit], array.view(pa.int64())
    return [None if number is None else number * unit for number in numbers.to_pylist()]


def _shown(nanoseconds: int) -> str:
    """An instant as text; its number where no calendar of ours reaches."""
    us, rest = divmod(nanoseconds, 1_000)
    if not _FIRST_US <= us <= _LAST_US:
        return f"of {nanoseconds // _NS['s']} seconds after 1970"
    clock = (_EPOCH + timedelta(microseconds=us)).isoformat(sep=" ", timespec="microseconds" if rest else "auto")
    return f"{clock}{rest:03d}" if rest else clock


def _by_value(array: pa.Array, to: DataType, arrow: pa.DataType, why: str) -> Cast:
    """Each row as a count of days or microseconds; what is no whole count, or beyond the calendar, does not fit."""
    step_us = _DAY_US if pa.types.is_date(arrow) else 1
    zone = " UTC" if getattr(to.arrow, "tz", None) else ""
    out: list[int | None] = []
    bad: dict[int, str] = {}
    for row, nanoseconds in enumerate(_nanoseconds(array)):
        number = None
        if nanoseconds is not None:
            number, rest = divmod(nanoseconds, step_us * 1_000)
            reached = _FIRST_US <= number * step_us <= _LAST_US
            if rest or not reached:
                number, bad[row] = None, misfit(_shown(nanoseconds) + zone, to, why if reached else "years 1 to 9999")
        out.append(number)
    return pa.array(out, pa.int32() if step_us == _DAY_US else pa.int64()).view(arrow), bad


def _is_clock(arrow: pa.DataType) -> bool:
    return bool(pa.types.is_date(arrow) or (pa.types.is_timestamp(arrow) and arrow.tz is None))


def microseconds(array: pa.Array, to: DataType) -> Cast:
    """A column of days or wall clocks as ``timestamp[us]``, the rows named that are not exactly one of ``to``."""
    try:
        cast = array.cast(pa.timestamp("us"))
        if within(cast.view(pa.int64()), _FIRST_US, _LAST_US):
            return cast, {}
    except pa.ArrowInvalid:
        pass  # look for the rows
    return _by_value(array, to, pa.timestamp("us"), "it has digits below the microsecond")


def digits_of(name: str, arguments: Arguments) -> int:
    """The digits of a second in the brackets of a type; 0, as in Doris, if there are none."""
    match arguments:
        case []:
            return 0
        case [int(digits)] if 0 <= digits <= _MOST_DIGITS:
            return digits
    raise ValueError(f"{name} takes 0 to {_MOST_DIGITS} digits of a second, as in {name}(3)")


@dataclass(frozen=True, slots=True)
class Date(DataType):
    """DATE: ``datetime.date``."""

    @property
    def arrow(self) -> pa.DataType:
        return pa.date32()

    @property
    def wire(self) -> Wire:
        return "date"

    @property
    def python(self) -> str:
        return "datetime.date"

    def takes(self, arrow: pa.DataType) -> bool:
        return _is_clock(arrow)

    def convert(self, array: pa.Array) -> Cast:
        first, last = (date.min - _EPOCH.date()).days, (date.max - _EPOCH.date()).days
        try:
            cast = array.cast(self.arrow)
            # Arrow's cast drops the time of day and wraps at 2**31 days without a word; the way back shows both.
            if within(cast.view(pa.int32()), first, last) and cast.cast(array.type).equals(array):
                return cast, {}
        except pa.ArrowInvalid:
            pass  # look for the rows
        return _by_value(array, self, self.arrow, "it has a time of day")

    def __str__(self) -> str:
        return "DATE"


@dataclass(frozen=True, slots=True)
class Datetime(DataType):
    """DATETIME(digits): naive ``datetime.datetime``; ``digits`` of the second, 0 to 6, are for the signature only."""

    digits: int = 0

    @property
    def arrow(self) -> pa.DataType:
        return pa.timestamp("us")

    @property
    def wire(self) -> Wire:
        return "datetime"

    @property
    def python(self) -> str:
        return "datetime.datetime"

    def takes(self, arrow: pa.DataType) -> bool:
        return _is_clock(arrow)

    def convert(self, array: pa.Array) -> Cast:
        return microseconds(array, self)

    def __str__(self) -> str:
        return f"DATETIME({self.digits})" if self.digits else "DATETIME"


register("DATE", "DATEV2", make=plain(Date()))
register("DATETIME", "DATETIMEV2", "TIMESTAMP", make=lambda arguments: Datetime(digits_of("DATETIME", arguments)))
