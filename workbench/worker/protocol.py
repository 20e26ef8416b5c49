"""The wire format between parent and worker: frames with magic, kind, number, length and checksums.

A frame is a header of fixed size and a payload. The receiver checks the header before it believes the length or
allocates, and the payload before it looks at it: a damaged frame is told at once, never waited for, never handed out.
`FrameReader` takes bytes as they come and never raises for a frame that is merely incomplete. Left out on purpose: what
the payloads mean; `host` and `workbench.transport.framed` agree on that.
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any, Optional, Tuple

MAGIC = b"uWB1"
_HEAD = struct.Struct("<4sB3xQQI")  # magic, kind, number, length, crc32 of the payload
_CHECK = struct.Struct("<I")  # crc32 of the head
HEADER_SIZE = _HEAD.size + _CHECK.size
MARK_BYTES = 16  # of a mark in the log

# Parent to worker.
LOAD, OPEN, BATCH, SNAPSHOT, RESTORE, MERGE, FINISH = 1, 2, 3, 4, 5, 6, 7
# ... about shared memory: here is an arena for inputs, one for outputs (the fd comes along), forget both; batch
# ``number`` is at this place; its answer may be written to this place.
INPUTS, OUTPUTS, FORGET, PLACED, LENT = 8, 9, 10, 11, 12
# Worker to parent.
READY, PART, END, BLOB, REFUSED = 16, 17, 18, 19, 20
BEAT = 21  # at any time: alive; before READY its number says which of these phases has begun
PHASES = ("start", "import", "load")
PART_PLACED = 22  # a part of the answer is in the memory that was lent for it, at this place
MARKED = 23  # what was printed before the next answer ends at a mark, in the pipes that the number has bits for

KINDS = frozenset((*range(LOAD, LENT + 1), *range(READY, MARKED + 1)))
_PLACE = struct.Struct("<QQ")  # offset, length


class FrameError(Exception):
    """The bytes are no frame of ours: the conversation cannot go on."""


def header(kind: int, number: int, payload: Any) -> bytes:
    """The header for a payload of bytes or anything with the buffer interface."""
    view = memoryview(payload)
    head = _HEAD.pack(MAGIC, kind, number, view.nbytes, zlib.crc32(view))
    return head + _CHECK.pack(zlib.crc32(head))


def read_header(data: Any, limit: int) -> Tuple[int, int, int, int]:
    """Kind, number, length and checksum; FrameError if this is no header, or promises more than ``limit`` bytes."""
    magic, kind, number, length, checksum = _HEAD.unpack_from(data)
    if magic != MAGIC or kind not in KINDS:
        raise FrameError(f"unexpected bytes {bytes(data[:16])!r} instead of a frame")
    if _CHECK.unpack_from(data, _HEAD.size)[0] != zlib.crc32(data[: _HEAD.size]):
        raise FrameError("a frame arrived damaged: the checksum of its header does not match")
    if length > limit:
        raise FrameError(f"a frame of {length} bytes was announced, the limit is {limit}")
    return kind, number, length, checksum


def check(payload: Any, checksum: int) -> None:
    """FrameError unless the payload is what was sent."""
    if zlib.crc32(payload) != checksum:
        raise FrameError("a frame arrived damaged: its checksum does not match")


def encode(value: Any) -> bytes:
    """JSON as bytes. Lone surrogates and NaN survive the way; anything else that is no JSON is the caller's mistake."""
    return json.dumps(value).encode("ascii")


def decode(data: Any) -> Any:
    """The inverse of `encode`; FrameError if it is none."""
    try:
        return json.loads(bytes(data))
    except (ValueError, RecursionError) as error:
        raise FrameError(f"a frame holds no JSON: {error}") from None


def place(offset: int, length: int) -> bytes:
    """The payload that names a region of an arena."""
    return _PLACE.pack(offset, length)


def read_place(payload: Any) -> Tuple[int, int]:
    """Offset and length; FrameError if that is no place. Whether it may be read is for the caller to know."""
    if len(payload) != _PLACE.size:
        raise FrameError(f"a place has {_PLACE.size} bytes, not {len(payload)}")
    offset, length = _PLACE.unpack(bytes(payload))
    return offset, length


class FrameReader:
    """Puts frames together from whatever pieces arrive.

    `target` is the memory to receive into, never empty; after ``n`` bytes went there, `received(n)` returns the frame
    that became complete, if any, as (kind, number, payload). ``allocate`` makes the payload's memory, so that the
    parent can use Arrow's aligned buffers and the child a bytearray.
    """

    def __init__(self, limit: int, allocate: Any = bytearray) -> None:
        self._limit = limit
        self._allocate = allocate
        self._head = bytearray(HEADER_SIZE)
        self._frame: Optional[Tuple[int, int, int, int]] = None
        self._payload: Any = None
        self.target = memoryview(self._head)

    def received(self, count: int) -> Optional[Tuple[int, int, Any]]:
        """Take note of ``count`` bytes in `target`. FrameError if they are no frame; the reader is of no use then."""
        self.target = self.target[count:]
        if len(self.target):
            return None
        if self._frame is None:
            self._frame = read_header(self._head, self._limit)
            length = self._frame[2]
            self._payload = self._allocate(length)
            if length:
                self.target = memoryview(self._payload).cast("B")
                return None
        kind, number, _, checksum = self._frame
        payload, self._payload, self._frame = self._payload, None, None
        self.target = memoryview(self._head)
        check(payload, checksum)
        return kind, number, payload
