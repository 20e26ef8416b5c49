"""Every fault program in random order, with good calls between: each ends as it must, and no other call notices.

A fault is a child that breaks the protocol (``tests/supervisor/programs``), a script that misuses its streams
(``tests/transport/scripts``) or a function whose row sins (``tests/faults``, whose first line says how it ends). The
invariant: what a fault leaves behind, in a pool or a worker, is nothing that a good call could meet.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any, Final
from unittest import mock

import pyarrow as pa

import workbench as wb
from workbench import settings
from workbench.errors import UdfError, WorkbenchError
from workbench.supervisor.worker import Launch
from workbench.transport.raw import RawChannel
from workbench.worker import script as launcher

from .common import TESTS

sys.path.insert(0, str(TESTS))

from fix_processes import ENV, Bench, batch, column, ids, program

ROUNDS: Final = 50
SCRIPTS: Final = TESTS / "transport" / "scripts"
RIGHT: Final = "Heals"
ROWS: Final = [(range(4),), (range(4, 8),), (range(8, 12),)]

PROGRAMS: Final[Mapping[str, str]] = {"dies_at_start": "RestartsExhausted", "never_ready": "WorkerStartTimeout"}
"""How the programs end that do not heal."""

SCRIPT_ENDS: Final[Mapping[tuple[str, ...], str]] = {
    ("bypasses",): "ProtocolError",
    ("changes_schema",): "SchemaMismatch",
    ("counts",): RIGHT,
    ("dictionaries", "1"): "StdoutPolluted",
    ("echo",): RIGHT,
    ("half",): "InvalidBatch",
    ("late_thread",): RIGHT,
    ("prints", "start", "print"): "StdoutPolluted",
    ("prints", "between", "fd"): "StdoutPolluted",
    ("prints", "end", "child"): "StdoutPolluted",
    ("raises",): "RestartsExhausted",
    ("segfault",): "RestartsExhausted",
    ("stops_early",): RIGHT,
    ("writes_first",): RIGHT,
}
"""How scripts end that are given three batches of one number each, by name and arguments."""

Fault = Callable[[int], str]
"""Commits one fault, for the so-many-th time; returns how it ended: the name of the error, or `RIGHT`."""


def ended(action: Callable[[], Any]) -> str:
    """The name of the error with which something ends, that of a row's error for the row, or `RIGHT`."""
    try:
        action()
    except UdfError as error:
        return error.error_type
    except WorkbenchError as error:
        return type(error).__name__
    return RIGHT


def programs(home: Path, bench: Bench) -> Iterator[tuple[str, str, Fault]]:
    """Children that break the protocol: name, how it must end, and how to commit it."""
    for path in sorted((TESTS / "supervisor" / "programs").glob("*.py")):
        name = path.stem
        if name == "peer":  # what they are made of
            continue

        def commit(number: int, name: str = name) -> str:
            launch = program(name, str(home / f"{name}-{number}"), start_timeout=0.5, key=f"{name}-{number}")

            def runs() -> None:
                for _ in range(2):  # the second may get the worker of the first
                    assert column(bench.run(launch, ids(4, 4))) == list(range(16)), f"{name}: wrong rows"

            try:
                return ended(runs)
            finally:
                bench.pool.stop(launch.key)

        yield name, PROGRAMS.get(name, RIGHT), commit


def scripts(bench: Bench) -> Iterator[tuple[str, str, Fault]]:
    """Scripts that misuse their streams."""
    data = [pa.record_batch({"n": [number]}) for number in (1, 2, 3)]
    for arguments, wanted in SCRIPT_ENDS.items():
        argv = (sys.executable, launcher.__file__, str(SCRIPTS / f"{arguments[0]}.py"), *arguments[1:])
        launch = Launch(arguments[0], argv, ENV, RawChannel, reusable=False)

        def commit(number: int, launch: Launch = launch) -> str:
            del number
            return ended(lambda: bench.run(launch, data, max_restarts=1))

        yield " ".join(arguments), wanted, commit


def functions(home: Path, w: wb.Workbench) -> Iterator[tuple[str, str, Fault]]:
    """Functions of which one row sins."""
    for path in sorted((TESTS / "faults").glob("row_*.py")):
        found = re.search(r"(?:Ends in (\w+)|(Heals))\.\"\"\"$", path.read_text(encoding="utf-8").split("\n\n")[0])
        assert found is not None, f"{path.name} does not say how it ends"

        def commit(number: int, path: Path = path) -> str:
            env = {"MARK": str(home / f"{path.stem}-{number}")}
            function = w.register(path, f"{path.stem}(a BIGINT) -> BIGINT", env=env)
            limits: dict[str, Any] = {}
            if path.stem in ("row_spins", "row_holds_gil", "row_stops_itself"):
                limits["timeout"] = 0.3
            if path.stem == "row_allocates":
                limits["memory_limit"] = 300_000_000

            def run() -> None:
                table = function.run([batch(*rows) for rows in ROWS], **limits).to_arrow()
                assert table.column(path.stem).to_pylist() == list(range(12)), f"{path.stem}: wrong rows"

            try:
                return ended(run)
            finally:
                w.drop(function.name)

        yield path.stem, found[1] or RIGHT, commit


def s2_fault_mix(rng: Random, home: Path, full: bool) -> str:
    """Each fault ends in its own way, and every good call between is right."""
    rounds, good = (ROUNDS if full else 1), 0
    bench = Bench()
    with wb.Workbench(home / "home") as w, mock.patch.object(settings, "STOP_SECONDS", 0.3):
        twice = w.register("def evaluate(a):\n    return 2 * a\n", "twice(a BIGINT) -> BIGINT")
        faults = [*programs(home, bench), *scripts(bench), *functions(home, w)]
        try:
            for number in range(rounds):
                rng.shuffle(faults)
                for name, wanted, commit in faults:
                    end = commit(number)
                    assert end == wanted, f"{name} ended in {end} instead of {wanted}"
                    values = [rng.randrange(1 << 40) for _ in range(rng.randrange(1, 2000))]
                    table = twice.run(batch(values), workers=rng.randrange(1, 3)).to_arrow()
                    assert table.column("twice").to_pylist() == [2 * value for value in values], f"after {name}"
                    good += 1
                    bench.events.clear()
                    bench.lines.clear()
                    bench.supervisors.clear()
        finally:
            bench.close()
    return f"{len(faults)} faults, {rounds} times each, {good:,} good calls between, all right"
