"""A canary: a secret that is there while all tests run, and must be found in nothing that any of them leaves or prints.

Its value is in a variable of this process, so also of kernels and shells that tests start: whoever writes down the
environment, or gives it to a worker that prints it, is found. Tests of secrets hand it to workers and look for every
piece of eight characters (`assert_hidden`); of all others what they print is looked through, and in the end the files
that they left. Left out on purpose: what uv installed, and files above `MOST_BYTES`.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Final

import pytest

import workbench as wb
from workbench.errors import WorkbenchError, details

CANARY: Final = "kanarienvogel-" + "0123456789abcdef" * 8 + "\n-fliegt-'weit'"
"""Longer than any place where texts are cut, of two lines, and with a quote."""

TELLS = """import os, sys
KEY = os.environ["API_KEY"]
if os.environ.get("AT_START"):
    raise ValueError(KEY)

def f(a):
    key, short, cut = KEY, [KEY], {KEY: KEY}
    print("log", KEY, flush=True)
    print(repr(KEY), file=sys.stderr, flush=True)
    print("x" * 4080 + KEY, flush=True)
    if a == 1:
        raise ValueError("bad key " + KEY)
    if a == 2:
        raise type("Odd" + KEY.splitlines()[0].replace("-", "_"), (Exception,), {})(a)
    if a == 3:
        os._exit(3)
    return KEY if a == 4 else len(KEY)
"""
SUM = """import os
class Keys:
    def __init__(self):
        self.keys = [os.environ["API_KEY"]]
    @property
    def aggregate_state(self):
        return self.keys
    def accumulate(self, a):
        self.keys.append(os.environ["API_KEY"])
    def merge(self, other):
        self.keys += other
    def finish(self):
        return len(self.keys)
"""
MOST_BYTES: Final = 20_000_000
SIGNS: Final = ("kanarienvogel", "fliegt-'weit'")
"""Of the canary's beginning and end: nothing else says so."""


def pytest_configure() -> None:
    """Let it be there from now on."""
    os.environ["CANARY"] = CANARY


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that printed it."""
    report = yield
    if report.passed and any(sign in text for _, text in report.sections for sign in SIGNS):
        report.outcome, report.longrepr = "failed", "the canary is in what was printed"
    return report


@pytest.fixture(scope="session", autouse=True)
def _no_file_has_it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Look through the files of all tests in the end."""
    yield
    for path in _files(tmp_path_factory.getbasetemp()):
        data = path.read_bytes()
        assert not any(sign.encode() in data for sign in SIGNS), f"the canary is in {path}"


def _files(folder: Path) -> Iterator[Path]:
    for at, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in ("environments", "uv-cache")]
        for path in (Path(at, name) for name in names):
            if path.is_symlink():  # what a test points to is not what it left
                continue
            if path.is_file() and os.access(path, os.R_OK) and path.stat().st_size < MOST_BYTES:
                yield path


def contents(folder: Path) -> Iterator[str]:
    """Names and contents of the files of a test, and of what is in their zips."""
    for path in _files(folder):
        yield str(path)
        yield path.read_bytes().decode("latin-1")
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as packed:
                yield from (packed.read(name).decode("latin-1") for name in packed.namelist())


@pytest.fixture
def env() -> dict[str, str | wb.Secret]:
    """A variable of a function that is a secret."""
    return {"API_KEY": wb.Secret("CANARY")}


def said_by(error: BaseException) -> Iterator[str]:
    """All that an error can say."""
    yield f"{error} {error!r} {error.args} {getattr(error, '__notes__', '')}"
    if isinstance(error, WorkbenchError):
        yield repr(details(error))
    if error.__cause__ is not None:
        yield from said_by(error.__cause__)


def assert_hidden(texts: Iterable[str]) -> None:
    """Nothing of the secret is in them: no piece of eight characters."""
    for text in texts:
        for start in range(len(CANARY) - 8):
            piece = CANARY[start : start + 8]
            assert piece not in text, f"{piece!r} in {text[max(0, text.find(piece) - 200) : text.find(piece) + 40]!r}"
