"""What every transport is: a `Channel` to one child, driven by readiness of file descriptors and never blocking.

Whoever owns the channel selects on `fds()` and calls `on_ready` for each that is ready; requests are queued by the
other methods. So reading and writing never wait for each other, one thread can drive many children, and every wait
has the deadline of its `select`. The invariant: an answer is handed out only when it arrived whole, and was validated
in full.

Left out on purpose: the process (`workbench.supervisor.process`), its logs, and what to do when it dies.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Ready:
    """The child is loaded. ``info``: ``python`` and ``pyarrow`` versions, ``load_seconds``."""

    info: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything that came back for batch ``number``.

    ``meta`` is what the child says of it (errors of rows, state, counts).
    """

    number: int
    batches: tuple[pa.RecordBatch, ...]
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Blob:
    """Opaque bytes that the child gave out to be kept: an aggregate's state. Never decoded in the parent."""

    number: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """The child could not do what was asked, and says so.

    ``phase`` is ``load``, ``open``, ``batch`` …, ``info`` the error as plain data.
    """

    phase: str
    number: int | None
    info: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Invalid:
    """Batch ``number`` (None: not to be told) came back damaged.

    ``error`` is a ProtocolError; ``fatal`` if the stream cannot go on.
    """

    number: int | None
    error: Exception
    fatal: bool


@dataclass(frozen=True, slots=True)
class Closed:
    """The child closed its end: nothing more will come. How it died, the process tells."""


@dataclass(frozen=True, slots=True)
class Fallback:
    """Batches now take a slower way than they could, for the reason in ``detail``; nothing else changes."""

    detail: str


@dataclass(frozen=True, slots=True)
class Marked:
    """The log pipes in ``pipes`` (1: stdout, 2: stderr, 3: both) hold a mark: what is before it was printed by now."""

    pipes: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A script asks for its first input: until now it was loading, although it was `Ready` to be run."""


Reply = Ready | Answer | Blob | Refused | Invalid | Closed | Fallback | Marked | Asked


class Channel(ABC):
    """The parent's end of one conversation.

    Created before the child is spawned, closed once, usable from one thread at a time. Before the spawn, `stdin`,
    `stdout`, `pass_fds` and `environment` say what the child must be given; `spawned` closes our copies of its ends.
    """

    stdin: int | None = None
    """fd for the child's stdin; None is /dev/null."""

    stdout: int | None = None
    """fd for the child's stdout; None is the log pipe."""

    pass_fds: tuple[int, ...] = ()
    """Further fds that the child inherits under the same numbers."""

    environment: Mapping[str, str] = {}
    """Variables that tell the child about them."""

    heard_at: float | None = None
    """When anything was last heard of the child, in monotonic seconds; None if its silence means nothing."""

    phase = "start"
    """What a child that is not ready is doing: it starts, imports what it needs, or loads the user's code."""

    mark: bytes = b""
    """What the child writes into its log before it answers, wherever it may have printed; empty if it does not."""

    unseen = False
    """Whether it has yet to be seen that the child reads its input as it should: ask `bypassed` once in a while."""

    @abstractmethod
    def spawned(self) -> None:
        """Close the child's ends in this process. Call it once the child has been spawned (or could not be)."""

    @abstractmethod
    def load(self, setup: Mapping[str, Any]) -> None:
        """Queue the first request: load the user's code. `Ready` or `Refused` will come back."""

    @abstractmethod
    def open(self, schema: pa.Schema, options: Mapping[str, Any]) -> None:
        """Queue the start of a run over batches of ``schema``; forgets what came before."""

    @abstractmethod
    def submit(self, number: int, batch: pa.RecordBatch) -> None:
        """Queue one batch. Exactly one `Answer`, `Refused` or `Invalid` of that number will come back, in order."""

    @abstractmethod
    def ask(self, what: str, number: int, data: bytes = b"") -> None:
        """Queue another request: ``snapshot``, ``restore``, ``merge`` or ``finish``; scripts know only ``finish``."""

    @abstractmethod
    def fds(self) -> Mapping[int, int]:
        """What to select on now: fd -> mask of `selectors.EVENT_READ` / `EVENT_WRITE`."""

    @abstractmethod
    def on_ready(self, fd: int, mask: int) -> Iterable[Reply]:
        """Move what can be moved without waiting, and return what is complete. Never raises for what the child did."""

    def bypassed(self) -> bool:
        """Whether the child takes its input in a way that does not tell when a batch is done: no answer will come."""
        return False

    def rest(self) -> None:  # noqa: B027 - most have nothing to give up
        """Nothing is asked for now: give up what is only of use for the next batch."""

    @abstractmethod
    def close(self) -> None:
        """Close our ends; may be called twice."""
