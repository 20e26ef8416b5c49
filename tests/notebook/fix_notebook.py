"""A notebook in this process: an IPython shell with the extension loaded, a home of its own, and no history on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config


@dataclass(frozen=True)
class Done:
    """What became of a cell: its value or its error, and what it printed."""

    value: Any
    error: BaseException | None
    out: str
    err: str


@pytest.fixture(scope="session")
def ipython() -> InteractiveShell:
    """One shell for all tests, as IPython keeps some things only once."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    return InteractiveShell(config=config)  # type: ignore[no-untyped-call]


@pytest.fixture
def shell(ipython: InteractiveShell, home: Path) -> Iterator[Any]:
    """The shell with the extension loaded, and without names of other tests."""
    names = dict(ipython.user_ns)
    ipython.run_line_magic("load_ext", "workbench")
    yield ipython
    ipython.run_line_magic("unload_ext", "workbench")
    ipython.user_ns.clear()
    ipython.user_ns.update(names)
    ipython.user_ns["_oh"].clear()
    ipython.config.pop("Workbench", None)  # what %config said; IPython keeps it for the next loading


Cell = Callable[[str], Done]


@pytest.fixture
def cell(shell: Any, capsys: pytest.CaptureFixture[str]) -> Cell:
    """Run the text of a cell."""

    def run(text: str) -> Done:
        capsys.readouterr()
        result = shell.run_cell(text)
        shown = capsys.readouterr()
        return Done(result.result, result.error_in_exec or result.error_before_exec, shown.out, shown.err)

    return run


@pytest.fixture
def shown(shell: Any) -> Callable[[Any], dict[str, str]]:
    """The mimebundle that the notebook would store for a value."""

    def bundle(value: Any) -> dict[str, str]:
        data: dict[str, str] = shell.display_formatter.format(value)[0]
        return data

    return bundle
