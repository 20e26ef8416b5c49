"""A wheel is whole: what the panel loads is in it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from workbench.notebook.panel.assets import PARTS

ROOT = Path(__file__).parents[2]


def test_a_wheel_ships_the_panel(tmp_path: Path) -> None:
    """Scripts and style sheet lie beside the modules that read them; the tutorials are there, too."""
    code = f"import hatchling.build; print(hatchling.build.build_wheel({str(tmp_path)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    names = set(zipfile.ZipFile(tmp_path / done.stdout.split()[-1]).namelist())
    assert {f"workbench/notebook/panel/{name}" for name in (*PARTS, "panel.css", "panel.py")} <= names
    assert "workbench/tutorials/01_first_udf.ipynb" in names
