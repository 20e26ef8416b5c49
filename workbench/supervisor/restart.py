"""When a worker that died is started again: pure policy, the clock is an argument.

Erlang's restart intensity in two sliding windows, so that both a burst and an out-of-memory loop that dies every 30 s
come to an end; back-off counts deaths in a row and is set to zero by a finished batch, the windows never are. Left
out on purpose: which deaths count. Deaths that we caused do not, and are not told.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from workbench.worker.words import counted

FIRST_DELAY: Final = 0.1
LONGEST_DELAY: Final = 5.0
JITTER: Final = 0.1
MOST_DOUBLINGS: Final = 16  # far beyond the longest delay, and far below what overflows a float


@dataclass(frozen=True, slots=True)
class Window:
    """At most ``restarts`` within ``seconds``; None is for ever."""

    restarts: int
    seconds: float | None

    def __str__(self) -> str:
        return counted(self.restarts, "restart") + ("" if self.seconds is None else f" in {self.seconds:g} s")


DEFAULT_WINDOWS: Final = (Window(3, 60.0), Window(10, 600.0))
"""The guide's 3 restarts, and a second window for a death every half minute (jupyter_client#186)."""


class RestartPolicy:
    """Counts deaths and says whether, and after how many seconds, to start again.

    ``max_restarts`` replaces both windows by one number for the whole run. `died` returns the delay in seconds, or
    None: give up.
    """

    def __init__(
        self,
        max_restarts: int | None = None,
        *,
        windows: Sequence[Window] = DEFAULT_WINDOWS,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.windows = tuple(windows) if max_restarts is None else (Window(max_restarts, None),)
        self.restarts = 0
        self.gave_up: Window | None = None
        self._jitter = jitter
        self._times: deque[float] = deque()
        self._in_a_row = 0

    @property
    def allowed(self) -> int:
        """The number after the slash of ``restarts 1/3``."""
        return self.windows[0].restarts

    def died(self, now: float) -> float | None:
        """A worker died at ``now`` (monotonic seconds). The delay before the next start, None if there will be none."""
        for window in self.windows:
            recent = sum(1 for time in self._times if window.seconds is None or now - time < window.seconds)
            if recent >= window.restarts:
                self.gave_up = window
                return None
        self._times.append(now)
        self.restarts += 1
        self._in_a_row += 1
        if self._in_a_row == 1:
            return 0.0
        delay = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(self._in_a_row - 2, MOST_DOUBLINGS))
        return delay * (1 + JITTER * (2 * self._jitter() - 1))

    def finished_batch(self) -> None:
        """A batch was answered: the next death is a first one again."""
        self._in_a_row = 0
