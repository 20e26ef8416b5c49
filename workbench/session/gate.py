"""The gate that a run passes between two batches: it may be held there, and others wait there until it is safe to act.

One thread moves a run at a time; it holds the gate while it does, and lets go while the consumer has a batch or the
run is paused. The invariant: whoever holds the gate knows that nobody else is inside of the run. Left out on purpose:
waking a thread that waits for a worker; that is for the supervisor.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """The gate of one run. `pause`, `step`, `resume` and `shut` may be called from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._holder: int | None = None
        self._paused = self._shut = self._held = False
        self._steps = 0

    @property
    def paused(self) -> bool:
        """Whether the run is held, or will be once it is done with its batch."""
        return self._paused

    @property
    def held(self) -> bool:
        """Whether the run stands at the gate: what was on its way has come."""
        return self._held

    def enter(self) -> None:
        """Wait until nobody else is inside."""
        with self._changed:
            self._changed.wait_for(lambda: self._holder in (None, threading.get_ident()))
            self._holder = threading.get_ident()

    def leave(self) -> None:
        """Let others in; nothing happens if this thread is not inside."""
        with self._changed:
            if self._holder == threading.get_ident():
                self._holder = None
                self._changed.notify_all()

    def between(self) -> None:
        """The next batch may be wanted: wait here while the run is paused."""
        with self._changed:
            if not self._paused:
                return
            self.leave()
            self._held = True
            self._changed.wait_for(lambda: not self._paused or self._steps or self._shut)
            self._held = False
            self._steps = max(0, self._steps - 1)
            self.enter()

    def pause(self) -> None:
        with self._changed:
            self._paused = True
            self._steps = 0

    def resume(self) -> None:
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def step(self) -> None:
        """Let one batch through, and pause behind it."""
        with self._changed:
            self._paused = True
            self._steps += 1
            self._changed.notify_all()

    @contextmanager
    def shut(self) -> Iterator[None]:
        """Hold nobody any more, and be the only one inside."""
        with self._changed:
            self._shut = True
            self._changed.notify_all()
        self.enter()
        try:
            yield
        finally:
            self.leave()


class Gated:
    """What a run offers of its gate; from any thread."""

    _gate: Gate

    def pause(self) -> None:
        """Hold the thread that moves the run before its next batch, until `resume`, `step` or `close`."""
        self._gate.pause()

    def resume(self) -> None:
        """Let a paused run go on."""
        self._gate.resume()

    def step(self) -> None:
        """Let a run go on by one batch, and pause it again."""
        self._gate.step()

    @property
    def paused(self) -> bool:
        """Whether it was told to `pause`, or to `step`."""
        return self._gate.paused

    @property
    def held(self) -> bool:
        """Whether it stands still: a run that was told to `pause` first finishes the batch that it is at."""
        return self._gate.held
