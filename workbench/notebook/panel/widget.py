"""The one widget of a panel: its state is what the front end shows, its messages are what a reader asks for.

The invariant: state is plain data (`facts`), changed only by `Panel`, and small enough to be sent ten times a second;
the front end changes none of it. One widget for the whole panel, and not one for each part, keeps fifty panels in a
notebook responsive. Left out on purpose: what the messages mean (`panel`).
"""

from __future__ import annotations

import anywidget
from traitlets import Dict, List, Unicode

from workbench.notebook.panel.assets import module, sheet
from workbench.notebook.panel.wire import opened


class PanelWidget(anywidget.AnyWidget):
    """Its traits are the parts of the panel; made by `facts`, `course`, `gauges`, `sources` and others."""

    _esm = Unicode(module()).tag(sync=True)
    _css = Unicode(sheet()).tag(sync=True)
    title = Dict().tag(sync=True)
    status = Dict().tag(sync=True)
    able = List(Unicode()).tag(sync=True)
    pace = Dict().tag(sync=True)
    output = Dict().tag(sync=True)
    history = Dict().tag(sync=True)
    marks = Dict().tag(sync=True)
    metrics = Dict().tag(sync=True)
    logs = Dict().tag(sync=True)
    state = Dict().tag(sync=True)
    letters = Dict().tag(sync=True)
    code = Dict().tag(sync=True)
    places = Dict().tag(sync=True)
    sql = List(Dict()).tag(sync=True)

    def open(self) -> None:
        """Called by ipywidgets when it is made: tell the front end that it is there."""
        self.comm = opened(self.get_state())
        if self.comm is None:
            super().open()
