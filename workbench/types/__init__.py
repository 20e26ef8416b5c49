"""SQL types: their text, their Arrow storage, and casting columns to it."""

from workbench.types.addresses import Address
from workbench.types.base import DataType, Wire
from workbench.types.binaries import Binary
from workbench.types.booleans import Boolean
from workbench.types.cast import cast_column
from workbench.types.dates import Date, Datetime
from workbench.types.decimals import Decimal
from workbench.types.documents import Json
from workbench.types.floats import Float
from workbench.types.instants import Instant
from workbench.types.integers import Integer, LargeInt
from workbench.types.nested import Array, Map, Struct
from workbench.types.parser import parse_type
from workbench.types.strings import String
from workbench.types.text import quote_name
from workbench.types.times import Time
from workbench.types.uuids import Uuid

__all__ = [
    "Address",
    "Array",
    "Binary",
    "Boolean",
    "DataType",
    "Date",
    "Datetime",
    "Decimal",
    "Float",
    "Instant",
    "Integer",
    "Json",
    "LargeInt",
    "Map",
    "String",
    "Struct",
    "Time",
    "Uuid",
    "Wire",
    "cast_column",
    "parse_type",
    "quote_name",
]
