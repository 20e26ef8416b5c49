"""What a stream looks like where there is no live panel: what was started and how to go on, and nothing that changes.

The invariant: the same cell gives the same bytes, however far the stream has come when it is shown. Left out on
purpose: its results, which `Stream.newest` has, and its state, which the panel shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from workbench.events import SIGNS
from workbench.notebook import html
from workbench.notebook.grid import Limits
from workbench.notebook.views import View, header, title
from workbench.session import Stream
from workbench.types import quote_name


@dataclass(repr=False)
class StreamView(View):
    """A stream: header, how fast and how long, the commands for it."""

    stream: Stream

    def lines(self) -> Iterable[str]:
        yield title(self.stream.function.spec, self.stream.function.version)
        yield f"{SIGNS['started']} live: {self._how()}"
        yield self._next()

    def markup(self, limits: Limits) -> html.Markup:
        function = self.stream.function
        state = html.tag("span", f"{SIGNS['started']} live", class_="st good")
        return html.join(
            [
                header(function.spec, function.version, state),
                html.tag("div", html.tag("span", self._how()), class_="c"),
                html.tag("p", self._next(), class_="y"),
            ]
        )

    def _how(self) -> str:
        stream = self.stream
        rate = "as fast as it goes" if stream.began_with is None else f"{stream.began_with:,g} rows/s"
        end = "again and again" if stream.loop else "as the file grows" if stream.follow else "once"
        return f"it goes on behind the cell, {rate}, through the data {end}"

    def _next(self) -> str:
        name = quote_name(self.stream.function.name)
        return f"stop it: %udf stop {name}      crash it: %udf kill {name}      what happened: %udf history {name}"
