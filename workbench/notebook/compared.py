"""What versions of a function look like in a notebook: their source diff, and the rows on which two of them differ.

The invariant is that of `workbench.notebook.views`: static, the same bytes for the same versions, small. A difference
can be seen: two results that differ are never shown as the same text. Left out on purpose: rows that are the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from workbench.checking.compare import NoResult, texts
from workbench.notebook import html, text
from workbench.notebook.cells import Cell, cell, shorten, visible
from workbench.notebook.grid import Column, Grid, Limits, Row
from workbench.notebook.views import LINE, FunctionView, View
from workbench.session.compare import Comparison
from workbench.session.report import function_line
from workbench.session.versions import changes
from workbench.worker.words import counted

_TONES = {"+": "good", "-": "bad"}


def difference_grid(comparison: Comparison, limits: Limits) -> Grid:
    """The first rows that differ: their number, their input, and both results."""
    keys = comparison.keys.slice(0, limits.rows)
    names = keys.column_names[: max(0, limits.columns - 2)]
    columns = [Column(shorten(visible(name), limits.width), rank=1) for name in names]
    columns += [Column(label, output=True) for label in comparison.labels]
    inputs = [keys.column(name).to_pylist() for name in names]
    rows = []
    for at, (one, other) in enumerate(zip(comparison.left[: limits.rows], comparison.right, strict=False)):
        shown = zip((one, other), texts(one, other, limits.width), strict=True)
        label = f"{comparison.numbers[at]:,}" if comparison.numbers else ""
        cells = [cell(column[at], limits.width) for column in inputs]
        rows.append(Row([*cells, *(_result(value, words) for value, words in shown)], label))
    hidden = len(keys.column_names) - len(names)
    return Grid(columns, rows, comparison.different, hidden, labelled=bool(comparison.numbers))


def _result(value: object, words: str) -> Cell:
    if isinstance(value, NoResult):
        return Cell(visible(words), "word")
    return Cell(visible(words), "null" if value is None else "text")


@dataclass(repr=False)
class ComparisonView(View):
    """Two versions, how many rows differ, and the first of these."""

    comparison: Comparison
    rows: int = 20

    def lines(self) -> Iterable[str]:
        yield from self._heads()
        yield self.comparison.summary()
        if self.comparison.different:
            yield from text.table(difference_grid(self.comparison, Limits(self.rows)))

    def markup(self, limits: Limits) -> html.Markup:
        heads = [html.tag("div", html.tag("code", line)) for line in self._heads()]
        tone = "good" if self.comparison.same else "warn"
        sign = "=" if self.comparison.same else "≠"
        head = html.tag("b", f"{sign} {self.comparison.summary()}", class_=tone)
        parts = [html.tag("div", *heads, head, class_="w")]
        if self.comparison.different:
            grid = difference_grid(self.comparison, limits)
            title = f"{self.comparison.unit.capitalize()} that differ"
            parts.append(html.section(title, grid.note, html.table(grid)))
        return html.join(parts)

    def _heads(self) -> list[str]:
        both = zip(self.comparison.specs, self.comparison.versions, strict=True)
        return [shorten(visible(function_line(spec, version)), LINE) for spec, version in both]


@dataclass(repr=False)
class VersionsView(FunctionView):
    """A function with its versions, and how its source differs from that of the version before."""

    rows: int = 20

    def lines(self) -> Iterable[str]:
        yield from super().lines()
        yield from text.table(self._versions(Limits(self.rows)))
        yield from self._diff(Limits(self.rows))[0]

    def markup(self, limits: Limits) -> html.Markup:
        versions = self._versions(limits)
        parts = [super().markup(limits), html.section("Versions", versions.note, html.table(versions))]
        lines, count = self._diff(limits)
        if lines:
            drawn = [html.tag("span", line, class_=_TONES[line[0]]) if line[:1] in _TONES else line for line in lines]
            parts.append(html.section("Changes", count, html.lines(drawn)))
        return html.join(parts)

    def _versions(self, limits: Limits) -> Grid:
        """The newest versions, oldest of them first."""
        versions = self.function.versions
        rows = [
            Row(
                [
                    Cell(f"v{one.version}" + (" *" if one.version == self.function.version else "")),
                    Cell(shorten(visible(str(one.signature or one.name)), 2 * limits.width)),
                    Cell(one.kind),
                    Cell(shorten(changes(one), limits.width)),
                ]
            )
            for one in versions[-limits.rows :]
        ]
        return Grid([Column(name) for name in ("version", "signature", "kind", "changed")], rows, len(versions))

    def _diff(self, limits: Limits) -> tuple[Sequence[str], str]:
        """The lines of the diff, as many as there is room for, and how many there are."""
        found = self.function.diff().splitlines()
        shown = [shorten(visible(line), 2 * limits.width) for line in found[: 10 * limits.rows]]
        count = counted(len(found), "line")
        return shown, f"{len(shown):,} of {count}" if len(shown) < len(found) else count
