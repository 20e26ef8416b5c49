"""The tabs Code and SQL in a real JupyterLab: marks that lead on, a diff, and copies that are what is shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from steps import opened, run_all

if TYPE_CHECKING:  # pytest loads it as a plugin, and wants to be the first to
    from fix_lab import Lab, Picture, Watched

pytest_plugins = ("fix_lab",)

LOAD = """%load_ext workbench
import pandas as pd
trips = pd.DataFrame({'miles': range(100), 'hours': [index % 10 for index in range(100)]})"""
HEAD = "%%udf speed(miles BIGINT, hours BIGINT) -> DOUBLE "
OLD = "def evaluate(miles, hours):\n    return miles / hours"
NEW = f"""import os, signal
from pathlib import Path

def evaluate(miles, hours):
    mark = Path(os.environ['MARK'])
    if miles == 55 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGSEGV)
{OLD.splitlines()[1]}"""


def clipboard(page: Any) -> str:
    """What was copied."""
    return str(page.evaluate("navigator.clipboard.readText()"))


def test_code_tells_what_happened_and_what_changed(
    lab: Lab, watched: Watched, picture: Picture, tmp_path: Path
) -> None:
    """By keyboard from the tools to the line and on to the tab with more; each copy is the text that is shown."""
    options = f"--sample trips --env MARK={tmp_path / 'mark'} --on-error dead_letter --batch-rows 10"
    lab.write("code.ipynb", LOAD, f"{HEAD}--no-run\n{OLD}", f"{HEAD}{options}\n{NEW}")
    page = opened(lab, watched, "code.ipynb")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=lab.url)
    panel = run_all(page)
    panel.get_by_role("tab", name="Code").click()
    source = panel.get_by_role("group", name="Source of v2")
    assert source.locator(".line.hit .text").inner_text().strip() == "os.kill(os.getpid(), signal.SIGSEGV)"
    assert source.locator(".line.hit .told").inner_text() == "✕ SIGSEGV, batch 5"
    assert source.locator(".line.warned .told").inner_text() == "▲ ZeroDivisionError, 10 rows"
    panel.get_by_role("button", name="Go to line 10").press("Enter")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.dataset.tab") == "Dead letters"
    panel.get_by_role("tab", name="History").click()
    panel.get_by_role("table").get_by_role("button", name="crashed").click()
    panel.get_by_role("button", name="show line 9").press("Enter")
    assert source.locator(".line.hit button:focus").inner_text() == "✕ SIGSEGV, batch 5"
    panel.get_by_role("button", name="Changes since v1").press("Enter")
    changes = panel.get_by_role("group", name="Changes of v2 since v1")
    assert panel.locator(".source .found").inner_text() == "7 lines added"
    assert [line.split()[0] for line in changes.locator("ins").all_inner_texts()] == ["2", "3", "4", "6", "7", "8", "✕"]
    assert changes.locator("ins .sign").all_inner_texts() == ["+"] * 7
    picture(panel, "changes-light")
    panel.get_by_label("Version").press("ArrowDown")
    source = panel.get_by_role("group", name="Source of v1")
    source.wait_for()
    assert source.locator(".hit, .warned").count() == 0
    assert panel.get_by_role("button", name="Changes").is_disabled()
    panel.get_by_role("button", name="Copy v1").press("Enter")
    panel.locator(".live", has_text="copied v1").wait_for()
    assert clipboard(page).endswith(f"\n{OLD}\n")
    panel.get_by_role("tab", name="SQL").click()
    for title in ("In a query", "Doris, as first proposed", "Doris"):
        card = panel.get_by_role("region", name=title, exact=True)
        card.get_by_role("button", name="Copy").click()
        panel.locator(".live", has_text=f"copied: {title}").wait_for()
        assert clipboard(page) == "\n".join(card.locator(".text").all_text_contents())
    assert clipboard(page).startswith("CREATE FUNCTION speed(BIGINT, BIGINT)\nRETURNS DOUBLE\n")
    assert NEW in clipboard(page)
