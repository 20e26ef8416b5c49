"""What can happen to a run, as plain data: one `Event` a thing, in the order in which it was seen.

Everything that is shown of a run (history, panel, demo, registry) is made from these and from nothing else.
Left out on purpose: who listens. An event is handed to a callable; `session` keeps, stores and shows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

EventKind = Literal[
    "started",  # a worker is ready; detail says with which Python
    "batch",  # a batch was answered
    "snapshot",  # an aggregate's state was saved as it was after the batch
    "crashed",  # a worker died although nobody asked it to
    "silent",  # a worker gives no sign of life: it may be stopped, or hold the GIL
    "interrupted",  # a batch was out of time, and its worker gave it up; it goes on with the next
    "restarted",  # another worker took its place
    "skipped",  # a batch of a script gave no valid output
    "dead_letter",  # rows were set aside
    "recycled",  # a worker was replaced between batches, on purpose
    "state_restored",  # an aggregate continues from its snapshot
    "state_lost",  # a script starts again without what it had in memory
    "fallback",  # batches go through the socket, as there is no shared memory for them
    "gave_up",  # the restart policy allows no more
    "failed",  # the run ended with an error
    "stopped",  # a worker was ended because it is no longer wanted
    "finished",  # all input was answered
]

ROUTINE: Final = frozenset({"batch", "snapshot"})
"""What comes with every few batches of a run in which nothing happens: a history of it is made without these."""

SIGNS: Final[dict[str, str]] = {
    "started": "●",
    "batch": "·",
    "snapshot": "▣",
    "crashed": "✕",
    "silent": "▲",
    "interrupted": "▲",
    "restarted": "↻",
    "skipped": "▲",
    "dead_letter": "▲",
    "recycled": "↻",
    "state_restored": "↻",
    "state_lost": "▲",
    "fallback": "▲",
    "gave_up": "✕",
    "failed": "✕",
    "stopped": "■",
    "finished": "✓",
}
"""A sign for each kind, shown beside the word and never alone."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    ``time`` is seconds since the run began (monotonic); ``worker`` counts lives from 1; ``batch`` counts from 0;
    ``rows`` are input rows; ``signal`` is a name such as ``SIGSEGV``; ``exit_status`` the number if it exited itself.
    """

    kind: EventKind
    time: float = 0.0
    worker: int | None = None
    pid: int | None = None
    batch: int | None = None
    rows: int | None = None
    signal: str | None = None
    exit_status: int | None = None
    detail: str = ""

    def as_row(self) -> dict[str, Any]:
        """The event as a row of the ``events`` and ``history`` tables."""
        return {name: getattr(self, name) for name in self.__slots__}  # `asdict` copies deeply: 80 µs


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that a worker printed.

    ``stream`` is ``stdout`` or ``stderr``; ``batch`` the one that it worked on, None while it loaded, finished or had
    nothing to do.
    """

    time: float
    worker: int
    batch: int | None
    stream: str
    text: str
