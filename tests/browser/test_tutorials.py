"""What the tutorials tell their readers to press, and to see, in the live panel: done and looked at.

The invariant: a sentence of a tutorial about the panel has its line here. ``WORKBENCH_PICTURES=FOLDER`` keeps the
pictures of the tutorials there, which ``tests/tools/make_pictures.py`` puts in. Left out on purpose: what cells store,
which nbval compares.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import steps
from steps import PANEL, button

if TYPE_CHECKING:  # pytest loads it as a plugin, and wants to be the first to
    from fix_lab import Lab, Picture, Watched

pytest_plugins = ("fix_lab",)

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def run(lab: Lab, watched: Watched, name: str, cells: int) -> Any:
    """The tutorial in a page of its own, as wide as pictures are, with this many code cells run; the page."""
    shutil.copyfile(NOTEBOOKS / name, lab.root / name)
    watched.page.set_viewport_size({"width": 1060, "height": 1100})
    page = steps.opened(lab, watched, name)
    page.keyboard.press("Control+b")  # the file browser goes
    page.click(".jp-CodeCell >> nth=0")
    page.keyboard.press("Escape")
    while cells:
        cells -= "jp-CodeCell" in page.locator(".jp-Cell.jp-mod-active").get_attribute("class")
        page.keyboard.press("Shift+Enter")
    return page


def finished(panel: Any) -> Any:
    """The panel, when its run is over."""
    panel.locator(".vitals .facts", has_text="took").wait_for()
    return panel


def pid(panel: Any) -> str:
    """The process that waits for the next run, as the panel's head says."""
    return str(panel.locator(".vitals .facts span").first.inner_text())


def opened(panel: Any, tab: str) -> Any:
    """The panel with this tab open."""
    panel.get_by_role("tab", name=tab).click()
    return panel


def test_the_first_function_is_filtered_killed_and_run_again(lab: Lab, watched: Watched, picture: Picture) -> None:
    """01: 521 cancelled flights are found; after Kill and Run the result is the same, from another process."""
    page = run(lab, watched, "01_first_udf.ipynb", 3)
    panel = finished(page.locator(PANEL))
    panel.get_by_role("gridcell").first.wait_for()
    picture(panel, "tutorial-first-light")
    panel.get_by_role("searchbox").fill("cancelled")
    panel.locator(".found", has_text="521 of 27,004 rows").wait_for()
    panel.get_by_role("columnheader", name="dep_delay").get_by_role("button").click()
    before = pid(panel)
    assert before.startswith("idle pid")
    button(panel, "kill").click()
    panel.locator(".live", has_text="1 worker killed").wait_for()
    button(panel, "run").click()
    panel.locator(".live", has_text="runs again").wait_for()
    panel.locator(".vitals .facts", has_text="idle pid").wait_for()
    assert finished(panel).locator(".st").inner_text() == "✓ completed"
    assert pid(panel) != before


def test_failed_rows_and_a_crash_are_found_in_their_tabs(lab: Lab, watched: Watched, picture: Picture) -> None:
    """01: dead letters are counted; the crash of kilometres tells its signal and the line where the process was."""
    page = run(lab, watched, "01_first_udf.ipynb", 9)
    panels = page.locator(PANEL)
    dead = opened(finished(panels.nth(2)), "Dead letters")
    assert "606" in dead.get_by_role("tab", name="Dead letters").inner_text()
    assert "TypeError" in dead.get_by_role("tabpanel").inner_text()
    crashed = opened(finished(panels.nth(4)), "History")
    crashed.get_by_role("button", name="crashed").click()
    details = crashed.locator(".details", has_text="SIGSEGV")
    details.wait_for()
    assert "line 9" in details.inner_text()
    picture(crashed, "tutorial-crash-light")


def test_the_row_that_kills_is_a_dead_letter(lab: Lab, watched: Watched, picture: Picture) -> None:
    """02: nine processes in the history, and one row that can be replayed: it kills again, as it should."""
    page = run(lab, watched, "02_crashes_and_restarts.ipynb", 3)
    panel = opened(finished(page.locator(PANEL)), "History")
    assert panel.get_by_role("button", name="crashed").count() >= 8
    opened(panel, "Dead letters")
    picture(panel, "tutorial-dead-letters-light")
    panel.get_by_role("button", name="Replay row 3").click()
    panel.locator(".outcome", has_text="✕ the same error again").wait_for()


def test_the_state_of_an_aggregate_is_seen(lab: Lab, watched: Watched, picture: Picture) -> None:
    """03: each airport has its curve, each batch its state."""
    page = run(lab, watched, "03_aggregates.ipynb", 3)
    panel = opened(finished(page.locator(PANEL)), "State")
    text = panel.get_by_role("tabpanel").inner_text()
    assert all(part in text for part in ("origin=EWR", "14.905748", "mean", "flights"))
    picture(panel, "tutorial-state-light")


def test_a_function_with_a_memory_forgets_with_its_process(lab: Lab, watched: Watched) -> None:
    """04: Run gives an empty table, Restart and Run all rows again."""
    page = run(lab, watched, "04_table_functions.ipynb", 3)
    panel = finished(page.locator(PANEL))
    panel.locator(".found", has_text="18,646 rows").wait_for()
    button(panel, "run").click()
    panel.locator(".foot", has_text="empty 27,004").wait_for()
    finished(panel)
    button(panel, "restart").click()
    panel.locator(".live", has_text="worker").wait_for()
    button(panel, "run").click()
    panel.locator(".foot", has_text="out 18,646").wait_for()


def test_a_stream_is_paused_stepped_and_killed(lab: Lab, watched: Watched, picture: Picture) -> None:
    """08: a step is 200 rows; a killed process is a mark in the history, and so is the one that takes over."""
    page = run(lab, watched, "08_streaming_live.ipynb", 3)
    panel = page.locator(PANEL)
    panel.locator(".found", has_text="the newest").or_(panel.locator(".found", has_text="rows")).first.wait_for()
    page.wait_for_timeout(1500)  # until there is a curve to be seen in the picture
    picture(panel, "tutorial-live-light")
    button(panel, "pause").click()
    panel.locator(".st", has_text="paused").wait_for()
    before = int(panel.locator(".foot span").first.inner_text().split()[1].replace(",", ""))
    button(panel, "step").click()
    panel.locator(".foot span", has_text=f"in {before + 200:,} rows").wait_for()
    button(panel, "run").click()
    panel.locator(".st", has_text="running").wait_for()
    button(panel, "kill").click()
    opened(panel, "History").get_by_role("button", name="crashed").wait_for()
    panel.get_by_role("button", name="restarted").wait_for()
    button(panel, "stop").click()
    panel.locator(".st", has_text="closed").wait_for()
    button(panel, "run").click()
    panel.locator(".st", has_text="running").wait_for()
    button(panel, "stop").click()
    panel.locator(".st", has_text="closed").wait_for()
