"""What the panel's buttons do: the interface that a panel asks, and the one for runs that block their cell.

The invariant: a button that cannot act now is not offered, and one that was pressed too late says so instead of
failing. Left out on purpose: pausing and stepping, which need a run that goes on behind the cell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from workbench.errors import WorkbenchError
from workbench.notebook import actions
from workbench.session import Function, Run

ACTIONS: Final = ("run", "pause", "step", "stop", "restart", "kill", "replay")


class Controls(Protocol):
    """Acts on a function and its run. Asked from the kernel's threads; must not wait for the front end."""

    def able(self) -> frozenset[str]:
        """Which of `ACTIONS` can act now."""

    def act(self, action: str, row: int | None) -> str:
        """Do it, and say in a line what was done. ``row`` is for replay: one row, or None for all."""


class CellControls:
    """For a run that blocks its cell: while it runs only ``kill`` can act; afterwards everything but pausing.

    ``again`` runs it once more; ``show`` is given the run of a replay. ``current`` is the run that is shown.
    """

    def __init__(
        self,
        function: Function,
        current: Callable[[], Run],
        again: Callable[[], Run] | None,
        show: Callable[[Run], Run],
    ) -> None:
        self._function, self._current, self._again, self._show = function, current, again, show
        self._verbs: Mapping[str, Callable[[int | None], str]] = {
            "run": self._run,
            "stop": lambda _: actions.stop([function]),
            "restart": lambda _: actions.restart(function),
            "kill": lambda _: actions.kill(function),
            "replay": self._replay,
        }

    def able(self) -> frozenset[str]:
        run = self._current()
        if run.status == "running":
            return frozenset({"kill"})
        found = {"run"} if self._again is not None else set()
        if self._function.kind != "script":
            found.add("restart")
        if self._function.status["workers"]:
            found |= {"stop", "kill"}
        if run.record.letters or run.record.ended_by is not None:
            found.add("replay")
        return frozenset(found)

    def act(self, action: str, row: int | None) -> str:
        if action not in self.able():
            return f"{action}: there is nothing to do now"
        try:
            return self._verbs[action](row)
        except WorkbenchError as error:
            return str(error).partition("\n")[0]

    def _run(self, _: int | None) -> str:
        assert self._again is not None  # noqa: S101 - `able` has looked
        return f"run again: {self._again().summary()}"

    def _replay(self, row: int | None) -> str:
        return f"replayed: {self._show(self._function.replay(row)).summary()}"
