"""The History and Metrics tabs in a real JupyterLab: what happened when, by mouse and by keyboard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from steps import opened, run_all

from workbench.events import Event
from workbench.notebook.panel.assets import module, sheet
from workbench.notebook.panel.panel import Panel
from workbench.session import Workbench

if TYPE_CHECKING:  # pytest loads it as a plugin, and wants to be the first to
    from fix_lab import Lab, Watched

pytest_plugins = ("fix_lab",)

LOAD = """%load_ext workbench
import pandas as pd, numpy as np
n = 40_000
flights = pd.DataFrame({'delay': np.arange(n) * 1.5, 'distance': np.where(np.arange(n) % 13_000 == 3, 0, 900)})"""
RATIO = """%%udf ratio(delay DOUBLE, distance BIGINT) -> DOUBLE {options}
import os, signal
from pathlib import Path
mark = Path(os.environ['MARK'])

def evaluate(delay, distance):
    if delay > 20_000 and not mark.exists():
        mark.touch()
        print('about to read address 0', flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    return delay / distance"""


def columns(panel: Any, width: int) -> int:
    """How many charts stand in a row of a panel of this width."""
    script = """width => {
        document.querySelector(".udf-panel").style.width = `${width}px`;
        return getComputedStyle(document.querySelector(".gauges")).gridTemplateColumns.split(" ").length;
    }"""
    return int(panel.page.evaluate(script, width))


def test_what_happened_when(lab: Lab, watched: Watched, tmp_path: Path) -> None:
    """The start-up does not push the rest aside; each mark and row opens and closes; four charts tell of any time."""
    options = f"--sample flights --env MARK={tmp_path / 'mark'} --on-error dead_letter --batch-rows 2000"
    lab.write("history.ipynb", LOAD, RATIO.replace("{options}", options))
    panel = run_all(opened(lab, watched, "history.ipynb"))
    keyboard = watched.page.keyboard

    # The start is a stub with a break sign, the crash's label is there, each event has its row.
    panel.get_by_role("tab", name="History").click()
    panel.locator(".timeline .cut").wait_for()
    assert panel.locator(".timeline text", has_text="started in").count() == 1
    assert float(panel.locator(".timeline .life").first.get_attribute("x")) < 170
    assert panel.locator(".timeline text", has_text="SIGSEGV in batch 6").count() == 1
    rows = panel.locator(".history tbody tr")
    assert rows.count() == int(panel.locator("[data-tab=History] .count").inner_text()) == 9
    assert rows.nth(1).locator("td").last.inner_text() == "row 3: ZeroDivisionError: float division by zeroReplay"

    # A mark opens what is known of it, and the focus is in its row; Escape closes it, and the focus stays.
    panel.locator(".timeline .mark.bad").click()
    box = panel.locator(".details .box")
    box.locator("mark", has_text="os.kill(os.getpid(), signal.SIGSEGV)").wait_for()
    text = box.inner_text()
    for part in (
        "signal SIGSEGV",
        "it touched memory",
        "%%udf ratio v1, line 10, in evaluate",
        "about to read address 0",
    ):
        assert part in text
    focus = watched.page.locator(":focus")
    assert (focus.inner_text(), focus.get_attribute("aria-expanded")) == ("✕ crashed", "true")
    keyboard.press("Escape")
    box.wait_for(state="detached")
    assert (focus.inner_text(), focus.get_attribute("aria-expanded")) == ("✕ crashed", "false")

    # By keyboard alone: arrows to another row, Enter opens it, Tab reaches what runs it again.
    keyboard.press("Home")
    keyboard.press("ArrowDown")
    keyboard.press("Enter")
    box.locator(".values", has_text="distance=0").wait_for()
    keyboard.press("Tab")
    assert focus.get_attribute("aria-label") == "Replay row 3"
    assert panel.locator(".timeline .mark.chosen").count() == 1
    keyboard.press("Escape")
    box.wait_for(state="detached")

    # Four charts: as many in a row as have room; arrows go from batch to batch, and all four say what they had then.
    panel.get_by_role("tab", name="Metrics").click()
    assert [columns(panel, width) for width in (600, 968, 1200)] == [1, 2, 4]
    said = panel.locator(".gauge .said")
    latency = panel.get_by_role("slider", name="batch latency")
    latency.focus()
    keyboard.press("Home")
    assert said.nth(1).inner_text().startswith("batch 0: ")
    keyboard.press("ArrowRight")
    assert said.nth(1).inner_text().startswith("batch 1: ")
    assert latency.get_attribute("aria-valuetext") == said.nth(1).inner_text()
    assert "rows/s from +" in said.nth(0).inner_text()
    panel.get_by_role("slider", name="rows a second").hover()
    assert "rows/s from +" in said.nth(0).inner_text()
    assert panel.locator(".plot .event.bad").count() == 4
    assert "p95" in panel.locator(".plot").nth(1).inner_text()
    drawn = panel.locator(".metrics").inner_html()
    assert [word for word in ("NaN", "Infinity", "undefined", "null") if word in drawn] == []


def long_run(workbench: Workbench) -> dict[str, Any]:
    """What a panel is sent of a run of 20,000 batches in ten minutes, in which 870 rows were set aside."""
    one = workbench.register("def evaluate(a):\n    return a\n", "one(a BIGINT) -> BIGINT")
    with one.run(pd.DataFrame({"a": range(4)}), batch_rows=1) as run:
        panel = Panel(one, run, names={}, versions=[one])
        for batch in range(20_000):
            time, worker = 0.3 + batch * 0.03, 1 + batch // 700
            if batch % 700 == 0:
                run.record.event(Event("started", time=time, worker=worker, pid=worker, detail="python 3.11"))
            run.record.event(Event("batch", time=time, worker=worker, batch=batch, rows=10))
            run.record.measured(batch, worker, rows_in=10, rows_out=10, seconds=0.01, latency=0.01)
            if batch % 23 == 0:
                detail = f"1 row set aside; row {batch}: ValueError: no"
                run.record.event(Event("dead_letter", time=time, worker=worker, batch=batch, rows=1, detail=detail))
            if batch % 700 == 699:
                run.record.event(Event("recycled", time=time, worker=worker, batch=batch, detail="near its limit"))
            if batch % 1_000 == 0:
                panel.refresh()
        panel.refresh()
        parts: dict[str, Any] = {name: getattr(panel.widget, name) for name in ("history", "marks", "metrics")}
        panel.close()
    parts["history"] |= {"seconds": 600.3, "running": True}
    return parts


def test_a_long_run_is_drawn_at_once(watched: Watched, home: object) -> None:
    """29 lives, 20,000 batches and 900 marks are few elements and bytes; what an update takes is printed."""
    with Workbench() as workbench:
        parts = long_run(workbench)
    page = watched.page
    page.set_content(f"<style>{sheet()}</style><div class='udf-panel' style='width: 968px'></div>")
    names = module().replace("export default { render };", "Object.assign(window, { HistoryTab, MetricsTab });")
    page.add_script_tag(content=f"{{ {names} }}")
    took = page.evaluate(
        """({ history, marks, metrics }) => {
            const place = document.querySelector(".udf-panel");
            const tab = new HistoryTab({ ask: async () => ({}), replay() {}, code() {} });
            const charts = new MetricsTab();
            const time = (draw) => {
                const began = performance.now();
                draw();
                return place.offsetHeight && performance.now() - began;
            };
            const middle = (draw) => Array.from({ length: 21 }, () => time(draw)).sort((one, other) => one - other)[10];
            // Each update has one event more, and the oldest is gone.
            const update = () => {
                marks = { ...marks, count: marks.count + 1, marks: [...marks.marks.slice(1), marks.marks.at(-1)] };
                history = { ...history, seconds: history.seconds + 0.1 };
                tab.load({ ...history, ...marks }, true);
            };
            place.replaceChildren(tab.element);
            update();
            const newest = middle(update);
            tab.view(false);
            const whole = middle(update);
            const counts = [tab.body.children.length, tab.timeline.element.querySelectorAll("*").length];
            place.replaceChildren(charts.element);
            return { newest, whole, metrics: middle(() => charts.load(metrics, marks)), counts };
        }""",
        parts,
    )
    size = {name: len(json.dumps(part)) for name, part in parts.items()}
    print(f"\nms of a draw: {took}; bytes: {size}")
    rows, elements = took["counts"]
    assert rows == len(parts["marks"]["marks"])
    assert elements < 600
    assert size["history"] + size["metrics"] < 30_000
