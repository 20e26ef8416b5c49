"""The one session of a notebook: its settings, which ``%config Workbench`` changes, and the handles it made.

The invariant: the workbench is opened when it is first needed and once; a setting that is changed holds from the next
run on; another home closes what was open. Left out on purpose: magics, which call `workbench.notebook.actions` with
what is here.
"""

from __future__ import annotations

from typing import Any

from traitlets import Bool, Enum, Float, Integer, Unicode, Union
from traitlets.config import Configurable

from workbench import session, settings
from workbench.session import Function

_DEFAULTS = settings.Settings()


class Workbench(Configurable):
    """The settings of the workbench in this notebook, and the session that uses them.

    It is called like `workbench.Workbench` because ``%config`` goes by the name of the class.
    """

    home = Unicode(
        None, allow_none=True, help="Where functions are kept; None: WORKBENCH_HOME, else a per-user folder."
    ).tag(config=True)
    batch_rows = Integer(_DEFAULTS.batch_rows, min=1, help="Rows of a batch.").tag(config=True)
    display_rows = Integer(_DEFAULTS.display_rows, min=1, max=1_000, help="Rows of a table that are shown.").tag(
        config=True
    )
    max_restarts = Integer(
        _DEFAULTS.max_restarts,
        min=0,
        allow_none=True,
        help="Most restarts of one run; None: 3 in 60 s and 10 in 10 min.",
    ).tag(config=True)
    on_invalid = Enum(("skip", "fail"), _DEFAULTS.on_invalid, help="What a script's invalid output does.").tag(
        config=True
    )
    panel = Union(
        [Bool(), Enum(("auto",))],
        default_value="auto",
        help="Show a live panel for a run: True, False, or 'auto': where a front end can be told to be there.",
    ).tag(config=True)
    python = Unicode(_DEFAULTS.python, allow_none=True, help="The interpreter of the workers; None: this one.").tag(
        config=True
    )
    start_timeout = Float(_DEFAULTS.start_timeout, min=0.1, help="Seconds that a worker may take to start.").tag(
        config=True
    )
    traceback = Bool(default_value=False, help="Show Python's whole traceback for errors of the workbench.").tag(
        config=True
    )

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self._open: session.Workbench | None = None
        self._handles: dict[int, Function] = {}
        self.cells: dict[str, str] = {}
        """What the files of functions from cells are called in errors: ``{"ratio.py": "%%udf ratio v1"}``."""
        self.observe(lambda _: self.close(), names=["home"])
        self.observe(lambda _: self._apply(), names=[name for name in self.trait_names(config=True) if name != "home"])

    @property
    def workbench(self) -> session.Workbench:
        """The session's workbench, opened now if it is not open."""
        if self._open is None:
            self._open = session.Workbench(self.home, settings=self._settings())
        return self._open

    def _settings(self) -> settings.Settings:
        return settings.Settings(
            batch_rows=self.batch_rows,
            display_rows=self.display_rows,
            max_restarts=self.max_restarts,
            on_invalid=self.on_invalid,
            python=self.python,
            start_timeout=self.start_timeout,
        )

    def _apply(self) -> None:
        if self._open is not None:
            self._open.settings = self._settings()

    def keep(self, function: Function) -> Function:
        """The handle of this version that the notebook already has, else this one: a handle knows its last run."""
        return self._handles.setdefault(function.registered_id, function)

    def function(self, name: str, version: int | None = None) -> Function:
        """A registered function by name; see `workbench.Workbench.function`."""
        return self.keep(self.workbench.function(name, version))

    @property
    def handles(self) -> list[Function]:
        """The handles that were made or found here."""
        return list(self._handles.values())

    def close(self) -> None:
        """End every worker. The next use opens a new workbench."""
        if self._open is not None:
            self._open.close()
        self._open = None
        self._handles.clear()
        self.cells.clear()
