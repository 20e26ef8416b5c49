"""A run that goes on behind the cell: data streams through a function at a rate, and may be held, stepped and stopped.

A thread of its own moves the run; another lets batches in at the rate. The invariant: the newest results are kept and
the others let go, so it may go on for ever; its errors are in ``run.error`` and never on a thread's stderr; it ends
with `Stream.stop`, with its function or workbench, and with Python. Left out on purpose: showing it.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import pandas as pd
import pyarrow as pa

from workbench.errors import UsageProblem
from workbench.session.data import open_data
from workbench.session.function import Function
from workbench.session.pace import Pace
from workbench.session.recent import ROWS, Recent
from workbench.session.run import Run
from workbench.session.tail import follow as tail
from workbench.settings import Settings
from workbench.worker.words import a

BATCHES: Final = 10
"""Batches a second, if nobody says how many rows a batch has: as often as a panel is drawn."""

MOST_BATCH_ROWS: Final = 1_000
"""Rows of such a batch at most: a rate that is lowered later must not become one batch in an hour."""


class Stream:
    """``data`` through ``function`` at ``rate`` rows a second (None: as fast as it goes), from now on.

    ``data`` is what `Function.run` takes; a frame, table or file may be gone through again and again (``loop``), a .csv
    file be followed as others write to it (``follow``). ``options`` are those of `Function.run`. All methods may be
    called from any thread. A context manager, which stops it. Raises as `Function.run`, and UsageProblem.
    """

    def __init__(
        self,
        function: Function,
        data: Any,
        *,
        rate: float | None = None,
        loop: bool = False,
        follow: bool = False,
        batch_rows: int | None = None,
        **options: Any,
    ) -> None:
        _check(data, rate, loop=loop, follow=follow)
        self.function, self.loop, self.follow = function, loop, follow
        self.repeatable = isinstance(data, pd.DataFrame | pa.Table | pa.RecordBatch | str | Path)
        """Whether it can begin again: an iterable is used up."""
        self.listeners: list[Callable[[], None]] = []
        """Called when a run begins, in the thread that had it begin."""
        self.began_with: Final = rate
        """The rate that it was given first; `rate` is that of now."""
        self._data, self._rate, self._options = data, rate, options
        per_batch = MOST_BATCH_ROWS if rate is None else min(MOST_BATCH_ROWS, max(1, round(rate / BATCHES)))
        self._batch_rows = batch_rows or per_batch
        self._lock = threading.RLock()
        self._begin()

    def __repr__(self) -> str:
        return f"<Stream of {self.function.name} v{self.function.version}: {self.run.summary()}>"

    def _begin(self) -> None:
        pace, over = Pace(self._rate), threading.Event()

        def ended() -> None:
            over.set()
            pace.shut()

        run = self.function.run(self._batches(pace, over), batch_rows=self._batch_rows, **self._options)
        if isinstance(self._data, pd.DataFrame | pa.Table | pa.RecordBatch) and not self.loop:
            run.rows_total = len(self._data)
        run.record.recent = Recent(ROWS)
        self.run, self._pace = run, pace
        self.thread = move(run, lambda: _use_up(run), ended)
        for listener in self.listeners:
            listener()

    def _batches(self, pace: Pace, over: threading.Event) -> Iterator[pa.RecordBatch]:
        """What goes in, at the rate."""
        rows = -1
        while rows:  # a table without rows is not gone through for ever
            rows = 0
            data = tail(Path(self._data), over) if self.follow else self._data
            for batch in open_data(data, batch_rows=self._batch_rows, batch_bytes=Settings().batch_bytes).batches:
                if not pace.hold(batch.num_rows):
                    return
                rows += batch.num_rows
                yield batch
            if not self.loop:
                return

    # -- what may be done while it goes on -----------------------------------------------------------------------------

    @property
    def rate(self) -> float | None:
        """Rows a second; None: as fast as it goes. May be set at any time."""
        return self._rate

    @rate.setter
    def rate(self, rate: float | None) -> None:
        _check_rate(rate)
        with self._lock:
            self._rate = self._pace.rate = rate

    @property
    def status(self) -> str:
        """As `Run.status`, or ``paused``."""
        return "paused" if self.run.paused and self.run.status == "running" else self.run.status

    @property
    def error(self) -> Exception | None:
        """What ended it, if it failed."""
        return self.run.error

    def pause(self) -> None:
        """Hold it before the next batch."""
        self.run.pause()

    def step(self) -> None:
        """Let one batch through, and hold it again."""
        self.run.step()

    def resume(self) -> None:
        """Let it go on."""
        self.run.resume()

    def kill(self) -> int:
        """Kill its workers, as a crash would; how many. It goes on with others."""
        return self.run.kill()

    def stop(self) -> None:
        """End it; the worker is kept for the next run. May be called twice."""
        with self._lock:
            self.run.close()
            self.thread.join()

    def restart(self) -> None:
        """Begin again, with the first row and a new worker. Raises UsageProblem for an iterable, which is used up."""
        if not self.repeatable:
            raise UsageProblem(
                f"{self.function.name}: what was streamed cannot be had again", hint="make a new Stream of new data"
            )
        with self._lock:
            self.stop()
            self.function.stop()
            self._begin()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it is over; False if it is not after so many seconds. Its error is not raised: see `error`."""
        self.thread.join(seconds)
        return not self.thread.is_alive()

    def newest(self) -> pa.Table:
        """The newest rows of the result, oldest first: at most about 10,000."""
        batches = [part.batch for part in self.run.record.recent.parts]
        return pa.Table.from_batches(batches, self.run.schema or pa.schema([]))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def move(run: Run, work: Callable[[], object], ended: Callable[[], None] = lambda: None) -> threading.Thread:
    """Move a run in a thread of its own, which ``work`` does; ``ended`` is called there at the end."""

    def moving() -> None:
        try:
            with suppress(BaseException):  # `Run.error` has it, and whoever shows the run shows it
                work()
        finally:
            ended()
            atexit.unregister(run.close)

    thread = threading.Thread(target=moving, name=f"workbench run of {run.spec.name}", daemon=True)
    atexit.register(run.close)
    thread.start()
    return thread


def _use_up(run: Run) -> None:
    for _ in run.batches():
        pass


def _check(data: Any, rate: float | None, *, loop: bool, follow: bool) -> None:
    _check_rate(rate)
    if follow and loop:
        raise UsageProblem("a file that is followed has no end to begin again at", hint="leave loop or follow out")
    if follow and not isinstance(data, str | Path):
        raise UsageProblem(f"{a(type(data).__name__)} cannot be followed", hint="give the path of a .csv file")
    if loop and not isinstance(data, pd.DataFrame | pa.Table | pa.RecordBatch | str | Path):
        raise UsageProblem(
            f"{a(type(data).__name__)} can be gone through once",
            hint="give a frame, a table or a file, or leave out loop",
        )


def _check_rate(rate: float | None) -> None:
    if rate is not None and not rate > 0:
        raise UsageProblem(f"the rate is {rate}", hint="give more than 0 rows a second, or None for no limit")
