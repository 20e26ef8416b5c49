"""Raw scripts: whatever one does with its two streams, each batch is answered once, rightly, and without a hang."""

from __future__ import annotations

import contextlib
import os
import random
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from fix_processes import ENV, Bench, column

from workbench.errors import InvalidBatch, ProtocolError, StdoutPolluted, WorkerStartError
from workbench.supervisor.worker import Launch
from workbench.transport.base import Answer, Asked, Closed, Invalid, Marked, Ready, Refused, Reply
from workbench.transport.raw import RawChannel
from workbench.transport.script_output import ScriptOutput
from workbench.worker import script as launcher

SCRIPTS = Path(__file__).parent / "scripts"
DEADLINE = 20.0

FILTER = """\
import pyarrow as pa
import sys

reader = pa.ipc.open_stream(sys.stdin.buffer)
writer = None

for batch in reader:
    result = batch.filter(pa.compute.greater(batch['amount'], 100))
    if writer is None:
        writer = pa.ipc.new_stream(sys.stdout.buffer, result.schema)
    writer.write_batch(result)
"""

AVERAGE = """\
import pyarrow as pa
import sys

class RunningAverage:
    def __init__(self): self.total, self.count = 0, 0
    def accumulate(self, batch):
        self.total += sum(batch['value'].to_pylist())
        self.count += len(batch)
    def result(self): return self.total / max(self.count, 1)

udaf = RunningAverage()
reader = pa.ipc.open_stream(sys.stdin.buffer)
writer = None
for batch in reader:
    udaf.accumulate(batch)
    out = pa.RecordBatch.from_pydict({'avg': [udaf.result()]})
    if writer is None:
        writer = pa.ipc.new_stream(sys.stdout.buffer, out.schema)
    writer.write_batch(out)
"""


class Script:
    """A script behind a channel, driven by one selector loop with a deadline."""

    def __init__(self, path: Path, *args: str, max_output: int = 1 << 30) -> None:
        self.channel = RawChannel(max_output=max_output)
        env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        self.process = subprocess.Popen(
            [sys.executable, launcher.__file__, str(path), *args],
            stdin=self.channel.stdin,
            stdout=self.channel.stdout,
            stderr=subprocess.PIPE,
            pass_fds=self.channel.pass_fds,
            env={**env, **self.channel.environment},
        )
        self.channel.spawned()
        self.replies: list[Reply] = []

    def until(self, count: int) -> list[Reply]:
        """The first ``count`` replies."""
        end = time.monotonic() + DEADLINE
        while len(self.replies) < count:
            with selectors.DefaultSelector() as selector:
                for fd, mask in self.channel.fds().items():
                    selector.register(fd, mask)
                assert selector.get_map(), f"the channel ended after {self.replies}"
                ready = selector.select(end - time.monotonic())
            assert ready, f"nothing came within {DEADLINE} s after {self.replies}"
            for key, mask in ready:
                told = self.channel.on_ready(key.fd, mask)
                self.replies += [reply for reply in told if not isinstance(reply, Marked | Asked)]
        return self.replies[:count]

    def run(self, batches: Sequence[pa.RecordBatch], schema: pa.Schema | None = None) -> list[Reply]:
        """All batches at once, and the end of input; every reply after `Ready` up to the end of the channel."""
        self.channel.open(schema or batches[0].schema, {})
        for number, batch in enumerate(batches):
            self.channel.submit(number, batch)
        self.channel.ask("finish", len(batches))
        while self.channel.fds():
            self.until(len(self.replies) + 1)
        assert isinstance(self.replies[0], Ready)
        return self.replies[1:]

    def stderr(self) -> str:
        assert self.process.stderr is not None
        self.process.wait(DEADLINE)
        return self.process.stderr.read().replace(self.channel.mark, b"").decode()

    def close(self) -> None:
        self.channel.close()
        self.channel.close()
        self.process.kill()
        self.process.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()


@contextlib.contextmanager
def started(source: str | Path, *args: str, **options: Any) -> Iterator[Script]:
    """Start a script, and leave no process and no file descriptor behind."""
    before = len(list(Path("/dev/fd").iterdir()))
    script = Script(SCRIPTS / source, *args, **options)
    try:
        yield script
    finally:
        script.close()
    assert len(list(Path("/dev/fd").iterdir())) == before


def ints(*values: int) -> pa.RecordBatch:
    """A batch of one column ``n``."""
    return pa.record_batch({"n": pa.array(values, pa.int64())})


