"""Make the pictures of README.md out of the first tutorial's stored outputs: needs Debian's chromium, run by hand.

python tests/tools/make_pictures.py
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHOWN = ("late_share", "kilometres")
LIGHT = {
    "--jp-layout-color0": "#fff",
    "--jp-layout-color1": "#fff",
    "--jp-layout-color2": "#f6f8fa",
    "--jp-content-font-color1": "#1f2328",
}
DARK = {
    "--jp-layout-color0": "#111418",
    "--jp-layout-color1": "#171a21",
    "--jp-layout-color2": "#1f242c",
    "--jp-border-color2": "#333a44",
    "--jp-content-font-color0": "#fff",
    "--jp-content-font-color1": "#e6e6e6",
    "--jp-content-font-color2": "#a8b0ba",
    "--jp-ui-font-color1": "#e6e6e6",
}
CHROMIUM = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
CHROMIUM += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
CHROMIUM += ["--hide-scrollbars", "--force-device-scale-factor=1.5"]


def views() -> list[str]:
    """The stored html of the cells that are shown."""
    notebook = json.loads((ROOT / "notebooks" / "01_first_udf.ipynb").read_text(encoding="utf-8"))
    found = {}
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        for output in cell.get("outputs", ()):
            html = output.get("data", {}).get("text/html")
            name = source.removeprefix("%%udf ").partition("(")[0].strip()
            if html and source.startswith("%%udf") and name in SHOWN:
                found[name] = "".join(html)
    return [found[name] for name in SHOWN]


def picture(name: str, variables: dict[str, str], size: str) -> None:
    """One theme's picture."""
    style = "; ".join(f"{key}: {value}" for key, value in variables.items())
    panels = "".join(f'<div class="panel">{view}</div>' for view in views())
    page = f"""<meta charset="utf-8">
        <style>:root {{{style}}} body {{background: var(--jp-layout-color0); color: var(--jp-content-font-color1);
        font-family: system-ui, sans-serif; font-size: 13px; margin: 16px; width: 960px}}
        .panel {{margin-bottom: 18px}}</style><body data-jp-theme-light="{str(variables is LIGHT).lower()}">{panels}"""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "page.html"
        source.write_text(page, encoding="utf-8")
        target = ROOT / "notebooks" / "images" / f"{name}.png"
        command = [*CHROMIUM, f"--user-data-dir={folder}", f"--window-size={size}", f"--screenshot={target}"]
        subprocess.run([*command, source.as_uri()], check=True, capture_output=True, timeout=60)


if __name__ == "__main__":
    picture("panel-light", LIGHT, "992,1036")
    picture("panel-dark", DARK, "992,1036")
