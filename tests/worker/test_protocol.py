"""Frames: whatever arrives is a frame that was sent, or an error, and never waited for in vain."""

from __future__ import annotations

import contextlib
import random
import tracemalloc
import zlib
from collections.abc import Iterable
from typing import Any

import pytest

from workbench.worker import protocol
from workbench.worker.protocol import BATCH, END, HEADER_SIZE, LOAD, PART, FrameError, FrameReader

Frame = tuple[int, int, bytes]
FRAMES: list[Frame] = [(LOAD, 0, b'{"a": 1}'), (BATCH, 7, bytes(range(256))), (END, 2**63, b"")]


def wire(frames: Iterable[Frame]) -> bytes:
    """The bytes of frames."""
    return b"".join(protocol.header(kind, number, data) + data for kind, number, data in frames)


def read(reader: FrameReader, data: bytes) -> list[Frame]:
    """The frames that ``data`` completes."""
    found = []
    while data:
        count = min(len(reader.target), len(data))
        reader.target[:count] = data[:count]
        data = data[count:]
        frame = reader.received(count)
        if frame is not None:
            found.append((frame[0], frame[1], bytes(frame[2])))
    return found


def test_every_cut() -> None:
    """Cut at any byte, the frames before the cut are complete and the rest is waited for."""
    data = wire(FRAMES)
    ends = [len(wire(FRAMES[:count])) for count in range(1, 4)]
    for cut in range(len(data) + 1):
        reader = FrameReader(1000)
        first = read(reader, data[:cut])
        assert first == FRAMES[: sum(end <= cut for end in ends)]
        assert first + read(reader, data[cut:]) == FRAMES


def test_byte_by_byte() -> None:
    """The smallest pieces give the same frames."""
    reader = FrameReader(1000)
    assert [frame for byte in wire(FRAMES) for frame in read(reader, bytes([byte]))] == FRAMES


def test_a_flipped_bit_is_an_error_at_once() -> None:
    """Damage in a header is told when the header is there, in a payload when it is there; nothing is waited for."""
    data = wire([(PART, 5, b"payload")])
    for position in range(len(data) * 8):
        damaged = bytearray(data)
        damaged[position // 8] ^= 1 << position % 8
        with pytest.raises(FrameError):
            read(FrameReader(1 << 30), bytes(damaged))


def test_random_damage_never_gives_a_wrong_payload() -> None:
    """Bytes changed, cut out, put in or doubled: only frames that were sent come out, then an error or the end."""
    seed = random.SystemRandom().randrange(2**32)
    print("seed", seed)
    dice = random.Random(seed)
    whole = wire(FRAMES)
    for _ in range(3000):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(data))
            piece = bytes(dice.randrange(256) for _ in range(dice.randint(1, 8)))
            change = dice.randrange(4)
            if change == 0:
                data[at : at + len(piece)] = piece
            elif change == 1:
                del data[at : at + len(piece)]
            elif change == 2:
                data[at:at] = piece
            else:
                data[at:at] = data[at : at + 40]
        found: list[Frame] = []
        reader = FrameReader(1 << 20)
        with contextlib.suppress(FrameError):
            for byte in data:
                found += read(reader, bytes([byte]))
        assert all(frame in FRAMES for frame in found), seed


@pytest.mark.parametrize("length", [1001, 2**30, 2**62, 2**64 - 1])
def test_an_absurd_length_costs_nothing(length: int) -> None:
    """A length above the limit is refused before anything is allocated."""
    head = protocol._HEAD.pack(protocol.MAGIC, PART, 0, length, 0)
    head += protocol._CHECK.pack(zlib.crc32(head))
    allocated: list[int] = []

    def allocate(size: int) -> Any:
        allocated.append(size)
        return bytearray(size)

    tracemalloc.start()
    with pytest.raises(FrameError, match=f"a frame of {length} bytes was announced, the limit is 1000"):
        read(FrameReader(1000, allocate), head)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
    assert allocated == []


def test_text_is_no_frame() -> None:
    """What somebody printed into the socket is shown in the error."""
    with pytest.raises(FrameError, match="unexpected bytes b'Hello, world"):
        read(FrameReader(1000), b"Hello, world! " * 5)


@pytest.mark.parametrize("value", [{"a": [1, None, 0.1]}, "\ud800 ä\0", float("inf"), {}, []])
def test_json_survives(value: Any) -> None:
    """What is encoded is decoded the same, lone surrogates and infinities too."""
    assert protocol.decode(protocol.encode(value)) == value


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000, b"{} {}"])
def test_what_is_no_json(data: bytes) -> None:
    """Anything else is a FrameError, however deep."""
    with pytest.raises(FrameError, match="a frame holds no JSON"):
        protocol.decode(data)


def test_the_header_has_its_size() -> None:
    """The size that readers wait for is the size that is sent."""
    assert len(protocol.header(LOAD, 0, b"x")) == HEADER_SIZE
