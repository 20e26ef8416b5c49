"""A registered function in hand: one version of it, ready to run.

The workers of a function that have nothing to do are kept for its next run; `Function.stop` ends them. Left out on purpose: how
functions are defined and found (`workbench.session.workbench`).
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
import pyarrow as pa

from workbench import settings
from workbench.errors import DataError, UsageProblem, WorkbenchError
from workbench.events import Event
from workbench.functions import FunctionSpec, Kind, Signature
from workbench.registry import DeadLetter as StoredLetter
from workbench.registry import Registered
from workbench.session.binding import Binding
from workbench.session.data import open_data
from workbench.session.define import names
from workbench.session.record import Record, as_json, events_frame
from workbench.session.run import Notes, Run
from workbench.sql import create_function
from workbench.supervisor.restart import RestartPolicy
from workbench.supervisor.supervisor import Supervisor
from workbench.supervisor.warm import warm

if TYPE_CHECKING:
    from workbench.session.workbench import Workbench

OnError = Literal["fail", "dead_letter", "null"]
OnInvalid = Literal["skip", "fail"]
STORED_TICKS = 1_000
STORED_LETTERS = 1_000


class Function:
    """One version of a registered function. Made by `Workbench.register` and `Workbench.function`."""

    def __init__(self, owner: Workbench, registered: Registered) -> None:
        self._owner = owner
        self._registered = registered
        self._last: Run | None = None
        self._open: weakref.WeakSet[Run] = weakref.WeakSet()

    def __repr__(self) -> str:
        return f"<Function {self.signature or self.name} {self.kind} v{self.version}>"

    @property
    def spec(self) -> FunctionSpec:
        """All that was said of it when it was defined."""
        return self._registered.spec

    @property
    def name(self) -> str:
        """Its name in SQL."""
        return self.spec.name

    @property
    def version(self) -> int:
        """Counted from 1; a change of source or signature makes the next."""
        return self._registered.version

    @property
    def signature(self) -> Signature | None:
        """Arguments and result; a script has none."""
        return self.spec.signature

    @property
    def kind(self) -> Kind:
        """udf, udaf, udtf or script."""
        return self.spec.kind

    @property
    def source(self) -> str:
        """The text of the file that holds it, as it ships."""
        return self._registered.source

    @property
    def sha256(self) -> str:
        """Of its package."""
        return self._registered.sha256

    @property
    def registered_id(self) -> int:
        """Its key in the registry."""
        return self._registered.id

    @property
    def last_run(self) -> Run | None:
        """The newest run that this handle started."""
        return self._last

    # -- running -------------------------------------------------------------------------------------------------------

    def run(
        self,
        data: Any,
        *,
        columns: str | Sequence[str] | None = None,
        group_by: str | Sequence[str] | None = None,
        batch_rows: int | None = None,
        workers: int = 1,
        max_restarts: int | None = None,
        timeout: float | None = None,
        memory_limit: int | None = None,
        on_invalid: OnInvalid | None = None,
        on_error: OnError = "fail",
    ) -> Run:
        """Start a run over ``data`` and return at once; it proceeds as its results are consumed.

        ``data`` is a pandas or Arrow table, a record batch, a reader, an iterable of batches, or a path to .parquet, .csv or .arrow.
        Arguments are taken from ``columns`` in order, else from the columns of the signature's names, else from all columns if their
        number fits. The result has, for a udf, the input columns and one named like the function; for a udtf the input columns and
        the output's; for a udaf the ``group_by`` columns and the result; for a script what it emitted. Results come in input order.

        ``timeout`` is in seconds for one batch. ``on_error`` is for functions: "fail" ends the run with UdfError, "dead_letter" sets
        failing rows aside, "null" gives NULL for them. ``on_invalid`` is for scripts: "skip" or "fail". Raises DataError if the
        columns do not fit, and WorkerStartError if no worker can start.
        """
        self._owner.check_open()
        self._check_options(group_by, workers, memory_limit, on_error, on_invalid, timeout, batch_rows, max_restarts)
        defaults = self._owner.settings
        opened = open_data(data, batch_rows=batch_rows or defaults.batch_rows, batch_bytes=defaults.batch_bytes)
        groups = names(group_by)
        binding = None
        if self.kind != "script":
            chosen = names(columns) if columns is not None else None
            binding = Binding(self.spec, opened.schema, columns=chosen, group_by=groups)
        elif columns is not None:
            opened = _only(opened, names(columns))
        launch = self._owner.launch(self._registered)
        run_id = self._owner.registry.begin_run(self.registered_id)
        notes = Notes(Record(groups), self._store(run_id))
        supervisor = Supervisor(
            launch,
            schema=binding.sent_schema if binding else opened.schema,
            options=binding.options(on_error=on_error, report=settings.STATE_GROUPS) if binding else {},
            policy=RestartPolicy(defaults.max_restarts if max_restarts is None else max_restarts),
            pool=self._owner.pool,
            emit=notes.event,
            log=notes.line,
            workers=workers,
            window=defaults.window,
            timeout=timeout,
            skip_invalid=(on_invalid or defaults.on_invalid) == "skip" and self.kind == "script",
        )
        run = Run(
            self.spec,
            self.version,
            opened,
            binding,
            supervisor,
            on_error=on_error,
            notes=notes,
            on_end=_Ending(self._owner, run_id),
            ahead=defaults.window * workers,
        )
        self._last = run
        self._open.add(run)
        return run

    def _check_options(
        self,
        group_by: Any,
        workers: int,
        memory_limit: int | None,
        on_error: str,
        on_invalid: str | None,
        timeout: float | None,
        batch_rows: int | None,
        max_restarts: int | None,
    ) -> None:
        def refuse(what: str, hint: str = "") -> UsageProblem:
            return UsageProblem(f"{self.name}: {what}", hint=hint)

        if memory_limit is not None:
            raise refuse("memory_limit is not supported yet", "leave it out")
        if group_by is not None and self.kind != "udaf":
            raise refuse(f"group_by is for aggregates, this is a {self.kind}", "leave it out")
        if on_error not in ("fail", "dead_letter", "null"):
            raise refuse(f"on_error is {on_error!r}", "choose fail, dead_letter or null")
        if on_error == "null" and self.kind in ("udaf", "udtf"):
            raise refuse(f"on_error='null' has no meaning for a {self.kind}", "choose fail or dead_letter")
        if on_error != "fail" and self.kind == "script":
            raise refuse("on_error is for functions; a script has on_invalid", "choose on_invalid='skip' or 'fail'")
        if on_invalid not in (None, "skip", "fail"):
            raise refuse(f"on_invalid is {on_invalid!r}", "choose skip or fail")
        if workers < 1 or (workers > 1 and self.kind == "script"):
            raise refuse(f"workers is {workers}", "a script keeps its own state and has one worker; a function has at least one")
        if timeout is not None and timeout <= 0:
            raise refuse(f"timeout is {timeout}", "give seconds above 0, or leave it out")
        if batch_rows is not None and batch_rows < 1:
            raise refuse(f"batch_rows is {batch_rows}", "give at least 1")
        if max_restarts is not None and max_restarts < 0:
            raise refuse(f"max_restarts is {max_restarts}", "give 0 or more")

    def _store(self, run_id: int) -> Callable[[Event], None]:
        registry = self._owner.registry
        return lambda event: registry.add_events(run_id, [event])

    def call(self, *values: Any) -> Any:
        """Call it once with Python values, in a worker: the result of a udf or of a udaf over one row, the rows of a udtf as a list."""
        if self.signature is None:
            raise UsageProblem(f"{self.name} is a script, which takes batches", hint="use run")
        params = self.signature.params
        if len(values) != len(params):
            wanted = ", ".join(map(str, params))
            raise UsageProblem(f"{self.name} takes {len(params)} arguments ({wanted}), {len(values)} were given")
        columns = [f"a{index}" for index in range(len(params))]
        try:
            arrays = [pa.array([value], param.type.arrow) for value, param in zip(values, params, strict=True)]
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise DataError(f"{self.name}: a value does not fit ({', '.join(map(str, params))}): {error}") from error
        table = pa.table(arrays, names=columns) if columns else pa.table({"_": pa.array([None])})
        with self.run(table, columns=columns) as run:
            result = run.to_arrow()
        fields = self.signature.output_fields(self.kind)
        rows = result.select([name for name, _ in fields]).to_pylist()
        if self.kind == "udtf":
            return [tuple(row.values()) if len(fields) > 1 else next(iter(row.values())) for row in rows]
        return next(iter(rows[0].values()))

    # -- workers -------------------------------------------------------------------------------------------------------

    def start(self, workers: int = 1) -> None:
        """Have so many workers ready before the next run. Raises WorkerStartError. A script's worker starts with its run."""
        if self.kind == "script":
            raise UsageProblem(f"{self.name} is a script; its worker lives as long as a run", hint="use run")
        launch = self._owner.launch(self._registered)
        for _ in range(workers - len(self._owner.pool.idle(launch.key))):
            warm(launch, self._owner.pool)

    def stop(self) -> int:
        """Close the runs that are open and end the workers; how many were idle."""
        for run in list(self._open):
            run.close()
        return self._owner.pool.stop(self._owner.launch(self._registered).key)

    def restart(self) -> None:
        """End the idle workers and have one new one ready."""
        self.stop()
        self.start()

    def kill(self) -> int:
        """Kill its idle workers, as a crash would; how many there were. A run that meets a dead worker takes a new one."""
        idle = self._owner.pool.idle(self._owner.launch(self._registered).key)
        for worker in idle:
            worker.process.kill()
        return len(idle)

    @property
    def status(self) -> Mapping[str, Any]:
        """``state`` (running, ready, stopped), ``workers`` (pids of idle ones), ``runs`` (stored), ``last`` (summary of the last run)."""
        idle = self._owner.pool.idle(self._owner.launch(self._registered).key) if self.kind != "script" else ()
        running = self._last is not None and self._last.status == "running"
        stored = self._owner.registry.runs(self.registered_id)
        return {
            "state": "running" if running else "ready" if idle else "stopped",
            "workers": [worker.pid for worker in idle],
            "runs": len(stored),
            "last": self._last.summary() if self._last is not None else "",
        }

    # -- what is known -------------------------------------------------------------------------------------------------

    @property
    def history(self) -> pd.DataFrame:
        """The events of all its runs in this home, this version's, oldest first: run, version, then as `Run.events`."""
        rows = self._owner.registry.events(self.registered_id)
        return events_frame(({**row, "version": self.version} for row in rows), ("run", "version"))

    @property
    def runs(self) -> pd.DataFrame:
        """Its runs in this home, oldest first: counts, status, times."""
        return pd.DataFrame(self._owner.registry.runs(self.registered_id))

    @property
    def state(self) -> pd.DataFrame:
        """The aggregate's state in the last run; see `Run.state`."""
        return self._need_run().state

    @property
    def logs(self) -> pd.DataFrame:
        """What the workers of the last run printed; see `Run.logs`."""
        return self._need_run().logs

    def _need_run(self) -> Run:
        if self._last is None:
            raise UsageProblem(f"{self.name} has not been run here yet", hint="run it first")
        return self._last

    def package(self, path: str | Path) -> Path:
        """Write its zip to ``path``; the same bytes wherever and whenever it is written."""
        target = Path(path).expanduser()
        if target.is_dir():
            target /= f"{self.name}.zip"
        target.write_bytes(self._owner.registry.package_path(self.sha256).read_bytes())
        return target

    def ddl(self, dialect: str = "doris", *, file: str | None = None) -> str:
        """The SQL that registers it: dialect "doris" (as shipped) or "doris-proposal". ``file`` is the URL of the zip."""
        return create_function(self.spec, source=self.source, dialect=dialect, file=file)


