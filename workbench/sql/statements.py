"""The statements that the workbench itself carries out, as data, each with its place in the script.

What is no function, no database and no Python environment is `Other`: an engine runs it from its text. The invariant:
names and types are read, values are unquoted, so nobody looks at SQL text again. Left out on purpose: carrying them out
(`workbench.session.statements`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from workbench.errors import SqlError
from workbench.functions import DEFAULT_DATABASE, Kind, Param, Signature, Volatility
from workbench.sql.scan import Place, error_at
from workbench.types import DataType

GLOBAL_DATABASE: Final = "__global__"
"""Where GLOBAL functions are registered; no CREATE DATABASE can make it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """``text`` is the statement as written, without its semicolon; ``place`` is where it begins in the script."""

    text: str
    place: Place

    def error(self, message: str, *, hint: str = "") -> SqlError:
        """What keeps this statement from being carried out, with its place."""
        shown = error_at(self.text, 0, "", kind=SqlError).snippet
        return SqlError(message, line=self.place.line, column=self.place.column, snippet=shown, hint=hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Other(Statement):
    """Anything else: queries, tables, INSERT, SET."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionName:
    """``[GLOBAL] [db.]name[(types)]``. ``argument_types`` are as in `Signature`; None: the name alone was given."""

    database: str | None
    name: str
    argument_types: str | None = None
    is_global: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateFunction(Statement):
    """``file`` or ``body`` is given; a body counts more. ``body_line`` is the line in the script of its first line.

    ``notes`` are what a reader should know: properties without a meaning here, and what Doris would ask for.
    """

    database: str | None
    name: str
    params: tuple[Param, ...]
    returns: DataType
    kind: Kind
    symbol: str
    file: str | None = None
    md5: str | None = None
    body: str | None = None
    body_line: int = 0
    runtime_version: str | None = None
    always_nullable: bool = True
    volatility: Volatility
    batch_size: int | None = None
    if_not_exists: bool = False
    or_replace: bool = False
    is_global: bool = False
    notes: tuple[str, ...] = ()

    def signature(self, database: str = DEFAULT_DATABASE) -> Signature:
        """Its signature; ``database`` counts where the statement names none."""
        chosen = GLOBAL_DATABASE if self.is_global else self.database or database
        return Signature(self.name, self.params, self.returns, chosen)


@dataclass(frozen=True, slots=True, kw_only=True)
class DropFunction(Statement):
    """``if_exists``: no error if it is not there."""

    function: FunctionName
    if_exists: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowCreateFunction(Statement):
    """Shows what makes it again."""

    function: FunctionName


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeFunction(Statement):
    """Shows what is known of it."""

    function: FunctionName


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowFunctions(Statement):
    """``database`` None is the one in use; ``like`` is a pattern of LIKE; ``full``: with types and properties."""

    database: str | None = None
    like: str | None = None
    full: bool = False
    is_global: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowPythonVersions(Statement):
    """No more than the word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowPythonPackages(Statement):
    """``version`` as in `ShowPythonVersions`: ``3.11.9``."""

    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateDatabase(Statement):
    """``if_not_exists``: no error if it is there."""

    database: str
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DropDatabase(Statement):
    """``if_exists``: no error if it is not there."""

    database: str
    if_exists: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Use(Statement):
    """Names without a database mean this one from here on."""

    database: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowDatabases(Statement):
    """``like`` is a pattern of LIKE."""

    like: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowTables(Statement):
    """For the engine, which has the tables."""

    database: str | None = None
    like: str | None = None
