"""Casting a column to a SQL type where nothing is lost, and saying of each row that does not fit why.

A row either arrives with the value that it had or is NULL and named in the second part of the result; nothing is
rounded, cut or wrapped in silence, except that FLOAT rounds as every 32-bit float does. The families call the helpers
at the end once Arrow's own safe cast has refused the column, so a good column costs one vectorised cast. What that
cast does not check (time of day lost in a DATE, digits lost between floats and decimals) the families check
themselves.

Left out on purpose: which column belongs to which parameter, and what a run does with a row that does not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from workbench.errors import DataError
from workbench.types.base import Cast, DataType
from workbench.worker.kinds import KINDS, Misfit

_SHOWN = 60  # characters of a value in a message


def cast_column(array: pa.Array, to: DataType) -> Cast:
    """Cast one array (not chunked) to ``to.arrow``.

    The second part maps the rows that do not fit, counted from 0, to a message such as ``value 3000000000 does not
    fit INT (-2147483648 to 2147483647)``; those rows are NULL in the first part. A float NaN is NULL unless the
    target is FLOAT or DOUBLE. Raises DataError if no value of the column could be taken: text for a number.
    """
    if not to.accepts(array.type):
        raise DataError(
            f"a column of Arrow type {array.type} cannot be taken as {to}", hint=f"convert it to {to.arrow} first"
        )
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), to.arrow), {}
    if pa.types.is_dictionary(array.type):
        return cast_column(array.dictionary.take(array.indices), to)  # Arrow's own decoding knows no nested values
    return to.convert(array)


def misfit(value: object, to: object, why: str) -> str:
    """The message of one value that does not fit."""
    shown = str(value)
    if len(shown) > _SHOWN:
        shown = shown[:_SHOWN] + "…"
    return f"value {shown} does not fit {to} ({why})"


def by_value(values: Iterable[Any], to: DataType, why: Callable[[Any], str], one: Callable[[Any], Any]) -> Cast:
    """The slow and exact way: ``one`` converts a value, or returns None if it does not fit; ``why`` is asked then."""
    out: list[Any] = []
    bad: dict[int, str] = {}
    for row, value in enumerate(values):
        converted = None if value is None else one(value)
        if value is not None and converted is None:
            bad[row] = misfit(value, to, why(value))
        out.append(converted)
    return pa.array(out, to.arrow), bad


def stored_text(array: pa.Array, to: DataType) -> Cast:
    """Text as the text that the worker stores for ``to``, which is one of `workbench.worker.kinds`."""
    store = KINDS[str(to.wire)].store
    encoded = narrow(array, pa.string()).dictionary_encode()  # what comes again is read once
    bad: dict[int, str] = {}
    out: list[str | None] = []
    for index, value in enumerate(encoded.dictionary.to_pylist()):
        try:
            out.append(store(value))
        except Misfit as error:
            bad[index] = misfit(value, to, str(error))
            out.append(None)
    rows = {row: bad[index] for row, index in enumerate(encoded.indices.to_pylist() if bad else ()) if index in bad}
    return pa.array(out, pa.string()).take(encoded.indices), rows


def narrow(array: pa.Array, arrow: pa.DataType) -> pa.Array:
    """Text or bytes of any layout in the plain one, which holds 2 GB; DataError if there are more."""
    try:
        return array.cast(arrow)
    except pa.ArrowInvalid as error:
        what = "text" if pa.types.is_string(arrow) else "binary data"
        raise DataError(
            f"{what} of {array.nbytes} bytes is too much for one batch", hint="use fewer rows in a batch: batch_rows"
        ) from error


def within(numbers: pa.Array, low: int, high: int) -> bool:
    """Whether all values of an integer column that are not NULL are in this range, its ends included."""
    ends = pc.min_max(numbers).as_py()
    return ends["min"] is None or bool(low <= ends["min"] and ends["max"] <= high)


def blank(array: pa.Array, rows: Iterable[int]) -> pa.Array:
    """The array with NULL in these rows; by take, because it is the one kernel that knows every nested type."""
    gone = set(rows)
    return array.take(pa.array([None if row in gone else row for row in range(len(array))], pa.int64()))


def without_nan(array: pa.Array) -> pa.Array:
    """Floats with NULL for NaN, 16-bit floats widened (exactly), anything else unchanged."""
    if not pa.types.is_floating(array.type):
        return array
    if pa.types.is_float16(array.type):
        array = array.cast(pa.float32())  # few kernels know 16 bits
    return pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array)