def rows(reply: Reply) -> list[dict[str, Any]]:
    """The rows of an answer."""
    assert isinstance(reply, Answer), reply
    return [row for batch in reply.batches for row in batch.to_pylist()]


def shapes(replies: Sequence[Reply]) -> list[Any]:
    """What came back for each number: the row counts of an answer's batches, or the name of what is wrong."""
    found: list[Any] = []
    for reply in replies:
        if isinstance(reply, Answer):
            found.append((reply.number, [batch.num_rows for batch in reply.batches]))
        elif isinstance(reply, Invalid):
            found.append((reply.number, type(reply.error).__name__ + ("!" if reply.fatal else "")))
        else:
            found.append(type(reply).__name__)
    return found


def test_the_guides_filter_runs_unmodified(tmp_path: Path) -> None:
    """Output of a batch arrives before the next one is sent, although the script never flushes."""
    path = tmp_path / "transform.py"
    path.write_text(FILTER)
    with started(path) as script:
        script.channel.load({})
        script.channel.open(pa.schema({"amount": pa.int64()}), {})
        for number, amounts in enumerate(([50, 150], [1, 2], [101, 102, 103])):
            script.channel.submit(number, pa.record_batch({"amount": amounts}))
            reply = script.until(number + 2)[-1]
            assert [row["amount"] for row in rows(reply)] == [value for value in amounts if value > 100]
        script.channel.ask("finish", 3)
        assert shapes(script.until(6)[4:]) == [(3, []), "Closed"]
        assert script.process.wait(DEADLINE) == 0


def test_the_guides_running_average_keeps_its_state(tmp_path: Path) -> None:
    """The process lives on between batches."""
    path = tmp_path / "average.py"
    path.write_text(AVERAGE)
    with started(path) as script:
        replies = script.run([pa.record_batch({"value": values}) for values in ([1, 2], [3], [4, 5, 6])])
        assert [rows(reply) for reply in replies[:3]] == [[{"avg": 1.5}], [{"avg": 2.0}], [{"avg": 3.5}]]


def test_ready_tells_versions_and_no_input_gives_no_output(tmp_path: Path) -> None:
    """Zero batches in are zero bytes out, and a clean end."""
    path = tmp_path / "transform.py"
    path.write_text(FILTER)
    with started(path) as script:
        assert shapes(script.run([], pa.schema({"amount": pa.int64()}))) == [(0, []), "Closed"]
        ready = script.replies[0]
        assert isinstance(ready, Ready)
        assert ready.info["pyarrow"] == pa.__version__
        assert set(ready.info) == {"python", "pyarrow", "load_seconds"}


def test_pipelined_outputs_belong_to_their_batch() -> None:
    """With all batches in flight, 0 to 3 outputs each and some slow, every output is counted to its own batch."""
    wanted = [0, 1, 2, 3, 0, 0, 3, 1, 2, 0]
    with started("counts.py") as script:
        replies = script.run([ints(count) for count in wanted])
        assert shapes(replies) == [(n, [1] * count) for n, count in enumerate(wanted)] + [(10, [1]), "Closed"]
        assert rows(replies[10]) == [{"n": -1}]


def test_large_batches_both_ways_never_deadlock() -> None:
    """16 MB in flight in both directions at once, through pipes that hold 1 MB."""
    big = pa.record_batch({"n": pa.array(range(1 << 21), pa.int64())})
    with started("echo.py") as script:
        replies = script.run([big] * 4)
        assert shapes(replies) == [(n, [1 << 21]) for n in range(4)] + [(4, []), "Closed"]
        assert all(reply.batches[0].equals(big) for reply in replies[:4] if isinstance(reply, Answer))


def test_output_before_any_input_belongs_to_the_first_batch() -> None:
    """10 MB written before the first read neither block nor vanish."""
    with started("writes_first.py") as script:
        assert shapes(script.run([ints(1), ints(2)])) == [(0, [131_072] * 10 + [1]), (1, [1]), (2, []), "Closed"]


def test_output_is_bounded() -> None:
    """A script that writes without ever asking for input is ended, by name, before it fills the memory."""
    with started("writes_first.py", max_output=1 << 20) as script:
        reply = script.until(2)[-1]
        assert isinstance(reply, Invalid)
        assert reply.fatal
        assert "more than 1048576 bytes" in str(reply.error)
        assert not script.channel.fds()


