"""State and Dead letters in a real JupyterLab: while rows go on, and what comes out of rows that are run again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steps import button, opened, run_all, state

if TYPE_CHECKING:  # pytest loads it as a plugin, and wants to be the first to
    from fix_lab import Lab, Watched

pytest_plugins = ("fix_lab",)

LOAD = """%load_ext workbench
import pandas as pd
n = 5_000
rows = pd.DataFrame({'g': ['UA', '', None, 'DL'] * (n // 4), 'a': range(n)})
few = pd.DataFrame({'a': [6, 3, 1, 2], 'b': [3, 0, -1, 0]})"""
COUNT = """%%udf counts(a BIGINT) -> BIGINT --sample rows --group-by g --live --rate 1000 --loop
class Count:
    def __init__(self):
        self.count, self.last = 0, []
    def accumulate(self, a):
        self.count += 1
        self.last = [*self.last, a][-9:]
    def merge(self, other):
        self.count += other['count']
        self.last = other['last']
    @property
    def aggregate_state(self):
        return {'count': self.count, 'last': self.last}
    def finish(self):
        return self.count"""
RATIO = """%%udf ratio(a BIGINT, b BIGINT) -> DOUBLE --sample few --on-error dead_letter
from pathlib import Path
def evaluate(a, b):
    if b < 0:
        if not Path('FOLDER/fixed').exists():
            Path('FOLDER/fixed').touch()
            raise ValueError('the first time it fails')
    return a / b"""


def test_a_group_is_watched_while_its_state_changes(lab: Lab, watched: Watched) -> None:
    """Ten updates a second disturb neither what is typed nor focus, scrolling, an opened state; a crash is marked."""
    lab.write("state.ipynb", LOAD, COUNT)
    page = opened(lab, watched, "state.ipynb")
    panel = run_all(page, done=False)
    panel.get_by_role("tab", name="State").click()
    cards = panel.get_by_role("group", name="Groups").get_by_role("button")
    cards.filter(has_text="g=NULL").wait_for()
    assert {text.partition("\n")[0] for text in cards.all_inner_texts()} == {"g=UA", "g=''", "g=NULL", "g=DL"}
    search = panel.get_by_role("searchbox", name="Find groups")
    search.focus()
    for sign in "g=dl":
        page.keyboard.press(sign)
        page.wait_for_timeout(120)
    panel.locator(".found", has_text="1 of 4 groups").wait_for()
    assert search.input_value() == "g=dl"
    cards.first.focus()
    page.keyboard.press("Enter")
    panel.locator(".chart svg path.way").wait_for()
    rows = panel.get_by_role("table", name="State").locator("tbody")
    assert rows.first.locator(".piece").first.inner_text().startswith("count")
    rows.nth(3).get_by_role("button", name="all").click()
    whole = panel.get_by_label("The whole state")
    whole.wait_for()
    text = whole.inner_text()
    table = panel.get_by_role("group", name="State", exact=True)
    table.evaluate("box => { box.scrollTop = 60 }")
    newest = rows.first.inner_text()
    panel.locator(".legend", has_text="▣ snapshot").wait_for()
    button(panel, "kill").click()
    panel.locator(".events", has_text="state restored from the snapshot after batch").first.wait_for()
    assert rows.first.inner_text() != newest
    assert whole.inner_text() == text
    assert table.evaluate("box => box.scrollTop") >= 60
    assert search.input_value() == "g=dl"
    button(panel, "stop").click()
    state(panel, "closed")
    panel.get_by_role("button", name="All groups").click()
    assert page.evaluate("document.activeElement.textContent").startswith("g=DL")


def test_failing_rows_are_filtered_opened_and_run_again(lab: Lab, watched: Watched, tmp_path: object) -> None:
    """Chips count the types; a row shows its line; a replay tells beside each row what came out; a copy is a copy."""
    page = watched.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    lab.write("letters.ipynb", LOAD, RATIO.replace("FOLDER", str(tmp_path)))
    panel = run_all(opened(lab, watched, "letters.ipynb"))
    panel.get_by_role("tab", name="Dead letters").click()
    body = panel.get_by_role("tabpanel")
    body.get_by_role("button", name="ValueError 1").click()
    rows = body.get_by_role("table", name="Dead letters").locator("tbody")
    rows.filter(has_text="ZeroDivisionError").first.wait_for(state="detached")
    rows.first.get_by_role("button", name="2", exact=True).click()
    assert "> 7 | raise ValueError('the first time it fails')" in body.get_by_label("Row 2 in full").inner_text()
    body.get_by_role("button", name="all 3").click()
    body.get_by_role("button", name="Replay row 1").click()
    rows.nth(0).locator(".outcome", has_text="✕ the same error again").wait_for()
    body.get_by_role("button", name="Replay all").click()
    rows.nth(1).locator(".outcome", has_text="✓ -1.0").wait_for()
    rows.nth(2).locator(".outcome", has_text="✕ the same error again").wait_for()
    panel.locator(".live", has_text="3 rows again: 1 without an error, 2 failed again").wait_for()
    state(panel, "completed with 3 dead rows")
    body.get_by_role("button", name="Copy as pandas").click()
    panel.locator(".live", has_text="copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert (
        copied == "import pandas as pd\npd.DataFrame({\n    'a': [3, 1, 2],\n    'b': [0, -1, 0],\n}, index=[1, 2, 3])"
    )
