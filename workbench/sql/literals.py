r"""Strings of the Doris dialect: written so that they read back to the same text, whatever it holds.

Doubled quotes and backslashes are read as Doris and MySQL read them: ``\%`` and ``\_`` keep their backslash (they
matter to LIKE), any other letter after a backslash is itself. Left out on purpose: names in backticks, which
`workbench.types.quote_name` writes.
"""

from __future__ import annotations

import re
from typing import Final

_ESCAPES: Final = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a", "%": "\\%", "_": "\\_"}
_WRITTEN: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\0": "\\0"}
_ESCAPED: Final = re.compile(r"\\(.)|''|\"\"", re.DOTALL)
_SPECIAL: Final = re.compile(r"[\\\"\n\r\0]")


def write_string(text: str) -> str:
    """The text between double quotes, on one line."""
    return '"' + _SPECIAL.sub(lambda match: _WRITTEN[match[0]], text) + '"'


def read_string(literal: str) -> str:
    """The text of a literal, which is given with its quotes."""
    quote = literal[0]

    def value(match: re.Match[str]) -> str:
        letter = match[1]
        if letter is None:
            return quote if match[0][0] == quote else match[0]
        return _ESCAPES.get(letter, letter)

    return _ESCAPED.sub(value, literal[1:-1])


def like(pattern: str) -> re.Pattern[str]:
    """What a LIKE pattern matches as a whole, in any case, as names are compared: ``%`` and ``_`` are its wildcards."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    return re.compile("".join(wild.get(part) or re.escape(part[-1]) for part in parts), re.DOTALL | re.IGNORECASE)
