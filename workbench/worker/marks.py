"""Marks in the log: they tell the parent which of the printed lines came before an answer.

The parent reads log pipes and answers apart, and the next batch begins before it has read the answer to the last. So
whoever answers first puts a mark into the log, and says in which pipes. A mark is written only where something may
have been printed since the last one: if the pipe holds bytes, or if the parent has read some, which it tells by
setting the pipe's time of modification, a number that both ends see, before each read. The invariant: what was written
to a pipe before `put`, by whomever, is before a mark or was read under the eyes of a parent that knew of no answer.
A silent batch costs four short system calls, and wakes nobody. Left out on purpose: finding the marks
(`workbench.supervisor.log_pipe`), scripts (`script`, which uses nothing beside it), and systems where a pipe has no
times: there a line that Python did not print may count for the next batch, if it is read just when its batch ends.
"""

from __future__ import annotations

import array
import fcntl
import os
import select
import stat
import termios
from typing import Sequence


class Marks:
    """Of one process. Those of ``fds`` that are pipes are marked, wherever the user's code may point them later."""

    def __init__(self, mark: bytes, fds: Sequence[int] = (1, 2)) -> None:
        self._mark = mark
        self._pipes = [(1 << at, os.dup(fd)) for at, fd in enumerate(fds) if stat.S_ISFIFO(os.fstat(fd).st_mode)]
        self._read = {fd: -1 for _, fd in self._pipes}
        self._unread = array.array("i", [0])

    def put(self) -> int:
        """Mark what was printed until now; which of the pipes got one, as bits. Raises OSError if nobody reads."""
        marked = 0
        for bit, fd in self._pipes:
            fcntl.ioctl(fd, termios.FIONREAD, self._unread)
            read = os.fstat(fd).st_mtime_ns  # after the look into it: what was gone by then had been told
            if self._unread[0] or read != self._read[fd]:
                self._read[fd] = read
                self._write(fd)
                marked |= bit
        return marked

    def _write(self, fd: int) -> None:
        while True:
            try:
                os.write(fd, self._mark)  # whole or not at all: it is short
                return
            except BlockingIOError:  # a program that was started here, as ssh, has made the pipe so for all
                select.select([], [fd], [])
