"""What Doris says about storage in CREATE TABLE: cut out, so that the rest is a table anywhere, and told.

The invariant: what is cut leaves blanks of its length, so that positions stay true; each clause that is cut is told
once; one that changes which rows a query gives is refused. Left out on purpose: the columns, which sqlglot reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlglot import TokenType, exp
from sqlglot.tokenizer_core import Token

from workbench.errors import QueryError

CLAUSES: Final = (
    "ENGINE",
    "DUPLICATE",
    "UNIQUE",
    "AGGREGATE",
    "CLUSTER",
    "COMMENT",
    "AUTO",
    "PARTITION",
    "DISTRIBUTED",
    "ROLLUP",
    "PROPERTIES",
    "BROKER",
)
OPEN: Final = (TokenType.L_PAREN,)
CLOSE: Final = (TokenType.R_PAREN,)
BRACKETS_OPEN: Final = (TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE)
BRACKETS_CLOSE: Final = (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE)
AFTER_ITEMS: Final = (
    TokenType.FROM,
    TokenType.WHERE,
    TokenType.GROUP_BY,
    TokenType.HAVING,
    TokenType.ORDER_BY,
    TokenType.LIMIT,
    TokenType.UNION,
    TokenType.EXCEPT,
    TokenType.INTERSECT,
    TokenType.LATERAL,
    TokenType.SEMICOLON,
)


def without_storage(text: str, tokens: Sequence[Token]) -> tuple[str, list[str]]:
    """The text of a CREATE TABLE without its storage clauses, and what to say of them.

    Raises QueryError for AGGREGATE KEY: such a table merges rows, which none here does.
    """
    kept, notes = list(text), []
    for clause in _clauses(tokens):
        first, last = clause[0], clause[-1]
        name = " ".join(token.text.upper() for token in clause[:2] if token.token_type not in (*OPEN, TokenType.EQ))
        if first.text.upper() == "AGGREGATE":
            raise QueryError(
                "AGGREGATE KEY: a table that merges rows cannot be had here",
                offset=first.start,
                hint="use DUPLICATE KEY, and GROUP BY in the query",
            )
        kept[first.start : last.end + 1] = " " * (last.end + 1 - first.start)
        name = {"ENGINE OLAP": "ENGINE"}.get(name, name) if name.startswith(_TWO_WORDS) else first.text.upper()
        why = ": rows with equal keys are all kept" if name == "UNIQUE KEY" else ""
        notes.append(f"{name} says how Doris stores the table and was left out{why}")
    return "".join(kept), list(dict.fromkeys(notes))


_SECOND: Final = (("AUTO", "PARTITION"), ("BROKER", "PROPERTIES"))
_TWO_WORDS: Final = ("UNIQUE", "DUPLICATE", "PARTITION", "DISTRIBUTED", "AUTO", "CLUSTER", "BROKER")


def _clauses(tokens: Sequence[Token]) -> list[list[Token]]:
    """The runs of tokens of each storage clause: from its word, outside of brackets, to the next one or to AS."""
    found: list[list[Token]] = []
    depth = 0
    inside = False
    for index, token in enumerate(tokens):
        word = token.text.upper()
        before = tokens[index - 1].text.upper() if index else ""
        if depth == 0 and index > 2:  # noqa: PLR2004 - CREATE TABLE name
            if word == "AS" or token.token_type in (TokenType.SELECT, TokenType.WITH, TokenType.SEMICOLON):
                break
            after = tokens[index + 1].text.upper() if index + 1 < len(tokens) else ""
            if word == "AUTO" and after != "PARTITION":  # BUCKETS AUTO
                word = ""
            if word in CLAUSES and token.token_type is not TokenType.STRING and (before, word) not in _SECOND:
                found.append([])
                inside = True
        depth += (token.token_type in OPEN) - (token.token_type in CLOSE)
        if inside:
            found[-1].append(token)
    return found


def place_tables(tree: exp.Expr) -> None:
    """``internal.db.t`` without Doris's catalog, and the database ``default`` as DuckDB's ``main``."""
    for table in tree.find_all(exp.Table):
        if table.catalog.lower() == "internal":
            table.set("catalog", None)
        if table.db.lower() == "default":
            table.set("db", exp.to_identifier("main"))


def items_of(text: str, tokens: Sequence[Token]) -> list[str]:
    """The texts of the items of the first SELECT outside of brackets; none if there is no such SELECT."""
    ends: list[tuple[int, int]] = []  # where the separator before an item ends, and where that after it begins
    depth, begin = 0, None
    for token in tokens:
        kind = token.token_type
        if depth == 0 and begin is None and kind is TokenType.SELECT:
            begin = token.end + 1
        elif depth == 0 and begin is not None and kind in (*AFTER_ITEMS, TokenType.COMMA):
            ends.append((begin, token.start))
            begin = token.end + 1
            if kind is not TokenType.COMMA:
                break
        depth += (kind in BRACKETS_OPEN) - (kind in BRACKETS_CLOSE)
    else:
        if begin is not None:
            ends.append((begin, tokens[-1].end + 1))
    return [text[start:end].strip() for start, end in ends]
