"""What a check looks like in a notebook: each finding with the call that shows it again, then all that was tried.

Static as every view: the same check gives the same bytes. Left out on purpose: checking.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from workbench.checking import Check, Finding
from workbench.checking.found import tried_line
from workbench.notebook import html
from workbench.notebook.cells import shorten, visible
from workbench.notebook.grid import Limits
from workbench.notebook.views import LINE, View, error_box

MOST_CODE = 2_000
"""Characters of a call: one that is cut cannot be pasted, and longer ones are in `Finding.call`."""


@dataclass(repr=False)
class CheckView(View):
    """A check: its summary, a box for each finding, and what was tried."""

    check: Check

    def lines(self) -> Iterable[str]:
        return (shorten(visible(line), MOST_CODE) for line in self.check.lines())

    def markup(self, limits: Limits) -> html.Markup:
        check = self.check
        tone, sign = ("good", "✓") if check.ok else ("bad", "✕")
        head = html.tag(
            "div",
            html.tag("b", f"check of {shorten(check.function, LINE)}"),
            " ",
            html.tag("span", f"v{check.version}", class_="k"),
            " ",
            html.tag("span", f"{sign} {check.summary()}", class_=f"st {tone}"),
            class_="h",
        )
        tried = [*map(tried_line, check.tried), *(f"· {note}" for note in check.notes)]
        return html.join(
            [
                head,
                *(error_box(_finding(one, limits)) for one in check.findings[: limits.rows]),
                html.section("Tried", f"{len(check.tried)} things", html.lines(tried), opened=check.ok),
            ]
        )


def _finding(one: Finding, limits: Limits) -> list[str]:
    """Its lines; the call shrinks with the limits, so that the page stays small."""
    code = MOST_CODE * limits.width // Limits().width
    return [
        f"{one.kind}: {shorten(visible(one.text), LINE)}",
        f"  expected  {shorten(visible(one.expected), LINE)}",
        f"  got       {shorten(visible(one.got), LINE)}",
        f"  {shorten(visible(one.call), code)}",
    ]
