"""The record of runs: what was handed over comes back, with the numbers of run and version, for the last runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from workbench.errors import RegistryError
from workbench.events import Event
from workbench.functions import FunctionSpec
from workbench.packaging import build
from workbench.registry import DeadLetter, Registry

EVENTS = [
    Event("started", 0.0, worker=1, pid=42, detail="Python 3.11"),
    Event("crashed", 0.5, worker=1, pid=42, batch=3, rows=10, signal="SIGSEGV"),
    Event("failed", 0.7, exit_status=3),
]


@pytest.fixture
def registry(home: Path) -> Iterator[Registry]:
    """An open registry in a home of its own."""
    with Registry(home) as opened:
        yield opened


def version(registry: Registry, code: str = "", name: str = "job") -> int:
    """The id of a registered script."""
    spec = FunctionSpec(name, "script", None, None, "job.py")
    return registry.register(spec, build({"job.py": code.encode()}, spec), code).id


def test_run_is_recorded(registry: Registry) -> None:
    """A run with its events and its end, by function."""
    job = version(registry)
    run = registry.begin_run(job, "2026-01-02T03:04:05+00:00")
    registry.add_events(run, EVENTS[:1])
    registry.add_events(run, EVENTS[1:])
    assert registry.runs(job)[0]["status"] == "running"
    registry.end_run(run, "failed", rows_in=10, rows_out=8, skipped=1, dead_letters=2, restarts=1, error="it broke")
    assert registry.runs(job) == [
        {
            "id": run,
            "run": 1,
            "version": 1,
            "started": "2026-01-02T03:04:05+00:00",
            "status": "failed",
            "rows_in": 10,
            "rows_out": 8,
            "skipped": 1,
            "dead_letters": 2,
            "restarts": 1,
            "error": "it broke",
        }
    ]
    expected = [{"run": 1, "version": 1, **event.as_row()} for event in EVENTS]
    assert registry.events(job) == registry.events(run_id=run) == expected
    assert list(expected[0]) == ["run", "version", *(field.name for field in fields(Event))]


def test_history_spans_versions(registry: Registry) -> None:
    """Runs are numbered over all versions of a function, and not over other functions."""
    old, new, other = version(registry), version(registry, "x = 1"), version(registry, name="other")
    for job in (old, other, new, old):
        registry.add_events(registry.begin_run(job), EVENTS[:1])
    assert [(row["run"], row["version"]) for row in registry.events(new)] == [(1, 1), (2, 2), (3, 1)]
    assert [(row["run"], row["version"]) for row in registry.runs(old)] == [(1, 1), (2, 2), (3, 1)]
    assert [row["run"] for row in registry.runs(other)] == [1]


def test_dead_letters(registry: Registry) -> None:
    """Dead letters come back in their order, with their values."""
    run = registry.begin_run(version(registry))
    letters = [
        DeadLetter(0, 7, '{"a": null, "b": "\\u00e9"}', "ValueError", "no"),
        DeadLetter(None, None, "{}", "WorkerCrashed", "SIGSEGV", attempts=2),
    ]
    registry.add_dead_letters(run, letters)
    assert registry.dead_letters(run) == letters
    assert registry.dead_letters(run + 1) == []


def test_old_runs_go(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the last runs of a function are kept, with what belongs to them; numbers go on."""
    monkeypatch.setattr("workbench.registry.runs.RUNS_KEPT", 3)
    job, other = version(registry), version(registry, name="other")
    kept = registry.begin_run(other)
    runs = []
    for _ in range(5):
        runs.append(registry.begin_run(job))
        registry.end_run(runs[-1], "completed")
    assert [row["run"] for row in registry.runs(job)] == [3, 4, 5]
    assert [row["id"] for row in registry.runs(other)] == [kept]
    with pytest.raises(RegistryError, match="the function or run was dropped meanwhile"):
        registry.add_events(runs[0], EVENTS)
    registry.add_events(runs[2], EVENTS)
    registry.begin_run(job)
    assert registry.events(job) == []


def test_open_runs_stay(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that has not ended is not forgotten for newer ones, unless it began so long ago that it never will end."""
    monkeypatch.setattr("workbench.registry.runs.RUNS_KEPT", 3)
    job = version(registry)
    killed = registry.begin_run(job, "2020-02-02T02:02:02+00:00")
    stream = registry.begin_run(job)
    for _ in range(5):
        registry.end_run(registry.begin_run(job), "completed")
    assert killed not in [row["id"] for row in registry.runs(job)]
    registry.add_events(stream, EVENTS)
    registry.end_run(stream, "completed")
    assert [row["run"] for row in registry.runs(job)] == [2, 5, 6, 7]
    registry.begin_run(job)
    assert [row["run"] for row in registry.runs(job)] == [6, 7, 8]


def test_dropped_function(registry: Registry) -> None:
    """Runs go with their function; what is recorded for them afterwards is an error, never another function's."""
    job = version(registry)
    run = registry.begin_run(job)
    registry.drop("job")
    version(registry)
    assert registry.runs(job) == []
    with pytest.raises(RegistryError, match="no longer registered"):
        registry.begin_run(job)
    with pytest.raises(RegistryError, match="dropped meanwhile"):
        registry.add_events(run, EVENTS)
    with pytest.raises(RegistryError, match="dropped meanwhile"):
        registry.add_dead_letters(run, [DeadLetter(0, 0, "{}", "E", "e")])
    with pytest.raises(RegistryError, match="this run is no longer recorded"):
        registry.end_run(run, "finished")


def test_failing_write_leaves_nothing(registry: Registry) -> None:
    """Events of one call are all recorded or none."""
    job = version(registry)
    run = registry.begin_run(job)

    def broken() -> Iterator[Event]:
        yield EVENTS[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        registry.add_events(run, broken())
    assert registry.events(job) == []
    registry.add_events(run, EVENTS)
    assert len(registry.events(job)) == 3


def test_threads_share_one_registry(registry: Registry) -> None:
    """Eight threads record at once through one registry, and nothing is lost."""
    job = version(registry)
    barrier = threading.Barrier(8)

    def record() -> None:
        barrier.wait(10)
        run = registry.begin_run(job)
        for _ in range(20):
            registry.add_events(run, EVENTS)
        registry.end_run(run, "finished")

    threads = [threading.Thread(target=record) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(registry.events(job)) == 8 * 20 * 3
    assert sorted(row["run"] for row in registry.runs(job)) == list(range(1, 9))
