"""TINYINT to LARGEINT: whole numbers of 8 to 128 bits.

They take every number that is whole and in range, whatever its Arrow type, because pandas turns integers with a
missing value into floats. Left out on purpose: booleans and text, which are no numbers (LARGEINT alone takes the
digits that Doris sends for it).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal as Exact
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc

from workbench.types.base import Cast, DataType, Wire, plain, register
from workbench.types.cast import by_value, without_nan

_NAMES: Final = {8: "TINYINT", 16: "SMALLINT", 32: "INT", 64: "BIGINT"}
_ARROW: Final = {8: pa.int8(), 16: pa.int16(), 32: pa.int32(), 64: pa.int64()}
_DIGITS: Final = re.compile(r"[+-]?[0-9]{1,40}", re.ASCII)


def is_number(arrow: pa.DataType) -> bool:
    """Integers, floats and decimals of every width, but for decimals of a scale that Arrow itself cannot print."""
    if pa.types.is_decimal(arrow):
        return bool(arrow.scale <= arrow.precision)
    return bool(pa.types.is_integer(arrow) or pa.types.is_floating(arrow))


def _why(value: Any, low: int, high: int) -> str:
    return "not a whole number" if isinstance(value, str) or low <= value <= high else f"{low} to {high}"


def _whole(value: Any, low: int, high: int) -> int | None:
    """The value as an int, or None if it has a fraction, is infinite, or is out of range."""
    if not low <= value <= high:
        return None
    whole = int(value)
    return whole if whole == value else None


@dataclass(frozen=True, slots=True)
class Integer(DataType):
    """TINYINT, SMALLINT, INT or BIGINT: ``int`` of 8, 16, 32 or 64 bits."""

    bits: Literal[8, 16, 32, 64] = 32

    @property
    def arrow(self) -> pa.DataType:
        return _ARROW[self.bits]

    @property
    def wire(self) -> Wire:
        return f"int{self.bits}"

    @property
    def python(self) -> str:
        return "int"

    def takes(self, arrow: pa.DataType) -> bool:
        return is_number(arrow)

    def convert(self, array: pa.Array) -> Cast:
        array = without_nan(array)
        try:
            return array.cast(self.arrow), {}
        except pa.ArrowInvalid:
            low, high = -(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1
            return by_value(array.to_pylist(), self, lambda v: _why(v, low, high), lambda v: _whole(v, low, high))

    def __str__(self) -> str:
        return _NAMES[self.bits]


@dataclass(frozen=True, slots=True)
class LargeInt(DataType):
    """LARGEINT: ``int`` of 128 bits, stored as 39 decimal digits because Arrow has no wider integer than 64 bits."""

    @property
    def arrow(self) -> pa.DataType:
        return pa.decimal256(39, 0)

    @property
    def wire(self) -> Wire:
        return "largeint"

    @property
    def python(self) -> str:
        return "int"

    def takes(self, arrow: pa.DataType) -> bool:
        text = pa.types.is_string(arrow) or pa.types.is_large_string(arrow) or pa.types.is_string_view(arrow)
        return bool(text or is_number(arrow))

    def convert(self, array: pa.Array) -> Cast:
        if pa.types.is_integer(array.type):
            return array.cast(self.arrow), {}
        array = without_nan(array)
        low, high = -(1 << 127), (1 << 127) - 1
        if pa.types.is_decimal(array.type):
            try:
                cast = array.cast(self.arrow)
            except pa.ArrowInvalid:
                pass  # a fraction, or too many digits: look for the rows below
            else:
                ends = pc.min_max(cast).as_py()
                if ends["min"] is None or (low <= ends["min"] and ends["max"] <= high):
                    return cast, {}

        def number(value: Any) -> Any:
            return int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value

        def one(value: Any) -> Exact | None:
            whole = None if isinstance(value, str) else _whole(value, low, high)
            return None if whole is None else Exact(whole)

        return by_value(map(number, array.to_pylist()), self, lambda v: _why(v, low, high), one)

    def __str__(self) -> str:
        return "LARGEINT"


register("TINYINT", make=plain(Integer(8)))
register("SMALLINT", make=plain(Integer(16)))
register("INT", "INTEGER", make=plain(Integer(32)))
register("BIGINT", make=plain(Integer(64)))
register("LARGEINT", make=plain(LargeInt()))
