"""An ``async def`` function: at most 64 rows of a batch wait at once, and results stay in the order of the rows.

All batches of a worker run in one event loop, so that a client that the module keeps (a session, a pool) stays usable.
The invariant: under ``on_error="fail"`` the error that is told is that of the first failing row, whichever row was
faster. Left out on purpose: tasks that the function itself starts; they go on in the loop with the next batch.
"""

from __future__ import annotations

import asyncio
import inspect
import weakref
from typing import Any, Dict, Iterator, List, Mapping, Tuple

from .interrupt import Interrupted
from .row_errors import RowErrors
from .scalar import ROW_PREFIX, Rows

CONCURRENCY = 64  # rows that wait at once: enough to hide 10 ms a call, few enough for most servers


class Tasks(Rows):
    """One coroutine for each row."""

    def __init__(self, function: Any, setup: Mapping[str, Any], arrow: Any) -> None:
        super().__init__(function, setup, arrow)
        self._loop = asyncio.new_event_loop()
        weakref.finalize(self, self._loop.close)

    def results(self, columns: List[List[Any]], count: int, errors: RowErrors) -> List[Any]:
        rows: List[Tuple[Any, ...]] = list(zip(*columns)) if columns else [()] * count
        batch = _Batch(self.function, rows, fail=errors.fail)
        running = self._loop.create_task(batch.run())
        try:
            self._loop.run_until_complete(running)
        except Interrupted:  # between two steps of the rows: none of them may go on beside the next batch
            batch.stop_behind(-1)
            self._loop.run_until_complete(running)
            raise
        for row in sorted(batch.failed):
            errors.raised(row, batch.failed[row], f"{ROW_PREFIX} {row}")
            if errors.stop:
                break
        return batch.out


class _Batch:
    """The rows of one batch; each worker task takes the next row that nobody has."""

    def __init__(self, function: Any, rows: List[Tuple[Any, ...]], *, fail: bool) -> None:
        self.out: List[Any] = [None] * len(rows)
        self.failed: Dict[int, BaseException] = {}
        self._function = function
        self._waiting: Iterator[Tuple[int, Tuple[Any, ...]]] = iter(enumerate(rows))
        self._fail = fail
        self._busy: Dict[int, Any] = {}  # row -> the task that it is in

    async def run(self) -> None:
        tasks = [asyncio.ensure_future(self._work()) for _ in range(min(CONCURRENCY, len(self.out)))]
        # A task that was cancelled for a row that no longer counts is no error.
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            row, arguments = next(self._waiting, (-1, ()))
            if row < 0:
                return
            self._busy[row] = asyncio.current_task()
            try:
                result = self._function(*arguments)
                self.out[row] = await result if inspect.isawaitable(result) else result
            except BaseException as error:  # SystemExit and CancelledError are the row's errors too
                self.failed[row] = error
                if isinstance(error, Interrupted):
                    self.stop_behind(-1)
            finally:
                del self._busy[row]
            if self._fail and self.failed:
                self.stop_behind(min(self.failed))
                return

    def stop_behind(self, first: int) -> None:
        """No row behind the first failing one counts; those before it end, as one of them may fail too."""
        self._waiting = iter(())
        for row, task in self._busy.items():
            if row > first:
                task.cancel()