class _Ending:
    """Stores the end of a run. Holds the session, not the run."""

    def __init__(self, owner: Workbench, run_id: int) -> None:
        self._registry = owner.registry
        self._run_id = run_id

    def __call__(self, run: Run) -> None:
        record, registry = run.record, self._registry
        registry.add_events(self._run_id, record.ticks[-STORED_TICKS:])
        registry.add_dead_letters(
            self._run_id,
            [
                StoredLetter(one.batch, one.row, as_json(one.values), one.error_type, one.error, one.attempts)
                for one in record.letters[:STORED_LETTERS]
            ],
        )
        error = run.error.message if isinstance(run.error, WorkbenchError) else str(run.error or "")
        registry.end_run(
            self._run_id,
            run.status,
            rows_in=record.rows_in,
            rows_out=record.rows_out,
            skipped=record.skipped,
            dead_letters=record.dead,
            restarts=record.restarts,
            error=error,
        )


def _only(data: Any, columns: tuple[str, ...]) -> Any:
    """The data with these columns only, for a script."""
    missing = [name for name in columns if name not in data.schema.names]
    if missing:
        raise DataError(f"columns: there is no column {missing[0]!r}", hint=f"the data has {', '.join(data.schema.names)}")
    schema = pa.schema([data.schema.field(name) for name in columns])
    return replace(data, schema=schema, batches=(batch.select(list(columns)) for batch in data.batches))
