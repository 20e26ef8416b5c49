"""A secret is in no output of a notebook and in no trait of a panel: the canary is looked for in each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fix_canary import SUM, TELLS, assert_hidden, contents, said_by

import workbench as wb
from workbench.errors import WorkbenchError
from workbench.notebook.panel.panel import Panel

pytest_plugins = ("fix_notebook",)

DATA = pd.DataFrame({"a": [0, 1, 2, 3, 5]})
COMMANDS = (
    *("list", "show f", "run f data", "call f 1", "status", "history f", "failures f", "replay f", "logs f", "env"),
    *("ddl f", "deploy f", "doctor", "state keys", "run keys data", "check f --seconds 1", "stop", "drop f"),
)


def traits(panel: Panel) -> Iterator[str]:
    """All that the front end is sent, and what it gets when it asks for rows and for errors."""
    widget = panel.widget
    yield json.dumps({name: getattr(widget, name) for name in widget.keys}, default=str, ensure_ascii=False)
    view = {"column": -1, "down": False, "text": "", "start": 0, "stop": 9}
    yield str(panel.answer({"kind": "rows", **view}))


@pytest.mark.parametrize("on_error", ["dead_letter", "fail"])
def test_no_panel_has_it(env: dict[str, str | wb.Secret], tmp_path: Path, on_error: Any) -> None:
    """Of a run with dead letters and crashes, of one that fails, of an aggregate with its state."""
    with wb.Workbench(tmp_path / "home") as w:
        for source, signature in ((TELLS, "f(a BIGINT) -> BIGINT"), (SUM, "keys(a BIGINT) -> BIGINT")):
            function = w.register(source, signature, env=env)
            run = function.run(DATA, batch_rows=1, on_error=on_error)
            panel = Panel(function, run, names={}, versions=[function])
            try:
                panel.follow(run)
            except WorkbenchError as error:
                assert_hidden(said_by(error))
            assert ("•••" in str(panel.widget.state)) == (source == SUM)
            assert "•••" in str(panel.widget.logs) or source == SUM
            assert_hidden(traits(panel))
            panel.close()


def test_no_cell_shows_it(cell: Callable[[str], Any], shown: Callable[[Any], dict[str, str]], tmp_path: Path) -> None:
    """What cells print, show and raise: of definitions, of every command, of SQL."""
    cell(f"import pandas as pd\ndata = pd.DataFrame({DATA.to_dict('list')})")
    options = "--env API_KEY=secret:CANARY --sample data --batch-rows 1"
    cells = [f"%%udf f(a BIGINT) -> BIGINT {options}{more}\n{TELLS}" for more in ("", " --on-error dead_letter")]
    cells += [f"%%udf keys(a BIGINT) -> BIGINT {options}\n{SUM}", "%%udf_sql\nSELECT f(a) FROM data"]
    for text in [*cells, *(f"%udf {command}" for command in COMMANDS)]:
        done = cell(text)
        assert_hidden([done.out, done.err, repr(done.value), *shown(done.value).values()])
        if done.error is not None:
            assert_hidden([*said_by(done.error), *done.error._render_traceback_()])
    assert_hidden(contents(tmp_path))
