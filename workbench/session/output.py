"""Writing a result where it was asked for, batch by batch: a Parquet, CSV or Arrow file, or standard output.

The invariant: a file is there whole or not at all; it is written beside its place and moved there at the end. Nothing
is held but one batch. Left out on purpose: tables for eyes, which `workbench.terminal` draws.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, cast, get_args

import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet

from workbench.errors import DataError, UsageProblem

Format = Literal["csv", "arrow", "arrows", "parquet"]
"""``arrow`` is the file format, ``arrows`` the stream; standard output cannot be wound back, so there both are that."""

STDOUT: Final = "-"
ENDINGS: Final[dict[str, Format]] = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".arrows": "arrows",
}

WriteBatch = Callable[[pa.RecordBatch], object]


def format_of(target: str | os.PathLike[str], given: str | None = None) -> Format:
    """The format for a target: ``given``, else by its ending; CSV for ``-``. Ask before a run: raises UsageProblem.

    It also refuses a target that could not be written at the end: a folder, or a file in a folder that does not exist.
    """
    if given is not None and given not in get_args(Format):
        raise UsageProblem(f"there is no format {given!r}", hint=f"choose one of {', '.join(get_args(Format))}")
    if target == STDOUT:
        if given == "parquet":
            raise UsageProblem(
                "Parquet cannot be written to standard output", hint="choose csv or arrow, or name a file"
            )
        return "csv" if given is None else "arrows" if given == "arrow" else cast("Format", given)
    path = Path(target).expanduser()
    if path.is_dir():
        raise UsageProblem(f"{path} is a folder", hint="name a file in it")
    if not path.absolute().parent.is_dir():
        raise UsageProblem(f"{path}: there is no folder {path.parent}", hint="make it first")
    found = cast("Format | None", given) or ENDINGS.get(path.suffix.lower())
    if found is None:
        raise UsageProblem(
            f"{path}: it is not clear how to write this", hint=f"let it end in {', '.join(ENDINGS)}, or give a format"
        )
    return found


def not_onto(target: str | os.PathLike[str], source: str | os.PathLike[str]) -> None:
    """Refuse a target that is the file the rows come from: it would be lost. Raises UsageProblem."""
    path, other = Path(target).expanduser(), Path(source).expanduser()
    if target != STDOUT and path.exists() and other.exists() and path.samefile(other):
        raise UsageProblem(f"{path} is the input", hint="name another file for the output")


def write(
    batches: Iterator[pa.RecordBatch],
    schema: pa.Schema | None,
    target: str | os.PathLike[str],
    *,
    format: str | None = None,  # noqa: A002 - the word of the field
) -> int:
    """Write all batches and return how many rows they had.

    Without ``schema`` the first batch tells it, as a script's does; no batch at all is a file without columns. Raises
    what the iterator raises, and DataError for a column that the format cannot hold; then no file is left, and an Arrow
    stream on standard output has no end mark.
    """
    chosen = format_of(target, format)
    first = next(batches, None)
    if schema is None:
        schema = pa.schema([]) if first is None else first.schema
    rows = 0
    with _sink(target) as sink, _WRITERS[chosen](sink, schema) as write_batch:
        for batch in itertools.chain([] if first is None else [first], batches):
            try:
                write_batch(batch)
            except pa.ArrowException as error:
                hint = "another format may hold it, such as .arrow"
                raise DataError(f"{target}: a column cannot be written: {error}", hint=hint) from error
            sink.flush()  # whoever follows the output sees each batch as it comes
            rows += batch.num_rows
    return rows


@contextmanager
def _sink(target: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    if target == STDOUT:
        yield sys.stdout.buffer
        return
    path = Path(target).expanduser().resolve()
    if path.exists() and not path.is_file():  # a device or a pipe is written as it is
        with path.open("wb") as file:
            yield file
        return
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _parquet(sink: BinaryIO, schema: pa.Schema) -> Iterator[WriteBatch]:
    with pa.parquet.ParquetWriter(sink, schema) as writer:
        yield writer.write_batch


@contextmanager
def _arrow_file(sink: BinaryIO, schema: pa.Schema) -> Iterator[WriteBatch]:
    # The file format has one dictionary for all batches, and batches come with their own: values are written instead.
    plain = pa.schema([field.with_type(_value_type(field.type)) for field in schema], schema.metadata)
    with pa.ipc.new_file(sink, plain) as writer:
        yield lambda batch: writer.write_batch(batch.cast(plain))


def _value_type(arrow: pa.DataType) -> pa.DataType:
    return arrow.value_type if pa.types.is_dictionary(arrow) else arrow


@contextmanager
def _arrow_stream(sink: BinaryIO, schema: pa.Schema) -> Iterator[WriteBatch]:
    writer = pa.ipc.new_stream(sink, schema)
    yield writer.write_batch
    writer.close()  # only after all went well: the end mark says so


@contextmanager
def _csv(sink: BinaryIO, schema: pa.Schema) -> Iterator[WriteBatch]:
    def write_batch(batch: pa.RecordBatch) -> None:
        pa.csv.write_csv(_flat(batch), sink, pa.csv.WriteOptions(include_header=False))

    if schema.names:  # the header is there even if no row follows
        empty = pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)
        pa.csv.write_csv(_flat(empty), sink)
    yield write_batch


def _flat(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Columns that CSV can hold: lists, maps and structs as JSON text."""
    columns = [_as_json(column) if pa.types.is_nested(column.type) else column for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _as_json(column: pa.Array) -> pa.Array:
    texts = [
        None if value is None else json.dumps(_plain(value, column.type), default=str) for value in column.to_pylist()
    ]
    return pa.array(texts, pa.string())


def _plain(value: Any, arrow: pa.DataType) -> Any:
    """A map as an object, as people write it."""
    if pa.types.is_map(arrow):
        return {str(key): item for key, item in value}
    return value


_WRITERS: Final[dict[Format, Callable[[BinaryIO, pa.Schema], AbstractContextManager[WriteBatch]]]] = {
    "csv": _csv,
    "arrow": _arrow_file,
    "arrows": _arrow_stream,
    "parquet": _parquet,
}
