"""What DuckDB says of a query in our words: which name is not there, where it stands, and which ones are.

Only what people meet every day is put into other words; the rest stands as DuckDB says it. Left out on purpose: names
of our functions in its texts, which the engine puts back.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Final

from workbench.errors import QueryError

_TABLE: Final = re.compile(r"Catalog Error: Table with name (?P<name>.+?) does not exist!")
_FUNCTION: Final = re.compile(r"Catalog Error: (?:\w+ )*Function with name (?P<name>.+?) does not exist!")
_COLUMN: Final = re.compile(r'Binder Error: Referenced column "(?P<name>[^"]+)" (?:was )?not found')
_OF_TABLE: Final = re.compile(
    r'Binder Error: (?:Values list|Table) "[^"]+" does not have a column named "(?P<name>[^"]+)"'
)
_GUESS: Final = re.compile(r'\nDid you mean "[^"]*"\?')
_SHOWN: Final = 10


def in_our_words(
    error: QueryError,
    text: str,
    *,
    given: Iterable[str],
    tables: Iterable[str],
    columns: Mapping[str, Iterable[str]],
    functions: Iterable[str],
) -> QueryError:
    """The same error for the reader of ``text``, its offset counted in it.

    ``given`` are the names of the tables that came with the query, ``tables`` those of the database, ``columns`` the
    columns of the given ones that it reads, ``functions`` what can be called.
    """
    given = list(given)
    if (found := _TABLE.search(error.message)) is not None:
        name = found["name"].rpartition(".")[2]
        if name.lower() in map(str.lower, given):
            message = f"{name} was given to this query, which can read it and nothing else"
            hint = f"make a table of it: CREATE TABLE mine AS SELECT * FROM {name}"  # noqa: S608 - a text for people
            return _placed(message, text, name, hint)
        return _placed(f"table {found['name']} does not exist", text, name, _those(name, [*given, *tables]))
    if (found := _FUNCTION.search(error.message)) is not None:
        near = difflib.get_close_matches(found["name"].lower(), [*functions], n=1)
        hint = f"did you mean {near[0]}?" if near else "SHOW FUNCTIONS lists those that were created"
        return _placed(f"function {found['name']} does not exist", text, found["name"], hint)
    if (found := _COLUMN.search(error.message) or _OF_TABLE.search(error.message)) is not None:
        known = [f"{table}.{column}" if len(columns) > 1 else column for table in columns for column in columns[table]]
        return _placed(f"column {found['name']} does not exist", text, found["name"], _those(found["name"], known))
    return QueryError(_GUESS.sub("", error.message), offset=error.offset, hint=error.hint)


def _those(name: str, known: Iterable[str]) -> str:
    """The names that are there, the nearest first if one is near."""
    names = list(dict.fromkeys(known))
    near = difflib.get_close_matches(name, names, n=1)
    shown = ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
    return (f"did you mean {near[0]}? " if near else "") + (f"there is: {shown}" if names else "")


def _placed(message: str, text: str, name: str, hint: str) -> QueryError:
    found = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE)
    return QueryError(message, offset=None if found is None else found.start(), hint=hint)
