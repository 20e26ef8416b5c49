"""HTML by construction: every text is escaped when it becomes part of a tag.

So nothing that a user or a worker wrote can be markup. The invariant: what comes out has no script, no link and no
event handler, and reads well where styles are stripped (an untrusted notebook, a code host). Sections are
``<details>``, which open and close without a kernel and without script. Left out on purpose: what is shown (`views`)
and how it looks (`style`).
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Final

from workbench.notebook.cells import Cell, visible
from workbench.notebook.grid import Column, Grid, Row
from workbench.notebook.style import CLASS, STYLE


class Markup(str):
    """Text that is HTML already. Made by `tag` and nowhere else."""

    __slots__ = ()


def tag(name: str, *children: str, class_: str = "", **attributes: str) -> Markup:
    """An element; children that are no `Markup` are escaped. ``attributes`` are ours, never a user's names."""
    given = {"class": class_, **attributes} if class_ else attributes
    head = "".join(f' {key.replace("_", "-")}="{html.escape(value)}"' for key, value in given.items())
    return Markup(f"<{name}{head}>{join(children)}</{name}>")


def join(children: Iterable[str]) -> Markup:
    """One piece of HTML from several."""
    return Markup("".join(child if isinstance(child, Markup) else html.escape(visible(child)) for child in children))


def document(*children: str) -> Markup:
    """The whole of one output: its style and its parts."""
    return tag("div", Markup(f"<style>{STYLE}</style>"), *children, class_=CLASS)


def section(title: str, count: str, *children: str, opened: bool = True) -> Markup:
    """A part that folds; ``count`` stands beside its title."""
    head = tag("summary", tag("b", title), " ", tag("small", count))
    body = tag("details", head, *children)
    return Markup(body.replace("<details>", "<details open>", 1)) if opened else body


def lines(texts: Sequence[str]) -> Markup:
    """Preformatted text."""
    return tag("pre", join(line for text in texts for line in (text, Markup("\n"))))


_TONES: Final = {"stripe": "s", "failed": "f", "crashed": "d", "restarted": "a", "skipped": "a", "started": "g"}


def table(grid: Grid) -> Markup:
    """A grid; a row number is the header of its row, and types stand below the names."""
    lead = [tag("th", "row", class_="n", scope="col")] if grid.labelled else []
    head = tag("tr", *lead, *map(_head, grid.columns))
    body = [_row(row, grid) for row in grid.rows]
    return tag("div", tag("table", tag("thead", head), tag("tbody", *body)), class_="x")


def _head(column: Column) -> Markup:
    type_ = [Markup("<br>"), tag("small", column.type)] if column.type else []
    return tag("th", column.name, *type_, class_=_classes(column), scope="col")


def _classes(column: Column, *more: str) -> str:
    return " ".join([*(["n"] if column.number else []), *(["o"] if column.output else []), *more])


def _row(row: Row, grid: Grid) -> Markup:
    lead = [tag("th", row.label, class_="n", scope="row")] if grid.labelled else []
    cells = [_cell(value, column) for value, column in zip(row.cells, grid.columns, strict=True)]
    return tag("tr", *lead, *cells, class_=_TONES.get(row.tone, ""))


def _cell(value: Cell, column: Column) -> Markup:
    text = tag("i", value.text) if value.kind in ("null", "empty") else value.text
    return tag("td", text, class_=_classes(column, *(["m"] if value.kind == "word" else [])))
