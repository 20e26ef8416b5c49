"""Shared memory under attack: whatever the child does to it or says of it, the parent lives and tells the truth."""

from __future__ import annotations

import errno
import os
import signal
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest
from fix_processes import Bench, alive, batch, column, function, ids, until

from workbench.errors import InvalidBatch, ProtocolError
from workbench.transport import arena, shm
from workbench.transport.arena import Arena, can_share
from workbench.transport.base import Answer, Fallback, Invalid, Refused, Reply
from workbench.transport.framed import FramedChannel
from workbench.worker import arena as child_side
from workbench.worker import protocol
from workbench.worker.protocol import BATCH, END, LENT, OUTPUTS, PART_PLACED, PLACED, REFUSED

pytestmark = pytest.mark.skipif(not can_share(), reason="needs Linux")

ROWS = batch(range(1000))
ANSWER = ROWS.rename_columns(["out0"])
ECHO = "def evaluate(a):\n    return a\n"


class Child:
    """The other end of a channel, held in this process, with its arenas mapped as the worker does."""

    def __init__(self) -> None:
        from fix_processes import setup

        self.channel = FramedChannel(threshold=0)
        self.end = self.channel._child.dup()
        self.end.settimeout(5)
        self.channel.spawned()
        self.frames = protocol.FrameReader(1 << 30)
        self.arenas: dict[int, child_side.Arena] = {}
        self.channel.load(setup())
        self.channel.open(ROWS.schema, {})
        self.says(protocol.READY, 0, b"{}")
        self.heard()

    def says(self, kind: int, number: int, payload: bytes) -> list[Reply]:
        self.end.sendall(protocol.header(kind, number, payload) + payload)
        return self.look()

    def look(self) -> list[Reply]:
        return [reply for fd, mask in self.channel.fds().items() for reply in self.channel.on_ready(fd, mask)]

    def heard(self) -> list[tuple[int, int, bytes]]:
        """Everything that the channel has to send now; arenas are mapped and left out."""
        found: list[tuple[int, int, bytes]] = []
        while self.channel._out:
            self.look()
        self.end.setblocking(False)
        while True:
            try:
                data, fds, _, _ = socket.recv_fds(self.end, len(self.frames.target), 1)
            except BlockingIOError:
                return found
            self.frames.target[: len(data)] = data
            frame = self.frames.received(len(data))
            if frame is None:
                assert not fds or len(data) < protocol.HEADER_SIZE
            elif fds:
                self.arenas[frame[0]] = child_side.Arena(fds[0], writable=True)
            else:
                found.append((frame[0], frame[1], bytes(frame[2])))

    def asked(self, number: int) -> tuple[int, int]:
        """Submit a batch; the place that was lent for its answer."""
        self.channel.submit(number, ROWS)
        (_, _, lent), (kind, _, _) = self.heard()
        assert kind == PLACED
        return protocol.read_place(lent)

    def answers(self, number: int, offset: int, length: int, rows: int = 1000) -> list[Reply]:
        replies = self.says(PART_PLACED, number, protocol.place(offset, length))
        return replies or self.says(END, number, protocol.encode({"rows": rows}))


@pytest.fixture
def child() -> Iterator[Child]:
    """A child that is ready."""
    made = Child()
    yield made
    made.channel.close()
    made.channel.submit(9, ROWS)  # nobody is there any more: nothing is made for it
    made.end.close()
    made.arenas.clear()


def write(child: Child, place: tuple[int, int], answer: pa.RecordBatch = ANSWER) -> tuple[int, int]:
    """Put an answer into lent memory; where it is."""
    found = child_side.Room(child.arenas[OUTPUTS], *place).write(answer)
    assert found is not None
    return found


def test_an_answer_from_shared_memory(child: Child) -> None:
    """What the child wrote into the memory lent to it is the answer."""
    (reply,) = child.answers(0, *write(child, child.asked(0)))
    assert isinstance(reply, Answer)
    assert reply.batches == (ANSWER,)


