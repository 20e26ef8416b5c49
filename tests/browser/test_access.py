"""The panel without a mouse and for every eye: reached by Tab, named for a screen reader, legible in both themes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from steps import PANEL, TABS, command, opened, run_all

if TYPE_CHECKING:  # pytest loads it as a plugin, and wants to be the first to
    from fix_lab import Lab, Picture, Watched

pytest_plugins = ("fix_lab",)

LOAD = """%load_ext workbench
import pandas as pd, numpy as np
n = 3_000
flights = pd.DataFrame({
    'carrier': pd.Series(['UA', 'AA', None, 'B6', 'DL', ''] * n)[:n],
    'dep_delay': np.arange(n) * 1.5 - 20,
    'distance': np.where(np.arange(n) % 500 == 3, 0, 1400 - np.arange(n) % 1000),
})"""
RATIO = """%%udf delay_ratio(dep_delay DOUBLE, distance BIGINT) -> DOUBLE {options} --sample flights --batch-rows 500
import os, signal
from pathlib import Path
mark = Path(os.environ['MARK'])

def evaluate(dep_delay, distance):
    \"\"\"Delay a mile.\"\"\"
    if dep_delay > 1_500 and not mark.exists():
        mark.touch()
        print('about to read address 0', flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    if distance == 0:
        print('no distance, delay', dep_delay)
    return dep_delay / distance  # 0 is an error"""
MEAN = """%%udf mean_delay(dep_delay DOUBLE) -> DOUBLE --sample flights --group-by carrier --batch-rows 500
class Mean:
    def __init__(self):
        self.total, self.count = 0.0, 0
    def accumulate(self, dep_delay):
        self.total, self.count = self.total + dep_delay, self.count + 1
    def merge(self, other):
        self.total, self.count = self.total + other['total'], self.count + other['count']
    @property
    def aggregate_state(self):
        return {'total': self.total, 'count': self.count}
    def finish(self):
        return self.total / self.count"""
FAILS = "%%udf fails(a DOUBLE) -> DOUBLE --sample flights --columns dep_delay\ndef evaluate(a):\n    return 1 / 0"

FAINT = """panel => {
  const parse = (text) => {
    const numbers = text.match(/[\\d.]+/g)?.map(Number) ?? [0, 0, 0, 0];
    const scale = text.startsWith("color(srgb") ? 255 : 1;
    return [...numbers.slice(0, 3).map((one) => one * scale), numbers[3] ?? 1];
  };
  const over = ([r, g, b, a], [x, y, z]) => [r * a + x * (1 - a), g * a + y * (1 - a), b * a + z * (1 - a), 1];
  const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const behind = (element) => {
    const layers = [];
    for (let one = element; one; one = one.parentElement) layers.push(parse(getComputedStyle(one).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
  };
  const found = {};
  const walker = document.createTreeWalker(panel, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.data.trim();
    if (!text || !element.checkVisibility() || element.closest("button:disabled, title")) continue;
    const style = getComputedStyle(element);
    let opacity = 1;
    for (let one = element; one !== panel; one = one.parentElement) opacity *= Number(getComputedStyle(one).opacity);
    const ground = behind(element);
    const [r, g, b, a] = parse(element instanceof SVGElement ? style.fill : style.color);
    const [more, less] = [light(over([r, g, b, a * opacity], ground)), light(ground)].sort((x, y) => y - x);
    const ratio = (more + 0.05) / (less + 0.05);
    if (ratio < 4.5) found[`${element.localName}.${element.getAttribute("class")} ${text.slice(0, 30)}`] = ratio;
  }
  return found;
}"""
"""Texts with a contrast below 4.5 to 1, but for buttons that cannot be pressed."""

NAMELESS = """panel => {
  const named = (one) =>
    one.ariaLabel || one.getAttribute("aria-labelledby") || one.innerText?.trim() || one.labels?.length;
  return [...panel.querySelectorAll("button, input, select, textarea, a, summary, [tabindex], [role=img]")]
    .filter((one) => one.checkVisibility() && !one.closest("[aria-hidden=true]") && !named(one))
    .map((one) => one.outerHTML.slice(0, 120));
}"""
"""What can be worked or is a picture, and has no name for a screen reader."""


def test_every_text_is_legible_and_every_control_has_a_name(
    lab: Lab, watched: Watched, picture: Picture, tmp_path: Path
) -> None:
    """On each tab of a function with dead letters and a crash, of an aggregate and of a failure, light and dark."""
    ratio = RATIO.replace("{options}", f"--env MARK={tmp_path / 'mark'} --on-error dead_letter")
    lab.write("access.ipynb", LOAD, ratio, MEAN, FAILS)
    page = opened(lab, watched, "access.ipynb")
    run_all(page, 3)
    faults: dict[str, Any] = {}
    for theme in ("Light", "Dark"):
        command(page, "apputils:change-theme", theme=f"JupyterLab {theme}")
        page.locator(f"body[data-jp-theme-light={'true' if theme == 'Light' else 'false'}]").wait_for(state="attached")
        for number, name in enumerate(("ratio", "mean", "fails")):
            panel = page.locator(PANEL).nth(number)
            for tab in TABS:
                panel.get_by_role("tab", name=tab).click()
                panel.get_by_role("tabpanel").wait_for()
                faults[f"{theme} {name} {tab}"] = (panel.evaluate(FAINT), panel.evaluate(NAMELESS))
                picture(panel, f"access-{name}-{tab.lower().replace(' ', '-')}-{theme.lower()}")
    lab.theme("JupyterLab Light")
    assert {where: found for where, found in faults.items() if any(found)} == {}


HERE = """panel => {
  const one = document.activeElement;
  if (!panel.contains(one)) return null;
  const style = getComputedStyle(one);
  const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  return [one.getAttribute("role") ?? one.localName, one.getAttribute("aria-label") || one.innerText.trim(), seen];
}"""
"""What has the focus: its role, its name, and whether it can be seen; null outside of the panel."""


def test_tab_goes_through_each_tab_of_the_panel_and_out_of_it(lab: Lab, watched: Watched, tmp_path: Path) -> None:
    """In the order of the page, each stop in sight; none holds the focus, and all that can be worked is a stop."""
    ratio = RATIO.replace("{options}", f"--env MARK={tmp_path / 'mark'} --on-error dead_letter")
    lab.write("stops.ipynb", LOAD, ratio, "'after'")
    page = opened(lab, watched, "stops.ipynb")
    panel = run_all(page)
    for tab in TABS:
        panel.get_by_role("tab", name=tab).click()
        panel.get_by_role("tabpanel").wait_for()
        panel.locator(".buttons button:enabled").first.focus()
        page.keyboard.press("Shift+Tab")
        stops = []
        for _ in range(80):
            page.keyboard.press("Tab")
            here = panel.evaluate(HERE)
            if here is None:
                break
            stops.append(here)
        assert here is None, f"{tab}: the focus does not leave"
        assert [stop for stop in stops if not stop[2]] == [], tab
        names = [name for _, name, _ in stops]
        assert [name.split(":")[0] for name in names[:5]] == ["Run", "Stop", "Restart", "Kill", "Replay"]
        assert [name for role, name, _ in stops if role == "tab"] == [
            panel.get_by_role("tab", selected=True).inner_text()
        ]
