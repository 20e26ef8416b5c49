"""CREATE FUNCTION: the statement of Doris as shipped and as first proposed (pull 56877), read and checked.

What Doris refuses at CREATE is refused here in its words; code is neither read nor run. A symbol without dots and
without a body is the proposal's: the stem of a file whose function is ``evaluate``. Left out on purpose: reading the
file that a statement names.
"""

from __future__ import annotations

import re
from typing import Final, Literal, get_args

from workbench.errors import SqlError
from workbench.functions import Kind, Volatility, default_volatility, forbidden_module
from workbench.sql.reader import Reader
from workbench.sql.scan import place_of
from workbench.sql.statements import CreateFunction
from workbench.types import Array, DataType
from workbench.types.text import Token

_KINDS: Final[dict[str | None, Kind]] = {None: "udf", "AGGREGATE": "udaf", "TABLES": "udtf"}

_KNOWN: Final = frozenset(
    {
        "always_nullable",
        "batch_size",
        "file",
        "md5",
        "object_file",
        "runtime_version",
        "symbol",
        "type",
        "volatility",
    }
)

_VERSION: Final = re.compile(r"3\.\d{1,3}\.\d{1,3}", re.ASCII)
_LINE_END: Final = re.compile(r"\r?\n")


def read_create(reader: Reader) -> CreateFunction:
    """The statement, from behind CREATE on. Raises SqlError, and Unreadable for what is not expected."""
    or_replace = reader.take("OR", "REPLACE")
    is_global = reader.take_one("GLOBAL", "SESSION", "LOCAL") == "GLOBAL"
    start = reader.token
    word = reader.take_one("AGGREGATE", "TABLES", "ALIAS")
    if word == "ALIAS":
        raise reader.error(start, "an ALIAS function is not written in Python", hint="write the expression itself")
    reader.need("FUNCTION")
    kind = _KINDS[word]
    if_not_exists = reader.take("IF", "NOT", "EXISTS")
    start = reader.token
    database, name = reader.qualified()
    if is_global and database is not None:
        raise reader.error(start, "a GLOBAL function is in no database", hint=f"leave {database!r} out")
    reader.expect("(", "'(' and the types of the arguments")
    params = reader.params()
    reader.need("RETURNS")
    returns = _returns(reader, kind)
    properties = Properties(reader)
    body, body_line = _body(reader)
    reader.end("the end of the statement" if body is not None else "PROPERTIES (…), AS $$ … $$ or the end")
    symbol, file = properties.what(has_body=body is not None)
    return CreateFunction(
        text=reader.script[reader.piece.place.offset : reader.piece.stop],
        place=reader.piece.place,
        database=database,
        name=name,
        params=params,
        returns=returns,
        kind=kind,
        symbol=symbol,
        file=file,
        md5=properties.get("md5"),
        body=body,
        body_line=body_line,
        runtime_version=properties.runtime_version(),
        always_nullable=properties.flag("always_nullable"),
        volatility=properties.volatility(kind),
        batch_size=properties.batch_size(kind),
        if_not_exists=if_not_exists,
        or_replace=or_replace,
        is_global=is_global,
        notes=properties.notes(),
    )


def _returns(reader: Reader, kind: Kind) -> DataType:
    start = reader.token
    returns = reader.type()
    if kind == "udtf" and not isinstance(returns, Array):
        raise reader.error(
            start, "return type must be array type", hint=f"a table function of {returns} RETURNS ARRAY<{returns}>"
        )
    if reader.sees("INTERMEDIATE"):
        raise reader.error(
            reader.token,
            "INTERMEDIATE is not supported",
            hint="leave it out: the state of a Python aggregate is its aggregate_state",
        )
    return returns


def _body(reader: Reader) -> tuple[str | None, int]:
    """The code, without the line end behind its opening quotes, and the line in the script where it begins."""
    if not reader.take("AS"):
        return None, 0
    token = reader.token
    if token.kind != "body":
        raise reader.unexpected("$$, the code, and $$")
    reader.next()
    line = place_of(reader.script, token.position - 1).line
    first = _LINE_END.match(token.text)
    return (token.text[first.end() :], line + 1) if first else (token.text, line)