def test_scribbles_after_hand_back(child: Child) -> None:
    """What was handed out stays what it was, though the child writes over its memory until the end."""
    place = child.asked(0)
    (reply,) = child.answers(0, *write(child, place))
    for one in child.arenas.values():
        one.view(0, len(one._view))[:] = b"\xff" * len(one._view)
    assert isinstance(reply, Answer)
    assert reply.batches == (ANSWER,)
    reply.batches[0].validate(full=True)


@pytest.mark.parametrize(
    ("offset", "length"), [(0, 1 << 40), (1 << 63, 8), (2**64 - 1, 2**64 - 1), (-1, 64), (1, 0), (0, 1)]
)
def test_lies_about_the_place(child: Child, offset: int, length: int) -> None:
    """A place outside of what was lent, or next to it, is an error; nothing is read there, nothing allocated."""
    first, region = child.asked(0)
    if (offset, length) == (-1, 64):
        offset = first + region - 1
    elif length <= 1:
        offset = (first + region) % (2 * region) + offset
    (reply,) = child.says(PART_PLACED, 0, protocol.place(offset, length))
    assert isinstance(reply, Invalid)
    assert reply.fatal
    assert isinstance(reply.error, ProtocolError)
    assert "memory that was not lent" in str(reply.error)


def test_a_place_that_is_none(child: Child) -> None:
    """A frame of the wrong length names no place."""
    child.asked(0)
    (reply,) = child.says(PART_PLACED, 0, b"123")
    assert isinstance(reply, Invalid)


def test_nothing_was_lent() -> None:
    """A child to which nothing was lent cannot answer from there."""
    made = Child()
    made.channel._threshold = None
    made.channel.submit(0, ROWS)
    assert [kind for kind, _, _ in made.heard()] == [BATCH]
    (reply,) = made.says(PART_PLACED, 0, protocol.place(0, 8))
    assert isinstance(reply, Invalid)
    made.channel.close()
    made.end.close()


def test_damage_in_shared_memory(child: Child) -> None:
    """Bytes that are no batch are refused before anything looks at them."""
    offset, _ = child.asked(0)
    child.arenas[OUTPUTS].view(offset, 8000)[:] = b"\x07" * 8000
    (reply,) = child.says(PART_PLACED, 0, protocol.place(offset, 8000))
    assert isinstance(reply, Invalid)
    assert isinstance(reply.error, InvalidBatch)


def test_a_region_has_one_borrower(child: Child) -> None:
    """Two batches have memory, the third goes through the socket; an answer or a refusal frees its own."""
    first, second = child.asked(0), child.asked(1)
    assert first[0] != second[0]
    child.channel.submit(2, ROWS)
    assert [kind for kind, _, _ in child.heard()] == [BATCH]
    child.answers(0, *write(child, first))
    assert child.asked(3) == first
    (reply,) = child.says(REFUSED, 1, protocol.encode({"phase": "batch"}))
    assert isinstance(reply, Refused)
    assert child.asked(4) == second


def test_a_larger_arena(child: Child) -> None:
    """An answer to an earlier batch is read from the arena that it was given, after a larger one took its place."""
    place = child.asked(0)
    before = dict(child.arenas)
    big = batch(range(500_000))
    child.channel.submit(1, big)
    (_, _, lent), _ = child.heard()
    assert child.arenas[OUTPUTS] is not before[OUTPUTS]
    found = child_side.Room(before[OUTPUTS], *place).write(ANSWER)
    assert found is not None
    (first,) = child.answers(0, *found)
    (second,) = child.answers(1, *write(child, protocol.read_place(lent)))
    assert isinstance(first, Answer)
    assert isinstance(second, Answer)
    assert first.batches == second.batches == (ANSWER,)


def test_the_child_cannot_resize(child: Child) -> None:
    """A shrunken file would be SIGBUS here; the seals say no, and cannot be lifted."""
    one = Arena(1000)
    try:
        for size in (0, one.size - 1, one.size + 1):
            with pytest.raises(PermissionError):
                os.ftruncate(one.fd, size)
    finally:
        os.close(one.fd)


