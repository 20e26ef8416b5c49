"""Fifty panels in one notebook, three of them streaming. What it took is printed and not judged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from steps import PANEL, Clock, button, opened, rows_in, run_all, state

if TYPE_CHECKING:  # pytest loads it as a plugin, and wants to be the first to
    from fix_lab import Lab, Watched

pytest_plugins = ("fix_lab",)

PANELS = 50
PATIENCE = 90_000
"""Milliseconds: fifty workers are started, on a machine that may be busy with other things."""

LOAD = "%load_ext workbench\nimport pandas as pd\nnumbers = pd.DataFrame({'a': range(5_000)})"
CELL = """%%udf f{number}(a BIGINT) -> BIGINT --sample numbers {options}
def evaluate(a):
    return a + {number}"""
SCROLL = """async () => {
  const box = document.querySelector(".jp-WindowedPanel-outer");
  const times = [];
  for (let part = 0; part <= 60; part++) {
    const before = performance.now();
    box.scrollTop = (box.scrollHeight * part) / 60;
    await new Promise(requestAnimationFrame);
    times.push(performance.now() - before);
  }
  times.sort((a, b) => a - b);
  return [times[30], times[57], times[60]].map(Math.round);
}"""
MORE = "([root, rows]) => Number(root.querySelector('.foot span').textContent.split(' ')[1].replaceAll(',', '')) > rows"


@pytest.mark.timeout(300)
def test_fifty_panels_in_a_notebook(lab: Lab, watched: Watched) -> None:
    """All are right, and the page answers to clicks and scrolling as if there were one."""
    streams = range(0, PANELS, 20)
    cells = [
        CELL.format(number=number, options="--live --rate 200 --loop" if number in streams else "")
        for number in range(PANELS)
    ]
    lab.write("fifty.ipynb", LOAD, "import os; print('the kernel', os.getpid())", *cells)
    page = opened(lab, watched, "fifty.ipynb")
    page.set_default_timeout(PATIENCE)
    clock = Clock(page)
    run_all(page, PANELS)
    print()
    clock.lap("fifty panels")
    panels = page.locator(PANEL)
    assert panels.count() == PANELS
    for number in range(PANELS):
        state(panels.nth(number), "running" if number in streams else "completed", attached=True)
    for number in range(1, PANELS, 7):
        found = panels.nth(number)
        found.scroll_into_view_if_needed()
        found.get_by_role("gridcell", name=str(number), exact=True).first.wait_for()
    clock.lap("eight grids looked at, one after the other")
    last = panels.nth(PANELS - 1)
    last.get_by_role("tab", name="History").click()
    last.get_by_role("table", name="History").wait_for()
    clock.lap("tab click to drawn")
    print("scrolling from end to end, frames of ms (median, 95 %, longest):", page.evaluate(SCROLL))
    stream = panels.first
    stream.scroll_into_view_if_needed()
    page.wait_for_function(MORE, arg=[stream.element_handle(), rows_in(stream)])
    kernel = int(page.get_by_text("the kernel ").last.inner_text().split()[-1])
    print("kernel", Path(f"/proc/{kernel}/status").read_text().split("VmRSS:")[1].split("\n")[0].strip())
    for number in streams:
        button(panels.nth(number), "stop").click()
        state(panels.nth(number), "closed")
