"""Source text as coloured runs: each line a list of plain strings and of ``[class, text]`` pairs.

The invariant: the runs of a line joined are that line, whatever the text is; a language that reads wrong colours wrong
and loses nothing. The classes are few, and each stands for what a reader looks for: (k)eyword, name that is
(d)efined, (s)tring, (n)umber, (b)uilt-in or type, (c)omment. Left out on purpose: the colours (`panel.css`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import Final, Literal

from pygments.lexer import Lexer
from pygments.lexers.data import YamlLexer
from pygments.lexers.python import PythonLexer
from pygments.lexers.sql import MySqlLexer
from pygments.token import Token

Language = Literal["python", "sql", "yaml"]
Line = list[str | list[str]]

CACHED: Final = 64
"""Texts whose runs are kept."""

_LEXERS: Final[dict[Language, type[Lexer]]] = {"python": PythonLexer, "sql": MySqlLexer, "yaml": YamlLexer}

_CLASSES: Final = (
    (Token.Comment, "c"),
    (Token.Keyword.Constant, "b"),
    (Token.Keyword.Type, "b"),
    (Token.Keyword, "k"),
    (Token.Operator.Word, "k"),
    (Token.Name.Builtin, "b"),
    (Token.Name.Class, "d"),
    (Token.Name.Function, "d"),
    (Token.Name.Decorator, "d"),
    (Token.Name.Tag, "d"),
    (Token.Literal.String.Interpol, ""),
    (Token.Literal.String, "s"),
    (Token.Literal.Number, "n"),
)
"""The first that a token is one of says its class; any other token is plain."""

_TYPES: Final = frozenset({"ARRAY", "LARGEINT", "MAP", "STRING", "STRUCT"})
"""Types of Doris that MySQL does not have."""

_INLINE: Final = re.compile(r"(?P<head>.*? AS (?P<quote>\$\w*\$)\n)(?P<body>.*)(?P<tail>(?P=quote);\n?)", re.DOTALL)
"""A statement of Doris that brings its Python along."""


@lru_cache(maxsize=CACHED)
def highlight(text: str, language: Language) -> Sequence[Line]:
    r"""The lines of ``text``, split at ``\n`` and at nothing else, so that they have Python's numbers.

    It takes 3 µs a character, so the runs of the last texts are kept, and must not be changed: a cell that is run again
    has the same versions.
    """
    lines: list[Line] = [[]]
    for kind, part in _parts(text, language):
        for index, piece in enumerate(part.split("\n")):
            if index:
                lines.append([])
            _add(lines[-1], kind if piece.strip() else "", piece)
    return lines


def _parts(text: str, language: Language) -> Iterator[tuple[str, str]]:
    found = _INLINE.fullmatch(text) if language == "sql" else None
    if found is None:
        # "unprocessed" keeps line ends and blank lines as they are.
        for _, token, part in _LEXERS[language]().get_tokens_unprocessed(text):
            yield "b" if language == "sql" and part in _TYPES else _class(token), part
        return
    yield from _parts(found["head"], "sql")
    yield from _parts(found["body"], "python")
    yield "", found["tail"]


@cache
def _class(token: object) -> str:
    return next((name for kind, name in _CLASSES if token in kind), "")


def _add(line: Line, kind: str, text: str) -> None:
    """Put a run at the end of a line; one of the class that the line ends with becomes a part of it."""
    if not text:
        return
    last = line[-1] if line else None
    if kind and isinstance(last, list) and last[0] == kind:
        last[1] += text
    elif kind:
        line.append([kind, text])
    elif isinstance(last, str):
        line[-1] = last + text
    else:
        line.append(text)
