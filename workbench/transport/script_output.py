"""The guard over a script's Arrow output: what it wrote for one batch, as validated batches, or as the reason why not.

Text printed into an Arrow stream reads as a length of gigabytes, a damaged offset kills whoever looks at the value: so
each message is found and measured here before pyarrow may read it. The invariant: nothing that a script writes makes
`ScriptOutput.decode` raise, wait or grow. Left out on purpose: which bytes belong to which batch
(`workbench.transport.raw`).
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Final

import pyarrow as pa

from workbench.errors import InvalidBatch, ProtocolError, SchemaMismatch, StdoutPolluted
from workbench.transport.base import Answer, Invalid

_MAX_METADATA: Final = 16 << 20  # bytes of the metadata of one Arrow message
_TRIES: Final = 10_000  # places looked at for the next message behind something that is none
_EXCERPT: Final = 80  # characters of polluting text that are shown
_PREFIX: Final = struct.Struct("<4si")
_CONTINUATION: Final = b"\xff\xff\xff\xff"


class ScriptOutput:
    """What a script wrote, segment by segment, as validated batches. One reader for all: it knows the dictionaries."""

    def __init__(self) -> None:
        self._first: pa.Schema | None = None
        self._feed = _Feed()
        self._reader: Any = None
        self._dictionaries: list[pa.Buffer] = []

    def decode(self, number: int | None, segment: bytes | bytearray) -> Answer | Invalid:
        """The bytes that were written for batch ``number``. Never raises for what they are.

        Of an invalid segment, schema and dictionaries are still read, so that later batches decode. It is fatal if that
        is not certain: the schema is missing when a batch comes, or a damaged part may have held a dictionary.
        """
        batches: list[pa.RecordBatch] = []
        metadata: list[dict[bytes, bytes] | None] = []
        errors: list[ProtocolError] = []
        damaged = lost = False
        for kind, message in _messages(segment):
            try:
                if kind == "junk":
                    errors.append(_junk(bytes(message)))
                    damaged |= not _is_text(bytes(message))
                elif kind == "schema":
                    self._start(message)
                elif kind == "dictionary":
                    self._dictionaries.append(message)
                elif kind == "end":
                    self._reader = None
                elif kind == "record batch":
                    lost |= self._reader is None
                    batch, custom = self._batch(message)
                    batches.append(batch)
                    metadata.append(custom)
                else:
                    errors.append(InvalidBatch(f"the script wrote a {kind}, which is no record batch"))
            except ProtocolError as error:
                errors.append(error)
                damaged |= isinstance(error, InvalidBatch)
        if errors:
            ambiguous = self._reader is not None and any(
                pa.types.is_dictionary(field.type) for field in _fields(self._reader.schema)
            )
            return Invalid(number, errors[0], fatal=lost or (damaged and ambiguous))
        return Answer(number or 0, tuple(batches), {"custom_metadata": tuple(metadata)} if any(metadata) else {})

    def _start(self, message: pa.Buffer) -> None:
        """Begin to read a stream. The columns of the first one are what the script promised."""
        self._dictionaries.clear()
        self._feed = _Feed()
        self._feed.put([message])
        self._reader = None
        try:
            reader = pa.ipc.open_stream(self._feed)
            # pyarrow reads names that are no UTF-8, and raises when one is looked at.
            for field in _fields(reader.schema):
                field.name  # noqa: B018
        except Exception as error:
            raise InvalidBatch(f"the script wrote a schema that cannot be read: {error}") from error
        self._reader = reader
        if self._first is not None:
            self._compare()
            raise SchemaMismatch("the script began a second Arrow stream", hint="keep one writer for the whole run")
        self._first = self._reader.schema

    def _batch(self, message: pa.Buffer) -> tuple[pa.RecordBatch, dict[bytes, bytes] | None]:
        if self._reader is None:
            raise InvalidBatch("the script wrote a batch outside of an Arrow stream: no schema came before it")
        self._feed.put([*self._dictionaries, message])
        self._dictionaries.clear()
        try:
            batch, custom = self._reader.read_next_batch_with_custom_metadata()
            # Without this, an offset that points outside segfaults this process when the value is looked at (measured).
            batch.validate(full=True)
        except Exception as error:
            raise InvalidBatch(f"the script wrote a damaged batch: {error}") from error
        self._compare()
        return batch, None if custom is None else dict(custom)

    def _compare(self) -> None:
        if not self._reader.schema.equals(self._first):
            was, now = _columns(self._first), _columns(self._reader.schema)
            raise SchemaMismatch(
                f"the script changed the columns of its output from ({was}) to ({now})",
                hint="give every batch the same columns, and keep one writer for the whole run",
            )


class _Feed:
    """A file for pyarrow that holds exactly the messages it may read; nothing is copied."""

    closed = False

    def __init__(self) -> None:
        self._buffers: deque[pa.Buffer] = deque()

    def put(self, messages: Iterable[pa.Buffer]) -> None:
        """Hold these whole messages, and nothing left over from before."""
        self._buffers = deque(messages)

    def read(self, count: int) -> pa.Buffer:
        while self._buffers and not self._buffers[0].size:
            self._buffers.popleft()
        if not self._buffers:
            return pa.py_buffer(b"")
        head = self._buffers[0]
        self._buffers[0] = head.slice(min(count, head.size))
        return head.slice(0, min(count, head.size))

    read_buffer = read

    def readable(self) -> bool:
        return True


def _messages(segment: bytes | bytearray) -> Iterator[tuple[str, pa.Buffer]]:
    """Kind and bytes of each Arrow message; ``junk`` is whatever stands before the next one, ``end`` the end marker."""
    data = pa.py_buffer(segment)
    at, tries = 0, _TRIES
    while at < data.size:
        kind, end = _message(segment, data, at)
        if kind == "junk":
            end = at
            while kind == "junk":
                end = segment.find(_CONTINUATION, end + 1) if tries else -1
                if end < 0:
                    end = data.size
                    break
                tries -= 1
                kind, _ = _message(segment, data, end)
            kind = "junk"
        yield kind, data.slice(at, end - at)
        at = end


def _message(segment: bytes | bytearray, data: pa.Buffer, at: int) -> tuple[str, int]:
    """Kind and end of the message at ``at``; ``junk`` unless all of it is there. pyarrow looks at it last."""
    if data.size - at < _PREFIX.size:
        return "junk", at
    continuation, length = _PREFIX.unpack_from(segment, at)
    if continuation != _CONTINUATION or not 0 <= length <= min(_MAX_METADATA, data.size - at - _PREFIX.size):
        return "junk", at
    if length == 0:
        return "end", at + _PREFIX.size
    source = pa.BufferReader(data.slice(at))
    try:
        kind: str = pa.ipc.read_message(source).type
    except Exception:  # noqa: BLE001 - whatever pyarrow says of it: this is no message
        return "junk", at
    return kind, at + source.tell()


def _junk(data: bytes) -> ProtocolError:
    if data.startswith(_CONTINUATION):
        return InvalidBatch("the script wrote an Arrow message that is damaged or not complete")
    cut = data[: 4 * _EXCERPT]
    excerpt = repr(cut.decode("utf-8", "replace")[:_EXCERPT]) if _is_text(data) else repr(cut[: _EXCERPT // 4])
    return StdoutPolluted(
        f"the script printed {excerpt}{'…' if len(data) > _EXCERPT else ''} into its Arrow output",
        hint="print to the log instead: print(..., file=sys.stderr)",
    )


def _is_text(data: bytes) -> bool:
    try:
        return all(letter.isprintable() or letter.isspace() for letter in data.decode())
    except UnicodeDecodeError:
        return False


def _fields(fields: Iterable[pa.Field]) -> Iterator[pa.Field]:
    """These and all that are nested in them."""
    for field in fields:
        yield field
        kind = field.type
        if isinstance(kind, pa.BaseExtensionType):
            yield from _fields([field.with_type(kind.storage_type)])
        elif pa.types.is_dictionary(kind):
            yield from _fields([field.with_type(kind.value_type)])
        else:
            yield from _fields(kind.field(at) for at in range(kind.num_fields))


def _columns(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} {field.type}" for field in schema)
