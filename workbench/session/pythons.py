"""The Pythons that a SQL function can run in: their versions, as SHOW PYTHON VERSIONS lists them, and their packages.

The invariant: one is listed only after it has answered and has pyarrow, without which no function runs. Left out on
purpose: making environments, and what is wrong with the others (`workbench.session.doctor`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from workbench.environments import installed
from workbench.session.ask import ask

_ASK: Final = """
import json, platform, sys
from importlib import metadata
packages = {}
for found in metadata.distributions():
    name = found.metadata["Name"]
    if name:
        packages.setdefault(name, found.version)
print(json.dumps({
    "implementation": platform.python_implementation(),
    "version": platform.python_version(),
    "venv": sys.prefix != sys.base_prefix,
    "prefix": sys.prefix,
    "packages": packages,
}))
"""


@dataclass(frozen=True, slots=True)
class Python:
    """``version`` is ``3.11.9``; ``prefix`` is the folder of its installation; ``packages`` are versions by name."""

    path: str
    version: str
    prefix: str
    is_venv: bool
    packages: Mapping[str, str]

    @property
    def minor(self) -> str:
        """``3.11``."""
        return ".".join(self.version.split(".")[:2])


def pythons(paths: Iterable[str] | None = None) -> list[Python]:
    """Those of ``paths`` that can run functions, in order; by default all that are installed, our own first."""
    asked = ask(tuple(installed() if paths is None else paths), _ASK)
    found = [
        Python(path, answer["version"], answer["prefix"], answer["venv"], answer["packages"])
        for path, answer in asked
        if isinstance(answer, dict) and answer["implementation"] == "CPython"
    ]
    return [python for python in found if "pyarrow" in python.packages]
