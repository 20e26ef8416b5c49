"""JSON, JSONB and VARIANT: a document as its text.

What goes in and comes out is text that must be valid JSON, so NaN and Infinity are none; it is kept as it is, spaces
and order included. Left out on purpose: making text of a dict or a list, because ``json.dumps`` in the function says
how; and the paths that a VARIANT may declare.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from workbench.types.base import Cast, DataType, Wire, plain, register
from workbench.types.cast import stored_text
from workbench.types.strings import is_text


@dataclass(frozen=True, slots=True)
class Json(DataType):
    """JSON (also JSONB) or VARIANT: ``str``."""

    name: Literal["JSON", "VARIANT"] = "JSON"

    @property
    def arrow(self) -> pa.DataType:
        return pa.string()

    @property
    def wire(self) -> Wire:
        return "json"

    @property
    def python(self) -> str:
        return "str"

    def takes(self, arrow: pa.DataType) -> bool:
        return is_text(arrow)

    def convert(self, array: pa.Array) -> Cast:
        return stored_text(array, self)

    def __str__(self) -> str:
        return self.name


register("JSON", "JSONB", make=plain(Json("JSON")))
register("VARIANT", make=plain(Json("VARIANT")))
