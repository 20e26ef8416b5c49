"""The words of SQL text: names, numbers and signs, each with its place.

Every name can be written in backticks and is then taken as it is, so a text made with `quote_name` reads back to the
same names. Left out on purpose: what the words mean, which `parser` and `workbench.functions.signature` know.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from workbench.types.reserved import RESERVED

_TOKEN: Final = re.compile(
    r"\s+|(?P<quoted>`(?:[^`]|``)+`)|(?P<word>[^\W\d]\w*)|(?P<number>[0-9]{1,9})|(?P<sign>->|[<>(),:.])"
)
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


class Unreadable(ValueError):
    """The text cannot be read on. ``position`` counts characters from 1. Callers make a DefinitionError of it."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"position {position}: {message}")
        self.message, self.position = message, position


@dataclass(frozen=True, slots=True)
class Token:
    """One word. ``text`` is without its backticks; ``position`` counts characters from 1.

    Only SQL statements (`workbench.sql`) have strings and bodies; of both ``text`` is the value.
    """

    kind: Literal["word", "quoted", "number", "sign", "string", "body", "end"]
    text: str
    position: int

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else repr(self.text)

    @property
    def is_name(self) -> bool:
        return self.kind in ("word", "quoted")

    def is_sign(self, *signs: str) -> bool:
        return self.kind == "sign" and self.text in signs


def tokenize(text: str) -> list[Token]:
    """All tokens of a text, the last one ``end``; raises Unreadable at the first character that begins none."""
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            what = "a backtick that is not closed, or an empty name" if text[at] == "`" else f"unexpected {text[at]!r}"
            raise Unreadable(what, at + 1)
        kind, word = match.lastgroup, match[0]
        if kind == "quoted":
            tokens.append(Token("quoted", word[1:-1].replace("``", "`"), at + 1))
        elif kind == "word":
            tokens.append(Token("word", word, at + 1))
        elif kind == "number":
            tokens.append(Token("number", word, at + 1))
        elif kind == "sign":
            tokens.append(Token("sign", word, at + 1))
        at = match.end()
    tokens.append(Token("end", "", len(text) + 1))
    return tokens


def quote_name(name: str) -> str:
    """The name as SQL text: as it is if it is a plain word that Doris does not reserve, else in backticks."""
    plain = _PLAIN.fullmatch(name) and name.lower() not in RESERVED
    return name if plain else "`" + name.replace("`", "``") + "`"


def shorten(text: str, width: int = 80) -> str:
    """The text on one line and not longer than ``width``, to be quoted in a message."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"
