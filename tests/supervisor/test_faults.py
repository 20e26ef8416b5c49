"""Misbehaving children: each program in ``programs`` attacks one promise, and the run is right all the same."""

from __future__ import annotations

import re
import resource
import select
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from fix_processes import DEADLINE, Bench, alive, batch, column, ids, program, source, until

from workbench import settings
from workbench.errors import InvalidBatch, ProtocolError, RestartsExhausted, WorkerStartError, WorkerStartTimeout
from workbench.events import LogLine

BATCHES, ROWS = 5, 4
ALL = list(range(BATCHES * ROWS))


@pytest.fixture
def tally(tmp_path: Path) -> str:
    """The file in which a program counts its lives."""
    return str(tmp_path / "lives")


HEALED = [
    ("answers_garbage", "SIGKILL: protocol error: unexpected bytes b'Traceback: all i' instead of a frame in batch 0"),
    ("answers_wrong_number", "SIGKILL: protocol error: unexpected frame 17 for batch 7 in batch 2"),
    ("answers_twice", "SIGKILL: protocol error: unexpected frame 17 for batch 2 in batch 3"),
    ("answers_short", "SIGKILL: batch 2: 5 rows were announced and 4 arrived in batch 2"),
    ("damages_arrow", "SIGKILL: a damaged Arrow batch came back"),
    ("exits_mid_batch", "exit 0 in batch 2"),
    ("dies_before_end", "SIGKILL in batch 2"),
    ("segfaults", "SIGSEGV in batch 2"),
    ("leaves_grandchild", "exit 1 in batch 2"),
    ("closes_socket", "SIGKILL: it closed its output and lived on in batch 2"),
]


