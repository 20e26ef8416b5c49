"""What the magics do, as plain functions: ``%%udf`` and each ``%udf`` command have their twins here.

They take a `workbench.Workbench` or a `workbench.Function` and keyword arguments, and give back runs, functions or
views, so everything that a magic can do can be written in Python. Left out on purpose: reading lines (`grammar`,
`parsers`) and names of the notebook (`magics`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa

from workbench.errors import DefinitionError, UsageProblem
from workbench.events import SIGNS, Event
from workbench.functions import Kind, Signature, Volatility, parse_signature
from workbench.notebook.cells import Cell, shorten
from workbench.notebook.grid import Column, Grid, Limits, Row, event_grid, letters_grid, state_grid
from workbench.notebook.logged import batch_lines
from workbench.notebook.views import GridView, LinesView
from workbench.secrets import Secret
from workbench.session import Function, Run, Stream, Workbench
from workbench.session.compare import Comparison
from workbench.session.doctor import doctor as look
from workbench.session.report import HistoryRow, event_rows
from workbench.worker.words import a, counted

LISTED: Final = 100
"""Functions that are listed, however few rows of data are shown: names are looked for, rows are looked at."""

_NAME: Final = re.compile(r"[^\W\d]\w*")
_STATES: Final = {
    "running": SIGNS["started"],
    "ready": SIGNS["started"],
    "stopped": SIGNS["stopped"],
    "failed": SIGNS["crashed"],
}
_COOKIE: Final = re.compile(r"(coding)([:=])")


def define(
    workbench: Workbench,
    signature: str,
    body: str,
    *,
    kind: Kind | None = None,
    symbol: str | None = None,
    file: str | None = None,
    entry: str | None = None,
    imports: Iterable[str] = (),
    requirements: Iterable[str] = (),
    env: Mapping[str, str | Secret] | None = None,
    python: str | None = None,
    batch_size: int | None = None,
    always_nullable: bool = True,
    volatility: Volatility | None = None,
) -> Function:
    """Register the code of a cell, or ``file``, under a signature; a script has only a name.

    What ships is the body below one comment line that stands for the magic, so that line numbers in messages are
    those of the cell. Raises as `workbench.Workbench.register`.
    """
    read = _signature(signature)
    given = isinstance(read, Signature) or "(" in signature
    name = None if given or not signature else signature
    label = f"%%udf {read.name if isinstance(read, Signature) else signature.partition('(')[0].strip()}".rstrip()
    if name is not None and not _NAME.fullmatch(name):
        raise UsageProblem(
            f"%%udf: {name!r} is neither a signature nor a name", hint="as in: %%udf score(a DOUBLE) -> DOUBLE"
        )
    if file is not None and body.strip():
        raise UsageProblem(f"{label}: there is code in the cell, and --file {file}", hint="keep one of them")
    if file is None and not body.strip():
        raise UsageProblem(f"{label}: the cell has no code", hint="write the function below, or give --file PATH")
    if file is None and not signature:
        raise UsageProblem(
            "%%udf: a signature is needed", hint="as in: %%udf score(a DOUBLE) -> DOUBLE; a script has only a name"
        )
    return workbench.register(
        _source(f"%%udf {read or name}", body) if file is None else Path(file),
        (read if given else None),
        kind=kind,
        name=name,
        symbol=symbol,
        entry=entry,
        batch_size=batch_size,
        imports=imports,
        requirements=requirements,
        env=env,
        python=python,
        always_nullable=always_nullable,
        volatility=volatility,
        where=label,
    )


def _signature(text: str) -> Signature | str:
    """The signature; or the text, if it is a name or cannot be read, which `register` reports with everything else."""
    try:
        return parse_signature(text) if "(" in text else text
    except DefinitionError:
        return text


def _source(magic: str, body: str) -> str:
    """The code as it ships. A field called ``coding`` must not make the first line say how the file is encoded."""
    line = _COOKIE.sub(r"\1 \2", " ".join(magic.split()))
    return f"# {line}\n{body}"


def run(function: Function, data: Any, *, n: int | None = None, **options: Any) -> Run:
    """Run a function over data, or over its first ``n`` rows, to its end. Options as in `workbench.Function.run`."""
    return begin(function, data, n=n, **options).wait()


def begin(function: Function, data: Any, *, n: int | None = None, **options: Any) -> Run:
    """As `run`, but for the end: whoever consumes the run moves it."""
    return function.run(data if n is None else first_rows(data, n), **options)


def stream(function: Function, data: Any, *, n: int | None = None, **options: Any) -> Stream:
    """Stream data, or its first ``n`` rows, through a function, behind the cell. Options as in `workbench.Stream`."""
    return Stream(function, data if n is None else first_rows(data, n), **options)


def compare(one: Function, other: Function, data: Any = None, *, n: int | None = None, **options: Any) -> Comparison:
    """Run two versions over data, or over its first ``n`` rows. As `workbench.Function.compare`."""
    if n is not None and data is None:
        raise UsageProblem("-n is about a sample", hint="add --sample DF")
    return one.compare(other, data if n is None else first_rows(data, n), **options)


def first_rows(data: Any, n: int) -> Any:
    """The first rows of a frame or table. Raises UsageProblem for data that has no first rows here."""
    if n < 0:
        raise UsageProblem(f"-n is {n}", hint="give 0 or more")
    if isinstance(data, pd.DataFrame):
        return data.head(n)
    if isinstance(data, pa.Table | pa.RecordBatch):
        return data.slice(0, n)
    raise UsageProblem(f"-n is for frames and tables, this is {a(type(data).__name__)}", hint="leave it out")


def functions(workbench: Workbench, *, rows: int = 20) -> GridView:
    """The registered functions in their newest versions, by name."""
    found = workbench.functions()

    def grid(limits: Limits) -> Grid:
        columns = [Column("name"), Column("signature"), Column("kind"), Column("version", number=True)]
        lines = [
            Row(
                [
                    Cell(shorten(one.name, limits.width)),
                    Cell(shorten(str(one.signature or ""), 2 * limits.width)),
                    Cell(one.kind),
                    Cell(str(one.version), "number"),
                ]
            )
            for one in found[:LISTED]
        ]
        return Grid(columns, lines, len(found))

    return GridView("Functions", grid, rows, "none yet: define one with %%udf")


def state(function: Function, *, rows: int = 20) -> GridView:
    """The state of an aggregate after each batch of its last run."""
    if function.kind != "udaf":
        raise UsageProblem(
            f"{function.name} is a {function.kind}, which has no state that can be seen", hint="an aggregate has"
        )
    run = _last_run(function)
    return GridView(f"State of {_titled(function)}", lambda limits: state_grid(run, limits), rows)


def failures(function: Function, *, rows: int = 20) -> GridView:
    """The rows of the last run that have no result; after a restart of the kernel, those that were stored."""
    found = function.failing
    names = found.table.schema.names

    def grid(limits: Limits) -> Grid:
        return letters_grid(found.letters, names, found.total, limits)

    return GridView(f"Failing rows of {_titled(function)}", grid, rows, "none")


def replay(function: Function, row: int | None = None, *, bisect: bool = False) -> Run:
    """Run the rows that failed again, to their end. See `workbench.Function.replay`."""
    return function.replay(row, bisect=bisect).wait()


def logs(function: Function, *, rows: int = 20) -> LinesView:
    """What the workers of the last run of a function printed."""
    run = _last_run(function)
    return LinesView(f"Log of {_titled(function)}", batch_lines(run, Limits(rows)), rows, "nothing was printed")


def history(function: Function, *, rows: int = 20) -> GridView:
    """What happened in all runs of this version, the newest last. Runs are counted from 1 here."""
    events: list[HistoryRow] = []
    runs: list[int] = []
    for number, (_, group) in enumerate(function.history.groupby("run", sort=True), 1):
        found = event_rows(map(_event, group.astype(object).where(group.notna(), None).to_dict("records")))
        events += found
        runs += [number] * len(found)
    return GridView(
        f"History of {_titled(function)}", lambda limits: event_grid(events, limits, runs=runs), rows, "not run yet"
    )


def _event(row: Mapping[Any, Any]) -> Event:
    return Event(**{name: row[name] for name in Event.__slots__})


def stop(functions: Iterable[Function]) -> str:
    """Close the runs of some functions that are open, end their workers, and say how many there were."""
    chosen = list(functions)
    closed = sum(one.close_runs() for one in chosen)
    stopped = sum(one.stop() for one in chosen)
    return (
        f"{counted(closed, 'run')} closed, no worker left" if closed else f"{counted(stopped, 'idle worker')} stopped"
    )


def start(function: Function, workers: int = 1) -> str:
    """Have workers ready before the next run."""
    function.start(workers)
    return _ready(function)


def restart(function: Function) -> str:
    """End the idle workers of a function and have a new one ready."""
    function.restart()
    return _ready(function)


def kill(function: Function) -> str:
    """Kill the workers of a function as a crash would, and say how many."""
    killed = function.kill()
    return f"{function.name}: {counted(killed, 'worker')} killed"


def _ready(function: Function) -> str:
    count = len(function.status["workers"])
    return f"{function.name}: {counted(count, 'worker')} ready"


def status(functions: Iterable[Function], *, rows: int = 20) -> GridView:
    """What the workers of some functions do, how many wait, and how the last run ended; `Function.status` has pids."""
    found = [(one, one.status) for one in functions]

    def grid(limits: Limits) -> Grid:
        columns = [Column("name"), Column("version", number=True), Column("state")]
        columns += [Column("idle workers", number=True), Column("runs", number=True), Column("last run")]
        lines = [
            Row(
                [
                    Cell(shorten(one.name, limits.width)),
                    Cell(str(one.version), "number"),
                    Cell(f"{_STATES[status['state']]} {status['state']}", "word"),
                    Cell(str(len(status["workers"])), "number"),
                    Cell(str(status["runs"]), "number"),
                    Cell(shorten(status["reason"] or status["last"].partition(";")[0] or "none here", limits.width)),
                ]
            )
            for one, status in found[:LISTED]
        ]
        return Grid(columns, lines, len(found))

    return GridView("Workers", grid, rows, "no function was used in this notebook yet")


def drop(workbench: Workbench, name: str) -> str:
    """Remove a function with all its versions and runs, and say how many versions there were."""
    count = workbench.drop(name)
    return f"{name} dropped ({counted(count, 'version')})"


def doctor(workbench: Workbench) -> LinesView:
    """What this machine has for the workbench, each finding with its remedy."""
    found = [
        f"{finding.grade:7}  {finding.about}: {finding.text}" + (f"  ({finding.remedy})" if finding.remedy else "")
        for finding in look(workbench.home)
    ]
    return LinesView("Doctor", found, rows=len(found))


def environments(workbench: Workbench, *, rows: int = 20) -> GridView:
    """The environments of functions with requirements, the one used last first."""
    found = workbench.environments.list()

    def grid(limits: Limits) -> Grid:
        columns = [Column("requirements"), Column("Python"), Column("MB", number=True)]
        lines = [
            Row(
                [
                    Cell(shorten(", ".join(one.requirements), 2 * limits.width)),
                    Cell(one.python),
                    Cell(f"{one.size / 1e6:,.0f}", "number"),
                ]
            )
            for one in found[:LISTED]
        ]
        return Grid(columns, lines, len(found))

    return GridView("Environments", grid, rows, "none yet: a function with --requires has one from its first run on")


def prune(workbench: Workbench, days: float) -> str:
    """Remove the environments that were not used for so long, unless a worker has them, and say how many."""
    count = workbench.environments.prune(days)
    return f"removed {counted(count, 'environment')}"


def _last_run(function: Function) -> Run:
    if function.last_run is None:
        raise UsageProblem(
            f"{_titled(function)} has not been run in this notebook yet", hint=f"%udf run {function.name} DF"
        )
    return function.last_run


def _titled(function: Function) -> str:
    return f"{function.name} v{function.version}"
