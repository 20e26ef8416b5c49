"""UUID: 128 bits, stored as 36 characters in lower case.

Text of 32 digits with or without hyphens is taken, and the 16 bytes of Arrow's own UUID, which is what pandas' columns
of UUIDs become. Left out on purpose: braces and the prefix ``urn:uuid:``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import pyarrow as pa

from workbench.types.base import Cast, DataType, Wire, plain, register
from workbench.types.cast import stored_text
from workbench.types.strings import is_text

_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Uuid(DataType):
    """UUID: ``uuid.UUID``."""

    @property
    def arrow(self) -> pa.DataType:
        return pa.string()

    @property
    def wire(self) -> Wire:
        return "uuid"

    @property
    def python(self) -> str:
        return "uuid.UUID"

    def takes(self, arrow: pa.DataType) -> bool:
        return is_text(arrow) or _is_arrows_own(arrow)

    def convert(self, array: pa.Array) -> Cast:
        if not _is_arrows_own(array.type):
            return stored_text(array, self)
        raw = array.storage.to_pylist()
        return pa.array([None if one is None else str(UUID(bytes=one)) for one in raw], self.arrow), {}

    def __str__(self) -> str:
        return "UUID"


def _is_arrows_own(arrow: pa.DataType) -> bool:
    own = isinstance(arrow, pa.BaseExtensionType) and arrow.extension_name == "arrow.uuid"
    return own and bool(arrow.storage_type == pa.binary(_BYTES))


register("UUID", make=plain(Uuid()))
