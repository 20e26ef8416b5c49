"""TIME: a span between -838:59:59.999999 and 838:59:59.999999, as a float that counts microseconds.

That is how Doris stores it and hands it to Python: one hour is 3_600_000_000.0. Only whole microseconds are values.
Left out on purpose: Arrow's own times and durations, which are numbers of another unit, and rounding to the digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from workbench.types.base import Cast, DataType, Wire, register
from workbench.types.cast import by_value, within, without_nan
from workbench.types.dates import digits_of
from workbench.types.integers import is_number
from workbench.worker.kinds import TIME_MAX


@dataclass(frozen=True, slots=True)
class Time(DataType):
    """TIME(digits): ``float``, in microseconds; ``digits`` as in DATETIME."""

    digits: int = 0

    @property
    def arrow(self) -> pa.DataType:
        return pa.float64()

    @property
    def wire(self) -> Wire:
        return "time"

    @property
    def python(self) -> str:
        return "float"

    def takes(self, arrow: pa.DataType) -> bool:
        return is_number(arrow)

    def convert(self, array: pa.Array) -> Cast:
        array = without_nan(array)
        try:
            whole = array.cast(pa.int64())
            if within(whole, -TIME_MAX, TIME_MAX):
                return whole.cast(self.arrow), {}
        except pa.ArrowInvalid:
            pass  # look for the rows
        return by_value(array.to_pylist(), self, _why, lambda value: float(value) if _fits(value) else None)

    def __str__(self) -> str:
        return f"TIME({self.digits})" if self.digits else "TIME"


def _is_near(value: Any) -> bool:
    return bool(-TIME_MAX <= value <= TIME_MAX)


def _fits(value: Any) -> bool:
    return _is_near(value) and int(value) == value


def _why(value: Any) -> str:
    return "no whole number of microseconds" if _is_near(value) else f"-{TIME_MAX} to {TIME_MAX} microseconds"


register("TIME", "TIMEV2", make=lambda arguments: Time(digits_of("TIME", arguments)))
