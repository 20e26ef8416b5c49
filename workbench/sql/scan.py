"""From the text of a script to its statements, and from a statement to its tokens, each with its place.

Every character is looked at a fixed number of times, so a script of 10 MB takes its time in proportion; what is never
closed (a string, a name, a comment, a body) is an error at the place where it was opened. Bodies between ``$$`` or
``$tag$`` are taken as they are. Comments do not nest, as in MySQL. Left out on purpose: what a statement means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from workbench.errors import SqlError, SqlSyntaxError
from workbench.sql.literals import read_string
from workbench.types.text import Token

_PARTS: Final = r"""
    (?P<gap>\s++|--(?:\\\r?\n|[^\n])*+|\#[^\n]*+|/\*.*?\*/)
  | (?P<string>'(?:[^'\\]++|\\.|'')*+'|"(?:[^"\\]++|\\.|"")*+")
  | (?P<quoted>`(?:[^`]++|``)++`)
  | (?P<body>\$\$|(?<!\w)\$[A-Za-z_]\w*+\$)
"""
"""In Doris a backslash at the end of a ``--`` comment carries it on, as its lexer has it."""

_PIECE: Final = re.compile(
    rf"(?P<plain>[^'\"`$;\#/\-\s][^'\"`$;\#/\-]*+) | {_PARTS} | (?P<end>;\s*+) | (?P<other>.)", re.VERBOSE | re.DOTALL
)
_TOKEN: Final = re.compile(
    rf"{_PARTS} | (?P<word>[^\W\d]\w*+) | (?P<number>[0-9]{{1,9}}) | (?P<sign>->|.)", re.VERBOSE | re.DOTALL
)
_OPENERS: Final = {"'": "a string", '"': "a string", "`": "a name in backticks", "/*": "a comment"}

_SHOWN: Final = 60
"""Characters of a line that are shown on each side of a place."""


class Place(NamedTuple):
    """Where something is in a script: ``offset`` in characters from 0, ``line`` and ``column`` from 1."""

    offset: int
    line: int
    column: int


class Piece(NamedTuple):
    """One statement as text, without its semicolon and the comments around it."""

    place: Place
    stop: int


def place_of(text: str, offset: int) -> Place:
    """Lines end with a line feed."""
    return Place(offset, text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


def error_at(
    text: str, offset: int, message: str, *, hint: str = "", kind: type[SqlError] = SqlSyntaxError
) -> SqlError:
    """The error that points to a character of the script."""
    place = place_of(text, offset)
    begin = offset - place.column + 1
    end = text.find("\n", offset)
    shown = text[max(begin, offset - _SHOWN) : min(len(text) if end < 0 else end, offset + _SHOWN)]
    caret = " " * (offset - max(begin, offset - _SHOWN)) + "^"
    printable = "".join(character if character.isprintable() else " " for character in shown).rstrip()
    return kind(message, line=place.line, column=place.column, snippet=f"{printable}\n{caret}", hint=hint)


def split(text: str) -> Iterator[Piece]:
    """The statements of a script, in order; empty ones are none.

    Raises SqlSyntaxError for what is never closed, and for a NUL, which no SQL text can hold.
    """
    if (nul := text.find("\0")) >= 0:
        raise error_at(text, nul, "a NUL character cannot stand in SQL", hint=r"write it as \0 in a string")
    start: int | None = None
    at = stop = counted = lines = line_start = 0
    while at < len(text):
        kind, end = _next(_PIECE, text, at)
        if kind not in ("gap", "end"):
            start, stop = at if start is None else start, at + len(text[at:end].rstrip())
        at = end
        if start is not None and (kind == "end" or at == len(text)):
            lines += text.count("\n", counted, start)
            line_start = max(line_start, text.rfind("\n", counted, start) + 1)
            counted = start
            yield Piece(Place(start, lines + 1, start - line_start + 1), stop)
            start = None


def tokens(text: str, start: int, stop: int) -> Iterator[Token]:
    """The tokens of one statement, the last one ``end``; positions are those in the script, from 1."""
    at = start
    while at < stop:
        kind, end = _next(_TOKEN, text, at)
        if kind == "string":
            yield Token("string", read_string(text[at:end]), at + 1)
        elif kind == "quoted":
            yield Token("quoted", text[at + 1 : end - 1].replace("``", "`"), at + 1)
        elif kind == "body":
            tag = text[at : text.index("$", at + 1) + 1]
            yield Token("body", text[at + len(tag) : end - len(tag)], at + 1)
        elif kind == "word":
            yield Token("word", text[at:end], at + 1)
        elif kind == "number":
            yield Token("number", text[at:end], at + 1)
        elif kind == "sign":
            yield Token("sign", text[at:end], at + 1)
        at = end
    yield Token("end", "", stop + 1)


def _next(pattern: re.Pattern[str], text: str, at: int) -> tuple[str, int]:
    """The kind of what begins here, and where it ends."""
    match = pattern.match(text, at)
    if match is None or match.lastgroup is None:
        raise AssertionError(at)  # the last alternative takes any character
    kind, end = match.lastgroup, match.end()
    if kind == "body":
        close = text.find(match[0], end)
        if close < 0:
            raise error_at(text, at, f"a body that {match[0]} opens is never closed", hint=f"end it with {match[0]}")
        return kind, close + len(match[0])
    if kind in ("other", "sign"):
        opener = next((opener for opener in _OPENERS if text.startswith(opener, at)), None)
        if opener == "`" and text.startswith("``", at):
            raise error_at(text, at, "a name is empty")
        if opener is not None:
            raise error_at(text, at, f"{_OPENERS[opener]} is never closed")
    return kind, end
