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
from workbench.session import Function, Stream, Workbench
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
    assert (widget.status["sign"], widget.status["rows"], widget.letters["total"]) == ("▲", 3, 1)
    assert [row[1] for row in widget.output["page"]["rows"]] == [0, 1, 0]
    assert [mark["kind"] for mark in widget.marks["marks"]] == ["started", "dead_letter", "finished"]
    assert len(widget.history["lives"]) == len(widget.history["ticks"]) == 1
    assert widget.letters["rows"][0][-1] == ["ZeroDivisionError: float division by zero", "word"]
    assert [line[5] for line in widget.logs["lines"]] == ["no b for 2.0"]
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


def test_the_rows_of_a_run_are_seen_before_its_end(ratio: Function) -> None:
    """The newest first, numbered as the input is, failed ones among them; after the end all of them as they came."""
    panel = panel_of(ratio, DATA, on_error="dead_letter", batch_rows=1)
    panel._show(panel.run)
    batches = panel.run.batches()
    next(batches)
    next(batches)
    panel.refresh()
    output = panel.widget.output
    assert (output["newest"], output["total"], output["of"]) == (True, 3, 3)
    assert [row[:2] for row in output["page"]["rows"]] == [["2", 0], ["1", 1], ["0", 0]]
    assert panel.widget.metrics["queue"][-1][1] >= 0
    assert panel.widget.metrics["memory"][-1][1] > 10_000_000
    panel.run.close()
    panel.refresh()
    assert panel.widget.status["word"] == "closed"
    assert panel.widget.output == output
    panel.close()


def test_a_question_that_cannot_be_answered_has_an_error_for_an_answer(ratio: Function) -> None:
    """The grid says it; nothing waits for ever."""
    panel = panel_of(ratio, DATA, on_error="dead_letter")
    sent: list[dict[str, Any]] = []
    panel.widget.send = sent.append
    panel._message(None, {"kind": "rows", "id": "x", "column": "?"}, None)
    assert sent == [{"id": "x", "error": "ValueError: invalid literal for int() with base 10: '?'"}]
    panel._message(None, {"kind": "all", "id": "y"}, None)
    assert sent[1:] == [{"id": "y"}]
    panel.run.close()
    panel.close()


def test_five_thousand_events_are_few_updates_and_a_right_last_value(workbench: Workbench) -> None:
    """However fast batches come, the front end is told at most each tenth of a second, and of the end."""
    one = workbench.register("def evaluate(a):\n    return a\n", "one(a BIGINT) -> BIGINT")
    panel = panel_of(one, {"a": list(range(5_000))}, batch_rows=1)
    told: list[tuple[float, int]] = []
    refresh = panel.refresh

    def counted(*, whole: bool = False) -> None:
        refresh(whole=whole)
        told.append((time.monotonic(), panel.widget.status["rows"]))

    panel.refresh = counted  # type: ignore[method-assign]
    panel.follow(panel.run)
    assert told[-1][1] == 5_000
    assert len(told) <= 10 * panel.run.seconds + 2
    assert [rows for _, rows in told] == sorted(rows for _, rows in told)
    panel.close()


def test_fifty_panels_send_only_what_changed(ratio: Function) -> None:
    """Fifty at once: each is made by one message, most of which is its code; an update without news is one at most."""
    panels = [panel_of(ratio, DATA, on_error="dead_letter") for _ in range(50)]
    sizes = [len(json.dumps(panel.widget.get_state(), default=str)) for panel in panels]
    for panel in panels:
        panel.follow(panel.run)
    sent: list[set[str]] = []
    for panel in panels:
        panel.widget.send_state = lambda key=None: sent.append({key} if isinstance(key, str) else set(key))
        panel.refresh()
    print(f"the state of a new panel: {max(sizes):,} bytes of which {len(module()) + len(sheet()):,} are code")
    assert max(sizes) < len(module()) + len(sheet()) + 20_000
    assert len(sent) <= len(panels)
    assert set().union(*sent) <= {"status"}  # which workers wait for the next run
    for panel in panels:
        panel.close()


def test_a_stream_has_its_buttons(ratio: Function) -> None:
    """Rate, pause, step and replay act while it goes on; a new run is shown; the last state arrives."""
    stream = Stream(ratio, pd.DataFrame(DATA), loop=True, rate=100, on_error="dead_letter", batch_rows=3)
    panel = Panel(ratio, stream.run, names={}, versions=[ratio], stream=stream)

    def act(action: str, number: float | None = None) -> str:
        return str(panel.answer({"kind": "act", "action": action, "number": number})["text"])

    while "replay" not in panel.widget.able:  # a row has failed, and the panel has looked; a time limit ends the test
        time.sleep(0.01)
    assert panel.widget.able == ["pause", "stop", "restart", "kill", "replay"]
    assert act("rate", 5_000) == "5,000 rows/s"
    assert (stream.rate, panel.widget.pace) == (5_000, {"rate": 5_000})
    assert act("pause") == "pauses"
    while panel.widget.status["word"] != "paused":  # pausing: what is on its way comes first
        time.sleep(0.01)
    assert panel.widget.able == ["run", "step", "stop", "restart", "kill", "replay"]
    assert act("step") == "one batch more"
    assert act("replay", 1) == "row 1 again: ✕ ZeroDivisionError: float division by zero"
    assert act("run") == "goes on"
    first = stream.run
    assert act("restart") == "begins again"
    assert panel.run is stream.run is not first
    assert act("rate", None) == "as fast as it goes"
    assert act("stop") == "stopped"
    settled(panel, "closed")
    assert act("run") == "runs again"
    assert act("stop") == "stopped"
    settled(panel, "closed")
    panel.close()


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


LIVE = "%%udf ratio(a DOUBLE, b DOUBLE) -> DOUBLE --sample df --live --rate 50 --loop -o live\n" + RATIO


def test_a_cell_that_streams_is_done_at_once(
    cell: Callable[[str], Any], shown: Callable[[Any], dict[str, str]], displayed: list[dict[str, Any]]
) -> None:
    """Its value is constant text, with or without a panel; run again, it ends what it had begun."""
    first = cell(LIVE).value
    assert [list(bundle) for bundle in displayed] == [[stage.VIEW]]
    text = shown(first)["text/plain"]
    assert text.splitlines() == [
        "ratio(a DOUBLE, b DOUBLE) -> DOUBLE   UDF  v1",
        "● live: it goes on behind the cell, 50 rows/s, through the data again and again",
        "stop it: %udf stop ratio      crash it: %udf kill ratio      what happened: %udf history ratio",
    ]
    cell("%config Workbench.panel = False")
    second = cell("%udf start ratio --sample df --rate 50 --loop").value
    assert shown(second)["text/plain"] == text
    assert first.wait(0)
    assert not second.wait(0)
    assert cell("%udf stop ratio").error is None
    assert second.wait(20)
    assert second.status == "closed"
    third = cell(LIVE).value
    cell("%unload_ext workbench")
    assert third.wait(20)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("%udf start ratio --rate 5", "--rate is about data"),
        ("%udf run ratio df --rate 5", "--rate is for a run behind the cell"),
        ("%udf run ratio df --live --rate 0", "the rate is 0"),
        ("%udf run ratio df --live --follow", "a DataFrame cannot be followed"),
    ],
)
def test_options_without_meaning_are_refused(cell: Callable[[str], Any], shell: Any, line: str, message: str) -> None:
    """By name, with the way out."""
    shell.user_ns["df"] = pd.DataFrame(DATA)
    cell(CELL.replace("--sample df", ""))
    assert message in str(cell(line).error)
