"""Take the pictures of README.md from the browser tests: needs Debian's chromium, run by hand.

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
SHOWN = ("output-light", "output-dark", "history-light", "history-dark")

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pytest", "-q", str(ROOT / "tests" / "browser" / "test_panel.py")]
        subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, "WORKBENCH_PICTURES": folder}, timeout=300)
        for name in SHOWN:
            shutil.copyfile(Path(folder) / f"{name}.png", ROOT / "notebooks" / "images" / f"panel-{name}.png")
