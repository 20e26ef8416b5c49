"""A scalar function that is called once per batch with whole columns, as the annotations of its parameters ask.

The invariant: a call that raises is halved until the row is alone, unless the error ends the batch; a result of the
wrong length is never halved, since a half of the right length would hide that the function does not go row by row.
Parameters without a column's annotation get the first value of the batch, as in Doris, also in a half. Left out on
purpose: what may be returned (`results`).
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Tuple

from . import values
from .interrupt import Interrupted
from .results import WrongLength, taker
from .row_errors import RowErrors

PREFIX = "Error in vectorized UDF"
NEEDS = {"pd.Series": "pandas", "np.ndarray": "numpy"}
EXACT = 1 << 53  # up to here a float64, which pandas makes of integers with NULLs, is every whole number

Piece = Tuple[Any, Dict[int, str]]
"""Results of some rows as an Arrow array, and what did not fit, by row of the batch."""


class Columns:
    """One call for each batch."""

    def __init__(self, function: Any, setup: Mapping[str, Any], arrow: Any) -> None:
        import importlib

        self._function: Callable[..., Any] = function
        self._arrow = arrow
        for form in setup["forms"]:
            if form in NEEDS:
                try:
                    importlib.import_module(NEEDS[form])
                except ModuleNotFoundError as error:
                    message = f"a parameter is a {form}, but this Python has no {NEEDS[form]}"
                    raise ModuleNotFoundError(message, name=error.name) from error
        self._givers = [giver(form, wire) for form, wire in zip(setup["forms"], setup["arguments"])]
        self._firsts = [form == "first" for form in setup["forms"]]
        (field,) = setup["outputs"]
        self._take = taker(field["wire"], arrow, field["sql"])

    def call(self, batch: Any, errors: RowErrors) -> Piece:
        import pyarrow as pa

        pieces = self._call(batch, 0, batch.num_rows, errors)
        bad = {row: message for _, found in pieces for row, message in found.items()}
        return pa.concat_arrays([array for array, _ in pieces]), bad

    def _call(self, batch: Any, start: int, stop: int, errors: RowErrors) -> List[Piece]:
        """Rows [start, stop) in one call, or in the calls that it was halved into."""
        import pyarrow as pa

        # Anew for each call: the function may have changed what it got.
        arguments = [
            give(column.slice(0, 1) if first else column.slice(start, stop - start))
            for give, first, column in zip(self._givers, self._firsts, batch.columns)
        ]
        failed: Tuple[int, ...] = (start,)
        try:
            array, bad = self._take(self._function(*arguments), stop - start)
            return [(array, {start + row: message for row, message in bad.items()})]
        except Interrupted:
            raise
        except BaseException as error:
            if not isinstance(error, WrongLength) and not errors.fail and stop - start > 1:
                middle = (start + stop) // 2
                return self._call(batch, start, middle, errors) + self._call(batch, middle, stop, errors)
            if isinstance(error, WrongLength) and not errors.fail:
                failed = tuple(range(start, stop))
            for row in failed:
                errors.raised(row, error, f"{PREFIX} at rows {start} to {stop - 1}")
        return [(pa.nulls(stop - start, self._arrow), {})]


def giver(form: str, wire: Any) -> Callable[[Any], Any]:
    """A function from an Arrow array of the storage type to what a parameter of this form gets."""
    read = values.reader(wire)
    if form == "first":
        return lambda array: read(array)[0]
    if form == "pa.Array":
        return lambda array: array
    if form == "pa.ChunkedArray":
        return _chunked
    if form == "list":
        return read
    return _series(wire, read) if form == "pd.Series" else _ndarray(wire, read)


def _chunked(array: Any) -> Any:
    import pyarrow as pa

    return pa.chunked_array([array])


def _series(wire: Any, read: values.Reader) -> Callable[[Any], Any]:
    """A Series as pandas has the type, with its own sign for NULL; of any other type one of objects, with None.

    Integers with NULLs are floats with NaN, as in Doris; where a float would change one, objects with NaN.
    """
    import pandas as pd

    def give(array: Any) -> Any:
        if not isinstance(wire, str) or wire not in _NATIVE:
            return pd.Series(read(array), dtype=object)
        if wire == "int64" and array.null_count:
            objects = read(array)
            if any(value is not None and not -EXACT <= value <= EXACT for value in objects):
                return pd.Series([float("nan") if value is None else value for value in objects], dtype=object)
        return array.to_pandas().copy()  # without NULLs it is Arrow's own memory, which cannot be written

    return give


def _ndarray(wire: Any, read: values.Reader) -> Callable[[Any], Any]:
    """NaN is NULL for floats, NaT for dates; any other column is one of objects with None if it has NULLs."""
    import numpy as np

    def give(array: Any) -> Any:
        if wire in ("float32", "float64", "date", "datetime") or (wire in _NUMBERS and not array.null_count):
            return np.array(array.to_numpy(zero_copy_only=False))
        objects = np.empty(len(array), dtype=object)  # np.array would make a matrix of lists
        objects[:] = read(array)
        return objects

    return give


_NUMBERS = ("bool", "int8", "int16", "int32", "int64")
_NATIVE = {*_NUMBERS, "float32", "float64", "string", "datetime", "instant", "time"}
