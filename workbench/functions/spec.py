"""What a function is: name, signature, kind and the few properties that both systems know.

All of it is plain, immutable data that can be written to JSON and read back. Left out on purpose: the code itself, which
travels as a package (`workbench.packaging`), and everything about running.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from workbench.types import DataType

Kind = Literal["udf", "udaf", "udtf", "script"]
Volatility = Literal["immutable", "stable", "volatile"]

DEFAULT_DATABASE = "default"


@dataclass(frozen=True, slots=True)
class Param:
    """One argument. ``name`` is None where the signature gives only types, as Doris's DDL does."""

    name: str | None
    type: DataType

    def __str__(self) -> str:
        return f"{self.name} {self.type}" if self.name else str(self.type)


@dataclass(frozen=True, slots=True)
class Signature:
    """``score(a DOUBLE, b DOUBLE) -> DOUBLE``. A table function's ``returns`` is an ARRAY, as in Doris."""

    name: str
    params: tuple[Param, ...]
    returns: DataType
    database: str = DEFAULT_DATABASE

    def __str__(self) -> str:
        """Text that `parse_signature` reads back."""
        raise NotImplementedError

    @property
    def argument_types(self) -> str:
        """``DOUBLE, DOUBLE``: with database and name the key of the registry."""
        return ", ".join(str(param.type) for param in self.params)

    def output_fields(self, kind: Kind) -> tuple[tuple[str, DataType], ...]:
        """Names and types of the result's columns: the function's name, or the fields of a table function's STRUCT."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """A function as it was defined: what the manifest of a package and the registry hold.

    ``symbol`` is ``func``, ``module.func`` or ``pkg.sub.mod.func`` as in Doris, relative to the root of the package; a script has
    none. ``entry`` is the path inside the package of the file that holds it. ``python`` and ``env`` are kept with the
    registered version, not in the package.
    """

    name: str
    kind: Kind
    signature: Signature | None
    symbol: str | None
    entry: str
    batch_size: int | None = None
    always_nullable: bool = True
    volatility: Volatility = "volatile"
    requirements: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    python: str | None = None
    database: str = DEFAULT_DATABASE

    def with_(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        return replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        """Plain data, keys in a fixed order; `from_json` reads it back."""
        raise NotImplementedError

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FunctionSpec:
        """The inverse of `to_json`; raises DefinitionError that names what is missing or wrong."""
        raise NotImplementedError
