"""Much at once: a million rows, ten million, thousands of events. What it took is printed and not judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steps import Clock, opened, run_all, state

from workbench.notebook.panel.assets import module, sheet

if TYPE_CHECKING:  # pytest loads it as a plugin, and wants to be the first to
    from fix_lab import Lab, Picture, Watched

pytest_plugins = ("fix_lab",)

MILLION = """%load_ext workbench
import pandas as pd, numpy as np
n = 1_000_000
flights = pd.DataFrame({'carrier': np.array(['UA', 'AA', 'B6', 'DL'])[np.arange(n) % 4],
                        'dep_delay': (np.arange(n) * 7919 % n) * 0.5})"""
HALVED = """%%udf halved(dep_delay DOUBLE) -> DOUBLE --sample flights --batch-rows 50000
import pandas as pd
def evaluate(dep_delay: pd.Series) -> pd.Series:
    return dep_delay / 2"""


def test_a_million_rows(lab: Lab, watched: Watched, picture: Picture) -> None:
    """Row 500,000 is reached by the scroll bar and by keyboard, and is right; all rows are sorted and filtered."""
    lab.write("million.ipynb", MILLION, HALVED)
    page = opened(lab, watched, "million.ipynb")
    panel = run_all(page)
    clock = Clock(page)
    panel.locator(".found", has_text="1,000,000 rows").filter(has_not_text="newest").wait_for()
    grid = panel.get_by_role("grid")

    def row(label: str) -> list[str]:
        found = grid.get_by_role("row").filter(has=page.get_by_role("rowheader", name=label, exact=True))
        found.get_by_role("gridcell").last.wait_for()
        return list(found.inner_text().split())

    print()
    clock.lap("first rows after the end")
    grid.evaluate("box => { box.scrollTop = (box.scrollHeight - box.clientHeight) / 2 }")
    grid.get_by_role("rowheader", name="500,000", exact=True).wait_for()
    assert row("500,000") == ["500,000", "UA", "250000.0", "125000.0"]
    clock.lap("jump to row 500,000")
    picture(panel, "million-light")
    grid.focus()
    page.keyboard.press("Control+Home")
    row("0")
    page.keyboard.press("Control+End")
    assert row("999,999") == ["999,999", "DL", "496040.5", "248020.25"]
    clock.lap("to the first and the last row by keyboard")
    heading = grid.get_by_role("columnheader", name="dep_delay").get_by_role("button")
    heading.click()
    row("0")
    clock.lap("sorted by a number")
    heading.click()
    row(f"{next(i for i in range(1_000_000) if i * 7919 % 1_000_000 == 999_999):,}")
    clock.lap("the other way")
    grid.get_by_role("columnheader", name="carrier").get_by_role("button").click()
    row("1")
    clock.lap("sorted by a text")
    panel.get_by_role("searchbox").fill("499999")
    panel.locator(".found", has_text=" of 1,000,000 rows").wait_for()
    clock.lap("filtered")
    print(panel.locator(".found").inner_text())


BARE = """
const row = (number) => [whole(number), 0, String(number)];
const rows = (start, stop) => Array.from({ length: stop - start }, (_, index) => row(start + index));
const ask = async (view, start, stop) => ({ start, count: 1e7, rows: rows(start, stop) });
const grid = new Grid({ ask });
document.body.append(grid.element);
document.body.className = "udf-panel";
const columns = [{ name: "a", type: "BIGINT", number: true, sortable: true }];
grid.load({ columns, total: 1e7, labelled: true, page: { start: 0, count: 1e7, rows: rows(0, 100) } });
"""
"""A grid without a notebook."""


def test_ten_million_rows_are_all_in_reach(watched: Watched) -> None:
    """The bar of so tall a table jumps by 30 rows a pixel; wheel and keys still go row by row, and to the last."""
    page = watched.page
    page.set_content("<body></body>")
    page.add_style_tag(content=sheet())
    page.add_script_tag(content=module() + BARE, type="module")
    grid = page.get_by_role("grid")

    def seen() -> list[int]:
        grid.get_by_role("gridcell").last.wait_for()
        box = grid.bounding_box()
        rows = grid.get_by_role("rowheader").all()
        places = [(one.bounding_box()["y"] - box["y"], int(one.inner_text().replace(",", ""))) for one in rows]
        return [row for y, row in places if 42 <= y <= box["height"] - 26]

    assert seen()[:2] == [0, 1]
    grid.focus()
    page.keyboard.press("Control+End")
    assert seen()[-1] == 9_999_999
    assert grid.locator(".active").inner_text() == "9999999"
    grid.evaluate("box => { box.scrollTop = (box.scrollHeight - box.clientHeight) / 2 }")
    grid.get_by_role("gridcell", name="5000000", exact=True).wait_for()
    before = seen()
    grid.hover()
    page.mouse.wheel(0, 52)
    page.wait_for_function(
        "first => document.querySelector('.rows').innerText.includes(first)", arg=f"{before[-1] + 2:,}"
    )
    assert seen()[0] - before[0] == 2
    grid.get_by_role("gridcell", name=str(before[3]), exact=True).click()
    for _ in range(30):
        page.keyboard.press("ArrowDown")
    assert grid.locator(".active").inner_text() == str(before[3] + 30)
    assert before[3] + 30 == seen()[-1]


EVENTS = """%load_ext workbench
import pandas as pd
numbers = pd.DataFrame({'a': range(5_000)})"""
FLOOD = """%%udf flood(a BIGINT) -> BIGINT --sample numbers --batch-rows 5 --on-error dead_letter
def evaluate(a):
    print(a)
    return 1 // (a % 2)"""


def test_five_thousand_events_are_few_messages(lab: Lab, watched: Watched) -> None:
    """1,000 batches, 5,000 printed lines and 2,500 dead letters: ten updates a second, and the last is right."""
    frames: list[int] = []
    page = watched.page

    def listen(socket: Any) -> None:
        socket.on("framereceived", lambda frame: frames.append(len(frame)) if b"comm_msg" in bytes_of(frame) else None)

    def bytes_of(frame: Any) -> bytes:
        return frame if isinstance(frame, bytes) else frame.encode()

    page.on("websocket", listen)
    lab.write("flood.ipynb", EVENTS, FLOOD)
    opened(lab, watched, "flood.ipynb")
    page.set_default_timeout(60_000)  # as the machine may be busy with other things
    panel = run_all(page)
    state(panel, "completed with 2,500 dead rows")
    panel.locator(".foot span", has_text="in 5,000 rows (1,000 batches)").wait_for()
    panel.get_by_role("tab", name="Dead letters").locator(".count", has_text="2,500").wait_for()
    took = panel.locator(".facts span", has_text="took").inner_text()
    print(f"\n1,000 batches and 5,000 lines, {took}: {len(frames)} messages, {sum(frames):,} bytes")
    number, unit = took.split()[1:]
    seconds = float(number.replace(",", "")) / (1000 if unit == "ms" else 1)
    assert len(frames) <= 10 * seconds + 5  # the first, the last, and the rows
