"""The framed channel, talked to by a test that holds the child's end: only whole, right, checked answers come out."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from fix_processes import batch, setup

from workbench.errors import InvalidBatch, ProtocolError
from workbench.transport.base import Answer, Blob, Closed, Invalid, Ready, Refused, Reply
from workbench.transport.framed import READ_MASK, WRITE_MASK, FramedChannel
from workbench.worker import protocol
from workbench.worker.protocol import BATCH, BLOB, END, FINISH, LOAD, MERGE, PART, READY, REFUSED, SNAPSHOT

ROWS = batch(range(3))
Frame = tuple[int, int, Any]


class Child:
    """The other end of a channel, held in this process."""

    def __init__(self) -> None:
        self.channel = FramedChannel(threshold=None)
        self.end = self.channel._child.dup()
        self.end.setblocking(False)
        self.channel.spawned()
        self.frames = protocol.FrameReader(1 << 30)
        self.channel.load(setup())
        self.channel.open(ROWS.schema, {"on_error": "fail"})

    def says(self, *frames: Frame) -> list[Reply]:
        """What the channel makes of frames, written without waiting."""
        data = b"".join(bytes(protocol.header(k, n, p)) + bytes(p) for k, n, p in frames)
        return self.writes(data)

    def writes(self, data: bytes) -> list[Reply]:
        replies: list[Reply] = []
        view = memoryview(data)
        while view:
            view = view[self.end.send(view) :]
            replies += self.look()
        return replies

    def look(self) -> list[Reply]:
        return [reply for fd, mask in self.channel.fds().items() for reply in self.channel.on_ready(fd, mask)]

    def heard(self) -> list[Frame]:
        """The frames that the channel has sent so far."""
        found: list[Frame] = []
        while True:
            self.look()
            try:
                frame = self.frames.received(self.end.recv_into(self.frames.target))
            except BlockingIOError:
                return found
            if frame is not None:
                found.append(frame)

    def is_ready(self) -> None:
        (reply,) = self.says((READY, 0, b"{}"))
        assert isinstance(reply, Ready)


@pytest.fixture
def child() -> Iterator[Child]:
    """A child that is ready."""
    made = Child()
    made.is_ready()
    yield made
    made.channel.close()
    made.end.close()


def end(rows: int = 3, **more: Any) -> bytes:
    """The last frame of an answer."""
    return protocol.encode({"rows": rows, **more})


def part(data: pa.RecordBatch = ROWS) -> bytes:
    """A batch of an answer."""
    return bytes(data.rename_columns(["out0"]).serialize().to_pybytes())


def refused(phase: str, error: str = "no") -> bytes:
    """A refusal."""
    return protocol.encode({"phase": phase, "error_type": "ValueError", "error": error, "frames": []})


def invalid(replies: list[Reply]) -> Exception:
    """The one reply, which says that the conversation is over."""
    (reply,) = replies
    assert isinstance(reply, Invalid)
    assert reply.fatal
    return reply.error


def test_requests_arrive_in_order(child: Child) -> None:
    """What was asked for is sent in that order, numbers and payloads unchanged."""
    child.channel.submit(5, ROWS)
    child.channel.ask("snapshot", 5)
    child.channel.ask("merge", 6, b"state")
    child.channel.ask("finish", 6)
    kinds = [(kind, number) for kind, number, _ in child.heard()]
    assert kinds == [(LOAD, 0), (protocol.OPEN, 0), (BATCH, 5), (SNAPSHOT, 5), (MERGE, 6), (FINISH, 6)]
    assert child.channel.fds() == {child.channel._socket.fileno(): READ_MASK}


def test_an_answer_in_every_cut(child: Child) -> None:
    """Cut at any byte, an answer is handed out once its last byte arrived, and not before."""
    frames = [(PART, 4, part()), (PART, 4, part()), (END, 4, end(6, seconds=0.5))]
    data = b"".join(bytes(protocol.header(k, n, p)) + p for k, n, p in frames)
    for cut in range(len(data)):
        child.channel.submit(4, ROWS)
        assert child.writes(data[:cut]) == []
        (answer,) = child.writes(data[cut:])
        assert isinstance(answer, Answer)
        assert (answer.number, answer.meta["seconds"]) == (4, 0.5)
        assert [piece.to_pydict() for piece in answer.batches] == [{"out0": [0, 1, 2]}] * 2
        child.heard()


def test_several_in_flight(child: Child) -> None:
    """Answers of any size to pipelined requests come in their order, each with its own batches."""
    for number in range(3):
        child.channel.submit(number, ROWS)
    child.channel.ask("snapshot", 2)
    frames: list[Frame] = [(END, 0, end(0)), (PART, 1, part()), (END, 1, end()), (REFUSED, 2, refused("batch"))]
    replies = child.says(*frames, (BLOB, 2, b"state"))
    assert [type(reply) for reply in replies] == [Answer, Answer, Refused, Blob]
    assert [len(reply.batches) for reply in replies if isinstance(reply, Answer)] == [0, 1]
    assert replies[-1] == Blob(2, b"state")


def test_a_finish_has_the_group_columns() -> None:
    """The result of an aggregate has the columns of the group before its own."""
    child = Child()
    child.is_ready()
    data = batch(["x"], [1], types=["STRING", "BIGINT"])
    child.channel.open(data.schema, {"group_width": 1})
    child.channel.ask("finish", 9)
    (answer,) = child.says((PART, 9, data.serialize()), (END, 9, end(1)))
    assert isinstance(answer, Answer)
    assert answer.batches[0].to_pydict() == {"a": ["x"], "out0": [1]}
    child.channel.close()
    child.end.close()


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([(END, 6, end(0))], "unexpected frame 18 for batch 6"),
        ([(PART, 6, part())], "unexpected frame 17 for batch 6"),
        ([(BLOB, 5, b"")], "unexpected frame 19 for batch 5"),
        ([(READY, 5, b"{}")], "unexpected frame 16 for batch 5"),
        ([(BATCH, 5, part())], "unexpected frame 3 for batch 5"),
        ([(END, 5, end(3))], "batch 5: 3 rows were announced and 0 arrived"),
        ([(PART, 5, part()), (END, 5, end(2))], "batch 5: 2 rows were announced and 3 arrived"),
        ([(END, 5, b"{}")], "batch 5: None rows were announced and 0 arrived"),
        ([(END, 5, b"[]")], "a frame holds JSON that is no object"),
        ([(END, 5, b"[" * 50_000)], "a frame holds no JSON"),
        ([(REFUSED, 5, b"5")], "a frame holds JSON that is no object"),
        ([(END, 5, b"")], "a frame holds no JSON"),
    ],
)
def test_a_wrong_answer_ends_the_conversation(child: Child, frames: list[Frame], message: str) -> None:
    """Wrong number, wrong kind, wrong count, no JSON: told by name with the batch that waited; nothing comes after."""
    child.channel.submit(5, ROWS)
    (reply,) = child.says(*frames)
    assert isinstance(reply, Invalid)
    assert reply.number == 5
    assert isinstance(reply.error, ProtocolError)
    assert message in str(reply.error)
    assert child.channel.fds() == {}


def test_an_answer_twice(child: Child) -> None:
    """A second answer is one that nobody waits for, also when it is the next batch's turn."""
    child.channel.submit(0, ROWS)
    child.channel.submit(1, ROWS)
    first, second = child.says((END, 0, end(0)), (END, 0, end(0)))
    assert isinstance(first, Answer)
    assert isinstance(second, Invalid)
    assert second.number == 1


