"""IPV4 and IPV6: addresses of the internet, stored as their text in one spelling.

Spellings of one address (``::1``, ``0:0::1``) are one value. A function gets objects of `ipaddress` and may return
their text as well; Doris itself takes the objects only. Left out on purpose: numbers as addresses, networks, and zones
of IPv6 (``fe80::1%eth0``), which mean something on one machine only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from workbench.types.base import Cast, DataType, Wire, plain, register
from workbench.types.cast import stored_text
from workbench.types.strings import is_text


@dataclass(frozen=True, slots=True)
class Address(DataType):
    """IPV4 or IPV6: ``ipaddress.IPv4Address`` or ``ipaddress.IPv6Address``."""

    version: Literal[4, 6] = 4

    @property
    def arrow(self) -> pa.DataType:
        return pa.string()

    @property
    def wire(self) -> Wire:
        return f"ipv{self.version}"

    @property
    def python(self) -> str:
        return f"ipaddress.IPv{self.version}Address"

    def takes(self, arrow: pa.DataType) -> bool:
        return is_text(arrow)

    def convert(self, array: pa.Array) -> Cast:
        return stored_text(array, self)

    def __str__(self) -> str:
        return f"IPV{self.version}"


register("IPV4", make=plain(Address(4)))
register("IPV6", make=plain(Address(6)))
