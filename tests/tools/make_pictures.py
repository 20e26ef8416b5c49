"""Take the pictures and the film of README.md from the browser tests: needs Debian's chromium, run by hand.

python tests/tools/make_pictures.py
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHOWN = ("output-light.png", "output-dark.png", "history-light.png", "history-dark.png", "film.webp")

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        tests = [str(ROOT / "tests" / "browser" / name) for name in ("test_panel.py", "film.py")]
        command = [sys.executable, "-m", "pytest", "-q", "-s", *tests]
        subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, "WORKBENCH_PICTURES": folder}, timeout=400)
        for name in SHOWN:
            shutil.copyfile(Path(folder) / name, ROOT / "notebooks" / "images" / f"panel-{name}")
