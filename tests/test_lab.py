"""``workbench lab``: a real JupyterLab on a copy of the tutorials."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from workbench.cli import main
from workbench.cli.lab import copy_tutorials, tutorials

DEADLINE = 60


@pytest.fixture
def port() -> int:
    """A free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found: int = free.getsockname()[1]
        return found


@pytest.fixture(params=[["--no-browser"], []], ids=["no browser", "browser"])
def lab(request: pytest.FixtureRequest, tmp_path: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """The command, running in a folder of its own; a browser would note there what it is asked to open."""
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opening && mv {tmp_path}/opening {tmp_path}/opened\n')
    browser.chmod(0o755)
    command = [sys.executable, "-m", "workbench", "lab", *request.param, "--port", str(port)]
    home, runtime = str(tmp_path / "home"), str(tmp_path / "runtime")
    environment = {**os.environ, "HOME": home, "JUPYTER_RUNTIME_DIR": runtime, "BROWSER": str(browser)}
    piped = subprocess.PIPE
    with subprocess.Popen(command, cwd=tmp_path, env=environment, text=True, stdout=piped, stderr=piped) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(DEADLINE)


def test_the_url_that_is_printed_shows_the_tutorials(
    lab: subprocess.Popen[str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """One line on standard output; the server behind it serves the copy, which is writable; a browser opens it.

    Root may do it too, and is told what that means.
    """
    assert lab.stdout is not None
    assert lab.stderr is not None
    url = lab.stdout.readline().strip()
    with urlopen(url.replace("/lab?", "/api/contents?"), timeout=DEADLINE) as answer:
        content = json.load(answer)["content"]
    served = {entry["name"]: entry["writable"] for entry in content if entry["type"] == "notebook"}
    assert served == {path.name: True for path in tutorials().glob("*.ipynb")}
    assert (tmp_path / "workbench-tutorials" / "01_first_udf.ipynb").is_file()
    if "no browser" not in request.node.name:
        until = time.monotonic() + DEADLINE
        while not (tmp_path / "opened").is_file() and time.monotonic() < until:
            time.sleep(0.05)
    assert (tmp_path / "opened").is_file() == ("no browser" not in request.node.name)
    said = [lab.stderr.readline() for _ in range(2)]
    assert said[0].startswith("tutorials: ")
    assert said[1].startswith("running as root: ") == (os.geteuid() == 0)


def test_what_a_reader_wrote_is_kept(tmp_path: Path) -> None:
    """Only what is missing is copied, again and again."""
    count = copy_tutorials(tutorials(), tmp_path / "mine")
    first, *_ = sorted((tmp_path / "mine").glob("*.ipynb"))
    first.write_text("mine")
    (tmp_path / "mine" / "02_crashes_and_restarts.ipynb").unlink()
    assert count > 1
    assert copy_tutorials(tutorials(), tmp_path / "mine") == 1
    assert first.read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the way out."""
    (tmp_path / "file").write_text("")
    assert main(["lab", "--dir", str(tmp_path / "file")]) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"error: {tmp_path / 'file'}: File exists",
        "  name another folder with --dir",
    ]


@pytest.mark.parametrize("variable", ["BINDER_SERVICE_HOST", "JUPYTERHUB_SERVICE_PREFIX"])
def test_in_binder_jupyter_runs_already(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No second server is started; the tutorials are there."""
    monkeypatch.setenv(variable, "/user/somebody/")
    assert main(["lab", "--dir", str(tmp_path / "mine")]) == 0
    assert "this Jupyter is running already" in capsys.readouterr().err
    assert (tmp_path / "mine" / "01_first_udf.ipynb").is_file()
