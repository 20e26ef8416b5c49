"""What a reader does with a notebook and its panels, in steps that the tests share.

Left out on purpose: fixtures (`fix_lab`), which pytest must be the first to import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from fix_lab import Lab, Watched

PANEL: Final = ".udf-panel"
TABS: Final = ("Output", "State", "History", "Dead letters", "Metrics", "Logs", "Code", "SQL")


def opened(lab: Lab, watched: Watched, name: str) -> Any:
    """The notebook in the page, with its kernel ready."""
    page = watched.page
    page.goto(f"{lab.url}/lab/tree/{name}?reset")
    page.wait_for_selector(".jp-CodeCell")
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()  # before that JupyterLab drops what it is told to run
    return page


def menu(page: Any, name: str, item: str) -> None:
    """An entry of JupyterLab's menu."""
    page.get_by_role("menuitem", name=name, exact=True).click()
    page.get_by_role("menuitem", name=item).first.click()


def command(page: Any, name: str, **arguments: Any) -> None:
    """A command of JupyterLab, as its palette knows it."""
    page.evaluate("([name, given]) => window.jupyterapp.commands.execute(name, given)", [name, arguments])


def run_all(page: Any, panels: int = 1, *, done: bool = True) -> Any:
    """Run all cells; the panel of this number, when its run is over, or as soon as it is there."""
    page.click(".jp-CodeCell >> nth=0")
    page.keyboard.press("Escape")
    menu(page, "Run", "Run All Cells")
    panel = page.locator(PANEL).nth(panels - 1)
    panel.wait_for()
    if done:
        panel.locator(".vitals .facts", has_text="took").wait_for()
    return panel


def button(panel: Any, word: str) -> Any:
    """A button that can be pressed now."""
    return panel.locator(f".buttons button:enabled[data-action={word}]")


def state(panel: Any, word: str, *, attached: bool = False) -> Any:
    """The panel's state, once it has this word; ``attached``: wherever in the notebook it is."""
    found = panel.locator(".st", has_text=word)
    found.wait_for(state="attached" if attached else "visible")
    return found


def rows_in(panel: Any) -> int:
    """How many rows went in, as the panel says."""
    text = str(panel.locator(".foot span").first.text_content())
    return int(text.split()[1].replace(",", ""))


class Clock:
    """The milliseconds of the page between two looks."""

    def __init__(self, page: Any) -> None:
        self._page = page
        self._now = page.evaluate("performance.now()")

    def lap(self, name: str) -> None:
        """Print how long it took since the last."""
        now = self._page.evaluate("performance.now()")
        print(f"{name}: {now - self._now:.0f} ms")
        self._now = self._page.evaluate("performance.now()")
