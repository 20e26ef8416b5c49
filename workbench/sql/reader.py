"""A cursor over the tokens of one statement: words, names, strings, function names, and errors that point to a place.

Types and parameters are read by the same code that reads signatures. Left out on purpose: what any statement looks
like (`script`, `create`).
"""

from __future__ import annotations

from itertools import islice
from typing import Final

from workbench.errors import SqlError, SqlSyntaxError
from workbench.functions.signature import Param, read_param
from workbench.sql.scan import Piece, error_at, tokens
from workbench.sql.statements import FunctionName
from workbench.types.parser import TypeReader
from workbench.types.text import Token, Unreadable

MOST_TOKENS: Final = 100_000
"""Of one statement; a body is one. A table function with a thousand columns has 5,000."""


class Reader(TypeReader):
    """The statement that ``piece`` is in the script ``text``."""

    def __init__(self, text: str, piece: Piece) -> None:
        super().__init__(list(islice(tokens(text, piece.place.offset, piece.stop), MOST_TOKENS + 1)))
        if len(self.tokens) > MOST_TOKENS:
            raise error_at(text, piece.place.offset, f"the statement has more than {MOST_TOKENS:,} words and signs")
        self.script = text
        self.piece = piece

    def error(self, token: Token, message: str, *, hint: str = "", kind: type[SqlError] = SqlSyntaxError) -> SqlError:
        """The error that points to a token."""
        return error_at(self.script, token.position - 1, message, hint=hint, kind=kind)

    def sees(self, *words: str) -> bool:
        """Whether these words come next."""
        ahead = self.tokens[self.at : self.at + len(words)]
        return [token.text.upper() for token in ahead if token.kind == "word"] == list(words)

    def take(self, *words: str) -> bool:
        """Read these words if all of them come next."""
        found = self.sees(*words)
        self.at += len(words) * found
        return found

    def take_one(self, *words: str) -> str | None:
        """Read one of these words, if one comes next."""
        return next((word for word in words if self.take(word)), None)

    def need(self, *words: str) -> None:
        """Read these words; anything else is an error."""
        for word in words:
            if not self.take(word):
                raise self.unexpected(word)

    def sign(self, sign: str) -> bool:
        """Read this sign if it comes next."""
        found = self.token.is_sign(sign)
        self.at += found
        return found

    def name(self, what: str) -> str:
        """A name, bare or in backticks."""
        if not self.token.is_name:
            raise self.unexpected(what)
        return self.next().text

    def string(self, what: str) -> str:
        """A string in quotes."""
        if self.token.kind != "string":
            raise self.unexpected(f"{what} in quotes")
        return self.next().text

    def like(self) -> str | None:
        """``LIKE 'pattern'``, if it comes next."""
        return self.string("a pattern") if self.take("LIKE") else None

    def of_database(self) -> str | None:
        """``IN db`` or ``FROM db``, if it comes next."""
        return self.name("a database") if self.take_one("IN", "FROM") else None

    def qualified(self) -> tuple[str | None, str]:
        """``[db.]name`` of a function."""
        first = self.name("the function's name")
        return (first, self.name("the function's name")) if self.sign(".") else (None, first)

    def function(self, *, is_global: bool = False) -> FunctionName:
        """``[db.]name[(types)]``."""
        start = self.token
        database, name = self.qualified()
        if is_global and database is not None:
            raise self.error(start, "a GLOBAL function is in no database", hint=f"leave {database!r} out")
        types = None
        if self.sign("("):
            types = ", ".join(str(param.type) for param in self.params())
        return FunctionName(database=database, name=name, argument_types=types, is_global=is_global)

    def params(self) -> tuple[Param, ...]:
        """Parameters up to the closing bracket, which is read: all with names, or none."""
        params: list[Param] = []
        names: set[str | None] = set()
        if self.sign(")"):
            return ()
        while True:
            start = self.token
            if start.is_sign("."):
                raise self.error(start, "variable arguments ('...') are not supported", hint="name each type")
            param = read_param(self)
            if param.name is not None and param.name in names:
                raise self.error(start, f"a second parameter {param.name!r}")
            if params and (param.name is None) != (params[0].name is None):
                raise self.error(start, "some parameters have names and some only types")
            params.append(param)
            names.add(param.name)
            if not self.sign(","):
                break
        self.expect(")", "',' or ')'")
        return tuple(params)

    def end(self, instead: str = "the end of the statement") -> None:
        """Nothing may come any more."""
        if self.token.kind != "end":
            raise self.unexpected(instead)

    def unexpected(self, what: str) -> Unreadable:
        found = self.token
        shown = {"end": "the end of the statement", "body": "a body", "string": "a string"}.get(found.kind)
        return Unreadable(f"expected {what}, found {shown or repr(found.text)}", found.position)
