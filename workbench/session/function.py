"""A registered function in hand: one version of it, ready to run.

The workers of a function that have nothing to do are kept for its next run; `Function.stop` ends them. The invariant: a
version has one handle in a session as long as anyone holds it, or holds one of its open runs. Left out on purpose: how
functions are defined and found (`workbench.session.workbench`).
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from workbench import settings
from workbench.checking import Check
from workbench.checking.check import CHECK_SECONDS, check
from workbench.errors import RestartsExhausted, UsageProblem
from workbench.functions import FunctionSpec, Kind, Signature
from workbench.packaging import MANIFEST, read_zip
from workbench.registry import Registered, Registry
from workbench.session.binding import Binding
from workbench.session.call import call
from workbench.session.compare import Comparison, compare, sample_of
from workbench.session.data import Again, Data, only, open_data
from workbench.session.define import names, write_package
from workbench.session.handover import plan_of
from workbench.session.history import History
from workbench.session.lane import Lane, Offered
from workbench.session.limits import OnError, OnInvalid, check_limits, check_modes
from workbench.session.record import Notes, Record, events_frame
from workbench.session.replay import Failing, failing_rows, stored_rows
from workbench.session.run import Run
from workbench.session.trials import Trials
from workbench.session.versions import source_diff
from workbench.sql import create_function
from workbench.sql.ddl import check_url
from workbench.supervisor.memory import MemoryLimit
from workbench.supervisor.restart import RestartPolicy
from workbench.supervisor.supervisor import Supervisor
from workbench.supervisor.warm import warm
from workbench.supervisor.worker import Worker
from workbench.targets import Packages, Plan
from workbench.types import quote_name

if TYPE_CHECKING:
    from workbench.session.workbench import Workbench


class Function:
    """One version of a registered function. Made by `Workbench.register` and `Workbench.function`."""

    def __init__(self, owner: Workbench, registered: Registered) -> None:
        self._owner = owner
        self._registered = registered
        self._last: Run | weakref.ref[Run] | None = None
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
    def registry(self) -> Registry:
        """Where its history is."""
        return self._owner.registry

    @property
    def last_run(self) -> Run | None:
        """The newest run that this handle started. One that is open, and that nobody else holds, is closed and gone."""
        return self._last() if isinstance(self._last, weakref.ref) else self._last

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
        outer: bool = False,
    ) -> Run:
        """Start a run over ``data`` and return at once; it proceeds as its results are consumed.

        ``data`` is a pandas or Arrow table, a record batch, a reader, an iterable of batches, or a path to .parquet,
        .csv or .arrow. Arguments are taken from ``columns`` in order, else from the columns of the signature's names,
        else from all columns if their number fits. The result has, for a udf, the input columns and one named like the
        function; for a udtf the input columns and the output's; for a udaf the ``group_by`` columns and the result; for
        a script what it emitted. Results come in input order.

        ``timeout`` is in seconds for one batch; ``memory_limit`` in bytes of one worker, which is replaced between
        batches when it comes near and ended when it goes beyond. ``on_error`` is for functions: "fail" ends the run by
        UdfError, "dead_letter" sets failing rows aside, "null" gives NULL for them. ``on_invalid`` is for scripts:
        "skip" or "fail". ``outer`` is for table functions, as Doris's ``f_outer``: a row without output is kept with
        NULLs. Raises DataError if the columns do not fit, and WorkerStartError if no worker can start.
        """
        self._owner.check_open()
        check_modes(
            self.name,
            self.kind,
            group_by=group_by,
            workers=workers,
            on_error=on_error,
            on_invalid=on_invalid,
            outer=outer,
        )
        check_limits(self.name, memory_limit, timeout, batch_rows, max_restarts)
        defaults = self._owner.settings
        if isinstance(data, Data | Offered):
            opened = data.opened()
        else:
            opened = open_data(data, batch_rows=batch_rows or defaults.batch_rows, batch_bytes=defaults.batch_bytes)
        groups = names(group_by)
        binding = None
        if self.kind != "script":
            chosen = names(columns) if columns is not None else None
            binding = Binding(self.spec, opened.schema, columns=chosen, group_by=groups)
        elif columns is not None:
            opened = only(opened, names(columns))
        launch = self._owner.launch(self._registered)  # it may build an environment: others do not wait for that
        with self._owner.beginning:
            self._owner.check_open()
            history = History(self.registry, self.registered_id, Record(groups, parts=workers), self.ended)
            if opened.waits or isinstance(data, Offered):  # others' code runs in this process, and may end it
                self.registry.flush()
            notes = Notes(history.record, history.event)
            skip_invalid = (on_invalid or defaults.on_invalid) == "skip" and self.kind == "script"
            options = binding.options(on_error=on_error, report=settings.STATE_GROUPS, outer=outer) if binding else {}
            if isinstance(data, Offered):
                options |= data.options
            supervisor = Supervisor(
                launch,
                schema=binding.sent_schema if binding else opened.schema,
                options=options,
                policy=RestartPolicy(defaults.max_restarts if max_restarts is None else max_restarts),
                pool=self._owner.pool,
                emit=notes.event,
                log=notes.line,
                workers=workers,
                window=defaults.window,
                timeout=timeout,
                isolate_timeouts=on_error != "fail",
                memory=MemoryLimit(memory_limit) if memory_limit is not None else None,
                skip_invalid=skip_invalid,
            )
            run = (Lane if isinstance(data, Offered) else Run)(
                self.spec,
                self.version,
                opened,
                binding,
                supervisor,
                on_error=on_error,
                outer=outer,
                skip_invalid=skip_invalid,
                notes=notes,
                on_end=history.end,
                ahead=defaults.window * workers,
            )
            self._open.add(run)
        run.options = {"columns": columns, "group_by": group_by, "batch_rows": batch_rows}
        run.options |= {"timeout": timeout, "memory_limit": memory_limit, "max_restarts": max_restarts, "outer": outer}
        self._last = weakref.ref(run)
        # Rows that are run again, or for a query, are no sample of their own.
        if not isinstance(data, Again | Data | Offered):
            self._owner.samples[self.key] = sample_of(data), {"columns": columns, "group_by": group_by}
        return run

    def ended(self, run: Run) -> None:
        """A run tells that it is over: what is known of it is kept."""
        with self._owner.beginning:
            self._open.discard(run)
        if self.last_run is run:
            self._last = run
        if run.numbers is None:
            self._owner.failing[self.key] = failing_rows(run)

    @property
    def failing(self) -> Failing:
        """The rows of the last run that have no result: those set aside, and the one that ended it.

        The last run is that of any version; a replay is none. If there was no run in this session, the newest one in
        the registry that has such rows. Raises UsageProblem if there is none, or its values cannot be made again.
        """
        found = self._owner.failing.get(self.key)
        if found is not None:
            return found
        for run in reversed(self._owner.registry.runs(self.registered_id)):
            letters = self._owner.registry.dead_letters(run["id"])
            if letters:
                return stored_rows(self.spec, letters)
        raise UsageProblem(f"{self.name} v{self.version} has not been run yet, or no row failed", hint="run it first")

    @property
    def failures(self) -> pd.DataFrame:
        """`failing` as a table, as `Run.dead_letters`."""
        return self.failing.frame()

    def replay(self, row: int | None = None, *, bisect: bool = False) -> Run:
        """Run the rows again that have no result in the last run, or one of them by its number in the input.

        They are run by this version, with their old values, types and numbers, and the limits of that run: so a
        function that was changed shows whether it can deal with them now. A row that fails ends the replay by its
        error, which is what one wants to see; with ``bisect`` each failing row is told and set aside. May be repeated:
        a replay does not change what the last run was. Raises UsageProblem if there is no such row.
        """
        failing = self.failing
        again, options = failing.again(self.name, row), dict(failing.options)
        if self.kind != "script":
            return self.run(again, **options, on_error="dead_letter" if bisect else "fail")
        options["batch_rows"] = 1 if bisect else options.get("batch_rows")
        return self.run(again, **options, on_invalid="skip" if bisect else "fail")

    def compare(self, other: Function | int, data: Any = None, **options: Any) -> Comparison:
        """Run this version and another one, or another function of its kind, on the same rows, and tell what differs.

        ``data``, and among ``options`` columns and group_by, are as in `run`, and by default those of the last run of
        any version in this session; further options are batch_rows, workers, timeout, memory_limit and max_restarts.
        A failing row shows its error. Raises UsageProblem if there is no data, or they answer in different shapes.
        """
        right = other if isinstance(other, Function) else self._owner.function(self.full_name, other)
        return compare(self, right, *self._owner.samples.get(self.key, (None, {})), data=data, options=options)

    @property
    def versions(self) -> list[Function]:
        """All its versions, oldest first."""
        return self._owner.versions(self.full_name)

    def diff(self, other: int | None = None) -> str:
        """How its source differs from that of version ``other``, or of the one before: a unified diff, or ""."""
        return source_diff(self, other)

    @property
    def full_name(self) -> str:
        """The name that finds it and nothing else: ``main.score(INT, INT)``."""
        database, _, types = self.key
        return f"{quote_name(database)}.{quote_name(self.name)}({types})"

    @property
    def key(self) -> tuple[str, str, str]:
        """What all its versions share."""
        types = self.signature.argument_types if self.signature is not None else ""
        return self.spec.database, self.name.casefold(), types

    def call(self, *arguments: Any) -> Any:
        """Call it once with Python values, in a worker.

        Returns the result of a udf, or of a udaf over this one row; the rows of a udtf as a list, tuples if they have
        several columns. Raises DataError for a value that does not fit, UdfError if the function fails.
        """
        return call(self, arguments)

    def check(
        self,
        *,
        seconds: float = CHECK_SECONDS,
        seed: int = 0,
        nulls: bool = True,
        values: Mapping[str | int, Any] | None = None,
    ) -> Check:
        """Try it on generated data of its declared types and tell where it breaks, for about ``seconds``.

        ``nulls=False`` says that NULL never occurs, ``values`` narrows arguments by name: a list of values, or a
        Hypothesis strategy. Leaves no run behind. Raises UsageProblem for a script, and as `run` if no worker starts.
        """
        if self.kind == "script":
            raise UsageProblem(
                f"{self.name}: check is for functions; a script declares no types", hint="run it on data of yours"
            )
        trial = Trials(self.spec, self._owner.launch(self._registered), self._owner.pool)
        described = (self.spec, self.version, self.source)
        return check(*described, trial, seconds=seconds, seed=seed, nulls=nulls, values=values or {})

    # -- workers -------------------------------------------------------------------------------------------------------

    def start(self, workers: int = 1) -> None:
        """Have so many workers ready before the next run. Raises WorkerStartError.

        A script's worker starts with its run.
        """
        if self.kind == "script":
            raise UsageProblem(f"{self.name} is a script; its worker lives as long as a run", hint="use run")
        launch = self._owner.launch(self._registered)
        for _ in range(workers - sum(worker.process.exit is None for worker in self._owner.pool.idle(launch.key))):
            warm(launch, self._owner.pool)

    def stop(self) -> int:
        """Close the runs that are open and end the workers; how many were idle."""
        self.close_runs()
        return self._end_idle()

    def _end_idle(self) -> int:
        living = len(self._idle())
        for key in self._owner.keys_of(self.registered_id):
            self._owner.pool.stop(key)
        return living

    def close_runs(self) -> int:
        """Close the runs that are open, and say how many; their workers are idle then, or gone."""
        running = self._running()
        for run in running:
            run.close()
        return len(running)

    def _running(self) -> list[Run]:
        """The runs that are open now."""
        with self._owner.beginning:
            return list(self._open)

    def restart(self) -> None:
        """End the idle workers and have one new one ready."""
        self.stop()
        self.start()

    def kill(self) -> int:
        """Kill its workers, as a crash would; how many there were.

        The next run starts others. An open run finds its workers dead when it is moved, and replaces them like any
        that crash.
        """
        busy = sum(run.kill() for run in self._running())
        idle = self._idle()
        for worker in idle:
            worker.process.kill()
        self._end_idle()
        return busy + len(idle)

    def _idle(self) -> list[Worker]:
        """Those that live: one that was killed in its sleep is found out when it is wanted."""
        idle = (self._owner.pool.idle(key) for key in self._owner.keys_of(self.registered_id))
        return [worker for workers in idle for worker in workers if worker.process.exit is None]

    @property
    def status(self) -> Mapping[str, Any]:
        """What it does: state, pids of idle workers, stored runs of this version, summary of the last, why it gave up.

        ``state`` is running, ready, stopped, or failed: its last run used up its restarts, and ``reason`` says on what.
        """
        idle = [worker.pid for worker in self._idle()]
        last = self.last_run
        reason = str(last.error).partition("\n")[0] if last and isinstance(last.error, RestartsExhausted) else ""
        return {
            "state": "running" if self._open else "ready" if idle else "failed" if reason else "stopped",
            "reason": reason,
            "workers": idle,
            "runs": sum(run["version"] == self.version for run in self._owner.registry.runs(self.registered_id)),
            "last": last.summary() if last is not None else "",
        }

    # -- what is known -------------------------------------------------------------------------------------------------

    @property
    def history(self) -> pd.DataFrame:
        """The events of all runs in this home, of all versions, oldest first: run, version, then as `Run.events`."""
        return events_frame(self._owner.registry.events(self.registered_id), ("run", "version"))

    @property
    def runs(self) -> pd.DataFrame:
        """The runs in this home, of all its versions, oldest first: counts, status, times."""
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
        run = self.last_run
        if run is None:
            raise UsageProblem(f"{self.name} has not been run here yet", hint="run it first")
        return run

    def package(self, path: str | Path) -> Path:
        """Write its zip to ``path``, or into it if that is a folder; the same bytes wherever and whenever."""
        return write_package(path, self.name, self.package_path.read_bytes())

    @property
    def package_path(self) -> Path:
        """Where the registry keeps its zip."""
        return self._owner.registry.package_path(self.sha256)

    def ddl(self, dialect: str = "doris", *, file: str | None = None) -> str:
        """The SQL that registers it: dialect "doris" (as shipped) or "doris-proposal"; ``file``: the URL of the zip."""
        check_url(file)
        source = self.source if len(set(read_zip(self.package_path).files) - {MANIFEST}) == 1 else None
        return create_function(self.spec, source=source, dialect=dialect, file=file)

    def plan(self, target: str = "doris", *, file: str | None = None, packages: Packages | None = None) -> Plan:
        """What to do to have it in ``target`` ("doris", "doris-proposal", "fungi"), and what will be different there.

        ``file`` is the URL or path at which the package will be. ``packages`` is what SHOW PYTHON PACKAGES answers
        there, a frame or a text file: what is lacking is told. Nothing is applied. Raises UsageProblem for a target
        that is not known, and for packages that cannot be read.
        """
        return plan_of(self, target, file, packages)
