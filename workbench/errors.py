"""Every error that the workbench raises, as one tree; each names the thing, the reason and the way out.

    WorkbenchError
    ├── DefinitionError (ValueError)        the function as written cannot be used: all problems at once, with lines
    ├── PackageError (ValueError)           a zip, file or folder cannot be packaged or read
    │   └── UnsafeArchive                   a zip that would write outside its folder, or explode
    ├── RegistryError
    │   ├── FunctionNotFound (LookupError)
    │   └── AmbiguousFunction (LookupError) several overloads have this name
    ├── DataError (ValueError)              the data cannot be read, or its columns do not fit the signature
    ├── QueryError (ValueError)             a query as written cannot be run; where and why
    ├── UsageProblem (ValueError)           an option or argument of ours that makes no sense here
    ├── SqlError (ValueError)               a SQL statement cannot be carried out as it stands
    │   └── SqlSyntaxError                  ... because it cannot be read
    └── RunError (RuntimeError)             a run ended without its result
        ├── UdfError                        the function failed on a row or batch
        ├── WorkerStartError                the subprocess cannot become ready; starting it again would not help
        │   ├── PythonNotFound (FileNotFoundError)
        │   ├── ScriptNotFound (FileNotFoundError)
        │   ├── EnvironmentBuildError       the requirements of the function cannot be installed
        │   └── WorkerStartTimeout (TimeoutError)
        ├── WorkerCrashed                   the subprocess died
        │   ├── WorkerOutOfMemory           ... because it was ended for what it used
        │   └── RestartsExhausted           ... more often than the restart policy allows
        ├── BatchTimeout (TimeoutError)     one batch took longer than it may
        ├── ProtocolError                   the subprocess answered something that is no answer
        │   ├── InvalidBatch                ... an Arrow batch that is damaged
        │   ├── SchemaMismatch              ... a batch with other columns than before or than declared
        │   └── StdoutPolluted              ... text in a script's Arrow stream
        ├── StateLost                       an aggregate's state could not be restored after a crash
        └── RunClosed                       the run was closed before this was asked of it

The texts are deterministic: pid, times and temporary paths are fields, never part of ``str()``, so that notebooks can
be compared.
Left out on purpose: anything about showing an error. `notebook` and `cli` do that from the fields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from workbench.worker.words import counted


class WorkbenchError(Exception):
    """The root. ``hint`` is the way out: a sentence or a command, shown on a line of its own."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a definition.

    ``line`` counts from 1 in the cell or file, None where no line is to blame; ``text`` is that line.
    """

    message: str
    line: int | None = None
    text: str = ""

    def __str__(self) -> str:
        if self.line is None:
            return self.message
        shown = f"\n    {self.line} | {self.text.rstrip()}" if self.text.strip() else ""
        return f"line {self.line}: {self.message}{shown}"


class DefinitionError(WorkbenchError, ValueError):
    """The function as written cannot be used. ``problems`` holds all of them, in the order of their lines."""

    def __init__(self, where: str, problems: Sequence[Problem], *, hint: str = "") -> None:
        self.where = where
        self.problems = tuple(problems)
        super().__init__(
            "\n  ".join([f"{where}: {counted(len(self.problems), 'problem')}", *map(str, self.problems)]), hint=hint
        )


class PackageError(WorkbenchError, ValueError):
    """A zip, file or folder cannot be packaged or read."""


class UnsafeArchive(PackageError):
    """A zip that would write outside its folder, or explode. ``member`` is the entry to blame."""

    def __init__(self, member: str, reason: str) -> None:
        hint = "nothing was written; rebuild the zip without that entry"
        super().__init__(f"unsafe zip: {member!r} {reason}", hint=hint)
        self.member = member
        self.reason = reason


class RegistryError(WorkbenchError):
    """The registry cannot be read or written."""


class FunctionNotFound(RegistryError, LookupError):
    """No function of that name (or no such version) is registered."""


class AmbiguousFunction(RegistryError, LookupError):
    """Several overloads have this name. ``overloads`` lists their signatures."""

    def __init__(self, name: str, overloads: Sequence[str]) -> None:
        hint = f"name one with its types, as in {overloads[0].split(' -> ')[0]}"
        super().__init__(f"{name} is ambiguous: " + "; ".join(overloads), hint=hint)
        self.overloads = tuple(overloads)


class DataError(WorkbenchError, ValueError):
    """The data cannot be read, or its columns do not fit the signature."""


class QueryError(WorkbenchError, ValueError):
    """A query as written cannot be run. ``offset`` is where in the script, in characters from 0; None if unknown."""

    def __init__(self, message: str, *, offset: int | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.offset = offset


class UsageProblem(WorkbenchError, ValueError):
    """An option or argument of ours that makes no sense here.

    It is not IPython's UsageError, which would count as a passed cell.
    """


class SqlError(WorkbenchError, ValueError):
    """A SQL statement cannot be carried out as it stands.

    ``line`` and ``column`` count from 1 in the script; ``snippet`` is that line, shortened, and below it a caret.
    """

    def __init__(self, message: str, *, line: int, column: int, snippet: str, hint: str = "") -> None:
        shown = snippet.replace("\n", "\n  ")
        super().__init__(f"line {line}, column {column}: {message}\n  {shown}", hint=hint)
        self.line, self.column, self.snippet = line, column, snippet


class SqlSyntaxError(SqlError):
    """A SQL statement cannot be read."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of the user's own code in a traceback. ``locals`` are reprs, shortened."""

    file: str
    line: int
    function: str
    text: str = ""
    locals: Mapping[str, str] = field(default_factory=dict)


