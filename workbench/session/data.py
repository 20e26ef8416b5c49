"""What a run may be fed with, as a stream of record batches: tables, frames, batches, iterables, files by their ending.

Nothing is loaded whole that comes in pieces: a Parquet, CSV or Arrow file is read batch by batch. The invariant: all
batches of one `Data` have its schema, whose names are there once and whose types every supported pyarrow knows; a batch
has at most ``batch_rows`` rows and about ``batch_bytes`` bytes. Left out on purpose: which columns a function wants
(`workbench.session.binding`).
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet

from workbench.errors import DataError
from workbench.worker.words import a

ENDINGS: Final = (".parquet", ".csv", ".arrow", ".arrows", ".feather", ".ipc")
UTF_8: Final = "convert it first, as in: iconv -f latin1 -t utf-8 IN > OUT"


@dataclass(slots=True)
class Data:
    """A stream of batches. ``rows`` is their number where it is known; ``waits``: the next one may take its time.

    ``numbers`` are those of the rows, where they do not count from 0.
    """

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    rows: int | None
    waits: bool
    numbers: Sequence[int] | None = None

    def opened(self) -> Data:
        """Itself: it may be given to a run as it is."""
        return self


@dataclass(frozen=True, slots=True)
class Again:
    """Rows of an earlier input, in its batches, with the numbers that they had there."""

    table: pa.Table
    numbers: Sequence[int]


def open_data(data: Any, *, batch_rows: int, batch_bytes: int) -> Data:
    """See `Function.run` for what ``data`` may be. Raises DataError that names the file, column or type to blame."""
    if isinstance(data, str | os.PathLike):
        opened = _open_file(Path(data).expanduser(), batch_rows)
    elif isinstance(data, pd.DataFrame):
        opened = _of_table(_from_pandas(data))
    elif isinstance(data, pa.Table):
        opened = _of_table(data)
    elif isinstance(data, Again):
        opened = replace(_of_table(data.table), numbers=data.numbers)
    elif isinstance(data, pa.RecordBatch):
        opened = Data(data.schema, iter([data]), data.num_rows, waits=False)
    elif isinstance(data, pa.RecordBatchReader):
        opened = Data(data.schema, _or_empty(data, data.schema), None, waits=True)
    elif hasattr(data, "__arrow_c_stream__"):
        return open_data(_from_stream(data), batch_rows=batch_rows, batch_bytes=batch_bytes)
    elif isinstance(data, Iterable) and not isinstance(data, dict | bytes):
        opened = _of_iterable(data)
    else:
        raise DataError(
            f"data of type {type(data).__name__} cannot be read",
            hint="give a pandas or Arrow table, record batches, or the path of a " + ", ".join(ENDINGS) + " file",
        )
    if not opened.schema.names:
        raise DataError("the data has no columns", hint="give at least one column")
    for name in opened.schema.names:
        if opened.schema.get_field_index(name) < 0:  # which is how Arrow says that it is there more than once
            raise DataError(f"the data has the column {name!r} twice", hint="rename one of them")
    return Data(
        plain_schema(opened.schema),
        cut(_checked(opened.schema, opened.batches), batch_rows, batch_bytes),
        opened.rows,
        opened.waits,
        opened.numbers,
    )


def only(data: Data, columns: tuple[str, ...]) -> Data:
    """The data with these columns only, for a script."""
    missing = [name for name in columns if name not in data.schema.names]
    if missing:
        raise DataError(
            f"columns: there is no column {missing[0]!r}", hint=f"the data has {', '.join(data.schema.names)}"
        )
    schema = pa.schema([data.schema.field(name) for name in columns])
    return replace(data, schema=schema, batches=(batch.select(list(columns)) for batch in data.batches))


def _of_table(table: pa.Table) -> Data:
    batches = table.to_batches() or [_empty(table.schema)]
    return Data(table.schema, iter(batches), table.num_rows, waits=False)


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)


def _from_pandas(frame: pd.DataFrame) -> pa.Table:
    try:
        return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    except (pa.ArrowException, TypeError, ValueError) as error:
        reason = ": ".join(map(str, reversed(error.args)))  # what was tried on which column stands last
        reason = re.sub(r" at 0x[0-9a-f]+", "", reason)
        raise DataError(f"the frame cannot be read: {reason}", hint="a column must hold values of one type") from error


def _from_stream(data: Any) -> pa.RecordBatchReader:
    try:
        return pa.RecordBatchReader.from_stream(data)
    except pa.ArrowException as error:
        raise DataError(
            f"{a(type(data).__name__)} is no table: {error}", hint="give a frame: df[['a']] instead of df['a']"
        ) from error


def _of_iterable(items: Iterable[Any]) -> Data:
    def batches() -> Iterator[pa.RecordBatch]:
        for index, item in enumerate(items):
            if isinstance(item, pa.RecordBatch):
                yield item
            elif isinstance(item, pa.Table):
                yield from item.to_batches()
            elif isinstance(item, pd.DataFrame):
                yield from _from_pandas(item).to_batches()
            else:
                raise DataError(
                    f"item {index} of the data is {a(type(item).__name__)}, not a batch",
                    hint="an iterable must give record batches, Arrow tables or data frames",
                )

    stream = batches()
    first = next(stream, None)
    if first is None:
        raise DataError(
            "the iterable gave no batch, so nothing is known of its columns", hint="give an empty table instead"
        )
    return Data(first.schema, itertools.chain([first], stream), None, waits=True)


def _open_file(path: Path, batch_rows: int) -> Data:
    if not path.exists():
        raise DataError(f"{path} does not exist", hint="paths are relative to the current folder")
    ending = path.suffix.lower()
    if path.is_dir() or ending not in ENDINGS:
        raise DataError(f"{path} cannot be read", hint="give a file that ends in " + ", ".join(ENDINGS))
    try:
        if ending == ".parquet":
            parquet = pa.parquet.ParquetFile(path)
            stream = parquet.iter_batches(batch_size=batch_rows)
            return Data(
                parquet.schema_arrow, _or_empty(stream, parquet.schema_arrow), parquet.metadata.num_rows, waits=True
            )
        if ending == ".csv":
            rows = pa.csv.open_csv(path)
            rows.schema.names  # noqa: B018 - they are decoded here, and may be no text
            return Data(rows.schema, _or_empty(rows, rows.schema), None, waits=True)
        return _open_arrow(path)
    except UnicodeDecodeError as error:
        raise DataError(f"{path} cannot be read: its column names are not UTF-8", hint=UTF_8) from error
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read: {error}", hint=_csv_hint(error)) from error


def _csv_hint(error: Exception) -> str:
    """The way out of what pyarrow says about a CSV file."""
    if "invalid UTF8" in str(error):
        return UTF_8
    if "CSV conversion error" in str(error):
        return "a column's type is that of the file's beginning; clean the value, or convert the file to Parquet"
    return ""


def _open_arrow(path: Path) -> Data:
    with path.open("rb") as file:
        is_file = file.read(6) == b"ARROW1"
    if is_file:
        reader = pa.ipc.open_file(pa.OSFile(str(path)))
        batches = (reader.get_batch(index) for index in range(reader.num_record_batches))
        return Data(reader.schema, _or_empty(batches, reader.schema), None, waits=True)
    stream = pa.ipc.open_stream(pa.OSFile(str(path)))
    return Data(stream.schema, _or_empty(stream, stream.schema), None, waits=True)


def _or_empty(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """A file without rows is one empty batch, as an empty table is."""
    stream = iter(batches)
    first = next(stream, None)
    if first is None:  # and it is not asked again: what pyarrow gives for a Parquet file may raise StopIteration then
        yield _empty(schema)
        return
    yield first
    yield from stream


def _checked(schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Each batch with plain types; DataError for one whose columns are not those of the first."""
    wanted = plain_schema(schema)
    index = -1
    while True:
        index += 1
        try:
            batch = next(batches, None)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"batch {index} of the data cannot be read: {error}", hint=_csv_hint(error)) from error
        if batch is None:
            return
        if not batch.schema.equals(schema):
            raise DataError(
                f"batch {index} of the data has other columns than the first: {describe(batch.schema)}",
                hint=f"the first has {describe(schema)}",
            )
        yield batch if wanted is schema else _plain(batch, wanted)


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """The schema with types that every pyarrow knows: no views of text or bytes. The same object if it has none."""
    fields = [field.with_type(_plain_type(field.type)) for field in schema]
    changed = any(new.type != old.type for new, old in zip(fields, schema, strict=True))
    return pa.schema(fields, schema.metadata) if changed else schema


