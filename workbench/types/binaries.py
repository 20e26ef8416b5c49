"""VARBINARY(n): bytes.

The length is part of the signature and is not enforced, as with VARCHAR. Left out on purpose: text, which has no bytes
until somebody chooses an encoding.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from workbench.types.base import Arguments, Cast, DataType, Wire, register
from workbench.types.cast import narrow


@dataclass(frozen=True, slots=True)
class Binary(DataType):
    """VARBINARY: ``bytes``; ``bytearray`` and ``memoryview`` may be returned. ``length`` is None if none was given."""

    length: int | None = None

    @property
    def arrow(self) -> pa.DataType:
        return pa.binary()

    @property
    def wire(self) -> Wire:
        return "binary"

    @property
    def python(self) -> str:
        return "bytes"

    def takes(self, arrow: pa.DataType) -> bool:
        kinds = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view, pa.types.is_fixed_size_binary)
        return any(kind(arrow) for kind in kinds)

    def convert(self, array: pa.Array) -> Cast:
        return narrow(array, self.arrow), {}

    def __str__(self) -> str:
        return "VARBINARY" if self.length is None else f"VARBINARY({self.length})"


def _make(arguments: Arguments) -> DataType:
    match arguments:
        case []:
            return Binary()
        case [int(length)] if length > 0:
            return Binary(length)
    raise ValueError("VARBINARY takes one length above 0, as in VARBINARY(16)")


register("VARBINARY", make=_make)
