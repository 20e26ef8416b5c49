"""The decorators: a signature written beside the function that it belongs to.

A decorated function stays what it was, so that tests can call it; the decorator is taken out of what ships. Left out on
purpose: registering, which `Workbench.register` does.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from workbench.errors import DefinitionError, Problem
from workbench.functions import Kind, Param, Signature, Volatility
from workbench.types import DataType, parse_type

ATTRIBUTE: Final = "__udf__"
Decorated = TypeVar("Decorated", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a decorator said."""

    kind: Kind
    signature: Signature
    batch_size: int | None
    always_nullable: bool
    volatility: Volatility | None


def _decorator(
    kind: Kind,
    input_types: Sequence[str | DataType],
    return_type: str | DataType,
    *,
    name: str | None,
    batch_size: int | None = None,
    always_nullable: bool = True,
    volatility: Volatility | None,
) -> Callable[[Decorated], Decorated]:
    def decorate(function: Decorated) -> Decorated:
        types = [_type(one) for one in input_types]
        called = name or function.__name__
        params = tuple(Param(*pair) for pair in zip(_names(function, kind, len(types), batch_size), types, strict=True))
        signature = Signature(called, params, _type(return_type))
        setattr(function, ATTRIBUTE, Declaration(kind, signature, batch_size, always_nullable, volatility))
        return function

    return decorate


def udf(
    *,
    input_types: Sequence[str | DataType],
    return_type: str | DataType,
    name: str | None = None,
    batch_size: int | None = None,
    always_nullable: bool = True,
    volatility: Volatility | None = None,
) -> Callable[[Decorated], Decorated]:
    """Declare a scalar function: one value for each row. Types are SQL text, such as ``"DECIMAL(10,2)"``."""
    return _decorator(
        "udf",
        input_types,
        return_type,
        name=name,
        batch_size=batch_size,
        always_nullable=always_nullable,
        volatility=volatility,
    )


def udaf(
    *,
    input_types: Sequence[str | DataType],
    return_type: str | DataType,
    name: str | None = None,
    volatility: Volatility | None = None,
) -> Callable[[Decorated], Decorated]:
    """Declare an aggregate: a class with accumulate, merge, finish and the property aggregate_state."""
    return _decorator("udaf", input_types, return_type, name=name, volatility=volatility)


def udtf(
    *,
    input_types: Sequence[str | DataType],
    return_type: str | DataType,
    name: str | None = None,
    volatility: Volatility | None = None,
) -> Callable[[Decorated], Decorated]:
    """Declare a table function: a generator of rows.

    ``return_type`` is ``ARRAY<T>``, or ``ARRAY<STRUCT<…>>`` for several columns.
    """
    return _decorator("udtf", input_types, return_type, name=name, volatility=volatility)


def _type(given: str | DataType) -> DataType:
    return parse_type(given) if isinstance(given, str) else given


def _names(function: Callable[..., Any], kind: Kind, count: int, batch_size: int | None) -> list[str | None]:
    """The parameters' names, if there are as many as types; a wrong number is found when the source is read."""
    target = getattr(function, "accumulate", None) if kind == "udaf" else function
    nameless: list[str | None] = [None] * count
    if target is None or (batch_size or 1) > 1:
        return nameless
    try:
        parameters = list(inspect.signature(target).parameters.values())
    except (TypeError, ValueError) as error:
        problem = Problem(f"its parameters cannot be read: {error}")
        raise DefinitionError(getattr(function, "__name__", "function"), [problem]) from error
    if kind == "udaf":
        parameters = parameters[1:]
    plain = [one.name for one in parameters if one.kind is not inspect.Parameter.VAR_POSITIONAL]
    return list(plain) if len(plain) == count else nameless
