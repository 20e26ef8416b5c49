"""Take the pictures of README.md and of the tutorials from the browser tests: needs Debian's chromium, run by hand.

python tests/tools/make_pictures.py
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[2]
TESTS = ("test_panel.py", "test_tutorials.py", "film.py")
SHOWN = (*(f"{tab}-{theme}.png" for tab in ("output", "history", "code") for theme in ("light", "dark")), "film.webp")
IN_TUTORIALS = ("first-light.png", "crash-light.png", "dead-letters-light.png", "state-light.png", "live-light.png")


def keep(source: Path, target: Path) -> None:
    """Copy it; a picture with the 256 colours that cover its own best is a third of the size, and looks the same."""
    if source.suffix == ".png":
        colours = Image.Quantize.MAXCOVERAGE  # others join the few green points of a word with the many grey ones
        Image.open(source).convert("RGB").quantize(256, method=colours, dither=Image.Dither.NONE).save(target)
    else:
        shutil.copyfile(source, target)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        tests = [str(ROOT / "tests" / "browser" / name) for name in TESTS]
        command = [sys.executable, "-m", "pytest", "-q", "-s", *tests]
        subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, "WORKBENCH_PICTURES": folder}, timeout=600)
        for name in (*SHOWN, *(f"tutorial-{name}" for name in IN_TUTORIALS)):
            keep(Path(folder) / name, ROOT / "notebooks" / "images" / f"panel-{name.removeprefix('tutorial-')}")
