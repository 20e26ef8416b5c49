"""The soak runs, each headed by its promise. They use the public API, real subprocesses and real signals."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa

import workbench as wb
from workbench.errors import RestartsExhausted
from workbench.supervisor import scratch
from workbench.supervisor.memory import resident
from workbench.worker import protocol

from .common import WAYS, alive, batches, check_way, kill, through, workers_of

GROWTH = 1.1
"""How much our memory may grow from the first fifth of a run to its end."""

ECHO = "def evaluate(id):\n    return id\n"
TWICE = "def evaluate(id):\n    yield id\n    yield -id\n"
POISONED = "def evaluate(id):\n    if id in BAD: os.kill(os.getpid(), signal.SIGSEGV)\n    return id\n"
FLOODS = "def evaluate(id):\n    for _ in range(LINES):\n        os.write(2, b'x' * 99 + b'\\n')\n    return id\n"
TOTAL = textwrap.dedent("""
    class Total:
        def __init__(self):
            self.total = self.count = 0
        def accumulate(self, id):
            self.total += id
            self.count += 1
        def merge(self, other):
            self.total += other[0]
            self.count += other[1]
        @property
        def aggregate_state(self):
            return (self.total, self.count)
        def finish(self):
            return self.total * 1_000_000 + self.count
""")


def storm(rng: Random, run: wb.Run, total: int, kills: int) -> Iterator[pa.RecordBatch]:
    """The run's batches, with so many kills of its workers at random batches."""
    at = set(rng.sample(range(total - total // 20), kills))
    done = 0
    for batch in run.batches():
        yield batch
        before, done = done, run.record.batches_in
        if any(number in at for number in range(before, done)):
            living = workers_of(run)
            if living:
                time.sleep(rng.random() * 0.002)
                kill(rng.choice(living))


def s1_kill_storm(rng: Random, home: Path, full: bool) -> str:
    """Whatever dies in between, each id comes back exactly once and in order, and the history shows each death."""
    return "; ".join(
        f"{way}: {_storm(rng, home / way, way, (source, signature, times), full=full)}"
        for way in WAYS
        for source, signature, times in (
            (ECHO, "echo(id BIGINT) -> BIGINT", 1),
            (TWICE, "twice(id BIGINT) -> ARRAY<BIGINT>", 2),
        )
    )


def _storm(rng: Random, home: Path, way: str, what: tuple[str, str, int], *, full: bool) -> str:
    source, signature, times = what
    total, kills, rows = (10_000, 200, 1_000) if full else (500, 20, 1_000)
    with through(way), wb.Workbench(home) as w:
        run = w.register(source, signature).run(batches(total, rows), workers=4, max_restarts=1000)
        following, early = 0, 0
        for batch in storm(rng, run, total, kills):
            count = batch.num_rows // times
            wanted = [id_ for id_ in range(following, following + count) for _ in range(times)]
            assert batch.column("id").to_pylist() == wanted, f"ids are missing or doubled from {following} on"
            following += count
            early = early or (run.record.batches_in >= total // 5 and resident(os.getpid())) or 0
        assert following == total * rows, f"{following:,} of {total * rows:,} ids came back"
        crashes = int((run.events["signal"] == "SIGKILL").sum())
        grown = (resident(os.getpid()) or 0) / (early or 1)
        assert run.record.dead == 0, f"{run.record.dead} dead letters"
        assert grown < GROWTH, f"memory grew by {grown:.2f}"
        check_way(way, run)
        return f"{run.spec.name}, {following:,} ids, {crashes} of {kills} kills met, memory x{grown:.2f}"


def s3_poison(rng: Random, home: Path, full: bool) -> str:
    """Exactly the rows that kill the process are set aside; all others have their result."""
    total, poison = (1_000, 100) if full else (50, 5)
    most, report = poison * (2 * 10 + 2), []
    for way in WAYS:
        bad = sorted(rng.sample(range(total * 1_000), poison))
        source = f"import os, signal\nBAD = {set(bad)}\n{POISONED}"
        with through(way), wb.Workbench(home / way) as w:
            function = w.register(source, "poisoned(id BIGINT) -> BIGINT")
            run = function.run(batches(total, 1_000), workers=2, on_error="dead_letter", max_restarts=1000)
            got = sum(batch.num_rows for batch in run.batches())
            letters = sorted(run.dead_letters["id"])
            check_way(way, run)
        assert got == total * 1_000 - poison, f"{got} results"
        assert letters == bad, f"dead letters {letters[:5]}… instead of {bad[:5]}…"
        assert run.record.restarts <= most, f"{run.record.restarts} restarts, at most {most}"
        report.append(f"{way}: {got:,} results, {len(letters)} dead letters, {run.record.restarts} restarts")
    return "; ".join(report) + f" (at most {most:,})"


ORPHANS = r"""
import os, sys, threading, time
import pyarrow as pa, workbench as wb
w = wb.Workbench(sys.argv[1])
spin = "import ctypes, time\ndef evaluate(id):\n    if id == 3: ctypes.PyDLL(None).pause()\n"
spin += "    while True: time.sleep(0.01)\n"
f = w.register(spin, "spin(id BIGINT) -> BIGINT")
run = f.run([pa.RecordBatch.from_pydict({"id": [i]}) for i in range(4)], workers=4, batch_rows=1)
threading.Thread(target=lambda: list(run.batches()), daemon=True).start()
pids = []
while len(pids) < 4:
    time.sleep(0.01)
    pids = [event.pid for event in run.record.all_events if event.kind == "started"]
print(*pids, flush=True)
time.sleep(60)
"""


def s4_orphans(rng: Random, home: Path, full: bool) -> str:
    """When the kernel is killed, its workers are gone within 2 s, also busy ones and one that holds the GIL."""
    count, slowest = (100 if full else 3), 0.0
    for number in range(count):
        with subprocess.Popen(
            [sys.executable, "-c", ORPHANS, str(home / str(number))], stdout=subprocess.PIPE, text=True
        ) as kernel:
            assert kernel.stdout is not None
            pids = [int(text) for text in kernel.stdout.readline().split()]
            assert len(pids) == 4, f"workers {pids}"
            time.sleep(rng.random() * 0.05)
            kernel.kill()
            killed = time.monotonic()
        while left := [pid for pid in pids if alive(pid)]:
            assert time.monotonic() < killed + 2, f"alive after 2 s: {left}"
            time.sleep(0.001)
        slowest = max(slowest, time.monotonic() - killed)
    scratch.sweep()  # as the first folder of any process does
    folders = [path.name for path in Path(tempfile.gettempdir()).glob("udf-*") if str(os.getpid()) not in path.name]
    assert not folders, f"folders of killed kernels were not swept: {folders}"
    return (
        f"{count} kernels killed, 0 of {4 * count} workers survived, the slowest was gone after {slowest * 1000:.0f} ms"
    )


def s6_state(rng: Random, home: Path, full: bool) -> str:
    """An aggregate whose workers are killed gives exactly the result of an undisturbed run."""
    total, kills, rows = (5_000, 100, 200) if full else (300, 10, 200)
    with wb.Workbench(home) as w:
        function = w.register(TOTAL, "total(id BIGINT) -> BIGINT")
        run = function.run(batches(total, rows), workers=2, max_restarts=1000)
        at = set(rng.sample(range(total - total // 20), kills))

        def maybe_kill(run: wb.Run) -> None:
            number = run.record.batches_in
            if number in at:
                at.discard(number)
                living = workers_of(run)
                if living:
                    kill(rng.choice(living))

        run.listeners.append(maybe_kill)
        result = run.to_arrow().column("total")[0].as_py()
        crashes = int((run.events["signal"] == "SIGKILL").sum())
    ids = total * rows
    wanted = ids * (ids - 1) // 2 * 1_000_000 + ids
    assert result == wanted, f"{result} instead of {wanted}"
    assert crashes, "no kill met a worker"
    return f"exact over {ids:,} ids, {crashes} of {kills} kills met"


def s7_frames(rng: Random, home: Path, full: bool) -> str:
    """Flipped, cut, inserted and repeated bytes give an error or wait for more; never a payload that was not sent."""
    del home
    count, refused = (100_000 if full else 2_000), 0
    payloads = [rng.randbytes(rng.randrange(200)) for _ in range(3)]
    whole = b"".join(
        protocol.header(protocol.END, number, payload) + payload for number, payload in enumerate(payloads)
    )
    for _ in range(count):
        data = bytearray(whole)
        at = rng.randrange(len(data))
        kind = rng.randrange(4)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data[at : at + rng.randrange(1, 40)]
        elif kind == 2:
            data[at:at] = rng.randbytes(rng.randrange(1, 40))
        else:
            data[at:at] = data[at : at + rng.randrange(1, 60)]
        reader = protocol.FrameReader(1 << 20)
        given: list[Any] = []
        try:
            while data:
                size = min(len(reader.target), len(data), rng.randrange(1, 64))
                reader.target[:size] = data[:size]
                del data[:size]
                frame = reader.received(size)
                if frame is not None:
                    given.append((frame[1], bytes(frame[2])))
        except protocol.FrameError:
            refused += 1
        for number, payload in given:
            assert payload in payloads, f"a payload that was never sent came back for {number}"
    return f"{count:,} mutations, {refused:,} refused, the others incomplete or harmless, 0 wrong payloads"


def s11_storm(rng: Random, home: Path, full: bool) -> str:
    """A worker that dies each time it starts is started four times, and no more."""
    del rng, full
    with wb.Workbench(home) as w:
        function = w.register("import os\nos._exit(7)\ndef evaluate(id):\n    return id\n", "dies(id BIGINT) -> BIGINT")
        try:
            function.run(batches(1, 1)).wait()
        except RestartsExhausted as error:
            crashes = int((function.last_run.events["kind"] == "crashed").sum()) if function.last_run else 0
            assert crashes == 4, f"{crashes} starts"
            return f"{crashes} starts, then: {error.message}"
    raise AssertionError("it did not give up")


def s12_stderr(rng: Random, home: Path, full: bool) -> str:
    """A worker that floods its log neither stalls nor grows us, and its answer is right."""
    del rng
    size = (1 << 30) if full else (64 << 20)
    source = f"import os\nLINES = {size // 400}\n{FLOODS}"
    with wb.Workbench(home) as w:
        function = w.register(source, "floods(id BIGINT) -> BIGINT")
        before = resident(os.getpid()) or 0
        run = function.run(batches(4, 1), workers=4, batch_rows=1)
        assert run.to_arrow().column("floods").to_pylist() == [0, 1, 2, 3]
        grown = ((resident(os.getpid()) or 0) - before) / 1e6
        seen = run.record.lines_seen
    assert grown < 32, f"grew by {grown:.0f} MB"
    return f"{seen:,} lines seen, {len(run.logs):,} kept, grew by {grown:.0f} MB"
