"""Which lines of the code rows failed on and workers died on, counted over a run.

The invariant: each failing row and each death whose line is known counts once, however many there are; where the line
is not known (killed from outside, an error of ours) nothing is guessed. Left out on purpose: which file of a package is
shown, and in which words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from workbench.dumps import FATAL
from workbench.events import Event, LogLine
from workbench.supervisor.refusal import dumped_frames

MOST: Final = 1_000
"""Different places that are kept: code that is made at run time may fail on a new line each time."""

_CURRENT: Final = "Current thread 0x"
_RAISED: Final = "Traceback (most recent call last):\n"


class Place(NamedTuple):
    """What happened (``ZeroDivisionError``, ``SIGSEGV``) and where.

    ``frames`` are the file, relative to the package, and the line of each of the user's own frames, outermost first.
    """

    what: str
    died: bool
    frames: tuple[tuple[str, int], ...]


@dataclass(slots=True)
class Places:
    """How often each place was met, and where in the input it was first: a row, or the batch of a death."""

    _met: dict[Place, tuple[int, int | None]] = field(default_factory=dict)

    def failed(self, rows: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
        """Note failing rows: the number of each in the input, and its error as plain data."""
        for row, info in rows:
            self._meet(info["error_type"], info.get("frames") or (), row, died=False)

    def died(self, event: Event, lines: Iterable[LogLine]) -> None:
        """Note a death: where it was stands in the last of the worker's ``lines``, if it could still write them."""
        text = "".join(f"{line.text}\n" for line in lines if line.worker == event.worker and line.stream == "stderr")
        if event.signal is None:  # a script that raised
            trace = text.rpartition(_RAISED)[2]
            error = next((line for line in trace.splitlines() if line[:1].strip()), "")
            what, frames = error.partition(":")[0], dumped_frames(trace)[::-1]
        else:
            what = event.signal
            frames = dumped_frames(text.rpartition(FATAL)[2].partition(_CURRENT)[2].partition("\n\n")[0])
        if (_RAISED if event.signal is None else FATAL) in text:
            self._meet(what, frames, event.batch, died=True)

    def _meet(self, what: str, frames: Sequence[Mapping[str, Any]], at: int | None, *, died: bool) -> None:
        place = Place(what, died, tuple((frame["file"], frame["line"]) for frame in frames))
        times, first = self._met.get(place, (0, at))
        if frames and (times or len(self._met) < MOST):
            self._met[place] = times + 1, first

    def met(self) -> list[tuple[Place, int, int | None]]:
        """Each place, how often it was met, and where first. From any thread."""
        return [(place, *seen) for place, seen in self._met.copy().items()]
