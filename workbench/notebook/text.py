"""Grids as plain text, for ``text/plain``: what a terminal, a diff and a reader without CSS see.

The invariant: lines of at most `WIDTH` columns, wide characters counted as two. Left out on purpose: what is shown
(`grid`, `views`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final

from workbench.notebook.cells import Cell, shorten
from workbench.notebook.grid import Grid, Row
from workbench.worker.words import counted

WIDTH: Final = 118
CELL: Final = 60
LEAST: Final = 24
WIDTHS: Final = (WIDTH, CELL, LEAST)
"""Characters that a cell may have: the first with which the table is not too wide."""


def table(grid: Grid) -> list[str]:
    """The grid as lines, ``| s STRING | n INT |``; of columns that do not fit, the function's are the last to go."""
    for width in WIDTHS:
        drawn = _columns(grid, width)
        if sum(len_ + 3 for len_, _ in drawn) < WIDTH:
            break
    kept, skipped = _fitting(grid, drawn)
    rows = ["| " + " | ".join(drawn[index][1][at] for index in kept) + " |" for at in range(len(grid.rows) + 1)]
    note = grid.note
    if skipped:
        note += f", {counted(skipped, 'column')} left out here"
    return [*rows, note]


def _columns(grid: Grid, width: int) -> list[tuple[int, list[str]]]:
    """Each column's width and its cells, padded, the header first."""
    heads = [shorten(f"{column.name} {column.type}".strip(), width) for column in grid.columns]
    bodies = [[_text(row.cells[at], width) for row in grid.rows] for at in range(len(heads))]
    numbers = [column.number for column in grid.columns]
    if grid.labelled:
        heads, numbers = ["row", *heads], [True, *numbers]
        bodies = [[row.label for row in grid.rows], *bodies]
    out = []
    for head, body, number in zip(heads, bodies, numbers, strict=True):
        size = max(map(columns_of, [head, *body]))
        out.append((size, [_pad(text, size, right=number) for text in [head, *body]]))
    return out


def _text(cell: Cell, width: int) -> str:
    """A text that reads NULL is quoted, as NULL itself has only its word here."""
    return "'NULL'" if cell == Cell("NULL") else shorten(cell.text, width)


def _fitting(grid: Grid, drawn: Sequence[tuple[int, list[str]]]) -> tuple[list[int], int]:
    """Which columns fit into a line, by rank, and how many do not."""
    lead = int(grid.labelled)
    order = sorted(range(lead, len(drawn)), key=lambda at: grid.columns[at - lead].rank)
    room = WIDTH - 1 - sum(drawn[at][0] + 3 for at in range(lead))
    kept = list(range(lead))
    for at in order:
        room -= drawn[at][0] + 3
        if room >= 0 or len(kept) == lead:
            kept.append(at)
    return sorted(kept), len(drawn) - len(kept)


def lines_of(rows: Sequence[Row], names: Sequence[str]) -> list[str]:
    """Rows as ``name value`` lines, aligned: for tables whose last column is long text."""
    texts = [
        [f"{name} {cell.text}".strip() if cell.text else "" for name, cell in zip(names, row.cells, strict=True)]
        for row in rows
    ]
    sizes = [max((columns_of(row[at]) for row in texts), default=0) for at in range(len(names))]
    return [
        "   ".join(_pad(text, size) for text, size in zip(row, sizes, strict=True) if size).rstrip() for row in texts
    ]


def columns_of(text: str) -> int:
    """How many columns of a terminal the text takes."""
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in text)
    return len(text) + wide


def _pad(text: str, size: int, *, right: bool = False) -> str:
    space = " " * (size - columns_of(text))
    return space + text if right else text + space
