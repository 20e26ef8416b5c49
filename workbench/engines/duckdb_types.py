"""SQL types as DuckDB names them, and values in the Arrow layout that it takes.

Left out on purpose: reading DuckDB's type names; DuckDB gives an Arrow type for each.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from workbench.types import Array, DataType, Integer, LargeInt, Map, String, Struct

MOST_DIGITS: Final = 38
"""Digits of a DECIMAL in DuckDB, and in its HUGEINT nearly so: a 39th is there."""

_PLAIN: Final = {
    pa.bool_(): "BOOLEAN",
    pa.int8(): "TINYINT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.string(): "VARCHAR",
    pa.binary(): "BLOB",
    pa.date32(): "DATE",
    pa.timestamp("us"): "TIMESTAMP",
    pa.timestamp("us", "UTC"): "TIMESTAMPTZ",
}


def duckdb_type(type_: DataType) -> str | None:
    """The name of a type; None if DuckDB has none that holds its values."""
    if isinstance(type_, LargeInt):
        return "HUGEINT"
    if isinstance(type_, Array):
        item = duckdb_type(type_.item)
        return None if item is None else f"{item}[]"
    if isinstance(type_, Map):
        key, value = duckdb_type(type_.key), duckdb_type(type_.value)
        return None if key is None or value is None else f"MAP({key}, {value})"
    if isinstance(type_, Struct):
        return struct_type(type_.fields)
    arrow = type_.arrow
    if pa.types.is_decimal(arrow):
        return f"DECIMAL({arrow.precision}, {arrow.scale})" if arrow.precision <= MOST_DIGITS else None
    return _PLAIN.get(arrow)


def struct_type(fields: tuple[tuple[str, DataType], ...]) -> str | None:
    """The name of a STRUCT of these fields."""
    parts = []
    for name, field in fields:
        made = duckdb_type(field)
        if made is None:
            return None
        parts.append(f"{quote(name)} {made}")
    return f"STRUCT({', '.join(parts)})"


def quote(name: str) -> str:
    """A name as DuckDB reads it."""
    return '"' + name.replace('"', '""') + '"'


def taken_as(wanted: DataType, given: str, arrow: pa.DataType) -> bool:
    """Whether Doris casts an argument of DuckDB's type ``given`` (``arrow``) where a function of ours would refuse it.

    A literal text for a date, and a number or date for text.
    """
    if given == "STRING_LITERAL":
        return not isinstance(wanted, Integer | LargeInt) and not pa.types.is_floating(wanted.arrow)
    return isinstance(wanted, String) and (
        pa.types.is_integer(arrow) or pa.types.is_decimal(arrow) or pa.types.is_date(arrow)
    )


def stored(array: pa.Array) -> pa.Array:
    """The array with LARGEINT as DuckDB's HUGEINT: 16 bytes instead of 32."""
    arrow = array.type
    if pa.types.is_decimal256(arrow):
        return _hugeint(array)
    if pa.types.is_list(arrow):
        items = stored(array.values)
        if items is array.values:
            return array
        return pa.Array.from_buffers(
            pa.list_(items.type), len(array), array.buffers()[:2], offset=array.offset, children=[items]
        )
    if pa.types.is_struct(arrow):
        parts = [stored(array.field(index)) for index in range(arrow.num_fields)]
        if all(new is old for new, old in zip(parts, (array.field(i) for i in range(len(parts))), strict=True)):
            return array
        names = [field.name for field in arrow]
        return pa.StructArray.from_arrays(parts, names=names, mask=array.is_null())
    if pa.types.is_map(arrow):
        items = stored(array.items)
        keys = stored(array.keys)
        if items.type == arrow.item_type and keys.type == arrow.key_type:
            return array
        type_ = pa.map_(keys.type, items.type)
        pairs = pa.StructArray.from_arrays([keys, items], fields=[type_.key_field, type_.item_field])
        return pa.Array.from_buffers(type_, len(array), array.buffers()[:2], offset=array.offset, children=[pairs])
    return array


def _hugeint(array: pa.Array) -> pa.Array:
    """Arrow's own cast refuses the 39th digit, which 128 bits have room for."""
    flat = pa.concat_arrays([array])  # without an offset
    validity, data = flat.buffers()
    words = np.frombuffer(data, np.int64).reshape(-1, 4)[: len(flat), :2]
    return pa.Array.from_buffers(
        pa.decimal128(MOST_DIGITS, 0), len(flat), [validity, pa.py_buffer(np.ascontiguousarray(words))]
    )
