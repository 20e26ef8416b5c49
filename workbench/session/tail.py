"""A CSV file that others write to, followed: what is in it, and then each line as it is appended.

Only whole lines are read. The columns and their types are those of what stood in the file when it was opened. The
invariant: it never waits longer than `LOOK` without looking whether it is still wanted. Left out on purpose: quoted
values that hold a line break, and other formats, which cannot be read while they are written.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import pyarrow as pa
import pyarrow.csv

from workbench.errors import DataError

LOOK: Final = 0.1
"""Seconds between two looks at the file."""

MOST: Final = 1 << 20
"""Bytes that are read at a time."""


def follow(path: Path, over: threading.Event) -> Iterator[pa.RecordBatch]:
    """The rows of the file, batch by batch, until ``over`` is set.

    A file that has become shorter is read from its beginning. Raises DataError for what is no CSV file, and for a line
    that does not fit the columns.
    """
    if path.suffix.lower() != ".csv":
        raise DataError(f"{path} cannot be followed", hint="give a .csv file")
    try:
        with path.open("rb") as file:
            yield from _rows(path, file, over)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", hint="give a .csv file") from error


def _rows(path: Path, file: BinaryIO, over: threading.Event) -> Iterator[pa.RecordBatch]:
    schema: pa.Schema | None = None
    head = b""
    while not over.is_set():
        begin = file.tell()
        if begin > path.stat().st_size:
            begin = file.seek(0)
        found = file.read(MOST)
        lines = found[: found.rfind(b"\n") + 1]
        file.seek(begin + len(lines))
        if begin == 0:
            head, _, lines = lines.partition(b"\n")
        if schema is None and lines:
            schema = _read(path, head + b"\n" + lines, None).schema
        if schema is not None and lines:
            yield from _read(path, head + b"\n" + lines, schema).to_batches()
        if len(found) < MOST:
            over.wait(LOOK)


def _read(path: Path, text: bytes, schema: pa.Schema | None) -> pa.Table:
    types = None if schema is None else {field.name: field.type for field in schema}
    try:
        return pa.csv.read_csv(io.BytesIO(text), convert_options=pa.csv.ConvertOptions(column_types=types))
    except pa.ArrowException as error:
        raise DataError(f"{path} cannot be read: {error}", hint="each line needs the columns of the first") from error
