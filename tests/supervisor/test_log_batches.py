"""Each printed line belongs to the batch that was being worked on, however many batches are under way."""

from __future__ import annotations

import selectors
import sys
from pathlib import Path
from typing import Any

import pytest
from fix_processes import DEADLINE, Bench, by_socket, function, ids, source

from workbench.supervisor.worker import Launch
from workbench.transport.framed import FramedChannel
from workbench.transport.raw import RawChannel
from workbench.worker import script

BATCHES = 300
WAYS = {
    "Python": "print(a)",
    "past Python": "os.write(1 + a % 2, b'%d\\n' % a)",
    "many": "WAYS[a % len(WAYS)](a)",
    "silence": "a % 60 > 3 or os.write(2, b'%d\\n' % a)",
}
HEAD = "import ctypes, os, subprocess, sys, threading\nlibc = ctypes.CDLL(None)\n"
HEAD += "WAYS = [print, lambda a: None, lambda a: print(a, file=sys.stderr), lambda a: libc.printf(b'%d\\n', a),\n"
HEAD += "    lambda a: os.write(2, b'%d\\n' % a), lambda a: sys.__stdout__.buffer.write(b'%d\\n' % a)]\n"


def by_memory() -> FramedChannel:
    """The channel that puts every batch into shared memory."""
    return FramedChannel(threshold=0)


def scripted(folder: Path, body: str) -> Launch:
    """How to launch a script with this body of its loop over ``batch``."""
    path = folder / "main.py"
    head = f"{HEAD}import pyarrow as pa\nprint('begins', file=sys.stderr)\n"
    head += "reader = pa.ipc.open_stream(sys.stdin.buffer)\n"
    loop = "".join(f"    {line}\n" for line in body.splitlines())
    path.write_text(
        f"{head}for batch in reader:\n    a = batch.column(0)[0].as_py()\n{loop}print('ends', file=sys.stderr)\n"
    )
    argv = (sys.executable, str(script.__file__), str(path))
    return Launch(label="main.py", argv=argv, env={"PATH": "/usr/bin:/bin"}, channel=RawChannel, reusable=False)


def misplaced(bench: Bench) -> list[tuple[int | None, str]]:
    """Lines that are a number, and their batch, if it is another one."""
    return [(line.batch, line.text) for line in bench.lines if line.text.isdigit() and line.batch != int(line.text)]


def lines(bench: Bench) -> list[tuple[int, int | None, str]]:
    """Worker, batch and text of each line."""
    return [(line.worker, line.batch, line.text) for line in bench.lines]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("channel", [by_socket, by_memory])
def test_each_line_at_its_batch(tmp_path: Path, bench: Bench, way: str, channel: Any) -> None:
    """Batches follow each other at once, and each says its number: none is told of another."""
    launch = function(tmp_path, f"{HEAD}def evaluate(a):\n    {WAYS[way]}\n    return a\n", launch={"channel": channel})
    bench.run(launch, ids(BATCHES, 1), window=8)
    assert misplaced(bench) == []
    assert len(bench.lines) == {"many": 250, "silence": 20}.get(way, BATCHES)


@pytest.mark.parametrize("way", ["print(a, file=sys.stderr)", "os.write(2, b'%d\\n' % a)"])
def test_a_script(tmp_path: Path, bench: Bench, way: str) -> None:
    """The same of a script; what it prints before its first batch is of none, nor is what it prints after its last."""
    emit = "if not a: writer = pa.ipc.new_stream(sys.stdout.buffer, batch.schema)\nwriter.write_batch(batch)"
    bench.run(scripted(tmp_path, f"{emit}\n{way}"), ids(BATCHES, 1), window=8)
    assert misplaced(bench) == []
    assert lines(bench)[0] == (1, None, "begins")
    assert lines(bench)[-1] == (1, None, "ends")
    assert len(bench.lines) == BATCHES + 2


@pytest.mark.parametrize("workers", [1, 2])
def test_tables_and_aggregates(tmp_path: Path, bench: Bench, workers: int) -> None:
    """Table functions and aggregates too, on one worker or two."""
    for name in "ta":
        (tmp_path / name).mkdir()
    table = function(tmp_path / "t", "def evaluate(a):\n    print(a)\n    yield a\n", kind="udtf")
    bench.run(table, ids(BATCHES, 1), window=8, workers=workers)
    code = "class Sum:\n    def __init__(self): self.all = 0\n    def accumulate(self, a):\n        print(a)\n"
    code += "        self.all += a\n    def merge(self, other): self.all += other\n"
    code += "    def finish(self):\n        print('finishes')\n        return self.all\n"
    code += "    @property\n    def aggregate_state(self): return self.all\n"
    bench.run(function(tmp_path / "a", code, kind="udaf", attribute="Sum"), ids(BATCHES, 1), window=8, workers=workers)
    assert misplaced(bench) == []
    assert len([line for line in bench.lines if line.text.isdigit()]) == 2 * BATCHES
    assert {batch for _, batch, text in lines(bench)[-1:] if text == "finishes"} == {None}


def test_a_crash(tmp_path: Path, bench: Bench) -> None:
    """The last lines of a worker and the stack that it left are at the batch that it died in, and both its lives'."""
    code = f"{HEAD}print('loads')\ndef evaluate(a):\n    print(a)\n    if a == 7: os.abort()\n    return a\n"
    bench.run(function(tmp_path, code), ids(9, 1), window=8, on_error="dead_letter")
    assert misplaced(bench) == []
    assert {(batch, text) for _, batch, text in lines(bench) if "loads" in text} == {(None, "loads")}
    fatal = [(worker, batch) for worker, batch, text in lines(bench) if text == "Fatal Python error: Aborted"]
    assert fatal == [(1, 7), (2, 7)]
    assert {batch for _, batch, text in lines(bench) if "in evaluate" in text} == {7}


def test_nothing_to_do(tmp_path: Path, bench: Bench) -> None:
    """A thread that goes on after the answer prints for no batch, also before the next run of its worker."""
    go = tmp_path / "go"
    code = f"{HEAD}def late():\n    while not os.path.exists({str(go)!r}): pass\n    print('late')\n"
    code += "def evaluate(a):\n    threading.Thread(target=late).start()\n    return a\n"
    launch = function(tmp_path, code)
    supervisor = bench.supervisor(launch, ids(1, 1)[0].schema)
    for _ in supervisor.outcomes(source(ids(1, 1))):
        worker = supervisor._slots[0].worker
        assert worker is not None
        go.touch()
        with selectors.DefaultSelector() as selector:
            selector.register(next(pipe.fd for pipe in worker._pipes if pipe.stream == "stdout"), selectors.EVENT_READ)
            assert selector.select(DEADLINE)
    supervisor.close()
    assert lines(bench) == [(1, None, "late")]
