"""What the panel's buttons do: to a run that its cell waits for, and to one that goes on behind it.

The invariant: a button that cannot act now is not offered, and one that was pressed too late says so instead of
failing. While a cell is busy JupyterLab hands messages to another thread, so pausing and killing work there too; where
a front end does not, they come when the cell is done and find nothing to do. Left out on purpose: drawing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from workbench.errors import WorkbenchError
from workbench.notebook import actions
from workbench.notebook.panel.again import replayed
from workbench.session import Function, Run, Stream

ACTIONS: Final = ("run", "pause", "step", "stop", "restart", "kill", "replay")

Verb = Callable[[float | None], str]


class Controls(Protocol):
    """Acts on a function and its run. Asked from the kernel's threads; must not wait for the front end."""

    def able(self) -> frozenset[str]:
        """Which of `ACTIONS` can act now."""

    def act(self, action: str, number: float | None) -> str:
        """Do it, and say in a line what was done. ``number`` is the row of a replay (None: all), or a rate."""


class CellControls:
    """For any run. ``again`` starts it once more (None: its data were used up), ``show`` shows another run.

    Both return at once. ``current`` is the run that is shown.
    """

    def __init__(
        self,
        function: Function,
        current: Callable[[], Run],
        again: Callable[[], None] | None,
        show: Callable[[Run], None],
    ) -> None:
        self._function, self._current, self._again, self._show = function, current, again, show
        self._verbs: dict[str, Verb] = {
            "run": lambda _: self._run(),
            "pause": lambda _: self._say("pauses", current().pause),
            "step": lambda _: self._say("one batch more", current().step),
            "stop": lambda _: self._stop(),
            "restart": lambda _: actions.restart(function),
            "kill": lambda _: actions.kill(function),
            "replay": self._replay,
        }

    def able(self) -> frozenset[str]:
        run = self._current()
        if run.status == "running":
            return frozenset({"stop", "kill"} | ({"run", "step"} if run.paused else {"pause"}))
        found = {"run"} if self._again is not None else set()
        if self._function.kind != "script":
            found.add("restart")
        if self._function.status["workers"]:
            found |= {"stop", "kill"}
        if run.record.letters or run.record.ended_by is not None:
            found.add("replay")
        return frozenset(found)

    def act(self, action: str, number: float | None) -> str:
        if action not in self.able():
            return f"{action}: there is nothing to do now"
        try:
            return self._verbs[action](number)
        except WorkbenchError as error:
            return str(error).partition("\n")[0]

    def _say(self, text: str, do: Callable[[], object]) -> str:
        do()
        return text

    def _run(self) -> str:
        run = self._current()
        if run.status == "running":
            return self._say("goes on", run.resume)
        assert self._again is not None  # noqa: S101 - `able` has looked
        return self._say("runs again", self._again)

    def _stop(self) -> str:
        run = self._current()
        if run.status == "running":
            return self._say("stopped", run.close)
        return actions.stop([self._function])

    def _replay(self, number: float | None) -> str:
        self._show(self._function.replay(None if number is None else int(number)))
        return "the failed rows run again" if number is None else f"row {number:,.0f} runs again"


class StreamControls(CellControls):
    """For a run behind the cell: its rate may be changed, and it begins again while it goes on."""

    def __init__(self, stream: Stream, current: Callable[[], Run], show: Callable[[Run], None]) -> None:
        super().__init__(stream.function, current, stream.restart if stream.repeatable else None, show)
        self.stream = stream
        changes: Mapping[str, Verb] = {
            "stop": lambda _: self._halt(),
            "restart": lambda _: self._say("begins again", stream.restart),
            "rate": self._rate,
        }
        self._verbs.update(changes)

    def able(self) -> frozenset[str]:
        found = super().able() - {"restart"}
        if self.stream.repeatable:
            found |= {"restart"}
        run = self._current()
        if run.record.letters and self._function.kind != "script":
            found |= {"replay"}
        return found | {"rate"}

    def _halt(self) -> str:
        if self.stream.run.status != "running":
            return self._stop()
        return self._say("stopped", self.stream.stop)

    def _replay(self, number: float | None) -> str:
        """While it goes on it stays in sight, and of the rows is told what came out."""
        run = self._current()
        if run.status != "running":
            return super()._replay(number)
        return str(replayed(self._function, run, None if number is None else int(number))["text"])

    def _rate(self, number: float | None) -> str:
        self.stream.rate = number
        return "as fast as it goes" if number is None else f"{number:,.0f} rows/s"
