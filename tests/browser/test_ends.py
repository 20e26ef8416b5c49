"""Runs that end before their time, seen in their panels: interrupted, stopped, and left alone by their kernel."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steps import button, menu, opened, rows_in, run_all, state

if TYPE_CHECKING:  # pytest loads it as a plugin, and wants to be the first to
    from fix_lab import Lab, Picture, Watched

pytest_plugins = ("fix_lab",)

LOAD = "%load_ext workbench\nimport pandas as pd\nnumbers = pd.DataFrame({'a': range(4000)})"
SLOW = """%%udf slow(a BIGINT) -> BIGINT --sample numbers --batch-rows 1
import time
def evaluate(a):
    time.sleep(0.02)
    return a + 1"""
LIVE = SLOW.replace("--batch-rows 1", "--live --rate 100 --loop")
AFTER = "print('the cell', 'after')"
ERROR = ".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']"
DEADLINE = 10.0


def pid(panel: Any) -> int:
    """The worker's, as the panel says."""
    return int(panel.locator(".facts span", has_text="pid").inner_text().split()[-1])


def ended(process: int) -> None:
    """Wait until a process is no more."""
    deadline = time.monotonic() + DEADLINE
    while Path(f"/proc/{process}/stat").exists() and " Z " not in Path(f"/proc/{process}/stat").read_text():
        assert time.monotonic() < deadline, f"{process} lives"
        time.sleep(0.02)


def test_an_interrupted_cell_fails_in_two_lines_and_keeps_its_worker(
    lab: Lab, watched: Watched, picture: Picture
) -> None:
    """By JupyterLab's own keys; the panel says so, later cells are not run, and the next run has the same worker."""
    lab.write("interrupted.ipynb", LOAD, SLOW, AFTER)
    page = opened(lab, watched, "interrupted.ipynb")
    panel = run_all(page, done=False)
    panel.get_by_role("gridcell").first.wait_for()
    worker = pid(panel)
    page.keyboard.press("i")
    page.keyboard.press("i")
    state(panel, "interrupted")
    error = page.locator(ERROR)
    error.wait_for()
    assert error.inner_text().startswith("KeyboardInterrupt: slow was interrupted after ")
    assert error.inner_text().endswith(" of 4,000 rows\n  run it again")
    assert page.get_by_text("the cell after").count() == 0
    picture(panel, "interrupted-light")
    assert pid(panel) == worker
    button(panel, "run").click()
    state(panel, "running")
    panel.locator(".facts", has_text="up").wait_for()
    assert pid(panel) == worker
    button(panel, "stop").click()
    state(panel, "closed")


def test_every_button_acts_while_a_cell_waits(lab: Lab, watched: Watched, picture: Picture) -> None:
    """Paused, stepped, killed, resumed; Stop ends the cell with an error that says how far it came."""
    lab.write("waits.ipynb", LOAD, SLOW, AFTER)
    page = opened(lab, watched, "waits.ipynb")
    panel = run_all(page, done=False)
    panel.get_by_role("gridcell").first.wait_for()
    button(panel, "pause").click()
    state(panel, "paused")
    button(panel, "step").click()
    panel.locator(".live", has_text="one batch more").wait_for()
    assert rows_in(panel)
    worker = pid(panel)
    button(panel, "kill").click()
    panel.locator(".live", has_text="slow: 1 worker killed").wait_for()
    button(panel, "run").click()
    panel.get_by_role("tab", name="History").click()
    panel.get_by_role("button", name="crashed").wait_for()
    panel.get_by_role("button", name="restarted").wait_for()
    ended(worker)
    state(panel, "running")
    button(panel, "stop").click()
    state(panel, "closed")
    error = page.locator(ERROR)
    error.wait_for()
    assert error.inner_text().startswith("RunClosed: slow: the run was stopped after ")
    assert error.inner_text().endswith(" of 4,000 rows, so that this cell has no result\n  run it again")
    assert page.get_by_text("the cell after").count() == 0
    picture(panel, "stopped-light")


def test_a_panel_whose_kernel_is_gone_says_so(lab: Lab, watched: Watched, picture: Picture) -> None:
    """Killed in the middle of a stream, or restarted: no clock goes on, no button is offered, no worker is left."""
    lab.write("gone.ipynb", LOAD, LIVE, "import os; print('the kernel', os.getpid())")
    page = opened(lab, watched, "gone.ipynb")
    for turn in ("killed", "restarted"):
        panel = run_all(page, done=False)
        panel.get_by_role("gridcell").first.wait_for()
        worker = pid(panel)
        said = page.get_by_text("the kernel ", exact=False).last
        kernel = int(said.inner_text().split()[-1])
        if turn == "killed":
            os.kill(kernel, signal.SIGKILL)
            page.locator(".jp-Dialog button").last.click()
        else:
            menu(page, "Kernel", "Restart Kernel…")
            page.locator(".jp-Dialog button", has_text="Restart").click()
        state(panel, "the kernel is gone")
        assert panel.locator(".buttons button:enabled").count() == 0
        assert panel.get_by_role("slider").is_disabled()
        facts = panel.locator(".facts").inner_text()
        ended(kernel)
        ended(worker)
        panel.get_by_role("tab", name="History").click()
        picture(panel, f"kernel-{turn}-light")
        page.wait_for_timeout(1200)  # two ticks of the clock that must not go on
        assert panel.locator(".facts").inner_text() == facts
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
