"""How one value is shown: a short text of visible characters, and what it is.

The invariant: what is invisible or could reorder a line (control and bidirectional characters, line ends) is written
out as an escape, so that a cell never looks like something it is not; NULL, the empty string and the text ``NULL``
are three different things. Left out on purpose: tables (`grid`), HTML and text around them.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

from workbench.settings import DISPLAY_CELL

EXACT_FLOAT: Final = 12
"""Characters up to which a float is shown in full; a longer one has 8 digits, which is what a reader compares."""


_CODES: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
"""What a program sends to a terminal about colours, the cursor and titles (ECMA-48)."""


class Cell(NamedTuple):
    """A value as it is shown.

    ``kind`` says how: NULL and the empty string look unlike any text, a word has the tone of its row.
    """

    text: str
    kind: Literal["text", "number", "null", "empty", "word"] = "text"


def cell(value: Any, width: int = DISPLAY_CELL) -> Cell:
    """A Python value in at most ``width`` characters."""
    if value is None:
        return Cell("NULL", "null")
    if isinstance(value, bool):
        return Cell("true" if value else "false")
    if isinstance(value, int | float | Decimal):
        return Cell(shorten(_number(value), width), "number")
    if value == "":
        return Cell("''", "empty")
    return Cell(shorten(visible(_text(value, width)), width))


def _number(value: float | Decimal) -> str:
    text = str(value)
    if isinstance(value, float) and len(text) > EXACT_FLOAT and math.isfinite(value):
        return f"{value:.8g}"
    return text


def _text(value: Any, width: int) -> str:
    """A little more of the text than is shown: values of 10 MB are not worked through."""
    if isinstance(value, str):
        return value[: width + 1]
    if isinstance(value, bytes):
        return f"0x{value[:width].hex()}"
    if isinstance(value, list | tuple):
        return json.dumps(value[:width], default=str, ensure_ascii=False)
    if isinstance(value, dict):
        few = {str(key): item for key, item in itertools.islice(value.items(), width)}
        return json.dumps(few, default=str, ensure_ascii=False)
    return str(value)


def plain(text: str) -> str:
    """What a terminal would show of a printed line: without colours, and of a progress bar the last state."""
    return _CODES.sub("", text).rstrip("\r").rpartition("\r")[2]


def visible(text: str) -> str:
    r"""The text with everything that has no glyph of its own as an escape: ``\n``, ``\x1b``, ``\u202e``."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def shorten(text: str, width: int) -> str:
    """The text, cut with an ellipsis if it is longer than ``width`` characters."""
    return text if len(text) <= width else text[: width - 1] + "…"