@pytest.mark.parametrize(("name", "detail"), HEALED)
def test_one_fault_is_healed(name: str, detail: str, tally: str, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """After one fault the worker is replaced, what it owed is sent again, and each row comes once and in order."""
    monkeypatch.setattr(settings, "STOP_SECONDS", 0.3)
    assert column(bench.run(program(name, tally), ids(BATCHES, ROWS))) == ALL
    assert bench.kinds() == ["started", "crashed", "restarted", "started"]
    assert bench.event("crashed").detail.startswith(detail)
    assert [event.batch for event in bench.events if event.kind == "batch"] == list(range(BATCHES))
    assert bench.event("crashed").pid != bench.events[-1].pid


def test_a_late_answer(tally: str, bench: Bench) -> None:
    """What comes 300 ms late is no answer to a later run, though its batch has the same number: the worker is ended."""
    launch = program("answers_late", tally, key="late")
    assert column(bench.run(launch, [batch([1, 2, 3])])) == [1, 2, 3]
    (idle,) = bench.pool.idle(launch.key)
    (fd,) = idle.channel.fds()
    assert select.select([fd], [], [], DEADLINE)[0] == [fd]
    assert column(bench.run(launch, [batch([7, 8, 9])])) == [7, 8, 9]
    detail = "SIGKILL: protocol error: unexpected frame 17 for an earlier run in batch 0"
    assert bench.event("crashed").detail == detail
    assert idle.pid not in [worker.pid for worker in bench.pool.idle(launch.key)]


def test_a_grandchild_goes_too(tally: str, bench: Bench) -> None:
    """A death is seen within a second although a grandchild keeps stdout open, and the grandchild is gone."""
    bench.run(program("leaves_grandchild", tally), ids(BATCHES, ROWS))
    crashed, restarted = bench.event("crashed"), bench.event("restarted")
    assert restarted.time - crashed.time < 1
    (grandchild,) = bench.text("stdout")
    until(lambda: not alive(int(grandchild)), 1)


def test_a_crash_each_time_is_found(tally: str, bench: Bench) -> None:
    """A batch that kills every worker is looked into: its rows are lost by name, with the stack; the others go on."""
    outcomes = bench.run(program("segfaults", tally, "always"), ids(BATCHES, 1))
    assert column(outcomes) == [0, 1, 3, 4]
    (loss,) = outcomes[2].lost.values()
    assert loss.error == "the worker died of SIGSEGV"
    assert loss.stack.startswith("Fatal Python error: Segmentation fault")
    assert "in answer" in loss.stack


def test_damage_each_time_ends(tally: str, bench: Bench) -> None:
    """A child that only ever answers with damage ends with an error whose cause is the damage, not with its rows."""
    with pytest.raises(RestartsExhausted) as caught:
        bench.run(program("damages_arrow", tally, "always"), ids(1, 1), max_restarts=0)
    assert isinstance(caught.value.__cause__, InvalidBatch)
    assert caught.value.message.startswith(
        "damages_arrow stopped after 0 restarts; 1 crash, the last of SIGKILL in batch 0: a damaged Arrow batch"
    )


def test_garbage_each_time_ends(tally: str, bench: Bench) -> None:
    """The same for one that does not speak the protocol."""
    with pytest.raises(RestartsExhausted) as caught:
        bench.run(program("answers_garbage", tally), ids(1, 1), max_restarts=0)
    assert isinstance(caught.value.__cause__, ProtocolError)


def test_death_at_each_start_ends(tally: str, bench: Bench) -> None:
    """A child that dies before it is ready is started four times, not more; the last words are in the error."""
    with pytest.raises(RestartsExhausted) as caught:
        bench.run(program("dies_at_start", tally), ids(1, 1))
    assert bench.kinds() == ["crashed", "restarted"] * 3 + ["crashed", "gave_up"]
    assert Path(tally).stat().st_size == 4
    assert caught.value.exit == "exit 3"
    assert caught.value.restarts == 3
    assert caught.value.logs == ("life 4",)
    assert caught.value.message.startswith(
        "dies_at_start stopped after 3 restarts; 4 crashes, the last of exit 3 before it was ready"
    )
    delays = [
        later.time - earlier.time
        for earlier, later in zip(bench.events, bench.events[1:], strict=False)
        if later.kind == "restarted"
    ]
    assert delays[1] >= 0.1
    assert delays[2] >= 0.2


def test_no_restart_allowed(tally: str, bench: Bench) -> None:
    """With `max_restarts` 0 the first death is the end."""
    with pytest.raises(RestartsExhausted, match="stopped after 0 restarts; 1 crash, the last of SIGSEGV in batch 2"):
        bench.run(program("segfaults", tally), ids(BATCHES, ROWS), max_restarts=0)
    assert bench.kinds() == ["started", "crashed", "gave_up"]


@pytest.mark.parametrize(
    ("said", "phase", "hint"),
    [
        ((), "start", "is not there yet"),
        (("1",), "import", "still importing pyarrow"),
        (("1", "2"), "load", "the code is still being imported"),
        (("1", "77"), "import", "still importing pyarrow"),  # no phase: not believed
    ],
)
def test_never_ready(bench: Bench, said: tuple[str, ...], phase: str, hint: str) -> None:
    """A child that is not ready in time is named with its phase and its log; it is not started again."""
    with pytest.raises(WorkerStartTimeout) as caught:
        bench.run(program("never_ready", *said, start_timeout=1.0), ids(1, 1))
    assert caught.value.message == f"never_ready: the worker was not ready after 1 s (phase: {phase})"
    assert hint in caught.value.hint
    assert caught.value.logs == ("importing a large library",)
    assert bench.kinds() == ["stopped"]


def test_a_flood_of_logs(bench: Bench) -> None:
    """100 MB of log in and around answers neither block nor grow; some lines are kept, and all others counted."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    counts: Counter[str] = Counter()

    class Counted(list[LogLine]):
        def append(self, line: LogLine) -> None:
            told = re.fullmatch(r"\((.*) lines? w.* not kept: more than 100 in a second\)", line.text)
            counts["dropped" if told else "kept"] += int(told[1].replace(",", "")) if told else 1

    bench.lines = Counted()
    assert column(bench.run(program("floods_stderr"), ids(2, ROWS))) == list(range(2 * ROWS))
    assert counts["kept"] + counts["dropped"] == 4 * 240_001
    assert 1_000 <= counts["kept"] <= 1_000 + 100 * (2 + time.monotonic() - began)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 << 10


def test_both_directions_are_full(bench: Bench) -> None:
    """8 MB batches go and come while both sides write: neither waits for the other."""
    batches = ids(12, 1_000_000)
    outcomes = bench.run(program("writes_before_reading"), batches)
    assert [outcome.number for outcome in outcomes] == list(range(12))
    assert all(outcome.batches[0].column(0).equals(batches[n].column(0)) for n, outcome in enumerate(outcomes))


def test_a_pause_of_the_consumer_is_no_fault_of_the_worker(bench: Bench) -> None:
    """Deadlines stand still while nobody listens: neither a late start nor a slow consumer is a timeout."""
    launch = program("writes_before_reading", start_timeout=0.6)
    supervisor = bench.supervisor(launch, ids(1, 1)[0].schema, timeout=0.6)
    time.sleep(0.8)
    got = []
    for outcome in supervisor.outcomes(source(ids(4, 1000))):
        got.append(outcome.number)
        if len(got) == 1:
            time.sleep(0.8)
    assert got == [0, 1, 2, 3]
    assert bench.kinds() == ["started"]


def test_an_interpreter_that_cannot_run(tmp_path: Path, bench: Bench) -> None:
    """A launcher that finds no Python, as pyenv's, fails at once: one start, no restart."""
    shim = tmp_path / "python3.99"
    shim.write_text("#!/bin/sh\necho 'python3.99: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    launch = replace(program("never_ready"), argv=(str(shim),))
    with pytest.raises(WorkerStartError, match="is no interpreter that runs: it left with exit 127") as caught:
        bench.run(launch, ids(1, 1))
    assert caught.value.logs == ("python3.99: command not found",)
    assert bench.kinds() == ["crashed"]
