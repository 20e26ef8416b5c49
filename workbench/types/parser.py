"""Reading SQL type text: ``MAP<STRING, ARRAY<DECIMAL(10,2)>>`` to the type that prints as it.

Case, spaces and line breaks do not matter; every error names the position and what was expected there. The families
know what may stand in their brackets; this knows only brackets. Left out on purpose: column properties (NOT NULL,
COMMENT), which belong to tables and not to types.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Final

from workbench.errors import DefinitionError, Problem
from workbench.types.base import FAMILIES, Arguments, DataType
from workbench.types.text import Token, Unreadable, shorten, tokenize

MAX_DEPTH: Final = 30
"""Types within types. Arrow's IPC refuses schemas of more than 64 levels, and a MAP is two."""

_REFUSED: Final = frozenset({"BITMAP", "HLL", "QUANTILE_STATE"})


class TypeReader:
    """A cursor over tokens that reads types; `workbench.functions.signature` goes on with the same tokens."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0

    @property
    def token(self) -> Token:
        """The token to read next; the last one, ``end``, is never passed."""
        return self.tokens[self.at]

    def next(self) -> Token:
        token = self.token
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def expect(self, sign: str, what: str) -> Token:
        """The sign, which is read; Unreadable if something else is there."""
        if not self.token.is_sign(sign):
            raise self.unexpected(what)
        return self.next()

    def unexpected(self, what: str) -> Unreadable:
        return Unreadable(f"expected {what}, found {self.token}", self.token.position)

    def type(self, depth: int = 1) -> DataType:
        """One type, from the current token on."""
        if self.token.kind != "word":
            raise self.unexpected("a type")
        if depth > MAX_DEPTH:
            raise Unreadable(f"more than {MAX_DEPTH} types within each other", self.token.position)
        word = self.next()
        name = word.text.upper()
        if name not in FAMILIES:
            raise Unreadable(_unknown(word.text), word.position)
        try:
            return FAMILIES[name](self._arguments(depth))
        except Unreadable:
            raise
        except ValueError as error:
            raise Unreadable(str(error), word.position) from error

    def _arguments(self, depth: int) -> Arguments:
        arguments: Arguments = []
        if self.token.is_sign("("):
            close, what = ")", "a number"
        elif self.token.is_sign("<"):
            close, what = ">", "a type"
        else:
            return arguments
        while not arguments or self.token.is_sign(","):
            self.next()  # the bracket or the comma
            if close == ">":
                arguments.append(self._item(depth + 1))
            elif self.token.kind == "number":
                arguments.append(int(self.next().text))
            else:
                raise self.unexpected(what)
        self.expect(close, f"',' or '{close}'")
        return arguments

    def _item(self, depth: int) -> DataType | tuple[str, DataType]:
        """A type, or a field: a name followed by a colon or by a type."""
        after = self.tokens[min(self.at + 1, len(self.tokens) - 1)]
        if self.token.kind == "quoted" or (self.token.kind == "word" and (after.is_name or after.is_sign(":"))):
            name = self.next().text
            if self.token.is_sign(":"):
                self.next()
            return name, self.type(depth)
        return self.type(depth)


def _unknown(name: str) -> str:
    upper = name.upper()
    if upper in _REFUSED:
        return f"{upper} cannot be an argument or a result of a Python function"
    close = get_close_matches(upper, FAMILIES, n=1)
    way_out = f"did you mean {close[0]}?" if close else f"known are {', '.join(sorted(FAMILIES))}"
    return f"unknown type {shorten(name, 40)!r}; {way_out}"


def parse_type(text: str) -> DataType:
    """The type that a SQL text names; raises DefinitionError with the position (from 1) and what was expected.

    >>> str(parse_type("map<string, array<decimal(10, 2)>>"))
    'MAP<STRING, ARRAY<DECIMAL(10,2)>>'
    """
    try:
        reader = TypeReader(tokenize(text))
        made = reader.type()
        if reader.token.kind != "end":
            raise reader.unexpected("the end of the type")
    except Unreadable as error:
        raise DefinitionError(f"type {shorten(text)!r}", [Problem(str(error))]) from None
    return made
