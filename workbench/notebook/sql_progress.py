"""How far a query of a cell is: a line that appears when it takes longer than a moment, and goes when it ends.

The invariant: it is a live view and nothing else, so a saved notebook is the same with and without it; it is sent at
most ten times a second. Left out on purpose: what it says (`workbench.session.scripts.Progress`).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from IPython.display import display
from ipywidgets import HTML

from workbench.notebook import html
from workbench.notebook.panel.stage import VIEW

if TYPE_CHECKING:
    from workbench.session.scripts import Progress

AFTER_SECONDS: Final = 0.5


class ProgressLine:
    """Called with each `Progress`; to be closed."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._widget: HTML | None = None

    def __call__(self, progress: Progress) -> None:
        took = time.monotonic() - self._began
        if took < AFTER_SECONDS:
            return
        said = f"● {progress.text}, {took:.0f} s"
        if self._widget is None:
            self._widget = HTML()
            view = {"version_major": 2, "version_minor": 0, "model_id": self._widget.model_id}
            display({VIEW: view}, raw=True)  # type: ignore[no-untyped-call]
        self._widget.value = html.tag("code", said)

    def close(self) -> None:
        """Take the line away."""
        if self._widget is not None:
            self._widget.close()
