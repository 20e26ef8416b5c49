"""The line of a magic: a signature, then options; split here because a signature is SQL and options are a shell's.

The invariant: the signature is everything before the first ``--option`` (or ``-o``) that stands outside of brackets
and quotes, so that ``->``, ``MAP<K, V>`` and quoted names stay whole. Only option values are expanded: ``{expr}`` and
``{{expr}}`` become the value of the expression in the notebook, unless they stand in single quotes. Left out on
purpose: what the options mean (`parsers`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, Self

from workbench.errors import UsageProblem

_OPTION: Final = re.compile(r"(?:(?<=\s)|^)--?[A-Za-z]")
_ASSIGNED: Final = re.compile(r"(--[A-Za-z][\w-]*)=(.*)", re.DOTALL)
_CLOSING: Final = {"(": ")", "[": "]", "{": "}", "<": ">"}

Evaluate = Callable[[str], Any]
"""The value of an expression in the notebook."""


class Word(str):
    """One word of a line, unquoted and expanded. ``value`` is the object itself if the word is one expression."""

    __slots__ = ("value",)
    value: Any

    def __new__(cls, text: str, value: Any = None) -> Self:
        word = super().__new__(cls, text)
        word.value = text if value is None else value
        return word


def _scan(text: str, quotes: str, brackets: str) -> Iterator[tuple[int, str]]:
    """For each character the brackets open around it and the quote it is in; at last what is still open."""
    closing = "".join(_CLOSING[one] for one in brackets)
    depth, quote = 0, ""
    for at, sign in enumerate(text):
        if quote:
            yield depth, quote
            quote = "" if sign == quote else quote
            continue
        if sign in quotes:
            quote = sign
        elif sign in brackets:
            depth += 1
        elif sign in closing and text[max(0, at - 1) : at + 1] != "->":
            depth = max(0, depth - 1)
        yield depth, quote
    yield depth, quote


def split_line(line: str) -> tuple[str, str]:
    """The signature and the options of a ``%%udf`` line, both stripped.

    Where brackets or quotes are left open the first option counts wherever it stands, so that the error is about the
    signature.
    """
    *places, end = _scan(line, "'\"`", "([{<")
    starts = [match.start() for match in _OPTION.finditer(line)]
    outside = [at for at in starts if places[at] == (0, "")]
    at = next(iter(outside or (starts if end != (0, "") else [])), len(line))
    return line[:at].strip(), line[at:].strip()


def pieces(text: str) -> list[str]:
    """The words of a text as they were written: split at white space that stands outside of quotes and brackets."""
    *places, (depth, quote) = _scan(text, "'\"", "([{")
    if quote or depth:
        what = f"quotes ({quote})" if quote else "brackets"
        raise UsageProblem(f"the line ends inside of {what}: {text}", hint="close them, or put the word in quotes")
    found, piece = [], ""
    for sign, place in zip(text, places, strict=True):
        if sign.isspace() and place == (0, ""):
            found.append(piece)
            piece = ""
        else:
            piece += sign
    return [one for one in (*found, piece) if one]


def words(text: str, evaluate: Evaluate) -> list[Word]:
    """The words of the options, unquoted and expanded; ``--name=value`` is two of them."""
    found = []
    for piece in pieces(text):
        assigned = _ASSIGNED.fullmatch(piece)
        if assigned:
            found += [Word(assigned[1]), expand(assigned[2], evaluate)]
        else:
            found.append(Word(piece) if _OPTION.match(piece) else expand(piece, evaluate))
    return found


_PART: Final = re.compile(r"'(?P<literal>[^']*)'|\"(?P<quoted>[^\"]*)\"|(?P<braces>\{)|(?P<plain>[^'\"{]+)")


def expand(piece: str, evaluate: Evaluate) -> Word:
    """One written word without its quotes, with each ``{expr}`` in it replaced.

    Raises UsageProblem where one has no value.
    """
    parts: list[str] = []
    at = 0
    while at < len(piece):
        match = _PART.match(piece, at)
        if match is None:
            raise UsageProblem(f"a quote is not closed: {piece}", hint="close it")
        at = match.end()
        if match["braces"] is not None:
            end = _end_of_braces(piece, match.start())
            value = _value(piece[match.start() : end], evaluate)
            if (match.start(), end) == (0, len(piece)):
                return Word(str(value), value)
            parts.append(str(value))
            at = end
        elif match["quoted"] is not None:
            parts.append(_expand_inside(match["quoted"], evaluate))
        else:
            parts.append(match["literal"] if match["literal"] is not None else match["plain"])
    return Word("".join(parts))


def _expand_inside(text: str, evaluate: Evaluate) -> str:
    begin = text.find("{")
    if begin < 0:
        return text
    end = _end_of_braces(text, begin)
    return text[:begin] + str(_value(text[begin:end], evaluate)) + _expand_inside(text[end:], evaluate)


def _end_of_braces(text: str, begin: int) -> int:
    depth = 0
    for at in range(begin, len(text)):
        depth += (text[at] == "{") - (text[at] == "}")
        if depth == 0:
            return at + 1
    raise UsageProblem(
        f"a brace is not closed: {text[begin:]}", hint="put the word in single quotes to take it as it is"
    )


def _value(braced: str, evaluate: Evaluate) -> Any:
    text = braced[2:-2] if braced.startswith("{{") and braced.endswith("}}") else braced[1:-1]
    try:
        return evaluate(text.strip())
    except Exception as error:
        raise UsageProblem(
            f"{braced} has no value: {type(error).__name__}: {error}",
            hint="put the word in single quotes to take it as it is",
        ) from error
