"""Fungi's names for what is here: a config, an operator that is fed batch by batch, and the YAML of a pipeline.

The invariant: `PythonUdfStreamingOperator.process_element` returns exactly the batches that the script emitted for
that batch, none, one or several. It stands on the supervisor alone: no registry and no home. Left out on purpose:
watermarks, which a script never sees; and everything of a pipeline but its ``transform``.
"""

from __future__ import annotations

import difflib
import os
import shutil
import weakref
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import pandas as pd
import pyarrow as pa
import yaml

from workbench.errors import DataError, RunClosed, ScriptNotFound, UsageProblem
from workbench.events import Event
from workbench.packaging import extract, read_zip
from workbench.session import Function
from workbench.session.data import describe
from workbench.session.define import Wanted, define
from workbench.session.launch import launch, surroundings
from workbench.session.record import Notes, Record
from workbench.settings import Settings
from workbench.supervisor import scratch
from workbench.supervisor.outcome import Outcome
from workbench.supervisor.pool import Pool
from workbench.supervisor.restart import RestartPolicy
from workbench.supervisor.source import Item, Source
from workbench.supervisor.supervisor import Supervisor
from workbench.supervisor.worker import Launch
from workbench.targets import fungi
from workbench.worker.words import a

__all__ = ["PythonUdfConfig", "PythonUdfStreamingOperator", "load_pipeline", "pipeline_yaml"]

_KEYS: Final = ("type", "source", "entry", "python", "env")


@dataclass(frozen=True, slots=True)
class PythonUdfConfig:
    """Which script to run, and how. Immutable: the ``with_`` methods return a changed copy.

    ``python`` is an executable or a version, None the one that runs the workbench. ``on_invalid`` and ``max_restarts``
    are as in `workbench.Function.run`: by default what Fungi does, skip and 3.
    """

    source: Path
    entry: str | None = None
    python: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    on_invalid: str = "skip"
    max_restarts: int | None = None

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """A script in one file. Whether it exists is seen when the operator is opened."""
        return cls(Path(path))

    @classmethod
    def from_zip(cls, path: str | os.PathLike[str], entry: str) -> Self:
        """A zip, and the file in it to begin with: ``main.py`` is also found below the zip's only folder."""
        return cls(Path(path), entry)

    def with_env(self, key: str, value: str) -> Self:
        """With one more variable for the script."""
        return replace(self, env={**self.env, key: value})

    def with_python(self, python: str) -> Self:
        """With another interpreter, which must have pyarrow."""
        return replace(self, python=python)


class PythonUdfStreamingOperator:
    """A script as an operator of a stream, synchronous: ``open``, ``process_element`` for each batch, ``close``.

    A context manager. A script that dies is started again as the restart policy allows; its batch is sent again. Not to
    be shared between threads.
    """

    def __init__(self, name: str, config: PythonUdfConfig) -> None:
        self.name, self.config = name, config
        self.record = Record()
        """What happened: ``restarts``, ``skipped`` and so on; `events` and `logs` show it as tables."""
        self._notes = Notes(self.record)
        self._launch: Launch | None = None
        self._schema: pa.Schema | None = None
        self._source = _OneByOne()
        self._outcomes: Iterator[Outcome] | None = None
        self._error: Exception | None = None
        self._always_cleanup = ExitStack()
        self._finalizer = weakref.finalize(self, self._always_cleanup.close)

    def __repr__(self) -> str:
        state = "closed" if not self._finalizer.alive else "open" if self._launch is not None else "not open"
        return f"<PythonUdfStreamingOperator {self.name} {state}>"

    def open(self) -> None:
        """Find script and interpreter; the process starts with the first batch.

        Raises ScriptNotFound and PythonNotFound, and PackageError for a zip that cannot be read.
        """
        if self._launch is not None or not self._finalizer.alive:
            raise RunClosed(f"{self.name} was opened before", hint="make a new operator")
        source = self.config.source.expanduser()
        if not source.exists():
            raise ScriptNotFound(f"{self.name}: {source} does not exist; no worker was started")
        wanted = Wanted(
            kind="script", name=self.name, entry=self.config.entry, env=self.config.env, python=self.config.python
        )
        defined = define(source, wanted)
        folder = scratch.folder("operator-")
        self._always_cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        package = folder / "package"
        extract(read_zip(defined.package), package)
        around = surroundings(defined.spec)
        self._launch = launch(defined.spec, package, around, python=None, start_timeout=Settings().start_timeout)

    def process_element(self, batch: pa.RecordBatch, watermark: object = None) -> list[pa.RecordBatch]:
        """What the script emitted for this batch, in order; ``watermark`` is accepted and not passed on.

        Output that is invalid is logged and skipped, an empty list, or raised under ``on_invalid="fail"``. Raises
        RestartsExhausted, WorkerStartError; DataError if the columns are not those of the first batch.
        """
        if self._launch is None or not self._finalizer.alive:
            raise RunClosed(f"{self.name} is not open", hint="call open() first, or use it in a with statement")
        if self._error is not None:
            raise self._error
        if not isinstance(batch, pa.RecordBatch):
            raise DataError(
                f"{self.name}: {a(type(batch).__name__)} is no batch",
                hint="give a pyarrow.RecordBatch; table.to_batches() makes them of a table",
            )
        if self._outcomes is None:
            self._outcomes = self._start(self._launch, batch.schema)
        elif not batch.schema.equals(self._schema):
            raise DataError(
                f"{self.name}: this batch has other columns than the first: {describe(batch.schema)}",
                hint=f"the first has {describe(self._schema)}",
            )
        self._source.item = batch, None
        return self._next(batch.num_rows)

    def close(self) -> list[pa.RecordBatch]:
        """End the script's input and the script; what it emitted after its last batch. May be called twice."""
        try:
            if self._outcomes is None or self._error is not None or not self._finalizer.alive:
                return []
            self._source.close()
            return self._next(0)
        finally:
            self._finalizer()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self._finalizer()

    @property
    def events(self) -> pd.DataFrame:
        """What happened, as `workbench.Run.events`."""
        return self.record.events_frame()

    @property
    def logs(self) -> pd.DataFrame:
        """What the script printed, as `workbench.Run.logs`."""
        return self.record.logs_frame()

    def _start(self, start: Launch, schema: pa.Schema) -> Iterator[Outcome]:
        self._schema = schema
        pool = Pool()
        self._always_cleanup.callback(pool.close)
        supervisor = Supervisor(
            start,
            schema=schema,
            options={},
            policy=RestartPolicy(self.config.max_restarts),
            pool=pool,
            emit=self._notes.event,
            log=self._notes.line,
            skip_invalid=self.config.on_invalid == "skip",
        )
        self._always_cleanup.callback(supervisor.close)
        return supervisor.outcomes(self._source)

    def _next(self, rows: int) -> list[pa.RecordBatch]:
        """Move the supervisor until the batch that was given, or the end, is answered."""
        if self._outcomes is None:
            return []
        try:
            outcome = next(self._outcomes, None)
        except BaseException as error:
            self._error = error if isinstance(error, Exception) else RunClosed(f"{self.name} was interrupted")
            raise
        if outcome is None:
            return []
        if outcome.invalid is not None:
            self.record.skipped += 1
            self.record.skipped_rows += rows
            detail = str(outcome.invalid)
            self._notes.event(Event("skipped", worker=outcome.worker, batch=outcome.number, rows=rows, detail=detail))
        return list(outcome.batches)


