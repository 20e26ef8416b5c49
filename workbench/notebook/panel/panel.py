"""The live panel of one function's run: told of what changes while it goes on, asked for rows then and afterwards.

The invariant: the run never waits for the panel, and the panel's last update is the run's last state. Messages may
arrive in another thread than the one that moves the run (JupyterLab sends them through a subshell), so what they need
is taken under a lock. Left out on purpose: which outputs a cell has (`stage`), and drawing, which is JavaScript.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from workbench.errors import RunClosed
from workbench.notebook.panel import ending, facts, sources
from workbench.notebook.panel.controls import ACTIONS, CellControls, Controls, StreamControls
from workbench.notebook.panel.course import Course
from workbench.notebook.panel.failing import letters
from workbench.notebook.panel.gauges import Gauges
from workbench.notebook.panel.printed import Printed
from workbench.notebook.panel.pulse import Pulse
from workbench.notebook.panel.questions import QUESTIONS, SLOW, Asked
from workbench.notebook.panel.rows import Rows, View, all_rows, newest_rows
from workbench.notebook.panel.states import states
from workbench.notebook.panel.widget import PanelWidget
from workbench.session import Function, Run, Stream
from workbench.session.live import move
from workbench.session.recent import ROWS, Recent

FIRST_ROWS = 100
"""Rows that come with the end of a run, so that they are shown without being asked for."""

NEWEST_ROWS = 30
"""Rows that come with each update before: a screen of them."""

BEAT = 2.0
"""Seconds after which a run is told of though nothing changed: by silence a front end knows that we are gone."""


class Panel:
    """Shows ``run`` of ``function``; ``versions`` are all of its versions, the oldest first.

    ``names`` says what files are called in errors. ``again`` starts the same run once more; None if its data were used
    up. Of a ``stream`` it is the run now, and any that begins later.
    """

    def __init__(
        self,
        function: Function,
        run: Run,
        *,
        names: Mapping[str, str],
        versions: Sequence[Function],
        again: Callable[[], Run] | None = None,
        stream: Stream | None = None,
    ) -> None:
        self.function, self.run, self._names, self._stream = function, run, names, stream
        self._lock = threading.RLock()
        self._closed = False
        self._rows: Rows | None = None
        self._whole: Rows | None = None
        self._course = Course(run)
        self._gauges = Gauges(run, self._course)
        self._printed = Printed(run)
        behind = None if again is None else lambda: self.follow_behind(again())
        self.controls: Controls = (
            CellControls(function, lambda: self.run, behind, self.follow_behind)
            if stream is None
            else StreamControls(stream, lambda: self.run, self.follow_behind)
        )
        with_code = {"code": sources.code(versions), "sql": sources.sql(function, run.record.groups)}
        self.widget = PanelWidget(title=facts.title(function), **with_code, **self._parts())
        self.widget.on_msg(self._message)
        if stream is not None:
            stream.listeners.append(lambda: self._watch(stream.run, stream.thread))
            self._watch(stream.run, stream.thread)

    def follow(self, run: Run) -> Run:
        """Show this run from now on, and move it to its end. Raises its error, as `Run.wait` does."""
        self._show(run)
        with Pulse(self._version, self.refresh):
            return run.wait()

    def follow_behind(self, run: Run) -> None:
        """As `follow`, but return at once: it is moved, and watched, in threads of their own."""
        self._watch(run, move(run, run.wait))

    def _watch(self, run: Run, mover: threading.Thread) -> None:
        self._show(run)

        def watching() -> None:
            with Pulse(self._version, self.refresh):
                mover.join()

        watch = threading.Thread(target=watching, name="workbench panel's watch", daemon=True)
        ending.speaks(watch)
        watch.start()

    def _show(self, run: Run) -> None:
        with self._lock:
            self.run, self._rows, self._whole = run, None, None
            self._course = Course(run)
            self._gauges = Gauges(run, self._course)
            self._printed = Printed(run)
            if run.status == "running" and not run.record.recent.parts:
                run.record.recent = Recent(ROWS)

    def _version(self) -> Hashable:
        run, record = self.run, self.run.record
        rate = None if self._stream is None else self._stream.rate
        beat = run.seconds // BEAT if run.status == "running" else None
        return run, run.status, run.paused, run.held, rate, record.rows_in, record.events_seen, record.lines_seen, beat

    def refresh(self, *, whole: bool = False) -> None:
        """Tell the front end what the run is now: what has changed, or all of it."""
        if self._closed:
            return
        with self._lock, self.widget.hold_sync():
            parts = self._parts()
            for name, value in parts.items():
                setattr(self.widget, name, value)
            if whole:
                self.widget.send_state([*parts])

    def _parts(self) -> dict[str, Any]:
        run = self.run
        self._gauges.read()
        idle = [] if run.status == "running" else self.function.status["workers"]
        able = self.controls.able()
        return {
            "status": facts.status(run, idle=idle, names=self._names),
            "able": [name for name in ACTIONS if name in able],
            "pace": {} if self._stream is None else {"rate": self._stream.rate},
            "history": self._course.facts(),
            "marks": self._course.marks(),
            "metrics": self._gauges.facts(),
            "logs": self._printed.facts(),
            "state": states(run),
            "letters": letters(run),
            "places": sources.places(run),
            "output": self._output(),
        }

    def _output(self) -> dict[str, Any]:
        """The columns and the first rows: of a finished run all that there are, else the newest."""
        run = self.run
        if run.status.startswith("completed"):
            with suppress(RunClosed):  # it was streamed
                self._rows = self._whole = self._whole or Rows(run, all_rows(run))
                return self._sent(self._rows, FIRST_ROWS)
        shown = newest_rows(run)
        if shown is None:
            return {}
        self._rows = Rows(run, shown, newest=True)
        return {
            **self._sent(self._rows, NEWEST_ROWS),
            "newest": True,
            "of": int(shown.labels[-1]) + 1 if len(shown.labels) else 0,
        }

    def _sent(self, rows: Rows, count: int) -> dict[str, Any]:
        return {
            "columns": rows.head(),
            "total": rows.total,
            "labelled": rows.labelled,
            "page": rows.page(0, count, View()),
        }

    # -- messages ------------------------------------------------------------------------------------------------------

    def _message(self, _: Any, message: Mapping[str, Any], __: Any) -> None:
        """What the front end asks; each message is answered by one with the same id, if only by what went wrong."""
        if message["kind"] in SLOW or message.get("action") == "replay":
            threading.Thread(target=self._send, args=(message,), name="workbench panel's answer", daemon=True).start()
        else:
            self._send(message)

    def _send(self, message: Mapping[str, Any]) -> None:
        try:
            answer = self.answer(message)
        except Exception as error:  # noqa: BLE001 - it is shown where it was asked
            answer = {"error": f"{type(error).__name__}: {error}"}
        self.widget.send({"id": message["id"], **answer})

    def answer(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to ``rows``, ``copy``, ``mark``, ``lines``, ``act``, ``all`` or one of `QUESTIONS`."""
        if (asked := QUESTIONS.get(message["kind"])) is not None:
            return asked(Asked(self.function, self.run, self._names), message)
        if message["kind"] == "act":
            text = self.controls.act(str(message["action"]), message.get("number"))
            self.refresh()
            return {"text": text}
        if message["kind"] == "all":
            self.refresh(whole=True)
            return {}
        if message["kind"] == "mark":
            with self._lock:
                return self._course.more(int(message["number"]), self._names)
        if message["kind"] == "lines":
            with self._lock:
                return self._printed.before(int(message["before"]))
        view = View(int(message["column"]), bool(message["down"]), str(message["text"]))
        start, stop = int(message["start"]), int(message["stop"])
        with self._lock:
            rows = self._rows
            if rows is None:
                return {"start": 0, "count": 0, "rows": [], "text": ""}
            if message["kind"] == "copy":
                return rows.copy(start, stop, [int(index) for index in message["columns"]], view)
            return rows.page(start, stop, view)

    def close(self) -> None:
        """Take it out of the front end and let go of the run."""
        self._closed = True
        self.widget.close()
