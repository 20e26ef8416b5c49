"""The live panel of one function's run: told of what changes while a cell is busy, asked for rows afterwards.

The invariant: the run never waits for the panel, and the panel's last update is the run's last state. Messages may
arrive in another thread than the one that moves the run (JupyterLab sends them through a subshell), so what they need
is taken under a lock. Left out on purpose: which outputs a cell has (`stage`), and drawing, which is JavaScript.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from workbench.errors import RunClosed
from workbench.notebook.panel import facts
from workbench.notebook.panel.controls import ACTIONS, CellControls, Controls
from workbench.notebook.panel.pulse import Pulse
from workbench.notebook.panel.rows import Rows, View
from workbench.notebook.panel.widget import PanelWidget
from workbench.session import Function, Run
from workbench.session.vitals import memory

FIRST_ROWS = 100
"""Rows that come with the end of a run, so that they are shown without being asked for."""


class Panel:
    """Shows ``run`` of ``function``; ``versions`` are all of its versions, the oldest first.

    ``names`` says what files are called in errors. ``again`` starts the same run once more; None if its data were used
    up.
    """

    def __init__(
        self,
        function: Function,
        run: Run,
        *,
        names: Mapping[str, str],
        versions: Sequence[Function],
        again: Callable[[], Run] | None = None,
    ) -> None:
        self.function, self.run, self._names = function, run, names
        self._lock = threading.RLock()
        self._rows: Rows | None = None
        self._memory: deque[int] = deque(maxlen=facts.POINTS)
        self.controls: Controls = CellControls(
            function, lambda: self.run, None if again is None else lambda: self.follow(again()), self.follow
        )
        with_code = {"title": facts.title(function), "code": facts.code(versions), "sql": facts.sql(function)}
        self.widget = PanelWidget(**with_code, **self._parts())
        self.widget.on_msg(self._message)

    def follow(self, run: Run) -> Run:
        """Show this run from now on, and move it to its end. Raises its error, as `Run.wait` does."""
        with self._lock:
            self.run, self._rows = run, None
            self._memory.clear()
        with Pulse(self._version, self.refresh):
            return run.wait()

    def _version(self) -> Hashable:
        record = self.run.record
        return self.run.status, record.rows_in, record.events_seen, record.lines_seen

    def refresh(self) -> None:
        """Tell the front end what the run is now; only what has changed is sent."""
        with self._lock, self.widget.hold_sync():
            for name, value in self._parts().items():
                setattr(self.widget, name, value)

    def _parts(self) -> dict[str, Any]:
        run = self.run
        size = memory(run)
        if size is not None:
            self._memory.append(size)
        idle = [] if run.status == "running" else self.function.status["workers"]
        able = self.controls.able()
        return {
            "status": facts.status(run, idle=idle, names=self._names),
            "able": [name for name in ACTIONS if name in able],
            "history": facts.history(run),
            "metrics": facts.metrics(run),
            "memory": list(self._memory),
            "logs": facts.logs(run),
            "state": facts.state(run),
            "letters": facts.letters(run),
            "output": self._output(),
        }

    def _output(self) -> dict[str, Any]:
        """The columns and the first rows of a finished run."""
        if self.run.status.partition(" ")[0] != "completed":
            return {}
        try:
            self._rows = self._rows or Rows(self.run)
        except RunClosed:
            return {"why": "The results were streamed, not kept."}
        rows = self._rows
        return {
            "columns": rows.head(),
            "total": rows.total,
            "labelled": rows.labelled,
            "page": rows.page(0, FIRST_ROWS, View()),
        }

    # -- messages ------------------------------------------------------------------------------------------------------

    def _message(self, _: Any, message: Mapping[str, Any], __: Any) -> None:
        """What the front end asks; each message is answered by one with the same id."""
        answer = self.answer(message)
        self.widget.send({"id": message["id"], **answer})

    def answer(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to ``rows``, ``copy`` or ``act``. Raises KeyError for a message that is none of these."""
        if message["kind"] == "act":
            text = self.controls.act(str(message["action"]), message.get("row"))
            self.refresh()
            return {"text": text}
        view = View(int(message["column"]), bool(message["down"]), str(message["text"]))
        start, stop = int(message["start"]), int(message["stop"])
        with self._lock:
            rows = self._rows
            if rows is None:
                return {"start": 0, "count": 0, "rows": [], "text": ""}
            if message["kind"] == "copy":
                return {"text": rows.copy(start, stop, [int(index) for index in message["columns"]], view)}
            return rows.page(start, stop, view)

    def close(self) -> None:
        """Take it out of the front end and let go of the run."""
        self.widget.close()
