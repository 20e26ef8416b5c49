"""The signature of a function: ``score(a DOUBLE, b DOUBLE) -> DOUBLE``, read from text and printed as text.

What is printed reads back to an equal signature, whatever the names are. Left out on purpose: default values and
optional arguments, which Doris does not have; a second signature of the same name is an overload.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from workbench.errors import DefinitionError, Problem
from workbench.types import Array, DataType, Struct, quote_name
from workbench.types.parser import TypeReader
from workbench.types.text import Unreadable, shorten, tokenize

Kind = Literal["udf", "udaf", "udtf", "script"]

DEFAULT_DATABASE: Final = "default"

_HINT: Final = "a signature looks like: score(a DOUBLE, b DOUBLE) -> DOUBLE"


@dataclass(frozen=True, slots=True)
class Param:
    """One argument. ``name`` is None where the signature gives only types, as Doris's DDL does."""

    name: str | None
    type: DataType

    def __str__(self) -> str:
        return str(self.type) if self.name is None else f"{quote_name(self.name)} {self.type}"


@dataclass(frozen=True, slots=True)
class Signature:
    """``score(a DOUBLE, b DOUBLE) -> DOUBLE``. A table function's ``returns`` is an ARRAY, as in Doris."""

    name: str
    params: tuple[Param, ...]
    returns: DataType
    database: str = DEFAULT_DATABASE

    def __str__(self) -> str:
        """Text that `parse_signature` reads back."""
        database = "" if self.database == DEFAULT_DATABASE else f"{quote_name(self.database)}."
        return f"{database}{quote_name(self.name)}({', '.join(map(str, self.params))}) -> {self.returns}"

    @property
    def argument_types(self) -> str:
        """``DOUBLE, DOUBLE``: with database and name the key of the registry."""
        return ", ".join(str(param.type) for param in self.params)

    def output_fields(self, kind: Kind) -> tuple[tuple[str, DataType], ...]:
        """Names and types of the result's columns: the function's name, or the fields of a table function's STRUCT.

        A script has none: its columns are those that it writes.
        """
        if kind == "script":
            return ()
        if kind == "udtf" and isinstance(self.returns, Array):
            item = self.returns.item
            return item.fields if isinstance(item, Struct) else ((self.name, item),)
        return ((self.name, self.returns),)


def parse_signature(text: str) -> Signature:
    """Read ``[db.]name(params) -> type``, or ``RETURNS type`` as in SQL, in any case and over several lines.

    A parameter is ``a DOUBLE`` or ``DOUBLE``, all of them alike. Raises DefinitionError with all that is wrong, each
    with its position in the text (characters, from 1).
    """
    problems: list[str] = []
    try:
        signature = _read(TypeReader(tokenize(text)), problems)
    except Unreadable as error:
        signature = None
        problems.append(str(error))
    if signature is None or problems:
        raise DefinitionError(f"signature {shorten(text)!r}", [Problem(message) for message in problems], hint=_HINT)
    return signature


def _read(reader: TypeReader, problems: list[str]) -> Signature | None:
    """The signature; or None, or Unreadable, after adding to ``problems`` what was wrong before."""
    database, name = DEFAULT_DATABASE, _name(reader)
    if reader.token.is_sign("."):
        reader.next()
        database, name = name, _name(reader)
    reader.expect("(", "'(' and the parameters")
    params = _params(reader, problems)
    reader.expect(")", "')'")
    if not (reader.token.is_sign("->") or (reader.token.kind == "word" and reader.token.text.upper() == "RETURNS")):
        raise reader.unexpected("'->' or RETURNS, and the type of the result")
    reader.next()
    returns = reader.type()
    if reader.token.kind != "end":
        raise reader.unexpected("the end of the signature")
    return Signature(name, tuple(params), returns, database)


def _name(reader: TypeReader) -> str:
    if not reader.token.is_name:
        raise reader.unexpected("the function's name")
    return reader.next().text


def _params(reader: TypeReader, problems: list[str]) -> list[Param]:
    """The parameters up to the closing bracket. One that cannot be read is noted and passed over."""
    params: list[Param] = []
    if reader.token.is_sign(")"):
        return params
    while True:
        begin = reader.at
        try:
            param = read_param(reader)
            if not reader.token.is_sign(",", ")"):
                raise reader.unexpected("',' or ')'")
        except Unreadable as error:
            problems.append(str(error))
            reader.at = begin
            _skip(reader)
        else:
            if param.name is not None and param.name in {other.name for other in params}:
                problems.append(f"position {reader.tokens[begin].position}: a second parameter {param.name!r}")
            params.append(param)
        if not reader.token.is_sign(","):
            break
        reader.next()
    named = sum(param.name is not None for param in params)
    if 0 < named < len(params):
        problems.append("some parameters have names and some only types; name all of them or none")
    return params


def read_param(reader: TypeReader) -> Param:
    """One parameter, from the current token on: a type, or a name and a type."""
    following = reader.tokens[min(reader.at + 1, len(reader.tokens) - 1)]
    if reader.token.kind == "quoted" or (reader.token.kind == "word" and following.is_name):
        return Param(reader.next().text, reader.type())
    return Param(None, reader.type())


def _skip(reader: TypeReader) -> None:
    """Go from the beginning of a parameter to the comma or bracket that ends it."""
    depth = 0
    while reader.token.kind != "end":
        token = reader.token
        if depth == 0 and token.is_sign(",", ")"):
            return
        depth += token.is_sign("(", "<") - token.is_sign(")", ">")
        depth = max(depth, 0)
        reader.next()