@pytest.mark.parametrize("how", ["print", "fd", "system"])
@pytest.mark.parametrize(("where", "bad"), [("start", 0), ("between", 1), ("after", 1), ("end", 4)])
def test_printed_text_spoils_its_batch_only(where: str, bad: int, how: str) -> None:
    """Text from `print`, fd 1 or a grandchild is named and costs one batch; the batches around it decode."""
    with started("prints.py", where, how) as script:
        replies = script.run([ints(n) for n in range(4)])
        expected: list[Any] = [(n, [1]) for n in range(4)] + [(4, [])]
        expected[bad] = (bad, "StdoutPolluted")
        assert shapes(replies) == [*expected, "Closed"]
        reply = replies[bad]
        assert isinstance(reply, Invalid)
        assert "printed 'hello\\n' into its Arrow output" in str(reply.error)


def test_a_changed_schema_is_named() -> None:
    """Both schemas are in the error; batches with the first columns still count, those with others do not."""
    with started("changes_schema.py") as script:
        replies = script.run([ints(n) for n in range(4)])
        assert shapes(replies) == [(0, [1]), (1, "SchemaMismatch"), (2, "SchemaMismatch"), (3, [1]), (4, []), "Closed"]
        reply = replies[1]
        assert isinstance(reply, Invalid)
        assert "from (n int64) to (other int64)" in str(reply.error)


def dictionary_batches() -> list[pa.RecordBatch]:
    """Batches whose dictionaries differ."""
    texts = (["a", "b", "a"], ["b", "c"], ["c", "c"], ["a"])
    return [pa.record_batch({"d": pa.array(values).dictionary_encode()}) for values in texts]


def test_dictionaries_live_across_batches() -> None:
    """A dictionary written once serves until it is replaced."""
    with started("dictionaries.py") as script:
        replies = script.run(dictionary_batches())
        assert [[row["d"] for row in rows(reply)] for reply in replies[:4]] == [
            ["a", "b", "a"],
            ["b", "c"],
            ["c", "c"],
            ["a"],
        ]


def test_dictionaries_of_a_polluted_batch_are_kept() -> None:
    """Later batches rely on the dictionary that came with text around it."""
    same = pa.array(["x", "y"]).dictionary_encode()
    with started("dictionaries.py", "0") as script:
        replies = script.run([pa.record_batch({"d": same})] * 3)
        assert shapes(replies) == [(0, "StdoutPolluted"), (1, [2]), (2, [2]), (3, []), "Closed"]
        assert rows(replies[2]) == [{"d": "x"}, {"d": "y"}]


def test_an_early_end_answers_what_it_did_not_read() -> None:
    """A script may stop reading: what it did not read is answered empty, and marked."""
    with started("stops_early.py") as script:
        replies = script.run([ints(n) for n in range(4)])
        assert shapes(replies) == [(0, [1]), (1, [1]), (2, []), (3, []), (4, []), "Closed"]
        assert [dict(reply.meta) for reply in replies[:5] if isinstance(reply, Answer)] == [{}, {}] + [
            {"unread": True}
        ] * 3
        assert script.process.wait(DEADLINE) == 0


def test_an_exception_leads_to_the_line() -> None:
    """Only the script's own frames, with their variables; the traceback is in the log and the exit status is 1."""
    with started("raises.py") as script:
        replies = script.run([ints(n) for n in range(3)])
        assert shapes(replies) == [(0, []), "Refused", "Closed"]
        reply = replies[1]
        assert isinstance(reply, Refused)
        assert (reply.phase, reply.number) == ("batch", 1)
        assert (reply.info["error_type"], reply.info["error"]) == ("ValueError", "bad batch 1")
        outer, inner = reply.info["frames"]
        assert (outer["function"], outer["text"]) == ("<module>", "check(number)")
        assert inner["file"].endswith("raises.py")
        assert (inner["text"], inner["locals"]) == (
            'raise ValueError(f"bad {label}")',
            {"number": "1", "label": "'batch 1'"},
        )
        log = script.stderr()
        assert log.startswith("Traceback (most recent call last):\n")
        assert log.endswith("ValueError: bad batch 1\n")
        assert launcher.__file__ not in log
        assert script.process.returncode == 1


