"""STRING, VARCHAR(n) and CHAR(n): text.

The length is kept, because it is part of the signature that Doris is told, but it is not enforced: longer text goes in
and comes out whole. Left out on purpose: turning numbers into text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from workbench.types.base import Arguments, Cast, DataType, Wire, register
from workbench.types.cast import narrow


def is_text(arrow: pa.DataType) -> bool:
    """Text of every layout but dictionaries."""
    return bool(pa.types.is_string(arrow) or pa.types.is_large_string(arrow) or pa.types.is_string_view(arrow))


@dataclass(frozen=True, slots=True)
class String(DataType):
    """STRING (also TEXT), VARCHAR or CHAR: ``str``. ``length`` is None where none was given."""

    name: Literal["STRING", "VARCHAR", "CHAR"] = "STRING"
    length: int | None = None

    @property
    def arrow(self) -> pa.DataType:
        return pa.string()

    @property
    def wire(self) -> Wire:
        return "string"

    @property
    def python(self) -> str:
        return "str"

    def takes(self, arrow: pa.DataType) -> bool:
        return is_text(arrow)

    def convert(self, array: pa.Array) -> Cast:
        return narrow(array, self.arrow), {}

    def __str__(self) -> str:
        return self.name if self.length is None else f"{self.name}({self.length})"


def _sized(name: Literal["VARCHAR", "CHAR"], arguments: Arguments) -> DataType:
    match arguments:
        case []:
            return String(name)
        case [int(length)] if length > 0:
            return String(name, length)
    raise ValueError(f"{name} takes one length above 0, as in {name}(20)")


def _string(arguments: Arguments) -> DataType:
    if arguments:
        raise ValueError("STRING takes nothing in brackets; VARCHAR(n) has a length")
    return String()


register("STRING", "TEXT", make=_string)
register("VARCHAR", make=lambda arguments: _sized("VARCHAR", arguments))
register("CHAR", make=lambda arguments: _sized("CHAR", arguments))
