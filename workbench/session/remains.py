"""What a worker that died has left in the log: where it was in the user's code, and what it had printed before.

Faulthandler writes its dump between the lines that the user printed, with the frames of the workbench and the
addresses of threads. The invariant: of that only the user's own frames are told, as errors tell them. Left out on
purpose: how it died, which its event says (`workbench.events`).
"""

from __future__ import annotations

from typing import NamedTuple

from workbench.dumps import Dumps, LastDump
from workbench.errors import Frame
from workbench.events import LogLine
from workbench.session.record import Record
from workbench.supervisor.refusal import dumped_frames, frames_of


class Remains(NamedTuple):
    """``frames`` are the user's own, outermost first; ``lines`` are what was printed, oldest first, without dumps."""

    frames: tuple[Frame, ...]
    lines: list[LogLine]


def remains(record: Record, worker: int) -> Remains:
    """Of a worker of a run, as far as the log's ring still has its lines; ``worker`` is the number of its life."""
    own, dumps, dump = [], Dumps(), LastDump()
    for line in record.lines:
        if line.worker != worker:
            continue
        if line.stream == "stderr" and dumps.holds(line.text):
            dump.add(line.text)
        else:
            own.append(line)
    return Remains(frames_of({"frames": dumped_frames(dump.text)}), own)
