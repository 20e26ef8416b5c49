"""What the tutorials tell their readers to press, and to see, in the live panel: done and looked at.

The invariant: a sentence of a tutorial about the panel has its line here. With ``WORKBENCH_PICTURES`` the pictures of
the tutorials are kept, which ``tests/tools/make_pictures.py`` puts in. Left out on purpose: what cells store, which
nbval compares.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steps import PANEL, button, opened, rows_in, state

if TYPE_CHECKING:  # pytest loads it as a plugin, and wants to be the first to
    from fix_lab import Lab, Picture, Watched

pytest_plugins = ("fix_lab",)

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
WIDTH = 1060
"""Pixels of the window in which a panel is as wide as a picture should be."""


def panels(lab: Lab, watched: Watched, name: str, cells: int) -> Any:
    """The panels of a tutorial of which so many code cells are run."""
    shutil.copyfile(NOTEBOOKS / name, lab.root / name)
    watched.page.set_viewport_size({"width": WIDTH, "height": 1100})
    page = opened(lab, watched, name)
    page.keyboard.press("Control+b")  # the file browser goes
    page.click(".jp-CodeCell >> nth=0")
    page.keyboard.press("Escape")
    while cells:
        cells -= "jp-CodeCell" in page.locator(".jp-Cell.jp-mod-active").get_attribute("class")
        page.keyboard.press("Shift+Enter")
    return page.locator(PANEL)


def ended(panel: Any, tab: str = "Output") -> Any:
    """The panel, when its run is over, with this tab open."""
    panel.locator(".vitals .facts", has_text="took").wait_for()
    panel.get_by_role("tab", name=tab).click()
    return panel


def test_the_first_functions(lab: Lab, watched: Watched, picture: Picture) -> None:
    """01: rows are filtered; Kill and Run give another process; failed rows and the crash stand in their tabs."""
    found = panels(lab, watched, "01_first_udf.ipynb", 9)
    crash = ended(found.nth(4), "History")
    crash.get_by_role("button", name="crashed").click()
    crash.locator(".details", has_text="SIGSEGV").filter(has_text="line 9").wait_for()
    picture(crash, "tutorial-crash-light")
    dead = ended(found.nth(2), "Dead letters")
    dead.get_by_role("tab", name="Dead letters").filter(has_text="606").wait_for()
    dead.get_by_role("tabpanel").get_by_text("TypeError").first.wait_for()
    first = ended(found.nth(0))
    first.get_by_role("gridcell").first.wait_for()
    picture(first, "tutorial-first-light")
    first.get_by_role("searchbox").fill("cancelled")
    first.locator(".found", has_text="521 of 27,004 rows").wait_for()
    process = first.locator(".facts", has_text="idle pid").locator("span").first.inner_text()
    button(first, "kill").click()
    first.locator(".live", has_text="1 worker killed").wait_for()
    button(first, "run").click()
    first.locator(".live", has_text="runs again").wait_for()
    first.locator(".facts", has_text="idle pid").wait_for()
    assert state(first, "completed").inner_text() == "✓ completed"
    assert process not in first.locator(".facts").inner_text()


def test_a_row_that_kills(lab: Lab, watched: Watched, picture: Picture) -> None:
    """02: the history has each death; the dead row is replayed from its button, with the function as it was."""
    panel = ended(panels(lab, watched, "02_crashes_and_restarts.ipynb", 3), "History")
    panel.get_by_role("button", name="crashed").nth(7).wait_for()
    ended(panel, "Dead letters")
    picture(panel, "tutorial-dead-letters-light")
    panel.get_by_role("button", name="Replay row 3").click()
    panel.locator(".outcome", has_text="✕ the same error again").wait_for()


def test_the_state_of_an_aggregate(lab: Lab, watched: Watched, picture: Picture) -> None:
    """03: each airport has its curve, each batch its state."""
    panel = ended(panels(lab, watched, "03_aggregates.ipynb", 3), "State")
    text = panel.get_by_role("tabpanel").inner_text()
    assert all(part in text for part in ("origin=EWR", "14.905748", "mean", "flights"))
    picture(panel, "tutorial-state-light")


def test_a_function_with_a_memory(lab: Lab, watched: Watched) -> None:
    """04: Run gives an empty table; Restart and Run give all rows again."""
    panel = ended(panels(lab, watched, "04_table_functions.ipynb", 3))
    panel.locator(".found", has_text="18,646 rows").wait_for()
    button(panel, "run").click()
    panel.locator(".foot", has_text="empty 27,004").wait_for()
    button(panel, "restart").click()
    panel.locator(".live", has_text="worker").wait_for()
    button(panel, "run").click()
    panel.locator(".foot", has_text="out 18,646").wait_for()


def test_a_stream(lab: Lab, watched: Watched, picture: Picture) -> None:
    """08: a step is 200 rows; the killed process is a mark in the history; Run begins again after Stop."""
    panel = panels(lab, watched, "08_streaming_live.ipynb", 3)
    panel.locator(".rates", has_text="rows/s").wait_for()
    watched.page.wait_for_timeout(1500)  # until there is a curve to be seen in the picture
    picture(panel, "tutorial-live-light")
    button(panel, "pause").click()
    state(panel, "paused")
    before = rows_in(panel)
    button(panel, "step").click()
    panel.locator(".foot span", has_text=f"in {before + 200:,} rows").wait_for()
    button(panel, "run").click()
    state(panel, "running")
    button(panel, "kill").click()
    panel.get_by_role("tab", name="History").click()
    panel.get_by_role("button", name="crashed").wait_for()
    panel.get_by_role("button", name="restarted").wait_for()
    button(panel, "stop").click()
    state(panel, "closed")
    button(panel, "run").click()
    state(panel, "running")
    button(panel, "stop").click()
    state(panel, "closed")
