"""What a SQL type is here: its text, its Arrow storage, and the name under which the worker converts its values.

A family of types is one file beside this one; each ends in calls of `register`. Left out on purpose: the conversion of
values, which has its one definition in `workbench.worker.values`, where the values are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final

import pyarrow as pa

Wire = str | list[Any]
"""How a type travels to the worker, as JSON: ``"int32"``, ``["decimal", 10, 2]``, ``["list", "string"]``,
``["map", "string", "int32"]``, ``["struct", [["a", "int32"]]]``; a name of `workbench.worker.kinds`: ``"ipv4"``."""

Cast = tuple[pa.Array, dict[int, str]]
"""A column in its storage, NULL in the rows that did not fit, and for each of those rows (from 0) what was wrong."""


class DataType(ABC):
    """One SQL type. Instances are immutable, compare by value, and print as SQL text that parses back to them."""

    __slots__ = ()

    @property
    @abstractmethod
    def arrow(self) -> pa.DataType:
        """The Arrow storage: what columns of this type are cast to on the way in, and have on the way out."""

    @property
    @abstractmethod
    def wire(self) -> Wire:
        """The description that the worker converts by; see `workbench.worker.values`."""

    @property
    @abstractmethod
    def python(self) -> str:
        """What a function gets and returns for it, in words: ``int``, ``list``, ``decimal.Decimal``."""

    def accepts(self, arrow: pa.DataType) -> bool:
        """Whether a column of this Arrow type may be cast to the storage, value by value, where nothing is lost."""
        if pa.types.is_null(arrow):
            return True
        if pa.types.is_dictionary(arrow):
            return self.accepts(arrow.value_type)
        return self.takes(arrow)

    @abstractmethod
    def takes(self, arrow: pa.DataType) -> bool:
        """`accepts` for an Arrow type that is neither null nor a dictionary."""

    @abstractmethod
    def convert(self, array: pa.Array) -> Cast:
        """Cast an array whose type this one `takes`; `workbench.types.cast_column` asks that first."""

    @abstractmethod
    def __str__(self) -> str: ...


Arguments = list["DataType | int | tuple[str, DataType]"]
"""What stands in the brackets of a type: numbers, types, or named fields."""

FAMILIES: Final[dict[str, Callable[[Arguments], DataType]]] = {}
"""Constructor by upper-case SQL name, filled by the files of this folder."""


def register(*names: str, make: Callable[[Arguments], DataType]) -> None:
    """Enter a type under its SQL names. ``make`` raises ValueError, with what it takes, if its arguments do not fit."""
    for name in names:
        FAMILIES[name] = make


def plain(made: DataType) -> Callable[[Arguments], DataType]:
    """The ``make`` of a type that has nothing in brackets."""

    def make(arguments: Arguments) -> DataType:
        if arguments:
            raise ValueError(f"{made} takes nothing in brackets")
        return made

    return make
