"""What is installed in a Python of a Doris cluster, and what of that does not do for a function.

A requirement is read as pip reads it; what is only imported may have any version. Left out on purpose: asking a
cluster, and what the packages themselves require.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import pandas as pd
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from workbench.errors import UsageProblem

Packages = pd.DataFrame | str | Path
"""What SHOW PYTHON PACKAGES answered: a frame, or the path of a file."""

_COLUMNS: Final = ("Package", "Version")
_BETWEEN: Final = re.compile(r"[\t,|]")


def read_packages(given: Packages) -> dict[str, str]:
    """Versions by canonical name, from what SHOW PYTHON PACKAGES gives: a frame, or a file with what a client printed.

    The file is text with its headings, of commas, of tabs, or drawn as a table. Raises UsageProblem for anything else.
    """
    if isinstance(given, pd.DataFrame):
        headings, rows, where = [str(name) for name in given.columns], given.to_numpy().tolist(), "the frame"
    elif isinstance(given, str | Path):
        headings, *rows = [*_lines(Path(given))] or [[]]
        where = str(given)
    else:
        headings, rows, where = [], [], f"the {type(given).__name__}"
    places = [heading.casefold() for heading in headings]
    if not {name.casefold() for name in _COLUMNS} <= set(places):
        raise UsageProblem(
            f"packages: {where} has no columns {' and '.join(_COLUMNS)}",
            hint="give what SHOW PYTHON PACKAGES IN 'x.y.z' answers, with its headings",
        )
    name, version = (places.index(column.casefold()) for column in _COLUMNS)
    return {canonicalize_name(str(row[name])): str(row[version]) for row in rows if len(row) == len(places)}


def _lines(path: Path) -> Iterator[list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageProblem(f"packages: cannot read {path}: {reason}", hint="name another file") from error
    for line in text.splitlines():
        bare = line.strip().strip("|")
        if bare and not bare.startswith("+-"):
            yield [cell.strip().strip('"') for cell in _BETWEEN.split(bare)]


def lacking(needed: Iterable[str], there: Mapping[str, str], python: str | None) -> list[str]:
    """What is missing or has another version than is asked for, each with what is there.

    ``needed`` are requirements or bare names. Those with a marker that does not hold in ``python`` (``3.11.9``; None:
    that of the workbench) are passed over.
    """
    environment = {} if python is None else {"python_full_version": python, "python_version": _minor(python)}
    found = []
    for one in map(Requirement, needed):
        if one.marker is not None and not one.marker.evaluate(environment):
            continue
        version = there.get(canonicalize_name(one.name))
        if version is None:
            found.append(f"{one.name}{one.specifier} is not there")
        elif not _fits(one, version):
            found.append(f"{one.name}{one.specifier} is needed, and {version} is there")
    return found


def _minor(python: str) -> str:
    return ".".join(python.split(".")[:2])


def _fits(wanted: Requirement, version: str) -> bool:
    try:
        return wanted.specifier.contains(Version(version), prereleases=True)  # what is installed was wanted by someone
    except InvalidVersion:
        return not wanted.specifier
