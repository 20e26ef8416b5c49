"""What every way of moving batches to a live child must do alike, whatever their size: one suite, run over each way.

``socket`` and ``arena`` send all batches the one way or the other to our own worker (``forked``: from a template);
``script`` is the raw transport, for what a script can be asked. Left out on purpose: what goes wrong on one way only.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from fix_processes import ENV, Bench, batch, column, function, ids, source

from workbench.errors import UdfError
from workbench.supervisor.outcome import Outcome
from workbench.supervisor.worker import Launch
from workbench.transport.framed import FramedChannel
from workbench.transport.raw import RawChannel
from workbench.worker import script as launcher

WAYS: dict[str, Mapping[str, Any]] = {
    "socket": {"channel": partial(FramedChannel, threshold=None)},
    "arena": {"channel": partial(FramedChannel, threshold=0)},
    "forked": {"channel": partial(FramedChannel, threshold=0), "template": ENV},
    "default": {"channel": FramedChannel},
}
ECHO = "def evaluate(a):\n    return a\n"
SCRIPTS = Path(__file__).parent / "scripts"


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Mapping[str, Any]:
    """How batches travel to our own worker."""
    return WAYS[request.param]


@pytest.fixture(params=[*WAYS, "script"])
def echo(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Makes a launch that gives back its one column, of the SQL type that is asked for."""

    def make(sql: str = "BIGINT") -> Launch:
        if request.param != "script":
            return function(tmp_path, ECHO, arguments=[sql], returns=[sql], launch=WAYS[request.param])
        argv = (sys.executable, launcher.__file__, str(SCRIPTS / "echo.py"))
        return Launch("echo", argv, ENV, RawChannel, reusable=False)

    return make


def rows(outcomes: Iterable[Outcome]) -> list[list[Any]]:
    """The first column of what came back for each batch."""
    return [column([outcome]) for outcome in outcomes if outcome.number is not None]


def test_order_and_sizes(echo: Any, bench: Bench) -> None:
    """No row, one, a few, many and few again: each batch comes back as it was, in its turn."""
    data = [batch(range(n)) for n in (0, 1, 7, 1000, 0, 8191, 8192, 8193, 200_000, 3, 0, 65_536)]
    assert rows(bench.run(echo(), data)) == [item.column(0).to_pylist() for item in data]


def test_more_in_flight_than_regions(echo: Any, bench: Bench) -> None:
    """A window of any width: what finds no memory takes the other way, and the order stays."""
    data = ids(40, 5000)
    for window in (1, 2, 3, 8):
        assert rows(bench.run(echo(), data, window=window)) == [item.column(0).to_pylist() for item in data]


def test_big_both_ways(echo: Any, bench: Bench) -> None:
    """8 MB in and 8 MB out, several in flight: nobody waits for the other, and no byte is lost."""
    data = [pa.record_batch([pa.array(range(n, n + 1_000_000), pa.int64())], names=["a"]) for n in range(3)]
    for item, outcome in zip(data, bench.run(echo(), data), strict=False):
        (part,) = outcome.batches
        assert part.column(0).equals(item.column(0))


TYPES: list[tuple[str, list[Any]]] = [
    ("STRING", ["", None, "ä" * 1000, "x"] * 100),
    ("DOUBLE", [None, 0.5, -0.0, 1e300] * 100),
    ("BOOLEAN", [True, None, False] * 33),
    ("DECIMAL(20,3)", [None] * 70_000),
    ("ARRAY<STRING>", [["a", None], [], None, ["b" * 99] * 50] * 100),
    ("MAP<STRING,INT>", [[("k", 1), ("l", None)], [], None] * 100),
    ("STRUCT<a:INT,b:ARRAY<STRING>>", [{"a": 1, "b": ["x", None]}, None, {"a": None, "b": None}] * 100),
]


@pytest.mark.parametrize(("sql", "values"), TYPES, ids=[sql for sql, _ in TYPES])
def test_types(sql: str, values: list[Any], echo: Any, bench: Bench) -> None:
    """Nested, with NULLs and cut out of a longer batch: the values are the same."""
    whole = batch(values, types=[sql])
    data = [whole, whole.slice(3, 50), whole.slice(len(values) - 1), whole.slice(0, 0)]
    assert rows(bench.run(echo(sql), data)) == [item.column(0).to_pylist() for item in data]


def test_several_parts(way: Mapping[str, Any], tmp_path: Path, bench: Bench) -> None:
    """An answer of many batches, some of which fit into what was lent and some not, is whole and in order."""
    code = "def evaluate(a):\n    for n in range(a): yield n\n"
    launch = function(tmp_path, code, kind="udtf", launch=way)
    data = [batch([200_000]), batch([0, 1]), batch([70_000] * 4), batch([3])]
    outcomes = bench.run(launch, data)
    assert [len(outcome.batches) for outcome in outcomes] == [4, 1, 5, 1]
    for item, outcome in zip(data, outcomes, strict=True):
        assert column([outcome]) == [n for rows in item.column(0).to_pylist() for n in range(rows)]


