"""TIMESTAMPTZ: an instant, whatever the zone in which it was written down; stored in UTC, to the microsecond.

A column with any zone is taken, and its instants stay what they are; one without a zone is refused, because nobody said
which instant its clock meant. Left out on purpose: the zone itself, which neither Arrow's values nor Doris's keep, and
rounding to the type's digits.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from workbench.types.base import Cast, DataType, Wire, register
from workbench.types.dates import digits_of, microseconds


@dataclass(frozen=True, slots=True)
class Instant(DataType):
    """TIMESTAMPTZ(digits): aware ``datetime.datetime``, in UTC when it comes in; ``digits`` as in DATETIME."""

    digits: int = 0

    @property
    def arrow(self) -> pa.DataType:
        return pa.timestamp("us", "UTC")

    @property
    def wire(self) -> Wire:
        return "instant"

    @property
    def python(self) -> str:
        return "datetime.datetime"

    def takes(self, arrow: pa.DataType) -> bool:
        return bool(pa.types.is_timestamp(arrow)) and arrow.tz is not None

    def convert(self, array: pa.Array) -> Cast:
        # With a zone or without, Arrow stores the time since 1970 in UTC: the zone is only how it is shown.
        converted, bad = microseconds(array.view(pa.timestamp(array.type.unit)), self)
        return converted.view(self.arrow), bad

    def __str__(self) -> str:
        return f"TIMESTAMPTZ({self.digits})" if self.digits else "TIMESTAMPTZ"


register("TIMESTAMPTZ", make=lambda arguments: Instant(digits_of("TIMESTAMPTZ", arguments)))
