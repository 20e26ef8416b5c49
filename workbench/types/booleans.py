"""BOOLEAN: true, false or NULL, never a number.

Left out on purpose: 0 and 1 as booleans, because Doris's own Python functions refuse them as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from workbench.types.base import Cast, DataType, Wire, plain, register


@dataclass(frozen=True, slots=True)
class Boolean(DataType):
    """BOOLEAN: ``bool``."""

    @property
    def arrow(self) -> pa.DataType:
        return pa.bool_()

    @property
    def wire(self) -> Wire:
        return "bool"

    @property
    def python(self) -> str:
        return "bool"

    def takes(self, arrow: pa.DataType) -> bool:
        return bool(pa.types.is_boolean(arrow))

    def convert(self, array: pa.Array) -> Cast:
        return array, {}

    def __str__(self) -> str:
        return "BOOLEAN"


register("BOOLEAN", "BOOL", make=plain(Boolean()))