@pytest.mark.parametrize(
    ("source", "error_type", "line"),
    [
        ("x = 1\nif x\n", "SyntaxError", 2),
        ("import missing_module\n", "ModuleNotFoundError", 1),
        (None, "FileNotFoundError", None),
    ],
)
def test_what_fails_before_it_asks_for_input_cannot_be_loaded(
    tmp_path: Path, source: str | None, error_type: str, line: int | None
) -> None:
    """Starting it again would not help, so the phase is load."""
    path = tmp_path / "broken.py"
    if source is not None:
        path.write_text(source)
    with started(path) as script:
        while not isinstance(script.until(len(script.replies) + 1)[-1], Closed):
            pass
        refused = script.replies[-2]
        assert isinstance(refused, Refused)
        assert (refused.phase, refused.number, refused.info["error_type"]) == ("load", None, error_type)
        assert [frame["line"] for frame in refused.info["frames"]] == ([] if line is None else [line])
        assert script.process.wait(DEADLINE) == 1


@pytest.mark.parametrize(("code", "status"), [("0", 0), ("None", 0), ("3", 3), ("'no'", 1)])
def test_sys_exit_is_as_in_python(tmp_path: Path, code: str, status: int) -> None:
    """0 and None are a clean end, anything else a failure with that status."""
    path = tmp_path / "leaves.py"
    path.write_text(f"import sys\nsys.stdin.buffer.read()\nsys.exit({code})\n")
    with started(path) as script:
        replies = script.run([ints(1)])
        assert shapes(replies) == [(0, []), (1, []) if status == 0 else "Refused", "Closed"]
        assert script.process.wait(DEADLINE) == status


def test_a_segmentation_fault_drops_what_was_not_done() -> None:
    """The batch before is answered, the half-done one is not, and the stack is in the log."""
    with started("segfault.py") as script:
        assert shapes(script.run([ints(n) for n in range(3)])) == [(0, [1]), "Closed"]
        assert script.process.wait(DEADLINE) == -11
        assert "segfault.py" in script.stderr()


def test_a_quiet_exit_is_no_clean_end(tmp_path: Path) -> None:
    """`os._exit(0)` in the middle answers nothing: only the launcher's report is an end."""
    path = tmp_path / "vanishes.py"
    path.write_text("import os, sys\nsys.stdin.buffer.read(8)\nos._exit(0)\n")
    with started(path) as script:
        assert shapes(script.run([ints(1)])) == ["Closed"]


def test_half_a_message_is_invalid() -> None:
    """A message cut short spoils its batch; it never swallows the bytes of the next."""
    with started("half.py") as script:
        assert shapes(script.run([ints(n) for n in range(3)])) == [
            (0, "InvalidBatch"),
            (1, [1]),
            (2, [1]),
            (3, []),
            "Closed",
        ]


def test_a_script_around_sys_stdin_ends_with_its_input() -> None:
    """Nothing tells its batches apart: they come back empty and unread, the output is the answer to the end."""
    with started("bypasses.py") as script:
        replies = script.run([ints(n) for n in range(3)])
        assert shapes(replies) == [(0, []), (1, []), (2, []), (3, [1, 1, 1]), "Closed"]


@pytest.mark.parametrize("batches", [1, 3])
def test_a_script_that_reads_past_sys_stdin(batches: int, bench: Bench) -> None:
    """A run of it would wait for ever: it is refused by name, with the way out, once its first batch was taken."""
    launch = Launch(
        "bypasses",
        (sys.executable, launcher.__file__, str(SCRIPTS / "bypasses.py")),
        ENV,
        RawChannel,
        reusable=False,
    )
    with pytest.raises(ProtocolError, match=r"reads its input past sys\.stdin.*\n.*read sys\.stdin\.buffer"):
        bench.run(launch, [ints(number) for number in range(batches)])


def test_a_script_that_fails_past_sys_stdin(tmp_path: Path, bench: Bench) -> None:
    """Its own error says more than where it read from."""
    path = tmp_path / "fails.py"
    path.write_text(
        "import os, pyarrow as pa\npa.ipc.open_stream(os.fdopen(0, 'rb')).read_next_batch()\nraise ValueError('mine')\n"
    )
    launch = Launch("fails", (sys.executable, launcher.__file__, str(path)), ENV, RawChannel, reusable=False)
    with pytest.raises(WorkerStartError, match="mine"):
        bench.run(launch, [ints(7)])


