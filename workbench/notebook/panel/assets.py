"""The panel's JavaScript and CSS: files beside this one, joined into the one module that a front end loads.

The invariant: what is joined needs nothing from anywhere (no import, no CDN, no build step), and writes what users
wrote by ``textContent`` only. Colours come from the static views' palette, so that both forms look alike. Left out on
purpose: what is shown (`facts`).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from workbench.notebook.style import DARK, LIGHT

PARTS: Final = (
    *("dom.js", "spark.js", "grid.js", "timeline.js", "history.js", "metrics.js"),
    *("logs.js", "state.js", "letters.js", "code.js", "panel.js"),
)
"""In the order of their dependence; each is a plain script that adds its functions to the module."""

_SCOPE: Final = ".udf-panel"


@cache
def module() -> str:
    """The ES module that anywidget loads."""
    return "\n".join(_read(name) for name in PARTS)


@cache
def sheet() -> str:
    """The style sheet: the palettes of `workbench.notebook.style`, then the rules."""
    light, dark = ("".join(f"--{name}:{colour};" for name, colour in palette.items()) for palette in (LIGHT, DARK))
    return (
        f"{_SCOPE}{{{light}}}\nbody[data-jp-theme-light=false] {_SCOPE},body.vscode-dark {_SCOPE}{{{dark}}}\n"
        + _read("panel.css")
    )


def _read(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
