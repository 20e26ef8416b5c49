"""DECIMAL(p, s): p decimal digits, s of them behind the point.

A float is taken by the digits that it prints as, so 1.1 is a DECIMAL(10,2) and 1.125 is none; Arrow's own cast would
round it. Left out on purpose: rounding of any kind, which a function can do itself and then knows of.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Inexact, InvalidOperation
from decimal import Decimal as Exact
from typing import Final

import pyarrow as pa

from workbench.types.base import Arguments, Cast, DataType, Wire, register
from workbench.types.cast import by_value, without_nan
from workbench.types.integers import is_number

_MAX_128: Final = 38
_MAX: Final = 76
"""Digits of Arrow's and Doris's widest decimal; above 38 Doris wants ``enable_decimal256``."""

_CONTEXT: Final = Context(prec=400, traps=[Inexact, InvalidOperation])
"""Wide enough for the widest double in DECIMAL(76, 76): quantize fails only for what really does not fit."""


@dataclass(frozen=True, slots=True)
class Decimal(DataType):
    """DECIMAL(precision, scale): ``decimal.Decimal``. DECIMAL alone is, as in Doris, DECIMAL(38,9)."""

    precision: int = 38
    scale: int = 9

    def __post_init__(self) -> None:
        if not (1 <= self.precision <= _MAX and 0 <= self.scale <= self.precision):
            raise ValueError(f"DECIMAL(p,s) takes 1 to {_MAX} digits and a scale from 0 to p, as in DECIMAL(10,2)")

    @property
    def arrow(self) -> pa.DataType:
        return (pa.decimal128 if self.precision <= _MAX_128 else pa.decimal256)(self.precision, self.scale)

    @property
    def wire(self) -> Wire:
        return ["decimal", self.precision, self.scale]

    @property
    def python(self) -> str:
        return "decimal.Decimal"

    def takes(self, arrow: pa.DataType) -> bool:
        return is_number(arrow)

    def convert(self, array: pa.Array) -> Cast:
        if pa.types.is_floating(array.type):
            array = without_nan(array).cast(pa.string())
        else:
            if pa.types.is_integer(array.type):
                array = array.cast(pa.decimal128(20, 0))  # else Arrow refuses by the digits that the type could hold
            try:
                return array.cast(self.arrow), {}
            except pa.ArrowInvalid:
                pass  # a row has too many digits: look for it
        why = f"{self.precision - self.scale} digits before the point and {self.scale} behind it"
        return by_value(array.to_pylist(), self, lambda _: why, self._one)

    def _one(self, value: Exact | str) -> Exact | None:
        try:
            exact = Exact(value).quantize(Exact((0, (1,), -self.scale)), context=_CONTEXT)
        except (Inexact, InvalidOperation):
            return None
        return exact if exact == 0 or exact.adjusted() < self.precision - self.scale else None

    def __str__(self) -> str:
        return f"DECIMAL({self.precision},{self.scale})"


def _make(arguments: Arguments) -> DataType:
    match arguments:
        case []:
            return Decimal()
        case [int(precision)]:
            return Decimal(precision, 0)
        case [int(precision), int(scale)]:
            return Decimal(precision, scale)
    raise ValueError("DECIMAL(p,s) takes one or two numbers, as in DECIMAL(10,2)")


register("DECIMAL", "DECIMALV3", make=_make)
