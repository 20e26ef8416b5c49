"""A script in the Doris dialect as statements: those about functions, databases and Python are read, others handed on.

What begins like one of ours and cannot be read is an error, never handed on. Left out on purpose: queries and tables,
whose text an engine reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice
from typing import Any, Final

from workbench.sql.create import Properties, read_create
from workbench.sql.reader import Reader
from workbench.sql.scan import Piece, error_at, split, tokens
from workbench.sql.statements import (
    GLOBAL_DATABASE,
    CreateDatabase,
    DescribeFunction,
    DropDatabase,
    DropFunction,
    Other,
    ShowCreateFunction,
    ShowDatabases,
    ShowFunctions,
    ShowPythonPackages,
    ShowPythonVersions,
    ShowTables,
    Statement,
    Use,
)
from workbench.types.text import Unreadable

_SCOPES: Final = ("GLOBAL", "SESSION", "LOCAL")
_MODIFIERS: Final = frozenset({"OR", "REPLACE", *_SCOPES, "AGGREGATE", "TABLES", "ALIAS"})
_BEGINS: Final = re.compile(r"(?:CREATE|DESC|DESCRIBE|DROP|SHOW|USE)\b", re.IGNORECASE)
_LOOKED_AT: Final = 6
"""Words that tell what a statement is: CREATE OR REPLACE GLOBAL AGGREGATE FUNCTION."""


def read_script(text: str) -> list[Statement]:
    """The statements of a script, in order. Raises SqlSyntaxError and SqlError, with the place in the script."""
    return [_statement(text, piece) for piece in split(text)]


def _statement(text: str, piece: Piece) -> Statement:
    read = _ours(text, piece)
    if read is None:
        return Other(text=text[piece.place.offset : piece.stop], place=piece.place)
    reader = Reader(text, piece)
    try:
        statement = read(reader)
        reader.end()
    except Unreadable as error:
        raise error_at(text, error.position - 1, error.message) from None
    return statement


def _ours(text: str, piece: Piece) -> Callable[[Reader], Statement] | None:
    """What reads the statement, told by its first words; None if an engine does."""
    if _BEGINS.match(text, piece.place.offset) is None:
        return None
    ahead = islice(tokens(text, piece.place.offset, piece.stop), _LOOKED_AT)
    words = [token.text.upper() if token.kind == "word" else "" for token in ahead] + [""] * _LOOKED_AT
    first, second = words[:2]
    if first == "CREATE" and next(word for word in words[1:] if word not in _MODIFIERS) == "FUNCTION":
        return _create
    if first in ("DESC", "DESCRIBE") and second == "FUNCTION":
        return _describe
    if first == "DROP" and (words[2] if second in _SCOPES else second) == "FUNCTION":
        return _drop
    if first == "SHOW":
        return _show(words)
    if second in ("DATABASE", "SCHEMA"):
        return {"CREATE": _create_database, "DROP": _drop_database}.get(first)
    return _use if first == "USE" else None


def _show(words: list[str]) -> Callable[[Reader], Statement] | None:
    match words[1:4]:
        case ["CREATE", "FUNCTION", _] | ["CREATE", "GLOBAL", "FUNCTION"]:
            return _show_create
        case ["PYTHON", *_]:
            return _show_python
        case ["DATABASES" | "SCHEMAS", *_]:
            return _show_databases
        case ["TABLES", *_]:
            return _show_tables
    listed = next(word for word in words[1:] if word not in ("GLOBAL", "FULL", "BUILTIN"))
    return _show_functions if listed == "FUNCTIONS" else None


def _create(reader: Reader) -> Statement:
    reader.need("CREATE")
    return read_create(reader)


def _drop(reader: Reader) -> DropFunction:
    reader.need("DROP")
    is_global = reader.take_one(*_SCOPES) == "GLOBAL"
    reader.need("FUNCTION")
    if_exists = reader.take("IF", "EXISTS")
    return DropFunction(**_where(reader), if_exists=if_exists, function=reader.function(is_global=is_global))


def _show_create(reader: Reader) -> ShowCreateFunction:
    reader.need("SHOW", "CREATE")
    is_global = reader.take("GLOBAL")
    reader.need("FUNCTION")
    named = reader.function(is_global=is_global)
    return ShowCreateFunction(**_where(reader), function=named)


def _describe(reader: Reader) -> DescribeFunction:
    reader.take_one("DESC", "DESCRIBE")
    reader.need("FUNCTION")
    reader.take("EXTENDED")
    return DescribeFunction(**_where(reader), function=reader.function())


def _show_functions(reader: Reader) -> ShowFunctions:
    reader.need("SHOW")
    is_global = reader.take("GLOBAL")
    full = reader.take("FULL")
    if reader.sees("BUILTIN"):
        raise reader.error(reader.token, "BUILTIN is not supported", hint="leave it out: functions of yours are listed")
    reader.need("FUNCTIONS")
    database = None if is_global else reader.of_database()
    return ShowFunctions(**_where(reader), database=database, like=reader.like(), full=full, is_global=is_global)


def _show_python(reader: Reader) -> ShowPythonVersions | ShowPythonPackages:
    reader.need("SHOW", "PYTHON")
    if reader.take("VERSIONS"):
        return ShowPythonVersions(**_where(reader))
    if not reader.take("PACKAGES"):
        raise reader.unexpected("VERSIONS or PACKAGES")
    reader.need("IN")
    return ShowPythonPackages(**_where(reader), version=reader.string("a version such as 3.11.9"))


def _show_databases(reader: Reader) -> ShowDatabases:
    reader.need("SHOW")
    reader.take_one("DATABASES", "SCHEMAS")
    return ShowDatabases(**_where(reader), like=reader.like())


def _show_tables(reader: Reader) -> ShowTables:
    reader.need("SHOW", "TABLES")
    return ShowTables(**_where(reader), database=reader.of_database(), like=reader.like())


def _create_database(reader: Reader) -> CreateDatabase:
    reader.need("CREATE")
    reader.take_one("DATABASE", "SCHEMA")
    if_not_exists = reader.take("IF", "NOT", "EXISTS")
    start = reader.token
    database = reader.name("the database's name")
    if database == GLOBAL_DATABASE:
        raise reader.error(start, f"{GLOBAL_DATABASE} is where GLOBAL functions are", hint="choose another name")
    Properties(reader)  # they are about replicas, which are not here
    return CreateDatabase(**_where(reader), database=database, if_not_exists=if_not_exists)


def _drop_database(reader: Reader) -> DropDatabase:
    reader.need("DROP")
    reader.take_one("DATABASE", "SCHEMA")
    if_exists = reader.take("IF", "EXISTS")
    database = reader.name("the database's name")
    reader.take("FORCE")
    return DropDatabase(**_where(reader), database=database, if_exists=if_exists)


def _use(reader: Reader) -> Use:
    reader.need("USE")
    start = reader.token
    database = reader.name("a database")
    if reader.sign("."):
        if database.lower() != "internal":
            raise reader.error(start, f"there is no catalog {database!r}", hint="there is only the catalog internal")
        database = reader.name("a database")
    return Use(**_where(reader), database=database)


def _where(reader: Reader) -> dict[str, Any]:
    """The fields that every statement has."""
    piece = reader.piece
    return {"text": reader.script[piece.place.offset : piece.stop], "place": piece.place}
