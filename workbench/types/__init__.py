"""SQL types: their text, their Arrow storage, and casting columns to it."""

from workbench.types.base import DataType, Wire
from workbench.types.booleans import Boolean
from workbench.types.cast import cast_column
from workbench.types.dates import Date, Datetime
from workbench.types.decimals import Decimal
from workbench.types.floats import Float
from workbench.types.integers import Integer, LargeInt
from workbench.types.nested import Array, Map, Struct
from workbench.types.parser import parse_type
from workbench.types.strings import String
from workbench.types.text import quote_name

__all__ = [
    "Array",
    "Boolean",
    "DataType",
    "Date",
    "Datetime",
    "Decimal",
    "Float",
    "Integer",
    "LargeInt",
    "Map",
    "String",
    "Struct",
    "Wire",
    "cast_column",
    "parse_type",
    "quote_name",
]
