"""The processes of a run as they are now: which workers live, and how much memory they have.

The invariant: it only looks, and may be asked from any thread. Left out on purpose: what happened to them, which the
record tells (`workbench.session.record`).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from workbench.session.run import Run
from workbench.supervisor.memory import resident

_ENDS: Final = frozenset({"crashed", "recycled", "stopped", "gave_up"})


class Life(NamedTuple):
    """A worker that lives: its number, its pid, and when it was ready, in seconds since the run began."""

    worker: int
    pid: int
    since: float


def lives(run: Run) -> list[Life]:
    """The workers of an open run, the newest last; none if it is over."""
    if run.status != "running":
        return []
    found: dict[int, Life] = {}
    for event in run.record.incidents:
        if event.worker is None or event.pid is None:
            continue
        if event.kind in _ENDS:
            found.pop(event.worker, None)
        elif event.worker not in found:
            found[event.worker] = Life(event.worker, event.pid, event.time)
    return list(found.values())


def memory(run: Run) -> int | None:
    """Bytes of the resident sets of its workers; None where there is none, or the system does not tell."""
    sizes = [size for life in lives(run) if (size := resident(life.pid)) is not None]
    return sum(sizes) if sizes else None
