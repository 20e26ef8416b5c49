"""What runs tell is written soon, in their order, each once, and in one transaction; what fails fails for itself."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from workbench.errors import RegistryError
from workbench.events import Event
from workbench.functions import FunctionSpec
from workbench.packaging import build
from workbench.registry import DeadLetter, Registry
from workbench.registry.ledger import Ledger

DEADLINE = 10.0
END = {"status": "completed", "rows_in": 1, "rows_out": 1}


@pytest.fixture
def registry(home: Path) -> Iterator[Registry]:
    """An open registry in a home of its own."""
    with Registry(home) as opened:
        yield opened


def version(registry: Registry, name: str = "job") -> int:
    """The id of a registered script."""
    spec = FunctionSpec(name, "script", None, None, "job.py")
    return registry.register(spec, build({"job.py": b""}, spec), "").id


def never(error: RegistryError) -> None:
    """Of a story that must not be lost."""
    raise AssertionError from error


def until(true: Callable[[], bool]) -> None:
    """Wait for what a thread does."""
    deadline = time.monotonic() + DEADLINE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_it_is_written_soon(home: Path, registry: Registry) -> None:
    """Nobody asks for it: whoever looks into the file from elsewhere sees a run begin, go on and end."""
    story = registry.begin_story(version(registry), never)
    with Registry(home) as elsewhere:
        until(lambda: [run["status"] for run in elsewhere.runs(1)] == ["running"])
        story.events.append(Event("started", worker=1))
        registry.tell(story)
        until(lambda: [event["kind"] for event in elsewhere.events(1)] == ["started"])
        story.end = END
        registry.tell(story)
        until(lambda: [run["status"] for run in elsewhere.runs(1)] == ["completed"])
    assert story.events == []


def test_who_reads_here_sees_it_at_once(registry: Registry) -> None:
    """In the order in which the runs began, whichever of them told more first."""
    job = version(registry)
    first, second = registry.begin_story(job, never), registry.begin_story(job, never)
    second.events.append(Event("finished"))
    second.end = END
    registry.tell(second)
    assert [(run["run"], run["status"]) for run in registry.runs(job)] == [(1, "running"), (2, "completed")]
    first.end = END
    registry.tell(first)
    assert [run["status"] for run in registry.runs(job)] == ["completed", "completed"]
    assert [(event["run"], event["kind"]) for event in registry.events(job)] == [(2, "finished")]


def test_what_cannot_be_written_takes_nothing_with_it(home: Path, registry: Registry) -> None:
    """A function that another session dropped meanwhile: its run is lost and told, those before and after are there."""
    jobs = [version(registry, name) for name in ("a", "b", "c")]
    lost: list[int] = []
    stories = [registry.begin_story(job, lambda _, job=job: lost.append(job)) for job in jobs]  # type: ignore[misc]
    with Registry(home) as other:
        other.drop("b")
    for story in stories:
        story.events.append(Event("finished"))
        story.end = END
        registry.tell(story)
    assert [registry.runs(job) != [] for job in jobs] == [True, False, True]
    assert len(registry.events(jobs[0])) == len(registry.events(jobs[2])) == 1
    assert lost == [jobs[1]]
    with pytest.raises(RegistryError, match="no longer registered"):
        registry.begin_story(jobs[1], never)


def test_closing_writes_the_rest(home: Path) -> None:
    """And again is allowed."""
    with Registry(home) as registry:
        registry.begin_story(version(registry), never).end = END
        registry.close()
    with Registry(home) as registry:
        assert [run["status"] for run in registry.runs(1)] == ["completed"]


def test_one_transaction_for_many(registry: Registry) -> None:
    """However many runs told something: one commit."""
    job = version(registry)
    registry.flush()
    said: list[str] = []
    with registry._database.read() as connection:
        connection.set_trace_callback(said.append)
        with registry._ledger._writing:  # nothing is written meanwhile
            for _ in range(50):
                registry.begin_story(job, never).end = END
            registry.flush()
        connection.set_trace_callback(None)
    assert said.count("COMMIT") == 1
    assert len(registry.runs(job)) == 50


KILLED = """
import os, sys, time
from pathlib import Path
import pyarrow as pa
import workbench as wb
from workbench.registry import DeadLetter, Registry

w = wb.Workbench(Path(sys.argv[1]))
f = w.register("def evaluate(a):\\n    return a\\n", "f(a INT) -> INT")
assert f.call(1) == 1
if sys.argv[2] == "data":
    def rows():
        yield pa.table({"a": [1]})
        os.kill(os.getpid(), 9)
    f.run(rows()).wait()
with Registry(Path(sys.argv[1])) as elsewhere:
    while [run["status"] for run in elsewhere.runs(f.registered_id)] != ["completed"]:
        time.sleep(0.005)
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize(("how", "stored"), [("later", ["completed"]), ("data", ["completed", "running"])])
def test_a_killed_process(home: Path, how: str, stored: list[str]) -> None:
    """What was told a moment before is there; so is a run over data whose own code ended the process."""
    assert subprocess.run([sys.executable, "-c", KILLED, str(home), how], check=False, timeout=60).returncode == -9
    with Registry(home) as registry:
        assert [run["status"] for run in registry.runs(1)] == stored
    connection = sqlite3.connect(home / "registry.sqlite")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_writer_that_raised_is_replaced() -> None:
    """An error, such as a warning that is one, ends the thread, and loses nothing: the next to begin starts another."""
    written: list[tuple[int, ...]] = []

    def write(told: Sequence[int]) -> None:
        written.append(tuple(told))
        if len(written) == 1:
            raise RuntimeWarning

    ledger: Ledger[int] = Ledger(write)
    ledger.start()
    ledger.note(1)
    until(lambda: ledger._thread is not None and not ledger._thread.is_alive())
    ledger.start()
    ledger.note(2)
    until(lambda: len(written) == 2)
    assert written == [(1,), (1, 2)]
    thread = ledger._thread
    ledger.close()
    assert isinstance(thread, threading.Thread)
    thread.join(DEADLINE)
    assert not thread.is_alive()


def test_an_interrupt_loses_no_run(registry: Registry) -> None:
    """In the middle of writing: all of it is written the next time, and once."""
    job = version(registry)
    registry.begin_story(job, never).end = END
    story = registry.begin_story(job, never)
    story.end = END
    with registry._ledger._writing, pytest.MonkeyPatch.context() as patch:

        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        story.events.append(Event("finished"))
        patch.setattr(registry, "add_events", interrupted)
        with pytest.raises(KeyboardInterrupt):
            registry.flush()
    assert [run["status"] for run in registry.runs(job)] == ["completed", "completed"]
    assert [event["kind"] for event in registry.events(job)] == ["finished"]


def test_a_text_that_no_file_takes(registry: Registry) -> None:
    """A lone surrogate in what a user's error says is told as its escape."""
    story = registry.begin_story(version(registry), never)
    story.events.append(Event("crashed", 0.0, detail="bad \ud800"))
    story.letters.append(DeadLetter(0, 0, '{"s": "\ud800"}', "ValueError", "bad \ud800"))
    story.end = {"status": "failed", "error": "bad \ud800"}
    registry.tell(story)
    (run,) = registry.runs(1)
    assert (run["status"], run["error"]) == ("failed", "bad \\ud800")
    assert registry.events(1)[0]["detail"] == "bad \\ud800"
    assert registry.dead_letters(run["id"])[0].error == "bad \\ud800"
