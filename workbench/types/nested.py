"""ARRAY<T>, MAP<K, V> and STRUCT<a:T, b:T>: types that hold types, to any depth that the parser allows.

A row fits if everything in it fits; what does not is named with its place (``item 2: value 300 does not fit
TINYINT``). Columns are taken apart, their children cast and put together again, because Arrow's nested casts check no
more than its plain ones, and one of them (list_view to list) loses items. Left out on purpose: matching the fields of
a STRUCT by position.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from workbench.types.base import Arguments, Cast, DataType, Wire, register
from workbench.types.cast import blank, cast_column
from workbench.types.text import quote_name


def _starts(array: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Where each row begins in ``array.flatten()``; the second is NULL for a NULL row, as ``from_arrays`` wants."""
    lengths = pc.list_value_length(array).cast(pa.int32())
    starts = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths.fill_null(0))])
    valid = pa.concat_arrays([lengths.is_valid(), pa.array([True])])
    return starts, pc.if_else(valid, starts, pa.scalar(None, pa.int32()))


def _by_row(items: dict[int, str], starts: pa.Array, label: str) -> dict[int, str]:
    """Messages by item as messages by row: the first of each row, with the place of the item."""
    first = starts.to_pylist()
    rows: dict[int, str] = {}
    for item, message in sorted(items.items()):
        row = bisect_right(first, item) - 1
        rows.setdefault(row, f"{label} {item - first[row]}: {message}")
    return rows


@dataclass(frozen=True, slots=True)
class Array(DataType):
    """ARRAY<item>: ``list``."""

    item: DataType

    @property
    def arrow(self) -> pa.DataType:
        return pa.list_(self.item.arrow)

    @property
    def wire(self) -> Wire:
        return ["list", self.item.wire]

    @property
    def python(self) -> str:
        return "list"

    def takes(self, arrow: pa.DataType) -> bool:
        kinds = (
            pa.types.is_list,
            pa.types.is_large_list,
            pa.types.is_fixed_size_list,
            pa.types.is_list_view,
            pa.types.is_large_list_view,
        )
        return any(kind(arrow) for kind in kinds) and self.item.accepts(arrow.value_type)

    def convert(self, array: pa.Array) -> Cast:
        starts, offsets = _starts(array)
        items, bad = cast_column(array.flatten(), self.item)
        if bad:
            rows = _by_row(bad, starts, "item")
            return self.convert(blank(array, rows))[0], rows
        return pa.ListArray.from_arrays(offsets, items, type=self.arrow), {}

    def __str__(self) -> str:
        return f"ARRAY<{self.item}>"


@dataclass(frozen=True, slots=True)
class Map(DataType):
    """MAP<key, value>: ``dict``. A key is never NULL, and never nested, because a dict could not hold it."""

    key: DataType
    value: DataType

    def __post_init__(self) -> None:
        if isinstance(self.key, Array | Map | Struct):
            raise ValueError("MAP<K, V> takes a plain type as its key")

    @property
    def arrow(self) -> pa.DataType:
        return pa.map_(self.key.arrow, self.value.arrow)

    @property
    def wire(self) -> Wire:
        return ["map", self.key.wire, self.value.wire]

    @property
    def python(self) -> str:
        return "dict"

    def takes(self, arrow: pa.DataType) -> bool:
        return bool(pa.types.is_map(arrow)) and self.key.accepts(arrow.key_type) and self.value.accepts(arrow.item_type)

    def convert(self, array: pa.Array) -> Cast:
        pair = pa.struct(
            [pa.field("key", array.type.key_type, nullable=False), pa.field("value", array.type.item_type)]
        )
        pairs = array.cast(pa.list_(pair))  # the kernels that respect slices and NULL know lists, not maps
        starts, offsets = _starts(pairs)
        keys_in, values_in = pairs.flatten().flatten()
        keys, bad_keys = cast_column(keys_in, self.key)
        values, bad_values = cast_column(values_in, self.value)
        # A NaN is NULL for most types, and a NULL is no key.
        bad_keys |= {
            item: "a key is NULL" for item in pc.indices_nonzero(keys.is_null()).to_pylist() if item not in bad_keys
        }
        if bad_keys or bad_values:
            rows = _by_row(bad_keys, starts, "key") | _by_row(bad_values, starts, "entry")
            return self.convert(blank(array, rows))[0], rows
        return pa.MapArray.from_arrays(offsets, keys, values, type=self.arrow), {}

    def __str__(self) -> str:
        return f"MAP<{self.key}, {self.value}>"


@dataclass(frozen=True, slots=True)
class Struct(DataType):
    """STRUCT<a:T, b:T>: ``dict`` in, ``dict`` or ``tuple`` out. Fields have names, each once."""

    fields: tuple[tuple[str, DataType], ...]

    def __post_init__(self) -> None:
        names = [name for name, _ in self.fields]
        if not names or len(set(names)) != len(names):
            raise ValueError("STRUCT<a:T, b:T> takes at least one field, and each name once")

    @property
    def arrow(self) -> pa.DataType:
        return pa.struct([(name, type_.arrow) for name, type_ in self.fields])

    @property
    def wire(self) -> Wire:
        return ["struct", [[name, type_.wire] for name, type_ in self.fields]]

    @property
    def python(self) -> str:
        return "dict"

    def takes(self, arrow: pa.DataType) -> bool:
        if not pa.types.is_struct(arrow) or sorted(field.name for field in arrow) != sorted(
            name for name, _ in self.fields
        ):
            return False
        return all(type_.accepts(arrow.field(name).type) for name, type_ in self.fields)

    def convert(self, array: pa.Array) -> Cast:
        parts = dict(zip((field.name for field in array.type), array.flatten(), strict=True))
        columns: list[pa.Array] = []
        rows: dict[int, str] = {}
        for name, type_ in self.fields:
            column, bad = cast_column(parts[name], type_)
            columns.append(column)
            rows |= {row: f"field {name}: {message}" for row, message in bad.items() if row not in rows}
        if rows:
            return self.convert(blank(array, rows))[0], rows
        return pa.StructArray.from_arrays(columns, fields=list(self.arrow), mask=array.is_null()), {}

    def __str__(self) -> str:
        return "STRUCT<" + ", ".join(f"{quote_name(name)}:{type_}" for name, type_ in self.fields) + ">"


def _array(arguments: Arguments) -> DataType:
    match arguments:
        case [DataType() as item]:
            return Array(item)
    raise ValueError("ARRAY takes one type, as in ARRAY<INT>")


def _map(arguments: Arguments) -> DataType:
    match arguments:
        case [DataType() as key, DataType() as value]:
            return Map(key, value)
    raise ValueError("MAP takes two types, as in MAP<STRING, INT>")


def _struct(arguments: Arguments) -> DataType:
    fields = tuple(argument for argument in arguments if isinstance(argument, tuple))
    if len(fields) != len(arguments):
        raise ValueError("STRUCT takes named fields, as in STRUCT<a:INT, b:STRING>")
    return Struct(fields)


register("ARRAY", make=_array)
register("MAP", make=_map)
register("STRUCT", make=_struct)