def test_a_slow_script_is_not_taken_for_one_that_reads_past_sys_stdin(tmp_path: Path, bench: Bench) -> None:
    """One that waits before it reads, or works for long on what it has read, is only slow."""
    path = tmp_path / "slow.py"
    path.write_text(
        "import sys, time, pyarrow as pa\n"
        "time.sleep(0.7)\n"
        "reader = pa.ipc.open_stream(sys.stdin.buffer)\n"
        "writer = pa.ipc.new_stream(sys.stdout.buffer, reader.schema)\n"
        "for batch in reader:\n"
        "    time.sleep(0.7)\n"
        "    writer.write_batch(batch)\n"
    )
    launch = Launch("slow", (sys.executable, launcher.__file__, str(path)), ENV, RawChannel, reusable=False)
    assert column(bench.run(launch, [ints(7)])) == [7]


def test_threads_and_atexit_functions_come_before_the_end() -> None:
    """The end is told when nothing can be written any more."""
    with started("late_thread.py") as script:
        assert shapes(script.run([ints(1, 2), ints(3)])) == [(0, []), (1, []), (2, [2, 1]), "Closed"]


def test_the_script_sees_an_ordinary_python(tmp_path: Path) -> None:
    """argv, the import path, `__main__` and the environment are those of a script started by itself."""
    (tmp_path / "values.py").write_text("NAME = 'mine'\n")
    path = tmp_path / "looks.py"
    path.write_text(
        "import os, sys, values, __main__\n"
        "assert sys.argv[1:] == ['a', 'b'], sys.argv\n"
        "assert sys.path[0] == os.path.dirname(__file__), sys.path\n"
        "assert not any(entry.endswith('worker') for entry in sys.path), sys.path\n"
        "assert values.NAME == 'mine' and __name__ == '__main__' and __main__.values is values\n"
        "assert 'WORKBENCH_FD' not in os.environ\n"
        "assert (sys.stdin.fileno(), sys.stdout.fileno()) == (0, 1)\n"
        "sys.stdin.buffer.read()\n"
    )
    with started(path, "a", "b") as script:
        assert shapes(script.run([ints(1)])) == [(0, []), (1, []), "Closed"], script.stderr()


def test_an_orphan_ends_at_once(tmp_path: Path) -> None:
    """A script whose parent is gone does not see a complete input: nothing after its loop runs."""
    path = tmp_path / "totals.py"
    flag = tmp_path / "total"
    path.write_text(f"import sys\nsys.stdin.buffer.read()\nopen({str(flag)!r}, 'w').close()\n")
    with started(path) as script:
        script.channel.open(ints().schema, {})
        script.channel.submit(0, ints(1))
        script.until(2)
        script.channel.close()
        assert script.process.wait(DEADLINE) == 1
        assert not flag.exists()


def test_a_script_has_one_stream() -> None:
    """What a script cannot do is refused where it is asked."""
    channel = RawChannel()
    with pytest.raises(RuntimeError, match="comes first"):
        channel.submit(0, ints(1))
    channel.open(ints().schema, {})
    with pytest.raises(RuntimeError, match="one input stream"):
        channel.open(ints().schema, {})
    with pytest.raises(RuntimeError, match="snapshot"):
        channel.ask("snapshot", 0)
    channel.ask("finish", 0)
    with pytest.raises(RuntimeError, match="ended"):
        channel.submit(0, ints(1))
    channel.close()


def stream(*batches: pa.RecordBatch, **options: Any) -> bytes:
    """A whole Arrow stream, its end marker included."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batches[0].schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        for batch in batches:
            writer.write_batch(batch, custom_metadata={"number": "1"})
    return bytes(sink.getvalue())


def test_metadata_of_batches_is_kept() -> None:
    """Metadata of single batches comes back beside them."""
    answer = ScriptOutput().decode(0, stream(ints(1)))
    assert isinstance(answer, Answer)
    assert answer.meta == {"custom_metadata": ({b"number": b"1"},)}


def test_a_closed_writer_may_be_the_end_but_not_followed_by_batches() -> None:
    """After the end marker only nothing may come."""
    output = ScriptOutput()
    assert shapes([output.decode(0, stream(ints(1)))]) == [(0, [1])]
    assert shapes([output.decode(1, b"")]) == [(1, [])]
    assert shapes([output.decode(2, ints(1).serialize().to_pybytes())]) == [(2, "InvalidBatch!")]
    assert shapes([output.decode(3, stream(ints(1)))]) == [(3, "SchemaMismatch")]


def test_a_batch_without_its_schema_is_fatal() -> None:
    """The schema was lost in a batch before: no later batch can ever be read."""
    output = ScriptOutput()
    assert shapes([output.decode(0, b"hello\n")]) == [(0, "StdoutPolluted")]
    assert shapes([output.decode(1, ints(1).serialize().to_pybytes())]) == [(1, "InvalidBatch!")]


def test_damage_that_may_hide_a_dictionary_is_fatal() -> None:
    """Later batches would silently be read with the values of an older dictionary."""
    output = ScriptOutput()
    data = stream(*dictionary_batches()[:1])
    assert shapes([output.decode(0, data[:-8])]) == [(0, [3])]
    assert shapes([output.decode(1, b"hello\n")]) == [(1, "StdoutPolluted")]
    assert shapes([output.decode(2, data[-200:-100])]) == [(2, "StdoutPolluted!")]


def test_an_offset_that_points_outside_is_refused() -> None:
    """Pyarrow's reader accepts it, and the process would die when the value is looked at."""
    batch = pa.record_batch({"s": ["some", "text"]})
    data = bytearray(stream(batch))
    at = data.index((4).to_bytes(4, "little") + (8).to_bytes(4, "little"))
    data[at : at + 4] = (2_000_000_000).to_bytes(4, "little")
    reply = ScriptOutput().decode(0, data)
    assert isinstance(reply, Invalid)
    assert isinstance(reply.error, InvalidBatch)


