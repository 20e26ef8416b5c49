"""Write ``binder/requirements.txt``: ``python tests/tools/make_binder.py``, where the notebooks were executed.

It pins what pyproject.toml names, and what a kernel and numpy's users see, at the versions that are installed here.
"""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PINS: Final = ROOT / "binder" / "requirements.txt"
BESIDE: Final = ("ipykernel", "numpy")
"""Not named by us, and yet what a notebook's outputs depend on."""

HEAD: Final = """\
# What the notebooks were last executed with; what may be newer is said in pyproject.toml.
# Written by: python tests/tools/make_binder.py
"""


def needed() -> dict[str, str]:
    """The requirements of pyproject.toml by name, as text."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {re.split(r"[\s<>=!~;\[]", text, maxsplit=1)[0]: text for text in project["dependencies"]}


def pins() -> str:
    """The file's text."""
    names = sorted({*needed(), *BESIDE}, key=str.lower)
    return HEAD + "".join(f"{name}=={metadata.version(name)}\n" for name in names)


if __name__ == "__main__":
    PINS.write_text(pins())