class _OneByOne(Source):
    """A source that has an item only when it was given one: the next is not known before this one is answered."""

    def __init__(self) -> None:
        super().__init__(())
        self.item: Item | None = None

    def take(self) -> Item | None:
        item, self.item = self.item, None
        return item


def load_pipeline(path: str | os.PathLike[str]) -> PythonUdfConfig:
    """The ``transform`` of a pipeline's YAML; ``source`` is relative to the YAML's folder. Raises UsageProblem."""
    file = Path(path).expanduser()
    if not file.is_file():
        raise UsageProblem(f"{path} does not exist", hint="give the YAML file of a pipeline")
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageProblem(f"{path} is not YAML: {error}") from error
    transform = document.get("transform") if isinstance(document, dict) else None
    if not isinstance(transform, dict):
        raise _wrong(path, "there is no section 'transform'")
    if transform.get("type") != "python":
        raise _wrong(path, f"the type of the transform is {transform.get('type')!r}, only 'python' is run here")
    for key in transform:
        if key not in _KEYS:
            close = difflib.get_close_matches(str(key), _KEYS, 1)
            raise _wrong(
                path, f"transform has an unknown key {key!r}" + (f"; did you mean {close[0]}?" if close else "")
            )
    for key in ("source", "entry", "python"):
        if not isinstance(transform.get(key, ""), str) or (key == "source" and not transform.get(key)):
            raise _wrong(path, f"{key} must be text")
    env = transform.get("env") or {}
    if not isinstance(env, dict):
        raise _wrong(path, "env must hold one KEY: value a line")
    return PythonUdfConfig(
        file.parent / Path(transform["source"]).expanduser(),
        transform.get("entry"),
        transform.get("python"),
        dict(_variable(path, key, value) for key, value in env.items()),
    )


def _variable(path: str | os.PathLike[str], key: Any, value: Any) -> tuple[str, str]:
    """A variable is text; a number or truth value is taken as YAML writes it."""
    if not isinstance(key, str):  # ON and NO are truth values in YAML
        raise _wrong(path, f"env: a name is read as {key!r}; put it in quotes")
    if isinstance(value, bool):
        return key, "true" if value else "false"
    if isinstance(value, str | int | float):
        return key, str(value)
    raise _wrong(path, f"env: {key} must be text or a number")


def _wrong(path: str | os.PathLike[str], what: str) -> UsageProblem:
    example = "transform: {type: python, source: my_transform.zip, entry: main.py, python: python3, env: {KEY: value}}"
    return UsageProblem(f"{path}: {what}", hint=f"it looks like {example}; entry, python and env may be missing")


def pipeline_yaml(function: Function, source: str) -> str:
    """The YAML that runs a script as an operator; ``source`` is where its package (a zip) or its file will be."""
    return fungi.pipeline_yaml(function.spec, source)