@pytest.mark.parametrize("place", ["start", "between", "end"])
def test_junk_is_never_more_than_invalid(place: str) -> None:
    """A hundred random strings at each place: one invalid batch, of a named kind, quickly, and nothing raised."""
    seed = 20_260_101
    chance = random.Random(seed)
    whole = stream(ints(1, 2, 3), ints(4))[:-8]
    first = len(stream(ints(1, 2, 3))) - 8
    at = {"start": 0, "between": first, "end": len(whole)}[place]
    for turn in range(100):
        junk = chance.randbytes(chance.randrange(1, 200))
        if turn % 2:
            junk = b"\xff\xff\xff\xff" + junk
        begin = time.monotonic()
        reply = ScriptOutput().decode(7, whole[:at] + junk + whole[at:])
        assert time.monotonic() - begin < 1
        assert isinstance(reply, Invalid), (seed, turn)
        assert isinstance(reply.error, (StdoutPolluted, InvalidBatch)), (seed, turn)
        assert isinstance(reply.error, ProtocolError)
        assert not reply.fatal


def test_text_that_looks_like_many_messages_is_read_quickly() -> None:
    """The search for the next message is bounded."""
    data = b"\xff" * (4 << 20) + stream(ints(1))
    begin = time.monotonic()
    reply = ScriptOutput().decode(0, data)
    assert isinstance(reply, Invalid)
    assert time.monotonic() - begin < 1


MUTATE = """
import random, sys
import pyarrow as pa
sys.path.insert(0, {root!r})
from workbench.transport.base import Answer, Invalid
from workbench.transport.script_output import ScriptOutput

chance = random.Random({seed})
nested = pa.array([[{{"a": 1, "s": "x"}}], None, []])
words = pa.array(["one", "two", "one"]).dictionary_encode()
batch = pa.record_batch({{"i": [1, 2, 3], "s": ["a", None, "ccc"], "l": nested, "d": words}})
more = batch.set_column(3, "d", pa.array(["one", "two", "six"]).dictionary_encode())
streams = []
for options in ({{}}, {{"emit_dictionary_deltas": True}}, {{"compression": "lz4"}}):
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_batch(batch)
        writer.write_batch(more)
    streams.append(bytes(sink.getvalue()))
seen = {{Answer: 0, Invalid: 0}}
for _ in range({count}):
    data = bytearray(chance.choice(streams))
    for _ in range(chance.choice((1, 1, 2, 8))):
        data[chance.randrange(len(data))] = chance.choice((0, 1, 127, 128, 255, chance.randrange(256)))
    reply = ScriptOutput().decode(0, data)
    seen[type(reply)] += 1
    if isinstance(reply, Answer):
        for found in reply.batches:
            try:
                found.to_pylist()
            except ValueError as error:  # valid in Arrow, not in a dict
                assert "duplicate field names" in str(error), error
assert all(seen.values()), seen
"""


def test_mutated_streams_never_kill_the_parent() -> None:
    """Damaged bytes give an invalid batch or other values, never a crash; tried in a process of its own."""
    root = str(Path(__file__).parents[2])
    code = MUTATE.format(root=root, seed=20_260_102, count=2_000)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