def test_what_is_too_large_is_not_shared(child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit the socket is used."""
    monkeypatch.setattr(shm, "MOST", 100_000)
    child.channel.submit(0, batch(range(100_000)))
    assert [kind for kind, _, _ in child.heard()] == [BATCH]


def full(fd: int, offset: int, length: int) -> None:
    """posix_fallocate on a system without memory."""
    raise OSError(errno.ENOSPC, "No space left on device")


def test_no_memory(child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without shared memory batches take the socket, which is told once; the next run tries again."""
    monkeypatch.setattr(os, "posix_fallocate", full)
    for number in range(2):
        child.channel.submit(number, ROWS)
    assert child.look() == [Fallback("no 0 MB of shared memory (No space left on device)")]
    assert [kind for kind, _, _ in child.heard()] == [BATCH, BATCH]
    monkeypatch.undo()
    assert isinstance(child.says(END, 0, protocol.encode({"rows": 0}))[0], Answer)
    child.channel.open(ROWS.schema, {})
    child.channel.submit(2, ROWS)
    assert [kind for kind, _, _ in child.heard()][1:] == [LENT, PLACED]


def test_a_run_without_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bench: Bench) -> None:
    """Several workers, one event, every row."""
    monkeypatch.setattr(os, "posix_fallocate", full)
    outcomes = bench.run(function(tmp_path, ECHO), ids(20, 20_000), workers=2)
    assert column(outcomes) == list(range(400_000))
    assert bench.kinds().count("fallback") == 1
    assert bench.event("fallback").detail == "no 0 MB of shared memory (No space left on device)"


def test_a_system_that_cannot(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bench: Bench) -> None:
    """Where there is no memfd (macOS) batches take the socket, and nothing is said of it."""
    monkeypatch.delattr(os, "memfd_create")
    assert not can_share()
    outcomes = bench.run(function(tmp_path, ECHO), ids(3, 100_000))
    assert column(outcomes) == list(range(300_000))
    assert bench.kinds() == ["started"]


def mapped(pid: int) -> int:
    """Bytes of our arenas that a process maps."""
    spans = [
        line.split()[0].split("-")
        for line in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8").splitlines()
        if "memfd:workbench" in line
    ]
    return sum(int(end, 16) - int(start, 16) for start, end in spans)


def test_a_worker_at_rest_gives_up_what_is_large(tmp_path: Path, bench: Bench) -> None:
    """After a run, megabytes are given back on both sides; a little is kept."""
    launch = function(tmp_path, ECHO)
    bench.run(launch, ids(3, 100_000))
    (worker,) = bench.pool.idle(launch.key)
    kept = mapped(worker.pid)
    assert 0 < kept <= shm.KEPT
    bench.run(launch, ids(3, 2_000_000))
    until(lambda: mapped(worker.pid) == 0)
    assert mapped(os.getpid()) == 0


@pytest.mark.parametrize("end", ["killed", "closed"])
def test_nothing_outlives_a_worker(end: str, tmp_path: Path, bench: Bench) -> None:
    """The memory has no name: when a worker is killed or closed, /dev/shm is as before and nobody maps it."""
    before = sorted(Path("/dev/shm").iterdir())
    launch = function(tmp_path, ECHO, launch={"channel": partial(FramedChannel, threshold=0)})
    bench.run(launch, ids(3, 10_000))
    (worker,) = bench.pool.idle(launch.key)
    assert mapped(worker.pid)
    if end == "killed":
        os.kill(worker.pid, signal.SIGKILL)
    else:
        bench.close()
    until(lambda: not alive(worker.pid))
    bench.close()
    assert sorted(Path("/dev/shm").iterdir()) == before
    assert mapped(os.getpid()) == 0


def test_regions_are_whole_pages() -> None:
    """Two regions, rounded up, side by side."""
    one = Arena(1)
    os.close(one.fd)
    assert one.region_bytes == arena.GRAIN
    regions = [one.take(), one.take(), one.take()]
    assert sorted(region.offset for region in regions if region) == [0, arena.GRAIN]
    assert regions[2] is None
