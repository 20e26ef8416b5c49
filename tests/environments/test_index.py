"""How uv is told what pip is configured to do, by files and variables, unless uv has a configuration of its own."""

from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from workbench.environments.index import variables


@pytest.fixture(autouse=True)
def _no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The configuration of whoever runs the tests is elsewhere."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    monkeypatch.setattr(platformdirs, "site_config_dir", lambda _: str(tmp_path / "site"))
    monkeypatch.setattr(platformdirs, "user_config_dir", lambda _: str(tmp_path / "user"))


def write(path: Path, text: str) -> str:
    """A file of pip's."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return str(path)


def test_files_then_variables(tmp_path: Path) -> None:
    """The later wins: a section over another, one file over another, variables over all; of several values each."""
    write(tmp_path / "user" / "pip.conf", "[global]\nfind-links = /one\nindex-url = http://a.example\n")
    file = write(
        tmp_path / "pip.conf",
        "[global]\nextra_index_url = http://b.example\n  http://c.example\n[install]\nfind-links = /two\n  /three\n",
    )
    assert variables({"PIP_CONFIG_FILE": file, "PIP_INDEX_URL": "http://d.example", "PIP_CERT": "/ca.pem"}) == {
        "UV_DEFAULT_INDEX": "http://d.example",
        "UV_INDEX": "http://b.example http://c.example",
        "UV_FIND_LINKS": "/two,/three",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "SSL_CERT_FILE": "/ca.pem",
    }


@pytest.mark.parametrize("name", ["UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_FIND_LINKS", "UV_CONFIG_FILE"])
def test_what_uv_is_told_holds(name: str) -> None:
    """What pip is told is not mixed into it."""
    assert variables({name: "x", "PIP_INDEX_URL": "http://d.example"}) == {}


def test_what_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    """Pip complains about its own files; a variable that is there is left alone."""
    file = write(tmp_path / "pip.conf", "no section\n")
    assert variables({"PIP_CONFIG_FILE": file, "PIP_CERT": "/ca.pem", "SSL_CERT_FILE": "/other.pem"}) == {}
