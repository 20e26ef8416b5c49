"""The film of README.md: a cell streams flights through a function, whose process is killed and comes back.

``pytest tests/browser/film.py`` with ``WORKBENCH_PICTURES=FOLDER`` writes ``FOLDER/film.webp``: see `make_pictures`.
What is seen is a real JupyterLab; only the arrow of the mouse is drawn into the page, since no browser paints it.
"""

from __future__ import annotations

import io
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PIL import Image
from steps import button, opened, run_all, state

if TYPE_CHECKING:
    from fix_lab import Lab, Watched

pytest_plugins = ("fix_lab",)

LOAD: Final = """%load_ext workbench
import workbench as wb
flights = wb.samples.flights().query("dest == 'LAX'")[['carrier', 'origin', 'dest', 'distance', 'air_time']]"""
CELL: Final = """%%udf speed(distance INT, air_time INT) -> DOUBLE --sample flights --live --rate 1000 --loop \
--on-error dead_letter
def evaluate(distance, air_time):
    hours = air_time / 60
    return round(distance / hours, 1)"""

GAP: Final = 0.16
"""Seconds between two pictures."""

ARROW: Final = """([x, y]) => {
  let arrow = document.getElementById('film-arrow');
  if (!arrow) {
    arrow = document.createElement('div');
    arrow.id = 'film-arrow';
    arrow.style.cssText = 'position:fixed;z-index:9999;pointer-events:none;width:16px;height:22px;background:#111;'
      + 'clip-path:polygon(0 0,0 17px,4px 14px,7px 21px,10px 20px,7px 13px,12px 13px);'
      + 'filter:drop-shadow(0 0 1px #fff)';
    document.body.append(arrow);
  }
  arrow.style.left = `${x}px`;
  arrow.style.top = `${y}px`;
}"""


class Film:
    """Takes pictures of one part of the page, and moves the mouse in sight."""

    def __init__(self, page: Any, part: Any) -> None:
        self._page, self._part = page, part
        self._at = (700.0, 600.0)
        self._pictures: list[Image.Image] = []
        self._times: list[float] = []

    def roll(self, seconds: float) -> None:
        """Take pictures for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            started = time.monotonic()
            self._take()
            self._page.wait_for_timeout(max(0.0, GAP - (time.monotonic() - started)) * 1000)

    def _take(self) -> None:
        taken = self._page.screenshot(clip=self._part.bounding_box())
        self._pictures.append(Image.open(io.BytesIO(taken)).convert("RGB"))
        self._times.append(time.monotonic())

    def press(self, target: Any) -> None:
        """Go there, then click."""
        box = target.bounding_box()
        to = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        start, steps = self._at, 4
        for step in range(1, steps + 1):
            self._at = tuple(a + (b - a) * step / steps for a, b in zip(start, to, strict=True))
            self._page.mouse.move(*self._at)
            self._page.evaluate(ARROW, list(self._at))
            self._take()
        target.click()

    def save(self, path: Path) -> None:
        """As an animated WebP that goes round and round, with the times as they were."""
        width, height = (min(picture.size[axis] for picture in self._pictures) for axis in (0, 1))
        cut = [picture.crop((0, 0, width, height)) for picture in self._pictures]
        gaps = [round(1000 * (after - before)) for before, after in zip(self._times, self._times[1:], strict=False)]
        cut[0].save(path, save_all=True, append_images=cut[1:], duration=[*gaps, 1500], loop=0, quality=60, method=6)
        print(f"\n{path.name}: {len(cut)} pictures, {width} x {height}, {path.stat().st_size:,} bytes")


def test_film(lab: Lab, watched: Watched) -> None:
    """The stream runs, is paused and stepped, is killed on purpose, and goes on."""
    page = watched.page
    page.set_viewport_size({"width": 1180, "height": 940})
    lab.write("speed.ipynb", LOAD, CELL)
    opened(lab, watched, "speed.ipynb")
    page.keyboard.press("Control+b")  # the file browser goes
    panel = run_all(page, done=False)
    panel.locator(".found", has_text="newest").wait_for()
    cell = page.locator(".jp-CodeCell").nth(1)
    cell.scroll_into_view_if_needed()
    film = Film(page, cell)
    film.roll(1.6)
    film.press(button(panel, "pause"))
    state(panel, "paused")
    film.roll(0.6)
    film.press(button(panel, "step"))
    film.roll(0.6)
    film.press(button(panel, "run"))
    state(panel, "running")
    film.roll(0.6)
    film.press(panel.get_by_role("tab", name="Dead letters"))
    film.roll(0.8)
    film.press(panel.get_by_role("tab", name="History"))
    film.roll(0.6)
    film.press(button(panel, "kill"))
    panel.get_by_role("button", name="restarted").wait_for()
    film.roll(1.6)
    film.press(panel.get_by_role("tab", name="Metrics"))
    film.roll(1.4)
    film.press(button(panel, "stop"))
    state(panel, "closed")
    film.roll(0.4)
    film.save(Path(os.environ["WORKBENCH_PICTURES"]) / "film.webp")