class Properties:
    """``PROPERTIES ("key" = "value", …)``: keys in any case, values as text, each with its place for errors."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._where = reader.token
        self._found: dict[str, tuple[str, Token]] = {}
        if not reader.take("PROPERTIES"):
            return
        reader.expect("(", "'(' and the properties")
        while not reader.sign(")"):
            start = reader.token
            key = self._word("a property")
            if key.lower() in self._found:
                raise reader.error(start, f"property {key.lower()!r} is given twice")
            reader.expect("=", "'='")
            token = reader.token
            self._found[key.lower()] = self._word("a value"), token
            if not reader.token.is_sign(")"):
                reader.expect(",", "',' or ')'")

    def _word(self, what: str) -> str:
        """A string, a bare word or a number."""
        if self._reader.token.kind not in ("string", "word", "quoted", "number"):
            raise self._reader.unexpected(what)
        return self._reader.next().text

    def get(self, key: str) -> str | None:
        """A value; an empty one is none."""
        return self._found[key][0] or None if key in self._found else None

    def what(self, *, has_body: bool) -> tuple[str, str | None]:
        """Symbol and file, after the checks that Doris makes at CREATE."""
        kind = self.get("type")
        if kind is None:
            raise self._error("type", "No 'type' in properties", hint='write "type" = "PYTHON_UDF"')
        if kind.upper() != "PYTHON_UDF":
            raise self._error("type", f"Unknown function type: {kind!r}", hint="here functions are of type PYTHON_UDF")
        symbol = self.get("symbol")
        if symbol is None:
            raise self._error("symbol", "No 'symbol' in properties", hint="name the function, or [pkg.]module.function")
        file = self.get("file") or self.get("object_file")
        if file is None and not has_body:
            raise self._error(
                "file",
                "No 'file' in properties, and no code behind AS",
                hint='name the zip with "file" = "https://…", or give the code between $$ and $$',
            )
        if not has_body and (reason := forbidden_module(symbol)):
            raise self._error("symbol", reason, hint="rename the module")
        return symbol, None if has_body else file

    def runtime_version(self) -> str | None:
        version = self.get("runtime_version")
        if version is not None and not _VERSION.fullmatch(version):
            raise self._error(
                "runtime_version", f"runtime_version is {version!r}", hint="it looks like 3.X.X, as in 3.11.9"
            )
        return version

    def flag(self, key: Literal["always_nullable"]) -> bool:
        value = (self.get(key) or "true").lower()
        if value not in ("true", "false"):
            raise self._error(key, f"{key} is {value!r}", hint="write true or false")
        return value == "true"

    def volatility(self, kind: Kind) -> Volatility:
        value = (self.get("volatility") or default_volatility(kind)).lower()
        for word in get_args(Volatility):
            if word == value:
                return word  # type: ignore[no-any-return]  # get_args is not typed
        raise self._error("volatility", f"volatility is {value!r}", hint=f"write {' or '.join(get_args(Volatility))}")

    def batch_size(self, kind: Kind) -> int | None:
        value = self.get("batch_size")
        if value is None:
            return None
        if not re.fullmatch(r"[0-9]{1,9}", value) or int(value) < 1:
            raise self._error("batch_size", f"batch_size is {value!r}", hint="write a whole number of at least 1")
        if kind != "udf" and int(value) > 1:
            raise self._error("batch_size", f"batch_size is for scalar functions; this is a {kind}")
        return int(value)

    def notes(self) -> tuple[str, ...]:
        unknown = tuple(f"property {key!r} has no meaning here" for key in self._found if key not in _KNOWN)
        if self.get("runtime_version") is None:
            return (*unknown, "runtime_version is missing: Doris asks for it, as in 3.11.9")
        return unknown

    def _error(self, key: str, message: str, *, hint: str = "") -> SqlError:
        """Points to the value, or to PROPERTIES where there is none."""
        token = self._found[key][1] if key in self._found else self._where
        return self._reader.error(token, message, hint=hint, kind=SqlError)
