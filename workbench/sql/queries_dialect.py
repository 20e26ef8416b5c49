"""Doris's words as sqlglot reads them here: our functions' names are no built-ins, and Doris's types are known.

The invariant: a name that is registered is read as a call of it, whatever sqlglot knows under that name. Built-ins
whose meaning sqlglot loses on the way (``explode_outer``, ``map``, ``struct`` …) are read as plain calls too, and
rewritten by `workbench.sql.queries_builtins` and `workbench.sql.queries_lateral`. Left out on purpose: anything about
DuckDB.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from sqlglot import TokenType, exp
from sqlglot.dialects.doris import Doris

OURS: Final = ("EXPLODE", "EXPLODE_OUTER", "POSEXPLODE", "POSEXPLODE_OUTER", "MAP", "STRUCT")
"""Built-ins that sqlglot knows with another meaning, or turns into something that loses rows."""

TYPES: Final = {
    "LARGEINT": TokenType.INT128,
    "DATETIMEV2": TokenType.DATETIME,
    "DATEV2": TokenType.DATE,
    "DECIMALV2": TokenType.DECIMAL,
    "DECIMALV3": TokenType.DECIMAL,
    "TIMESTAMPTZ": TokenType.TIMESTAMPTZ,
    "IPV4": TokenType.IPV4,
    "IPV6": TokenType.IPV6,
    "STRING": TokenType.TEXT,
    "JSONB": TokenType.JSON,
}

Parse = Callable[..., Any]


class _Tokenizer(Doris.Tokenizer):
    KEYWORDS = {**Doris.Tokenizer.KEYWORDS, **TYPES}  # noqa: RUF012 - as sqlglot has it


parser_class: Any = Doris.parser_class if hasattr(Doris, "parser_class") else Doris.Parser


@lru_cache(maxsize=16)  # making one takes longer than reading a statement with it
def dialect(names: frozenset[str]) -> type[Doris]:
    """The dialect in which these names, and `OURS`, are calls of functions that sqlglot does not know."""
    known: dict[str, Parse] = dict(parser_class.FUNCTIONS)
    parsers: dict[str, Parse] = dict(parser_class.FUNCTION_PARSERS)
    for name in map(str.upper, (*OURS, *names)):
        known[name] = _call(name.lower())
        parsers.pop(name, None)

    class Parser(parser_class):  # type: ignore[misc]
        FUNCTIONS = known
        FUNCTION_PARSERS = parsers

    return type("Ours", (Doris,), {"Tokenizer": _Tokenizer, "Parser": Parser, "parser_class": Parser})


def _call(name: str) -> Parse:
    return lambda args: exp.Anonymous(this=name, expressions=args)
