"""One stream of a worker's log: bytes in, lines out, and between them the marks of `workbench.worker.marks`.

A line that was read may belong to the batch that is being worked on, or to the next, if that has begun and the answer
between them was not read yet. The invariant: lines are held until it is known which. Before each read the worker is
told of it by the pipe's time of modification, so that it marks its next answer; it is told the old number again when
there was nothing but marks, or one mark would lead to the next for ever. Left out on purpose: when it is known
(`workbench.supervisor.worker`, `workbench.supervisor.slot`).
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from workbench import settings
from workbench.dumps import Dumps

READ_SIZE: Final = 65_536
BITS: Final = {"stdout": 1, "stderr": 2}


class LogPipe:
    """``mark`` is empty for a child that writes none. Of a line that is too long the beginning is kept."""

    def __init__(self, fd: int, stream: str, mark: bytes) -> None:
        self.fd, self.stream, self.bit = fd, stream, BITS[stream]
        self.dumps = Dumps()
        self.open = True
        self._mark = mark
        self._reads = self._told = 0
        self._rest = b""
        self._begun = b""
        self._held: deque[str | None] = deque()
        self._tell(0)

    def _tell(self, reads: int) -> None:
        # Not everywhere does a pipe have times; see `workbench.worker.marks` for what that costs.
        with suppress(OSError):
            os.utime(self.fd, (0, reads))

    def read(self) -> bool:
        """Read once without waiting, and hold what became whole lines; whether there was anything, or the end."""
        self._told += 1  # never the same again, or the worker could miss one
        self._tell(self._told)
        try:
            data = os.read(self.fd, READ_SIZE)
        except BlockingIOError:
            self._tell(self._reads)
            return False
        pieces = self._pieces(data)
        for at, piece in enumerate(pieces):
            if at:
                self._held.append(None)
            *whole, rest = (self._rest + piece).split(b"\n")
            self._held += map(_text, whole)
            self._rest = rest[: settings.MAX_LOG_LINE]
        if not data:
            self.close()
            if self._rest:
                self._held.append(_text(self._rest))
        elif any(pieces) or self._begun:
            self._reads = self._told
        else:
            self._tell(self._reads)
        return True

    def _pieces(self, data: bytes) -> list[bytes]:
        """What was printed, cut at marks. The beginning of one at the end waits for its rest."""
        if not self._mark:
            return [data]
        *pieces, last = (self._begun + data).split(self._mark)
        cut = len(last)
        if data:
            sizes = range(min(cut, len(self._mark) - 1), 0, -1)
            cut -= next((size for size in sizes if last.endswith(self._mark[:size])), 0)
        self._begun = last[cut:]
        return [*pieces, last[:cut]]

    @property
    def undecided(self) -> bool:
        """Whether there are lines with no mark before them."""
        return bool(self._held) and self._held[0] is not None

    @property
    def lines(self) -> list[str]:
        """All that is held."""
        return [line for line in self._held if line is not None]

    @property
    def marked(self) -> bool:
        """Whether a mark is held."""
        return None in self._held

    def before_mark(self) -> Iterator[str]:
        """The held lines up to the first mark, which stays. They are held no longer."""
        while self._held and (line := self._held[0]) is not None:
            self._held.popleft()
            yield line

    def pass_mark(self) -> None:
        """The mark that is the first of what is held, if there is one, has done its work."""
        if self._held and self._held[0] is None:
            self._held.popleft()

    def close(self) -> None:
        """May be called twice."""
        if self.open:
            os.close(self.fd)
        self.open = False


def _text(line: bytes) -> str:
    return line[: settings.MAX_LOG_LINE].decode(errors="replace").rstrip("\r")
