"""What a function of columns may return, as an Arrow array: a list, a Series, an ndarray, an Arrow array, or one value.

NaN in a Series or an ndarray is NULL, since NULL arrives there as NaN; in a list or an Arrow array it is NaN. What is
no column is the result of each row. Arrow's types are taken as they are, or after a cast that loses nothing;
everything else goes value by value through `values`, which names each row that does not fit.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

from . import values
from .words import counted

Taken = Tuple[Any, Dict[int, str]]
_DAY = 86_400_000_000
_RANGES = {  # the years 1 to 9999 from 1970 on: Arrow knows days that Python's calendar does not
    "date": (-719_162, 2_932_896),
    "datetime": (-719_162 * _DAY, 2_932_897 * _DAY - 1),
}
_AS_IS = {"bool", "int8", "int16", "int32", "int64", "float32", "float64", "string", "binary"}


class WrongLength(Exception):
    """A column with more or fewer results than rows."""


def taker(wire: Any, arrow: Any, sql: str) -> Callable[[Any, int], Taken]:
    """A function from a result and the number of rows to an array of type ``arrow`` and the rows that do not fit.

    Raises WrongLength.
    """
    write, read = values.writer(wire, arrow, sql), values.reader(wire)

    def take(result: Any, count: int) -> Taken:
        column = _column(result)
        if column is None:
            if type(result).__name__ == "ndarray":
                result = result[()]  # an array without dimensions is one value
            return _repeated(write, result, count)
        if len(column) != count:
            raise WrongLength(f"the function got {counted(count, 'row')} and returned {counted(len(column), 'result')}")
        if isinstance(column, list):
            return write(_whole(column, wire))
        fast = _cast(column, wire, arrow)
        if fast is not None:
            return fast, {}
        return write(_whole(_listed(column, read, arrow), wire))

    return take


def _repeated(write: values.Writer, result: Any, count: int) -> Taken:
    array, bad = write([result])
    import pyarrow as pa

    many = pa.nulls(count, array.type) if array.null_count else pa.concat_arrays([array] * count)
    return many, (dict.fromkeys(range(count), bad[0]) if bad else {})


def _column(result: Any) -> Any:
    """The results as a list or as an Arrow array; None for what is no column."""
    import pyarrow as pa

    if isinstance(result, pa.ChunkedArray):
        return pa.concat_arrays(result.chunks) if result.num_chunks else pa.array([], result.type)
    if isinstance(result, (list, pa.Array)):
        return result
    module = type(result).__module__.partition(".")[0]
    if module == "pandas":
        import pandas as pd

        if isinstance(result, (pd.Series, pd.Index, pd.api.extensions.ExtensionArray)):
            return _from_pandas(result, objects=result.dtype == object)
    if hasattr(result, "__array_interface__") and result.ndim:
        return _from_pandas(result, objects=result.dtype == object or result.ndim > 1)
    return None


def _from_pandas(result: Any, *, objects: bool) -> Any:
    import pyarrow as pa

    if not objects:
        try:
            found = pa.array(result, from_pandas=True)
            return pa.concat_arrays(found.chunks) if isinstance(found, pa.ChunkedArray) else found
        except (pa.ArrowException, ValueError, TypeError):
            pass  # a type that Arrow does not know: value by value, as objects
    return [None if _is_missing(value) else value for value in result]


def _is_missing(value: Any) -> bool:
    """NaN, NaT and pandas' NA, which is the only one that is not even True when it is compared with itself."""
    if isinstance(value, float):
        return value != value
    return type(value).__name__ in ("NaTType", "NAType")


def _whole(column: List[Any], wire: Any) -> List[Any]:
    """3.0 is the integer 3 here: pandas makes floats of integers with NULLs."""
    if not isinstance(wire, str) or wire not in values.INTEGERS:
        return column
    return [int(value) if isinstance(value, float) and value.is_integer() else value for value in column]


def _listed(array: Any, read: values.Reader, arrow: Any) -> List[Any]:
    """Python values of any array; a map is a dict where the type is the declared one."""
    if array.type == arrow:
        try:
            return read(array)
        except (ValueError, TypeError, OverflowError):
            pass  # text that the declared type does not allow: the writer says which
    listed: List[Any] = array.to_pylist()
    return listed


def _cast(array: Any, wire: Any, arrow: Any) -> Optional[Any]:
    """The array in the declared type if that can be had at once and loses nothing; else None."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(wire, str) and wire in _RANGES:
        return _in_range(array, wire, arrow)
    if not _stays(wire):
        return None
    if array.type == arrow:
        return array
    if not _akin(array.type, arrow):
        return None
    try:
        cast = array.cast(arrow)
    except pa.ArrowException:
        return None
    # A double above the largest float becomes infinite without a word.
    grown = wire == "float32" and pc.sum(pc.is_inf(cast)) != pc.sum(pc.is_inf(array))
    return None if grown else cast


def _stays(wire: Any) -> bool:
    """Whether every array of the storage type holds only values of the SQL type."""
    if isinstance(wire, str):
        return wire in _AS_IS
    if wire[0] == "struct":
        return all(_stays(inner) for _, inner in wire[1])
    return wire[0] == "decimal" or all(_stays(inner) for inner in wire[1:])


def _akin(given: Any, wanted: Any) -> bool:
    """Whether a cast between these types, if it succeeds, means the same values."""
    from pyarrow import types

    if types.is_null(given):
        return True
    if types.is_dictionary(given):
        return _akin(given.value_type, wanted)
    number = types.is_integer(given) or types.is_floating(given)
    text = types.is_string(given) or types.is_large_string(given) or str(given) == "string_view"
    return (number and (types.is_integer(wanted) or types.is_floating(wanted))) or (text and types.is_string(wanted))


def _in_range(array: Any, wire: str, arrow: Any) -> Optional[Any]:
    """Dates and wall clocks: the same instant in the declared unit, within Python's calendar."""
    import pyarrow as pa
    import pyarrow.compute as pc

    naive = pa.types.is_date(array.type) or (pa.types.is_timestamp(array.type) and array.type.tz is None)
    if not naive and not pa.types.is_null(array.type):
        return None
    try:
        cast = array.cast(arrow)
        # A cast to days drops the hours without a word.
        if cast.type != array.type and not cast.cast(array.type).equals(array):
            return None
    except pa.ArrowException:
        return None
    limits = pc.min_max(cast.view(pa.int32() if wire == "date" else pa.int64())).as_py()
    low, high = _RANGES[wire]
    return cast if limits["min"] is None or (low <= limits["min"] and limits["max"] <= high) else None
