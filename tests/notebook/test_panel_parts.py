"""The panel's parts in a shell: what is sent, what is answered, which buttons act, and when there is a panel at all."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from workbench.errors import UdfError
from workbench.notebook.panel import stage
from workbench.notebook.panel.assets import PARTS, module, sheet
from workbench.notebook.panel.panel import Panel
from workbench.notebook.style import DARK, LIGHT
from workbench.session import Function, Workbench
from workbench.session.vitals import lives, memory

pytest_plugins = ("fix_notebook",)

RATIO = "def evaluate(a, b):\n    if b == 0:\n        print('no b for', a)\n    return a / b\n"
CELL = "%%udf ratio(a DOUBLE, b DOUBLE) -> DOUBLE --sample df\n" + RATIO
DATA = {"a": [1.0, 2.0, 3.0], "b": [2.0, 0.0, 4.0]}


@pytest.fixture
def workbench(home: object) -> Iterator[Workbench]:
    """A workbench in a home of its own."""
    with Workbench() as opened:
        yield opened


@pytest.fixture
def ratio(workbench: Workbench) -> Function:
    """A function that fails where b is 0."""
    return workbench.register(RATIO, "ratio(a DOUBLE, b DOUBLE) -> DOUBLE")


def panel_of(function: Function, data: dict[str, list[Any]], **options: Any) -> Panel:
    """The panel of a run that is not moved yet."""
    frame = pd.DataFrame(data)
    run = function.run(frame, **options)
    return Panel(function, run, names={}, versions=[function], again=lambda: function.run(frame, **options))


def settled(panel: Panel, word: str) -> None:
    """Wait until the front end was told that the run ended so."""
    deadline = time.monotonic() + 20
    while panel.widget.status["word"] != word or panel.run.status != word:
        assert time.monotonic() < deadline, panel.widget.status
        time.sleep(0.01)


def test_a_panel_follows_a_run_to_its_end(ratio: Function) -> None:
    """What the front end has in the end is the end: status, rows, history, dead letters, logs; all of it is JSON."""
    panel = panel_of(ratio, DATA, on_error="dead_letter")
    assert panel.widget.status["running"]
    assert panel.widget.able == ["pause", "stop", "kill"]
    assert panel.widget.output == {}
    panel.follow(panel.run)
    widget = panel.widget
    assert widget.status["word"] == "completed with 1 dead row"
    assert (widget.status["sign"], widget.status["rows"], widget.status["dead"]) == ("▲", 3, 1)
    assert [row[1] for row in widget.output["page"]["rows"]] == [0, 1, 0]
    assert [mark["kind"] for mark in widget.history["marks"]] == ["started", "dead_letter", "finished"]
    assert len(widget.history["lives"]) == len(widget.history["ticks"]) == 1
    assert widget.letters["rows"][0][-1] == ["ZeroDivisionError: float division by zero", "word"]
    assert [line[-1] for line in widget.logs["lines"]] == ["no b for 2.0"]
    assert widget.metrics["rate"] > 0
    assert widget.able == ["run", "stop", "restart", "kill", "replay"]
    json.dumps({name: getattr(widget, name) for name in widget.keys if not name.startswith("_")}, default=str)
    panel.close()


def test_buttons_act_and_say_what_they_did(ratio: Function) -> None:
    """Each button does what it says; one that cannot act now says so, and an error is an answer."""
    panel = panel_of(ratio, DATA, on_error="dead_letter")
    panel.follow(panel.run)

    def act(action: str, row: int | None = None) -> str:
        return str(panel.answer({"kind": "act", "action": action, "number": row})["text"])

    assert act("pause") == "pause: there is nothing to do now"
    assert act("kill") == "ratio: 1 worker killed"
    assert act("kill") == "kill: there is nothing to do now"
    assert act("restart") == "ratio: 1 worker ready"
    assert act("run") == "runs again"
    settled(panel, "completed with 1 dead row")
    assert act("replay", 1) == "row 1 runs again"
    settled(panel, "failed")
    assert panel.widget.status["error"][0].startswith("UdfError: ratio failed at input row 1")
    assert act("stop") == "1 idle worker stopped"
    panel.close()


def test_an_error_is_shown_and_raised(ratio: Function) -> None:
    """The panel says how the run ended, and whoever waits for the run gets its error."""
    panel = panel_of(ratio, DATA)
    with pytest.raises(UdfError):
        panel.follow(panel.run)
    assert panel.widget.status["word"] == "failed"
    assert panel.widget.letters["numbers"] == [1]
    assert any(line.lstrip().startswith("> 4 |") for line in panel.widget.status["error"])
    panel.close()


def test_workers_and_memory_are_seen_while_they_live(ratio: Function) -> None:
    """An open run has a living worker with a pid and a size; a finished one has none of its own."""
    with ratio.run(pd.DataFrame(DATA).drop(1), batch_rows=1) as run:
        batches = run.batches()
        next(batches)
        assert [life.worker for life in lives(run)] == [1]
        assert (memory(run) or 0) > 10_000_000
    assert lives(run) == []
    assert memory(run) is None


@pytest.mark.parametrize("name", [*PARTS, "panel.css"])
def test_the_front_end_needs_nothing_and_writes_only_text(name: str) -> None:
    """No import, no address, no markup from texts: what a user wrote cannot become a part of the page."""
    text = module() if name.endswith(".js") else sheet()
    text = text.replace("http://www.w3.org/2000/svg", "")  # a name, never fetched
    words = (
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "document.write",
        "eval(",
        "import ",
        "http:",
        "https:",
        "url(",
        "fetch",
    )
    assert [word for word in words if word in text] == []


def test_the_panel_has_the_colours_of_the_static_views() -> None:
    """Both palettes are in the sheet."""
    assert all(colour in sheet() for palette in (LIGHT, DARK) for colour in palette.values())


@pytest.fixture
def displayed(shell: Any, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is displayed as if this shell had a kernel that a Jupyter server started."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(stage, "display", lambda bundle, **_: found.append(bundle))
    monkeypatch.setattr(type(shell), "kernel", SimpleNamespace(), raising=False)
    monkeypatch.setattr(type(shell), "get_parent", lambda _: {"metadata": {"cellId": "one"}}, raising=False)
    monkeypatch.setenv("JPY_SESSION_NAME", "a.ipynb")
    shell.user_ns["df"] = pd.DataFrame(DATA).drop(1)
    return found


def test_a_watched_notebook_gets_a_panel_and_the_same_value(
    cell: Callable[[str], Any], shown: Callable[[Any], dict[str, str]], displayed: list[dict[str, Any]]
) -> None:
    """The panel is an output that holds only the live view, so that saved, tested and converted notebooks agree."""
    with_panel = cell(CELL).value
    assert [list(bundle) for bundle in displayed] == [[stage.VIEW]]
    assert cell("%config Workbench.panel = False").error is None
    assert shown(cell("%udf run ratio df").value) == shown(with_panel)
    assert len(displayed) == 1


@pytest.mark.parametrize("setting", ["'auto'", "False"])
def test_there_is_no_panel_where_nobody_looks(
    cell: Callable[[str], Any], displayed: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    """nbclient, nbval and nbconvert execute without a server's session: no widget is made, and none is saved."""
    monkeypatch.delenv("JPY_SESSION_NAME")
    cell(f"%config Workbench.panel = {setting}")
    assert cell(CELL).error is None
    assert displayed == []


def test_a_cell_that_is_run_again_has_one_panel(cell: Callable[[str], Any], displayed: list[dict[str, Any]]) -> None:
    """The old one is closed, and lets go of its run."""
    from ipywidgets.widgets.widget import _instances

    first, second = [cell(CELL).error or displayed[-1][stage.VIEW]["model_id"] for _ in range(2)]
    assert first not in _instances
    assert second in _instances
