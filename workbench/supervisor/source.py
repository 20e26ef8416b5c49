"""Where batches come from: asked without waiting, so that a slow source never holds back an answer.

The invariant: `Source.take` returns at once; when it has nothing yet, `fd` becomes readable once it may have. Left
out on purpose: what a batch holds; an item is a batch to send and a context that comes back beside its answer.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from queue import Empty, Full, Queue
from typing import Any, Final

import pyarrow as pa

Item = tuple[pa.RecordBatch, Any]
_END: Final = object()
PUT_SECONDS: Final = 0.2


class Source:
    """Items that are at hand: an iterator that never waits, such as the slices of a table."""

    fd: int | None = None

    def __init__(self, items: Iterable[Item]) -> None:
        self._items: Iterator[Item] = iter(items)
        self.exhausted = False

    def take(self) -> Item | None:
        """The next item; None if there is none now, or (`exhausted`) none any more. Raises what the source raised."""
        if self.exhausted:
            return None
        item = next(self._items, None)
        self.exhausted = item is None
        return item

    @property
    def waiting(self) -> int:
        """How many are at hand that were read ahead."""
        return 0

    def close(self) -> None:
        """No more will be taken."""
        self.exhausted = True


class OfferedSource(Source):
    """Items that are offered one by one, by whoever waits for their answers; another thread may `cancel` that."""

    def __init__(self) -> None:
        super().__init__(())
        self._offered: deque[Item] = deque()
        self._cancelled: BaseException | None = None
        self._lock = threading.Lock()
        self.fd, self._wake = os.pipe()

    def offer(self, item: Item) -> None:
        """Have it taken next."""
        self._offered.append(item)

    def cancel(self, error: BaseException) -> None:
        """Raise ``error`` where answers are waited for. From any thread."""
        with self._lock:
            self._cancelled = error
            if self.fd is not None:
                os.write(self._wake, b"!")

    def take(self) -> Item | None:
        if self._cancelled is not None:
            raise self._cancelled
        return self._offered.popleft() if self._offered else None

    def close(self) -> None:
        super().close()
        with self._lock:
            fd, self.fd = self.fd, None
        if fd is not None:
            os.close(fd)
            os.close(self._wake)


class ThreadedSource(Source):
    """Items from an iterator that may wait (a generator, a file): a thread reads ahead, at most ``ahead`` items."""

    def __init__(self, items: Iterable[Item], ahead: int) -> None:
        super().__init__(items)
        self._queue: Queue[Any] = Queue(maxsize=ahead)
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self.fd, self._wake = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._wake, False)
        self._thread = threading.Thread(target=self._read, name="workbench-source", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        """Fill the queue until the end, an error, or `close`."""
        try:
            for item in self._items:
                if not self._put(item):
                    break
        except BaseException as error:  # noqa: BLE001 - raised again by `take`, in the thread that wants the items
            self._error = error
        finally:
            self._put(_END)
            os.close(self._wake)
            close = getattr(self._items, "close", None)
            if close is not None:  # a generator that was left early puts away here what it holds
                close()

    def _put(self, item: Any) -> bool:
        while not self._stop.is_set():
            try:
                self._queue.put(item, timeout=PUT_SECONDS)
            except Full:
                continue
            # Full: there are enough bytes to wake by. Broken: nobody waits any more.
            with suppress(BlockingIOError, BrokenPipeError):
                os.write(self._wake, b"!")
            return True
        return False

    def take(self) -> Item | None:
        if self.exhausted:
            return None
        try:
            item = self._queue.get_nowait()
        except Empty:
            if self.fd is not None:
                with suppress(BlockingIOError):
                    os.read(self.fd, 4096)
            try:  # what came between the look and the reading of its wake-up
                item = self._queue.get_nowait()
            except Empty:
                return None
        if item is _END:
            self.close()
            if self._error is not None:
                raise self._error
            return None
        taken: Item = item
        return taken

    @property
    def waiting(self) -> int:
        return self._queue.qsize()

    def close(self) -> None:
        super().close()
        self._stop.set()
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None
