"""A real JupyterLab on a free port with a real Chromium in front of it, both with a root folder of their own.

The invariant: nothing leaves the machine, which the page checks for each request; nothing outlives the tests. Without
Chromium the tests are skipped and say how to install it. Left out on purpose: what a test does with the page.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import nbformat
import pytest

SECONDS: Final = 40
"""A deadline: JupyterLab's start and a page's loading take 2 to 5 on a quiet machine."""

PATIENCE: Final = 20_000
"""Milliseconds that the page may take for one step."""

INSTALL: Final = "no Chromium: apt-get install chromium"

EXTENSIONS: Final = ("apputils-extension:announcements", "extensionmanager-extension:plugin")
"""Parts of JupyterLab that ask other machines."""

SPOKEN_BY_LAB: Final = ("Failed to load resource", "SharedWorker", "[Warning]", "Error: widget model not found")
"""Beginnings of what JupyterLab itself writes into the console as errors, the last when a kernel is gone."""


Picture = Callable[[Any, str], None]
"""Keep a picture of a part of the page under a name."""


@dataclass(frozen=True)
class Lab:
    """A running server; notebooks are files in ``root``."""

    url: str
    root: Path

    def write(self, name: str, *cells: str) -> None:
        """A notebook with these code cells."""
        made = [nbformat.v4.new_code_cell(text) for text in cells]  # type: ignore[no-untyped-call]
        kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
        notebook = nbformat.v4.new_notebook(cells=made, metadata=kernel)  # type: ignore[no-untyped-call]
        nbformat.write(notebook, self.root / name)  # type: ignore[no-untyped-call]

    def saved(self, name: str, text: str) -> None:
        """Wait until the notebook on the disk holds the text."""
        deadline = time.monotonic() + SECONDS
        while text not in (self.root / name).read_text(encoding="utf-8"):
            assert time.monotonic() < deadline, f"{name} was not saved"
            time.sleep(0.05)

    def end_kernels(self) -> None:
        """Shut all kernels down, with their sessions."""
        with urllib.request.urlopen(f"{self.url}/api/sessions", timeout=SECONDS) as answer:
            found = json.load(answer)
        for session in found:
            request = urllib.request.Request(f"{self.url}/api/sessions/{session['id']}", method="DELETE")
            urllib.request.urlopen(request, timeout=SECONDS).close()

    def theme(self, name: str) -> None:
        """JupyterLab Light or JupyterLab Dark, from the next loading of a page on."""
        body = json.dumps({"raw": json.dumps({"theme": name})}).encode()
        path = f"{self.url}/lab/api/settings/@jupyterlab/apputils-extension:themes"
        request = urllib.request.Request(path, data=body, method="PUT")
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            assert answer.status == 204


@dataclass
class Watched:
    """What the page did that it should not: errors in the console, requests to other machines."""

    page: Any
    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._request)

    def _console(self, message: Any) -> None:
        if message.type == "error" and not message.text.startswith(SPOKEN_BY_LAB):
            self.errors.append(message.text)

    def _request(self, request: Any) -> None:
        where = urlsplit(request.url)
        if where.scheme in ("http", "https", "ws", "wss") and where.hostname not in ("127.0.0.1", "localhost"):
            self.elsewhere.append(request.url)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab without token, news and telemetry, with all its folders in a temporary one."""
    if shutil.which("chromium") is None:
        pytest.skip(INSTALL)
    folder = tmp_path_factory.mktemp("lab")
    root = folder / "root"
    root.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    options = ["--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"]
    options += ["--ServerApp.port_retries=0", "--IdentityProvider.token=", f"--ServerApp.root_dir={root}"]
    options += ["--ServerApp.disable_check_xsrf=True", "--LabApp.news_url=None", "--LabApp.collaborative=False"]
    options += ["--LabApp.extension_manager=readonly", "--LabApp.expose_app_in_browser=True"]
    options += [f"--LabApp.{name}={folder / name}" for name in ("user_settings_dir", "workspaces_dir")]
    places = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "WORKBENCH_HOME")
    environment = {**os.environ, **{name: str(folder / name.lower()) for name in places}}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    pages = folder / "jupyter_config_dir" / "labconfig"
    pages.mkdir(parents=True)
    disabled = {f"@jupyterlab/{name}": True for name in EXTENSIONS}
    (pages / "page_config.json").write_text(json.dumps({"disabledExtensions": disabled}), encoding="utf-8")
    log = (folder / "log").open("wb")
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *options], env=environment, stdout=log, stderr=log, start_new_session=True
    )
    try:
        _wait_for(url, server, folder / "log")
        yield Lab(url, root)
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(SECONDS)
        finally:
            server.kill()
            server.wait()
            log.close()


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            urllib.request.urlopen(f"{url}/api", timeout=SECONDS).close()
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"JupyterLab did not start:\n{log.read_text(errors='replace')}", pytrace=False)
            time.sleep(0.05)
        else:
            return


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's Chromium, headless."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip(INSTALL)
    from playwright.sync_api import sync_playwright

    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    quiet += ["--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=quiet)
        yield chromium
        chromium.close()


@pytest.fixture
def watched(browser: Any) -> Iterator[Watched]:
    """A new page in a new profile, watched; the test fails at the end if the page did what it should not."""
    context = browser.new_context(viewport={"width": 1400, "height": 1100})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    found = Watched(page)
    yield found
    context.close()
    assert found.errors == []
    assert found.elsewhere == []


@pytest.fixture
def no_leaks() -> None:
    """Instead of the fixture that counts threads: Playwright's loop keeps some for its next task, until it ends."""


@pytest.fixture
def picture() -> Picture:
    """Keep a picture, if a folder for it was given: ``WORKBENCH_PICTURES=FOLDER``."""
    folder = os.environ.get("WORKBENCH_PICTURES")

    def keep(part: Any, name: str) -> None:
        if folder is not None:
            Path(folder).mkdir(parents=True, exist_ok=True)
            (Path(folder) / f"{name}.png").write_bytes(part.screenshot())

    return keep
