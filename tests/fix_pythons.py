"""Other CPythons to run workers in, and a summary that says which of them were used and which were not there.

They are looked for in the variable WORKBENCH_TEST_PYTHONS (executables, joined as in PATH), then as ``python3.X`` on
PATH; one without pyarrow cannot host a function. Left out on purpose: installing any (`.ci/pythons` does).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import Final, NamedTuple

import pytest

from workbench import Workbench

VERSIONS: Final = ("3.8", "3.10", "3.12", "3.13")

_ASK: Final = """import sys, pyarrow
try:
    import pandas
    print("%d.%d" % sys.version_info[:2], sys.version.split()[0], pyarrow.__version__, pandas.__version__)
except ImportError:
    print("%d.%d" % sys.version_info[:2], sys.version.split()[0], pyarrow.__version__, "none")
"""


class Python(NamedTuple):
    """An interpreter that can host functions. ``pandas`` is "none" where it is missing."""

    executable: str
    version: str
    full: str
    pyarrow: str
    pandas: str

    def __str__(self) -> str:
        return f"{self.full} with pyarrow {self.pyarrow}, pandas {self.pandas}"


_FOUND: Final = pytest.StashKey[dict[str, Python]]()
_USED: Final = pytest.StashKey[set[str]]()


def find_pythons() -> dict[str, Python]:
    """The first interpreter of each version that has pyarrow."""
    given = os.environ.get("WORKBENCH_TEST_PYTHONS", "").split(os.pathsep)
    on_path = [shutil.which(f"python{version}") for version in VERSIONS]
    found: dict[str, Python] = {}
    for executable in filter(None, [*given, *on_path]):
        asked = subprocess.run(
            [executable, "-c", _ASK], capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL
        )
        if asked.returncode == 0:
            python = Python(executable, *asked.stdout.split())
            found.setdefault(python.version, python)
    return found


@pytest.fixture(scope="session")
def pythons(pytestconfig: pytest.Config) -> dict[str, Python]:
    """The interpreters that there are, by version."""
    found = pytestconfig.stash[_FOUND] = find_pythons()
    pytestconfig.stash[_USED] = set()
    return found


@pytest.fixture(scope="module", params=VERSIONS)
def python(
    request: pytest.FixtureRequest, pythons: dict[str, Python], pytestconfig: pytest.Config, shared: Workbench
) -> Python:
    """Each version in turn; skipped, with a line in the summary, where it is not there.

    A first function was run and dropped, as in `shared`: workers of that version are forked from then on.
    """
    version: str = request.param
    if version not in pythons:
        pytest.skip(f"no CPython {version} with pyarrow (WORKBENCH_TEST_PYTHONS, python{version} on PATH)")
    found = pythons[version]
    shared.register("def evaluate():\n    return 1\n", "first() -> INT", python=found.executable).call()
    shared.drop("first")
    pytestconfig.stash[_USED].add(version)
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Which versions workers ran under. Said even if all is well, so that a log proves it."""
    if _FOUND not in config.stash:
        return
    found, used = config.stash[_FOUND], config.stash[_USED]
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    terminalreporter.section("workers under other Pythons", sep="-")
    for version in VERSIONS:
        if version in used:
            line = f"CPython {found[version]}: tested"
        else:
            line = f"CPython {version}: " + ("there, but not selected" if version in found else "NOT FOUND, not tested")
        terminalreporter.write_line(line)
    terminalreporter.write_line(f"all other tests: {own} ({sys.version.split()[0]})")