def test_answers_that_grow(way: Mapping[str, Any], tmp_path: Path, bench: Bench) -> None:
    """From nothing to megabytes and back: small input with a large answer, and the reverse."""
    launch = function(tmp_path, "def evaluate(a):\n    return 'x' * a\n", returns=["STRING"], launch=way)
    sizes = [0, 10, 100_000, 1_000_000, 3, 1_000_000, 1, 1_000_000]
    outcomes = bench.run(launch, [batch([size]) for size in sizes])
    assert [len(value) for value in column(outcomes)] == sizes


def test_errors_of_rows(way: Mapping[str, Any], tmp_path: Path, bench: Bench) -> None:
    """Failing rows are told, the others answered."""
    code = "def evaluate(a):\n    return 1 // (a % 1000)\n"
    outcomes = bench.run(function(tmp_path, code, launch=way), ids(4, 20_000), on_error="null")
    for outcome in outcomes:
        assert [error["row"] for error in outcome.meta["errors"]] == list(range(0, 20_000, 1000))
        assert sum(part.num_rows for part in outcome.batches) == 20_000


def test_a_refused_batch(way: Mapping[str, Any], tmp_path: Path, bench: Bench) -> None:
    """A batch that cannot be answered is refused, and the next run of the same worker has all its memory."""
    code = ECHO + "def _fail(*_): raise ValueError('no')\nimport sys\n"
    code += "def evaluate(a):\n    if a == 50_000: sys.modules['pyarrow'].RecordBatch = None\n    return a\n"
    launch = function(tmp_path, code, launch=way)
    with pytest.raises(UdfError, match="NoneType"):
        bench.run(launch, ids(6, 20_000))


def test_a_second_run(way: Mapping[str, Any], tmp_path: Path, bench: Bench) -> None:
    """A worker that is used again answers right, after small batches and after large ones, in the same process."""
    launch = function(tmp_path, "import os\n" + ECHO, launch=way)
    for rows_each in (10, 100_000, 100, 50_000):
        data = ids(3, rows_each)
        assert rows(bench.run(launch, data)) == [item.column(0).to_pylist() for item in data]
    assert len({event.pid for event in bench.events if event.pid}) == 1


KILL = """
import os, pathlib
mark = pathlib.Path(__file__).with_name("killed")
def evaluate(a):
    if a == 123_456 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), 9)
    return a
"""


def test_killed_in_a_batch(way: Mapping[str, Any], tmp_path: Path, bench: Bench) -> None:
    """A worker that dies in the middle of a batch is replaced, and every row comes back once."""
    outcomes = bench.run(function(tmp_path, KILL, launch=way), ids(10, 20_000))
    assert column(outcomes) == list(range(200_000))
    assert bench.kinds().count("crashed") == 1


def test_kills_at_random(way: Mapping[str, Any], tmp_path: Path, bench: Bench) -> None:
    """Workers killed from outside at any moment, with batches in flight: each row comes once, in its place."""
    seed = random.SystemRandom().randrange(2**32)
    print("seed", seed)
    dice = random.Random(seed)
    data = ids(60, 20_000)
    at = set(dice.sample(range(50), 8))
    launch = function(tmp_path, ECHO, launch={"template": ENV, **way})
    supervisor = bench.supervisor(launch, data[0].schema, workers=2, max_restarts=1000)
    killed: set[int] = set()
    for number, outcome in enumerate(supervisor.outcomes(source(data))):
        assert column([outcome]) == data[number].column(0).to_pylist(), seed
        worker = dice.choice(supervisor._slots).worker
        if number in at and worker is not None and worker.pid not in killed:
            killed.add(worker.pid)
            os.kill(worker.pid, signal.SIGKILL)
    assert number == 59
    crashes = {(event.pid, event.signal) for event in bench.events if event.kind == "crashed"}
    assert crashes <= {(pid, "SIGKILL") for pid in killed}, seed


SUM = """
import os, pathlib
mark = pathlib.Path(__file__).with_name("killed")
class evaluate:
    def __init__(self): self.kept = []
    @property
    def aggregate_state(self): return self.kept
    def accumulate(self, value):
        if value == 100_000 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), 9)
        self.kept.append(value)
    def merge(self, other): self.kept += other
    def finish(self): return sum(self.kept)
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_a_state_that_is_large(way: Mapping[str, Any], workers: int, tmp_path: Path, bench: Bench) -> None:
    """Megabytes of state are saved, restored after a kill and merged, beside batches that go either way."""
    launch = function(tmp_path, SUM, kind="udaf", launch=way)
    outcomes = bench.run(launch, ids(24, 20_000), workers=workers)
    assert outcomes[-1].batches[0].to_pydict() == {"out0": [sum(range(480_000))]}
    assert "restarted" in bench.kinds()


@pytest.mark.parametrize("name", WAYS)
def test_the_ways_are_what_they_say(name: str, tmp_path: Path, bench: Bench) -> None:
    """The suite above is of no use if all of it went the same way."""
    launch = function(tmp_path, ECHO, launch=WAYS[name])
    bench.run(launch, ids(2, 100_000))
    (worker,) = bench.pool.idle(launch.key)
    maps = Path(f"/proc/{worker.pid}/maps").read_text(encoding="utf-8")
    assert ("memfd:workbench" in maps) == (name != "socket" and hasattr(os, "memfd_create"))