def _told_where(error: BaseException, frames: Sequence[Frame]) -> None:
    """Let Python's own traceback end with the user's lines, for those who have neither our notebook nor our shell."""
    for frame in frames:
        text = f"\n    > {frame.line} | {frame.text.strip()}" if frame.text.strip() else ""
        error.add_note(f"  {PurePath(frame.file).name}, line {frame.line}, in {frame.function}{text}")


class RunError(WorkbenchError, RuntimeError):
    """A run ended without its result. ``function`` and ``version`` say of what, once a run has raised it."""

    function: str = ""
    version: int | None = None


class UdfError(RunError):
    """The function failed on a row or batch.

    Rows and batches count from 0 over the whole input. ``values`` are reprs of the failing row by column; ``frames``
    are the user's own, outermost first; ``logs`` the last lines that the worker printed.
    """

    def __init__(
        self,
        message: str,
        *,
        function: str = "",
        version: int | None = None,
        error_type: str = "",
        error: str = "",
        row: int | None = None,
        batch: int | None = None,
        row_in_batch: int | None = None,
        values: Mapping[str, str] | None = None,
        frames: Sequence[Frame] = (),
        logs: Sequence[str] = (),
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.function, self.version = function, version
        self.error_type, self.error = error_type, error
        self.row, self.batch, self.row_in_batch = row, batch, row_in_batch
        self.values: Mapping[str, str] = dict(values or {})
        self.frames, self.logs = tuple(frames), tuple(logs)
        _told_where(self, self.frames)


class WorkerStartError(RunError):
    """The subprocess cannot become ready, and starting it again would not help."""

    def __init__(self, message: str, *, frames: Sequence[Frame] = (), logs: Sequence[str] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.frames, self.logs = tuple(frames), tuple(logs)
        _told_where(self, self.frames)


class PythonNotFound(WorkerStartError, FileNotFoundError):
    """The Python executable does not exist or cannot be executed; no worker was started."""

    __str__ = WorkbenchError.__str__


class ScriptNotFound(WorkerStartError, FileNotFoundError):
    """The script, or the entry inside a zip, does not exist; no worker was started."""

    __str__ = WorkbenchError.__str__


class EnvironmentBuildError(WorkerStartError):
    """The requirements of the function cannot be installed; no worker was started. ``logs``: uv's last lines."""


class WorkerStartTimeout(WorkerStartError, TimeoutError):
    """The subprocess was not ready in time: it was still loading."""

    __str__ = WorkbenchError.__str__


class WorkerCrashed(RunError):
    """The subprocess died.

    ``exit`` says how in words (``SIGSEGV``, ``exit 3``); ``stack`` is faulthandler's dump, if any, and ``frames`` are
    the user's own in it, outermost first.
    """

    def __init__(
        self,
        message: str,
        *,
        exit: str = "",  # noqa: A002 - the word of the field
        batch: int | None = None,
        restarts: int = 0,
        stack: str = "",
        frames: Sequence[Frame] = (),
        logs: Sequence[str] = (),
        pid: int | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.exit, self.batch, self.restarts = exit, batch, restarts
        self.stack, self.frames, self.logs, self.pid = stack, tuple(frames), tuple(logs), pid
        _told_where(self, self.frames)


class WorkerOutOfMemory(WorkerCrashed):
    """The subprocess used more memory than ``memory_limit`` and was ended."""


class RestartsExhausted(WorkerCrashed):
    """The subprocess died more often than the restart policy allows."""


class BatchTimeout(RunError, TimeoutError):
    """One batch took longer than ``timeout`` seconds. ``stack``, ``frames`` and ``logs`` as of `WorkerCrashed`."""

    __str__ = WorkbenchError.__str__

    def __init__(
        self,
        message: str,
        *,
        batch: int | None = None,
        stack: str = "",
        frames: Sequence[Frame] = (),
        logs: Sequence[str] = (),
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.batch, self.stack = batch, stack
        self.frames, self.logs = tuple(frames), tuple(logs)
        _told_where(self, self.frames)


class ProtocolError(RunError):
    """The subprocess answered something that is no answer; it is ended, never used again."""


class InvalidBatch(ProtocolError):
    """An Arrow batch from the subprocess is damaged."""


class SchemaMismatch(ProtocolError):
    """A batch has other columns than before, or than declared."""


class StdoutPolluted(ProtocolError):
    """Text was printed into a script's Arrow stream."""


class StateLost(RunError):
    """An aggregate's state could not be restored after a crash."""


class RunClosed(RunError):
    """The run was closed before this was asked of it."""


def details(error: WorkbenchError) -> dict[str, Any]:
    """The fields of an error as plain data, for tables and JSON."""
    return {name: value for name, value in vars(error).items() if not name.startswith("_")}
