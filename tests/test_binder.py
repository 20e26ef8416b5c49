"""Binder: what ``binder/`` says is enough to run the tutorials, and agrees with pyproject.toml."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement

sys.path.insert(0, str(Path(__file__).parent / "tools"))
from make_binder import BESIDE, PINS, ROOT, needed

PINNED: Final = {
    line.partition("==")[0]: line.partition("==")[2]
    for line in PINS.read_text().splitlines()
    if not line.startswith("#")
}


def test_each_requirement_is_pinned_at_a_version_that_it_allows() -> None:
    """No more and no less; ``python tests/tools/make_binder.py`` writes the file anew."""
    assert set(PINNED) == {*needed(), *BESIDE}
    for name, text in needed().items():
        assert Requirement(text).specifier.contains(PINNED[name]), f"{text} does not allow {name} {PINNED[name]}"


def test_the_python_is_one_that_is_allowed() -> None:
    """And is named as repo2docker reads it."""
    name, _, version = (ROOT / "binder" / "runtime.txt").read_text().strip().partition("-")
    assert name == "python"
    assert tuple(map(int, version.split("."))) >= (3, 11)


@pytest.mark.timeout(600)
def test_the_steps_of_repo2docker_give_a_workbench_that_runs(tmp_path: Path) -> None:
    """In a fresh virtual environment and a fresh copy: pins, then postBuild, then the main job and the magics."""
    copy, fresh = tmp_path / "copy", tmp_path / "venv"
    copy.mkdir()
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).symlink_to(ROOT / name)
    venv.create(fresh, with_pip=True)
    path = f"{fresh / 'bin'}{os.pathsep}{os.environ['PATH']}"
    hidden = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    environment |= {"PATH": path, "WORKBENCH_HOME": str(tmp_path / "home")}
    for command in (
        ["pip", "install", "--quiet", "-r", "binder/requirements.txt"],
        ["binder/postBuild"],
        ["workbench", "demo"],
        [
            "python",
            "-c",
            "from IPython.testing.globalipapp import start_ipython as s; s().run_line_magic('load_ext', 'workbench')",
        ],
    ):
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
