"""FLOAT and DOUBLE: binary floats of 32 and 64 bits. NaN stays NaN.

An integer arrives unchanged or not at all; a decimal must be the number that the float prints as. Only from float to
narrower float is a value rounded, as in every database: a DOUBLE of 0.1 would otherwise never be a FLOAT.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from decimal import Decimal as Exact
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc

from workbench.types.base import Cast, DataType, Wire, plain, register
from workbench.types.cast import blank, by_value, misfit
from workbench.types.integers import is_number

_MOST_SCALE: Final = 30
"""Decimals of this scale are still normal 32-bit floats, which end at 1e-38."""


@dataclass(frozen=True, slots=True)
class Float(DataType):
    """FLOAT or DOUBLE: ``float`` of 32 or 64 bits."""

    bits: Literal[32, 64] = 64

    @property
    def arrow(self) -> pa.DataType:
        return pa.float32() if self._is_single else pa.float64()

    @property
    def wire(self) -> Wire:
        return f"float{self.bits}"

    @property
    def python(self) -> str:
        return "float"

    @property
    def _is_single(self) -> bool:
        return self.bits == 32  # noqa: PLR2004 - bits of a FLOAT

    @property
    def _safe_digits(self) -> int:
        """Decimals of so many digits survive the way into the float and back: FLT_DIG and DBL_DIG of C."""
        return 6 if self._is_single else 15

    def takes(self, arrow: pa.DataType) -> bool:
        return is_number(arrow)

    def convert(self, array: pa.Array) -> Cast:
        if pa.types.is_floating(array.type):
            return self._from_floats(array)
        if pa.types.is_decimal(array.type) and self._is_short(array):
            # By way of text: Arrow's own cast is one unit off for some decimals.
            return array.cast(pa.string()).cast(self.arrow), {}
        if pa.types.is_integer(array.type):
            try:
                return array.cast(self.arrow), {}
            except pa.ArrowInvalid:
                pass  # beyond 2**53 (2**24): some integers are floats, some are not
        return by_value(array.to_pylist(), self, lambda _: f"no {self.bits}-bit float has this value", self._one)

    def _from_floats(self, array: pa.Array) -> Cast:
        if pa.types.is_float16(array.type):
            array = array.cast(pa.float32())
        cast = array.cast(self.arrow)
        lost = pc.and_(pc.is_inf(cast), pc.is_finite(array))  # Arrow calls a double beyond FLOAT infinite
        if not pc.any(lost).as_py():
            return cast, {}
        bad = {
            row: misfit(array[row].as_py(), self, "about -3.4e38 to 3.4e38")
            for row in pc.indices_nonzero(lost).to_pylist()
        }
        return blank(cast, bad), bad

    def _is_short(self, array: pa.Array) -> bool:
        """Whether no decimal of the column has so many digits that a float could lose one."""
        scale, ends = array.type.scale, pc.min_max(array).as_py()
        digits = [end.adjusted() + scale + 1 for end in ends.values() if end]
        return bool(0 <= scale <= _MOST_SCALE and all(count <= self._safe_digits for count in digits))

    def _one(self, value: Any) -> float | None:
        """The float of an int or Decimal, None if it is another number. A decimal may be its short form."""
        try:
            near = float(value)
            if self._is_single:
                near = struct.unpack("<f", struct.pack("<f", near))[0]
        except OverflowError:
            return None
        if near == value:
            return near
        short = Exact(pa.scalar(near, self.arrow).cast(pa.string()).as_py()) if isinstance(value, Exact) else None
        return near if short == value else None

    def __str__(self) -> str:
        return "FLOAT" if self._is_single else "DOUBLE"


register("FLOAT", make=plain(Float(32)))
register("DOUBLE", make=plain(Float(64)))
