"""The live panel in a real JupyterLab: what a reader sees, does with mouse and keyboard, and finds after reloading.

``WORKBENCH_PICTURES=FOLDER`` keeps a picture of every tab in both themes there.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from steps import PANEL, TABS, opened, run_all, state

if TYPE_CHECKING:  # pytest loads it as a plugin, and wants to be the first to
    from fix_lab import Lab, Picture, Watched

pytest_plugins = ("fix_lab",)

LOAD = """%load_ext workbench
import pandas as pd, numpy as np
n = 100_000
flights = pd.DataFrame({
    'carrier': pd.Series(['UA', 'AA', None, 'B6', 'DL', ''] * n)[:n],
    'dep_delay': np.arange(n) * 1.5 - 20,
    'distance': np.where(np.arange(n) % 33_333 == 3, 0, 1400 - np.arange(n) % 1000),
})"""
OLDER = """%%udf delay_ratio(dep_delay DOUBLE, distance BIGINT) -> DOUBLE --no-run
def evaluate(dep_delay, distance):
    return dep_delay / distance"""
RATIO = """%%udf delay_ratio(dep_delay DOUBLE, distance BIGINT) -> DOUBLE {options}
import os, signal
from pathlib import Path
mark = Path(os.environ['MARK'])

def evaluate(dep_delay, distance):
    if dep_delay > 60_000 and not mark.exists():
        mark.touch()
        print('about to read address 0', flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    if distance == 0:
        print('no distance, delay', dep_delay)
    return dep_delay / distance"""
SHARE = """%%udf mean_delay(dep_delay DOUBLE) -> DOUBLE --sample flights --group-by carrier --batch-rows 10000
class Mean:
    def __init__(self):
        self.total, self.count = 0.0, 0
    def accumulate(self, dep_delay):
        self.total += dep_delay
        self.count += 1
    def merge(self, other):
        self.total += other['total']
        self.count += other['count']
    @property
    def aggregate_state(self):
        return {'total': self.total, 'count': self.count}
    def finish(self):
        return self.total / self.count if self.count else None"""


def sample(folder: Path) -> str:
    """The options of a run that has dead letters and crashes once."""
    return f"--sample flights --env MARK={folder / 'mark'} --on-error dead_letter --batch-rows 5000"


def test_a_run_is_seen_sorted_and_scrolled(lab: Lab, watched: Watched, picture: Picture, tmp_path: Path) -> None:
    """A cell shows the panel and nothing twice; the grid goes to the end of 100,000 rows, sorts and filters."""
    cell = RATIO.replace("{options}", sample(tmp_path))
    lab.write("ratio.ipynb", LOAD, OLDER, cell)
    page = opened(lab, watched, "ratio.ipynb")
    panel = run_all(page)
    grid = panel.get_by_role("grid")
    grid.get_by_role("gridcell").first.wait_for()
    assert panel.locator(".found").inner_text() == "100,000 rows"
    assert grid.locator(".row.failed").first.inner_text().split() == ["3", "✕", "B6", "-15.5", "0", "ZeroDivisionError"]
    assert not page.locator(".udf-wb", has_text="completed").is_visible()
    for tab in TABS:
        panel.get_by_role("tab", name=tab).click()
        panel.get_by_role("tabpanel").wait_for()
        picture(panel, f"{tab.lower().replace(' ', '-')}-light")
    panel.get_by_role("tab", name="Output").click()
    grid.evaluate("box => { box.scrollTop = box.scrollHeight }")
    grid.get_by_role("rowheader", name="99,999").wait_for()
    grid.get_by_role("columnheader", name="dep_delay").get_by_role("button").click()
    grid.get_by_role("columnheader", name="dep_delay").and_(page.locator("[aria-sort=ascending]")).wait_for()
    grid.get_by_role("columnheader", name="dep_delay").get_by_role("button").click()
    grid.get_by_role("rowheader", name="99,999").wait_for()
    panel.get_by_role("searchbox").fill("ZeroDivision")
    panel.locator(".found", has_text="3 of 100,000 rows").wait_for()
    panel.get_by_role("button", name="Kill").click()
    panel.locator(".live", has_text="delay_ratio: 1 worker killed").wait_for()
    panel.get_by_role("button", name="Run:").click()
    panel.locator(".live", has_text="runs again").wait_for()
    panel.locator(".vitals .facts", has_text="took").wait_for()
    panel.locator(".st", has_text="completed with 3 dead rows").wait_for()
    panel.locator(".found", has_text="100,000 rows").wait_for()


def test_tabs_and_cells_by_keyboard(lab: Lab, watched: Watched, picture: Picture) -> None:
    """Arrows go through tabs and cells, Ctrl+End to the last cell; JupyterLab's own keys do not interfere."""
    lab.write("share.ipynb", LOAD, SHARE)
    page = opened(lab, watched, "share.ipynb")
    panel = run_all(page)
    panel.get_by_role("tab", name="Output").focus()
    for tab in (*TABS[1:], TABS[0]):
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.dataset.tab") == tab
        assert panel.get_by_role("tab", selected=True).inner_text().startswith(tab)
        if tab in ("State", "Metrics"):
            picture(panel, f"{tab.lower()}-aggregate-light")
    grid = panel.get_by_role("grid")
    grid.focus()
    page.keyboard.press("Control+End")
    assert grid.locator(".active").inner_text() == grid.get_by_role("gridcell").last.inner_text()


def test_in_the_dark_and_after_reloading(lab: Lab, watched: Watched, picture: Picture, tmp_path: Path) -> None:
    """The dark theme is dark; with the kernel gone the saved notebook shows the static form."""
    cell = RATIO.replace("{options}", sample(tmp_path))
    lab.write("dark.ipynb", LOAD, OLDER, cell)
    lab.theme("JupyterLab Dark")
    try:
        page = opened(lab, watched, "dark.ipynb")
        panel = run_all(page)
        panel.get_by_role("gridcell").first.wait_for()
        assert panel.evaluate("element => getComputedStyle(element).backgroundColor") == "rgb(23, 26, 33)"
        for tab in TABS:
            panel.get_by_role("tab", name=tab).click()
            picture(panel, f"{tab.lower().replace(' ', '-')}-dark")
        panel.get_by_role("tab", name="History").click()
        panel.get_by_role("button", name="crashed").click()
        panel.locator(".details", has_text="SIGSEGV").wait_for()
        panel.locator(".details", has_text="about to read address 0").wait_for()
        picture(panel, "history-crash-dark")
    finally:
        lab.theme("JupyterLab Light")
    page.click(".jp-CodeCell >> nth=0")
    page.keyboard.press("Control+s")
    lab.saved("dark.ipynb", "completed with 3 dead rows")
    lab.end_kernels()
    page.goto(f"{lab.url}/lab/tree/dark.ipynb?reset")
    page.wait_for_selector(".jp-CodeCell")
    page.locator(".udf-wb", has_text="completed with 3 dead rows").wait_for()
    gone = page.get_by_text("Error displaying widget")
    gone.wait_for(state="attached")
    gone.wait_for(state="hidden")
    assert page.locator(PANEL).count() == 0


def test_nothing_that_a_user_wrote_is_executed(lab: Lab, watched: Watched) -> None:
    """Hostile texts in cells, names of columns, errors, logs and code stand there as texts."""
    hostile = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    frame = "frame = pd.DataFrame({'s': ['a', text], text: text})"
    load = f"%load_ext workbench\nimport pandas as pd\ntext = {hostile!r}\n{frame}"
    cell = (
        "%%udf echo(s STRING) -> STRING --sample frame --on-error dead_letter\n"
        "def evaluate(s):\n    print(s)\n    if s != 'a':\n        raise ValueError(s)\n"
        f"    return {hostile!r}"
    )
    lab.write("hostile.ipynb", load, cell)
    page = opened(lab, watched, "hostile.ipynb")
    page.on("dialog", lambda dialog: watched.errors.append(f"a dialog: {dialog.message}"))
    panel = run_all(page)
    panel.get_by_role("gridcell").first.wait_for()
    for tab in TABS:
        panel.get_by_role("tab", name=tab).click()
        assert panel.locator("img, script").count() == 0
        if tab not in ("State", "Metrics", "History"):
            assert hostile in panel.inner_text()


def test_what_else_a_cell_shows_is_seen(lab: Lab, watched: Watched) -> None:
    """Beside a panel only the static form of the same run is hidden."""
    one = "%%udf one(dep_delay DOUBLE) -> DOUBLE --no-run\ndef evaluate(dep_delay):\n    return 1 / (dep_delay + 20)"
    both = "%udf run one flights --on-error dead_letter\n%udf failures one"
    lab.write("both.ipynb", LOAD, one, both)
    panel = run_all(opened(lab, watched, "both.ipynb"))
    state(panel, "completed with 1 dead row")
    watched.page.locator(".jp-OutputArea-executeResult", has_text="float division by zero").last.wait_for()