def _plain_type(arrow: pa.DataType) -> pa.DataType:
    if pa.types.is_string_view(arrow):
        return pa.string()
    if pa.types.is_binary_view(arrow):
        return pa.binary()
    if pa.types.is_struct(arrow):
        return pa.struct([field.with_type(_plain_type(field.type)) for field in arrow])
    if pa.types.is_list(arrow) or pa.types.is_large_list(arrow):
        make = pa.list_ if pa.types.is_list(arrow) else pa.large_list
        return make(arrow.value_field.with_type(_plain_type(arrow.value_type)))
    return arrow


def _plain(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = [column.cast(field.type) for column, field in zip(batch.columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def cut(batches: Iterator[pa.RecordBatch], rows: int, size: int) -> Iterator[pa.RecordBatch]:
    """Batches of at most ``rows`` rows and about ``size`` bytes; the boundaries that are there are kept."""
    for batch in batches:
        if batch.num_rows <= rows and batch.nbytes <= size:
            yield batch
            continue
        per_row = max(1, batch.nbytes // max(1, batch.num_rows))
        step = max(1, min(rows, size // per_row))
        for start in range(0, batch.num_rows, step):
            yield batch.slice(start, step)


def describe(schema: pa.Schema) -> str:
    """``a int64, b string``: at most 20 columns."""
    shown = [
        f"{field.name} {field.type}{'' if field.nullable else ' not null'}" for field in itertools.islice(schema, 20)
    ]
    return ", ".join(shown) + (f" and {len(schema) - 20} more" if len(schema) > 20 else "")  # noqa: PLR2004 - said above