def test_a_word_while_nothing_is_asked(child: Child) -> None:
    """What comes unasked is not kept for the next request."""
    error = invalid(child.says((END, 0, end(0))))
    assert "unexpected frame" in str(error)


@pytest.mark.parametrize("data", [b"Hello, world! This is no frame at all, is it?", b"\0" * 100])
def test_text_in_the_socket(child: Child, data: bytes) -> None:
    """Text, or anything else that is no frame, is an error and is never waited on."""
    child.channel.submit(0, ROWS)
    assert isinstance(invalid(child.writes(data)), ProtocolError)


def test_a_damaged_batch(child: Child) -> None:
    """An offset that points outside would crash this process when looked at: it is refused before."""
    data = pa.record_batch([pa.array(["a", "b"])], names=["out0"])
    child.channel.load(setup(returns=["STRING"]))
    child.is_ready()
    child.channel.submit(5, ROWS)
    payload = bytearray(data.serialize().to_pybytes())
    at = payload.index(bytes([0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0]))
    payload[at + 4 : at + 8] = (2 * 10**9).to_bytes(4, "little")
    error = invalid(child.says((PART, 5, payload)))
    assert isinstance(error, InvalidBatch)
    assert "a damaged Arrow batch came back" in str(error)


def test_mutated_batches_never_crash_this_process() -> None:
    """2,000 damaged batches are each refused or right to look at; the process that reads them lives on."""
    done = subprocess.run([sys.executable, "-c", MUTATE], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    refused_count, taken = map(int, done.stdout.split()[-2:])
    assert refused_count + taken == 2000
    assert refused_count > 1000


MUTATE = """
import decimal, random
import pyarrow as pa
from workbench.errors import InvalidBatch
from workbench.transport.framed import _decode

seed = random.SystemRandom().randrange(2**32)
print("seed", seed, flush=True)
dice = random.Random(seed)
schema = pa.schema([("a", pa.int64()), ("s", pa.string()), ("l", pa.list_(pa.string())),
                    ("m", pa.map_(pa.string(), pa.decimal128(10, 2))), ("t", pa.struct([("b", pa.bool_())]))])
rows = [{"a": i, "s": "x" * i, "l": ["y"] * (i % 3) if i % 4 else None, "m": [("k", decimal.Decimal(i))],
         "t": {"b": True}} for i in range(20)]
whole = pa.RecordBatch.from_pylist(rows, schema=schema).serialize().to_pybytes()
counts = [0, 0]
for _ in range(2000):
    data = bytearray(whole)
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(data))
        change = dice.randrange(3)
        if change == 0:
            data[at] ^= 1 << dice.randrange(8)
        elif change == 1:
            data[at:at + 4] = dice.choice([b"\\xff\\xff\\xff\\x7f", b"\\0\\0\\0\\x80", b"\\xff" * 4, b"\\0" * 4])
        else:
            del data[at:at + dice.randint(1, 16)]
    try:
        batch = _decode(bytes(data), schema)
    except InvalidBatch:
        counts[0] += 1
    else:
        batch.to_pylist()
        counts[1] += 1
print(*counts)
"""


def test_what_was_answered_before_the_end_is_read(child: Child) -> None:
    """A child that answers and closes its end has answered; then the end is told, once."""
    child.channel.submit(0, ROWS)
    child.channel.submit(1, ROWS)
    child.end.send(protocol.header(END, 0, end(0)) + end(0) + protocol.header(END, 1, end(0)))
    child.end.close()
    answer, closed = child.look()
    assert isinstance(answer, Answer)
    assert closed == Closed()
    assert child.look() == []
    child.channel.submit(2, ROWS)
    assert child.channel.fds() == {}


def test_a_closed_end_while_writing(child: Child) -> None:
    """Requests that can no longer be sent are dropped; what was answered before is still read."""
    child.heard()
    child.channel.submit(0, ROWS)
    child.end.send(protocol.header(END, 0, end(0)) + end(0))
    child.end.close()
    replies = child.look() + child.look()
    assert [type(reply) for reply in replies] == [Answer, Closed]


def test_writing_never_waits(child: Child) -> None:
    """32 MB of requests to a child that reads nothing: they are kept, and answers are read all the same."""
    big = batch(range(1_000_000))
    for number in range(4):
        child.channel.submit(number, big)
    fd = child.channel._socket.fileno()
    assert child.channel.on_ready(fd, WRITE_MASK) == []
    assert child.channel.fds() == {fd: READ_MASK | WRITE_MASK}
    assert [type(reply) for reply in child.says((END, 0, end(0)))] == [Answer]
    assert [number for kind, number, _ in child.heard() if kind == BATCH] == [0, 1, 2, 3]


def test_refusals(child: Child) -> None:
    """A refusal answers the request that it names; one of `merge` is followed by the answer of `finish`."""
    child.channel.ask("merge", 3, b"?")
    child.channel.ask("finish", 3)
    replies = child.says((REFUSED, 3, refused("merge")), (REFUSED, 3, refused("finish")))
    assert [reply.phase for reply in replies if isinstance(reply, Refused)] == ["merge", "finish"]
    (reply,) = child.says((REFUSED, 9, b"{}"))
    assert isinstance(reply, Refused)
    assert reply.info["error"] == ""


def test_the_order_of_calls() -> None:
    """The output's columns are told by `load`; without them no run can be opened."""
    channel = FramedChannel()
    with pytest.raises(RuntimeError, match="load comes before open"):
        channel.open(ROWS.schema, {})
    channel.close()
    channel.close()
    assert channel.on_ready(0, READ_MASK) == ()
