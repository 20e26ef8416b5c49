"""The Logs tab: lines by batch, filtered, folded and copied, while they come and afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steps import button, opened, run_all, state

if TYPE_CHECKING:  # pytest loads it as a plugin, and wants to be the first to
    from fix_lab import Lab, Picture, Watched

pytest_plugins = ("fix_lab",)

LOAD = "%load_ext workbench\nimport pandas as pd\nmany = pd.DataFrame({'a': range(40)})"
CRASHES = r"""%%udf crashy(a BIGINT) -> BIGINT --sample many --batch-rows 5 --on-error dead_letter
import os, sys
print('\x1b[32mloading\x1b[0m the model')
def evaluate(a):
    if a % 2 == 0:
        print(f'row {a}: \x1b[1;31mred\x1b[0m and plain')
    if a % 9 == 0:
        print('a warning ' + 'that goes on and on ' * 14, file=sys.stderr)
    if a == 23:
        os.abort()
    return a"""
SHORT = "from workbench import settings\nsettings.LOG_LINES = 300"
TALKS = """%%udf talks(a BIGINT) -> BIGINT --sample many --live --rate 80 --loop --batch-rows 2
for number in range(280):
    print('loading', number)
def evaluate(a):
    print('row' if a % 2 else 'column', a)
    return a"""
FIRST = """box => {
  const row = [...box.querySelectorAll("tbody tr")].find((one) => one.offsetTop > box.scrollTop + 40);
  return [row.querySelector(".wrap").textContent, Math.round(row.offsetTop - box.scrollTop)];
}"""


def test_a_finished_run(lab: Lab, watched: Watched, picture: Picture) -> None:
    """Each line stands at its batch; batch, stream, worker and text are filters; a dump is one row that opens."""
    watched.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    lab.write("crashy.ipynb", LOAD, CRASHES)
    page = opened(lab, watched, "crashy.ipynb")
    panel = run_all(page)
    panel.get_by_role("tab", name="Logs").click()
    logs, rows = panel.locator(".logs"), panel.locator(".logs tbody tr:visible")
    fold = logs.get_by_role("button", name="Fatal Python error: Aborted").first
    fold.wait_for()
    own = logs.locator("tbody .own").first
    assert own.inner_text().endswith("line 10, in evaluate")
    for width in (600, 1000, 1500):
        page.set_viewport_size({"width": width + 100, "height": 1000})
        picture(panel, f"logs-{width}")
    fold.press("Enter")
    assert "most recent call first" in logs.locator("pre:visible").inner_text()
    picture(panel, "logs-open")
    fold.press("Enter")
    logs.get_by_role("button", name="Only batch 2").first.click()
    assert [text.strip() for text in rows.locator(".wrap").all_inner_texts() if "row" in text] == [
        f"row {row}: red and plain" for row in (10, 12, 14)
    ]
    logs.get_by_role("textbox", name="Only this batch").fill("7")
    logs.get_by_role("button", name="stdout").click()
    assert rows.count() == 1
    logs.get_by_role("button", name="Copy").click()
    panel.locator(".live", has_text="1 line copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()").split("\t")
    assert copied[0] == "batch 7"
    assert copied[2:] == ["stderr", "a warning " + "that goes on and on " * 14]
    logs.get_by_role("searchbox").fill("no such words")
    logs.get_by_text("None of the").wait_for()
    picture(panel, "logs-none")
    logs.get_by_role("button", name="Show all").click()
    logs.get_by_role("combobox").select_option("1")
    assert set(rows.locator(".by").all_inner_texts()) == {"1"}
    assert [text for text in rows.locator(".wrap").all_inner_texts() if "\x1b" in text or "x1b" in text] == []


def test_while_lines_come(lab: Lab, watched: Watched, picture: Picture) -> None:
    """Updates take away neither focus, nor text, nor the place that is read; else the end is followed."""
    lab.write("talks.ipynb", LOAD, SHORT, TALKS)
    panel = run_all(opened(lab, watched, "talks.ipynb"), done=False)
    panel.get_by_role("tab", name="Logs").click()
    logs, box = panel.locator(".logs"), panel.locator(".logs .x")
    logs.get_by_text("The newest 300 of").wait_for()
    found = logs.locator(".found")
    at_end = "box => box.scrollHeight - box.clientHeight - box.scrollTop < 8"
    grows = "([node, text]) => node.textContent !== text"

    def more() -> None:
        watched.page.wait_for_function(
            grows, arg=[logs.locator(".note").element_handle(), logs.locator(".note").inner_text()]
        )

    more()
    assert box.evaluate(at_end)
    picture(panel, "logs-live")
    box.evaluate("box => { box.scrollTop = box.scrollHeight / 2; }")
    logs.get_by_role("button", name="↓ Newest").wait_for()
    before = box.evaluate(FIRST)
    more()
    assert box.evaluate(FIRST) == before  # lines went at the top and came at the bottom; what is read stays
    logs.get_by_role("button", name="↓ Newest").click()
    more()
    assert box.evaluate(at_end)
    search = logs.get_by_role("searchbox")
    search.focus()
    for letter in "row":
        watched.page.keyboard.press(letter)
        more()
    assert search.input_value() == "row"
    assert search.evaluate("input => input === document.activeElement")
    assert all("row" in text for text in logs.locator("tbody tr:visible .wrap").all_inner_texts())
    assert found.inner_text().endswith(" of 300 lines")
    button(panel, "stop").click()
    state(panel, "closed")
