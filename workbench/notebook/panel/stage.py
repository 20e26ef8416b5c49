"""Which outputs a run has in a notebook: where a front end is live, its panel first; then, everywhere, its value.

The panel is an output of its own that holds nothing but the live view. The invariant: what a saved notebook keeps
besides a live view is the same whether there was a panel or not, so that a notebook that was run in JupyterLab, one
that nbclient executed and one that nbval tests agree; without a kernel the static value is what is seen. One panel and
one stream for each cell: running a cell again ends the old ones. Left out on purpose: what the panel shows (`panel`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
from IPython.display import display

from workbench.notebook import actions
from workbench.notebook.cut_short import told
from workbench.notebook.panel.panel import Panel
from workbench.notebook.session import Workbench
from workbench.session import Function, Run, Stream

MOST: Final = 100
"""Panels that live at a time, each with its run; the oldest is closed."""

VIEW: Final = "application/vnd.jupyter.widget-view+json"


class Stage:
    """Runs functions for the cells of one notebook, and shows their panels. ``shell`` is IPython's."""

    def __init__(self, shell: Any, session: Workbench) -> None:
        self._shell, self._session = shell, session
        self._panels: dict[str, Panel] = {}
        self._streams: dict[str, tuple[int, Stream]] = {}

    @property
    def live(self) -> bool:
        """Whether panels are shown: if somebody looks, as far as can be known, unless the settings say."""
        wanted = self._session.panel
        if wanted == "auto":
            return _has_kernel(self._shell) and _watched(self._shell)
        return bool(wanted) and _has_kernel(self._shell)

    def run(self, function: Function, order: Mapping[str, Any], *, shown: bool) -> Run:
        """Run to the end as `actions.run`, with a panel in the cell's output if one can be seen."""
        self._end_older()
        run = actions.begin(function, **order)
        with told(run, short=not self._session.traceback):
            return self._panel(function, run, order).follow(run) if shown and self.live else run.wait()

    def _panel(self, function: Function, run: Run, order: Mapping[str, Any]) -> Panel:
        repeatable = isinstance(order["data"], pd.DataFrame | pa.Table | pa.RecordBatch | Path)
        panel = Panel(
            function,
            run,
            names=self._session.cells,
            versions=self._versions(function),
            again=(lambda: actions.begin(function, **order)) if repeatable else None,
        )
        self._keep(panel)
        display({VIEW: _view(panel)}, raw=True)  # type: ignore[no-untyped-call]
        return panel

    def stream(self, function: Function, order: Mapping[str, Any], *, shown: bool) -> Stream:
        """Stream as `actions.stream`, with a panel if one can be seen; what this cell streamed before is stopped."""
        self._end_older()
        stream = actions.stream(function, **order)
        self._streams = {key: one for key, one in self._streams.items() if not one[1].wait(0)}
        if (old := self._streams.pop(cell := self._cell(), None)) is not None:
            old[1].stop()
        self._streams[cell] = self._shell.execution_count, stream
        if shown and self.live:
            versions = self._versions(function)
            panel = Panel(function, stream.run, names=self._session.cells, versions=versions, stream=stream)
            self._keep(panel)
            display({VIEW: _view(panel)}, raw=True)  # type: ignore[no-untyped-call]
        return stream

    def _end_older(self) -> None:
        """Stop what this cell streamed when it was executed before."""
        count, old = self._streams.get(self._cell(), (0, None))
        if old is not None and count != self._shell.execution_count:
            old.stop()

    def _versions(self, function: Function) -> list[Function]:
        found = self._session.workbench.versions(str(function.signature.name if function.signature else function.name))
        return [one for one in found if one.key == function.key and one.version <= function.version]

    def _keep(self, panel: Panel) -> None:
        old = self._panels.pop(key := self._cell(), None)
        if old is not None:
            old.close()
        self._panels[key] = panel
        while len(self._panels) > MOST:
            self._panels.pop(next(iter(self._panels))).close()

    def _cell(self) -> str:
        """The id of the cell that is executed; where the front end does not say, its number."""
        parent = self._shell.get_parent() if _has_kernel(self._shell) else {}
        return str(parent.get("metadata", {}).get("cellId", self._shell.execution_count))

    def close(self) -> None:
        """Stop all streams and close all panels."""
        while self._streams:
            self._streams.popitem()[1][1].stop()
        while self._panels:
            self._panels.popitem()[1].close()


def _view(panel: Panel) -> dict[str, Any]:
    return {"version_major": 2, "version_minor": 0, "model_id": panel.widget.model_id}


def _has_kernel(shell: Any) -> bool:
    return getattr(shell, "kernel", None) is not None


def _watched(shell: Any) -> bool:
    """Whether a Jupyter server or VS Code started this kernel for a notebook; nbclient, nbval and nbconvert do not."""
    return "JPY_SESSION_NAME" in os.environ or "__vsc_ipynb_file__" in shell.user_ns
