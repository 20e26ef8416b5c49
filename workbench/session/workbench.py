"""The workbench: one session over one home, from which functions are registered, found, packaged and run.

It owns everything that must be ended: workers, the unpacked packages, the registry's connection. Left out on purpose:
screens; the notebook and the shell are made of what is here.
"""

from __future__ import annotations

import inspect
import os
import shutil
import tempfile
import threading
import warnings
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from workbench.environments import Environments
from workbench.errors import RunClosed, UsageProblem
from workbench.functions import FunctionSpec, Kind, Signature, Volatility, forbidden_module
from workbench.packaging import extract, read_zip
from workbench.registry import Registered, Registry
from workbench.secrets import Secret
from workbench.session.define import Defined, Wanted, define, names, write_package
from workbench.session.function import Function
from workbench.session.launch import Surroundings, check_required, launch, surroundings, tell, with_environment
from workbench.session.replay import Failing
from workbench.settings import Settings, home
from workbench.supervisor import scratch
from workbench.supervisor.pool import Pool
from workbench.supervisor.worker import Launch
from workbench.worker.words import counted

if TYPE_CHECKING:
    from workbench.session.result import Result
    from workbench.session.scripts import Scripts


class Workbench:
    """A session over ``home``, where registry and packages live: a folder.

    By default that is what the variable WORKBENCH_HOME names, else a per-user folder. A context manager; closing it
    closes the runs that are open and ends every worker. ``database`` is the file that keeps the tables of `sql`; by
    default they are in memory.
    """

    def __init__(
        self,
        home: str | os.PathLike[str] | None = None,
        *,
        settings: Settings | None = None,
        database: str | os.PathLike[str] | None = None,
    ) -> None:
        self.home = _home(home)
        self.settings = settings or Settings()
        self.registry = Registry(self.home)
        self.pool = Pool()
        self.beginning = threading.RLock()
        """Held while a run begins, so that closing sees all of them."""
        self.environments = Environments(self.home)
        self.tell: Callable[[str], None] = tell
        """Is told in a line what takes long, such as the building of an environment."""
        self._folder = scratch.folder("packages-")
        self._unpacked: dict[str, Path] = {}
        self._handles: weakref.WeakValueDictionary[int, Function] = weakref.WeakValueDictionary()
        self._keys: dict[int, set[str]] = {}
        self._launches: dict[int, tuple[tuple[Settings, FunctionSpec, Surroundings], Launch]] = {}
        self.failing: dict[tuple[str, str, str], Failing] = {}
        """By function, whatever its version: the rows without a result in its last run, for `Function.replay`."""
        self.samples: dict[tuple[str, str, str], tuple[Any, Mapping[str, Any]]] = {}
        """Likewise the data of its last run, None for a stream, and its columns and groups, for `Function.compare`."""
        self._database = database
        self._scripts: Scripts | None = None
        self._finalizer = weakref.finalize(self, _close, self.pool, self.registry, self.environments, self._folder)

    def __repr__(self) -> str:
        return f"<Workbench with {counted(len(self.registry.functions()), 'function')}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the open runs and end every worker. May be called twice."""
        with self.beginning:  # a run that begins now is one of those, or is refused
            self.pool.shut()
        for function in list(self._handles.values()):
            function.close_runs()
        if self._scripts is not None:
            self._scripts.close()
        self._finalizer()

    def check_open(self) -> None:
        """Raise RunClosed if the workbench is closed."""
        self.pool.check_open()

    def register(
        self,
        source: Any,
        signature: Signature | str | None = None,
        *,
        kind: Kind | None = None,
        name: str | None = None,
        symbol: str | None = None,
        entry: str | None = None,
        batch_size: int | None = None,
        imports: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = (),
        requirements: str | Iterable[str] = (),
        env: Mapping[str, str | Secret] | None = None,
        python: str | None = None,
        always_nullable: bool = True,
        volatility: Volatility | None = None,
        where: str | None = None,
    ) -> Function:
        """Package a function and register it.

        The same source and signature again is the same version, a change makes the next. ``source`` is a path of a .py
        file, a folder or a zip; Python text; or a function or class. ``signature`` is text such as
        ``score(a DOUBLE, b DOUBLE) -> DOUBLE``; a script needs none. ``kind`` and ``symbol`` are read from the source
        where they are not given; ``entry`` is the file to begin with. ``imports`` are further files or folders to ship;
        ``requirements`` are packages for the worker, as in ``numpy<2``, beside those that the source declares (PEP 723,
        ``requirements.txt``, ``pyproject.toml``): they are installed at the first run, in an environment that is kept.
        ``env`` are variables for the worker, texts or `Secret`; ``python`` is an executable or a version. Nothing is
        run. Raises DefinitionError with all problems and their lines, and PackageError for what cannot be packaged.

        A scalar function is called row by row; with ``batch_size`` above 1 with lists of tuples; once per batch if a
        parameter is annotated ``list``, ``pd.Series``, ``np.ndarray`` or ``pa.Array``, where the others get the batch's
        first value; and ``async def`` with many rows waiting at once. ``list`` at an ARRAY is the value of a row.
        """
        self.check_open()
        defined = self._define(
            source,
            where,
            Wanted(
                signature=signature,
                kind=kind,
                name=name,
                symbol=symbol,
                entry=entry,
                batch_size=batch_size,
                imports=names(imports),
                requirements=names(requirements),
                env=dict(env or {}),
                python=python,
                always_nullable=always_nullable,
                volatility=volatility,
            ),
        )
        return self._handle(self.registry.register(defined.spec, defined.package, defined.source))

    def package(self, source: Any, path: str | os.PathLike[str], **options: Any) -> Path:
        """Write the zip of ``source`` to ``path`` without registering it. Options as in `register`."""
        self.check_open()
        for name in options.keys() - inspect.signature(self.register).parameters.keys():
            raise UsageProblem(f"package has no option {name!r}", hint="its options are those of register")
        where = options.pop("where", None)
        options |= {name: names(options.get(name)) for name in ("imports", "requirements")}
        defined = self._define(source, where, Wanted(**options))
        return write_package(path, defined.spec.name, defined.package)

    def _define(self, source: Any, where: str | None, wanted: Wanted) -> Defined:
        defined = define(source, wanted, where=where)
        module, _, attribute = (defined.spec.symbol or "").rpartition(".")
        reason = forbidden_module(module) if attribute else None
        if reason is not None:
            warnings.warn(f"{defined.spec.name}: {reason}; rename the file", stacklevel=3)
        return defined

    def function(self, name: str, version: int | None = None) -> Function:
        """A registered function by name; ``name(INT, INT)`` chooses among overloads.

        Raises FunctionNotFound and AmbiguousFunction.
        """
        self.check_open()
        return self._handle(self.registry.get(name, version))

    def functions(self) -> list[Function]:
        """All registered functions in their latest versions, by name."""
        self.check_open()
        return [self._handle(registered) for registered in self.registry.functions()]

    def versions(self, name: str) -> list[Function]:
        """All versions of a function, oldest first."""
        self.check_open()
        return [self._handle(registered) for registered in self.registry.versions(name)]

    def _handle(self, registered: Registered) -> Function:
        """The one handle of a version: whoever asks for it again sees its open runs and its last one."""
        handle = self._handles.get(registered.id)
        if handle is None:
            handle = self._handles[registered.id] = Function(self, registered)
        return handle

    def drop(self, name: str) -> int:
        """Remove a function with all its versions, runs and packages; how many versions there were."""
        for function in self.versions(name):
            function.stop()
            self.failing.pop(function.key, None)
            self.samples.pop(function.key, None)
            self._keys.pop(function.registered_id, None)
            self._launches.pop(function.registered_id, None)
            if (unpacked := self._unpacked.pop(function.sha256, None)) is not None:
                shutil.rmtree(unpacked.parent, ignore_errors=True)
        return self.registry.drop(name)

    def sql(
        self,
        text: str,
        tables: Mapping[str, Any] | None = None,
        *,
        timeout: float | None = None,
        max_restarts: int | None = None,
        memory_limit: int | None = None,
    ) -> Result:
        """Run a script in the Doris dialect; the result of its last statement, with the notes of all of them.

        ``tables`` are those that its queries may read by name, besides the ones in the database and files (``FROM
        'x.parquet'``): frames, Arrow tables, runs, results, paths; they come before tables of the database. Database in
        use, databases and tables last as long as the workbench. ``timeout`` is in seconds for one call of a function,
        ``max_restarts`` and ``memory_limit`` (bytes) as in `Function.run`.

        Raises SqlError with statement, line and column; UdfError for the row that a function fails on, and what else
        `Function.run` and `register` raise.
        """
        given = {"timeout": timeout, "max_restarts": max_restarts, "memory_limit": memory_limit}
        notes: list[str] = []
        for result in self.scripts.run(text, tables, limits=given):
            notes += result.notes
        return replace(result, notes=tuple(notes))

    @property
    def scripts(self) -> Scripts:
        """The SQL session, made now if there is none: statement by statement what `sql` does at once."""
        self.check_open()
        if self._scripts is None:
            from workbench.session.scripts import Scripts  # noqa: PLC0415 - DuckDB and sqlglot for those who use SQL

            self._scripts = Scripts(self, self._database)
        return self._scripts

    def launch(self, registered: Registered) -> Launch:
        """How to start a worker of a function, in an environment with its requirements, which is built if need be.

        Found out once, and again when a variable, a secret or a setting has changed: the interpreter is looked for, and
        compared with what the source requires, only then.
        """
        self.check_open()
        folder = self._unpack(registered)
        before = self._launches.get(registered.id)
        if before is None or before[0][0] != self.settings:
            check_required(registered.spec, folder, self.settings.python)
        spec = with_environment(registered.spec, self.settings.python, self.environments, self.tell)
        try:
            self.check_open()  # a build takes long enough to be closed meanwhile
        except RunClosed:
            self.environments.close()
            raise
        depends = self.settings, spec, surroundings(spec)
        if before is not None and before[0] == depends:
            return before[1]
        made = launch(
            spec,
            folder,
            depends[2],
            python=self.settings.python,
            start_timeout=self.settings.start_timeout,
        )
        self._keys.setdefault(registered.id, set()).add(made.key)
        self._launches[registered.id] = depends, made
        return made

    def keys_of(self, registered_id: int) -> frozenset[str]:
        """The keys under which the pool may hold idle workers of a version."""
        return frozenset(self._keys.get(registered_id, ()))

    def _unpack(self, registered: Registered) -> Path:
        """The package's files, unpacked once in this session. Two threads may do it twice; one of the results stays."""
        folder = self._unpacked.get(registered.sha256)
        if folder is None:
            folder = Path(tempfile.mkdtemp(dir=self._folder)) / "package"
            extract(read_zip(self.registry.package_path(registered.sha256)), folder)
            self._unpacked[registered.sha256] = folder
        return folder


_home = home


def _close(pool: Pool, registry: Registry, environments: Environments, folder: Path) -> None:
    pool.close()
    registry.close()
    environments.close()
    shutil.rmtree(folder, ignore_errors=True)
