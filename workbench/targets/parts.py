"""The words that targets and plans share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from workbench.functions import FunctionSpec

Grade = Literal["refused", "different", "note"]


@dataclass(frozen=True, slots=True)
class Handover:
    """What is handed over: a version with its package (a zip), and the text of its file if it has only one.

    ``where`` is the URL or path at which the package will be, None if that is not known yet. ``code`` is the text of
    all its modules by path. ``packages`` are the versions that the target has, by canonical name; None if not known.
    """

    spec: FunctionSpec
    version: int
    package: bytes
    source: str | None
    code: dict[str, str]
    where: str | None = None
    packages: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do; ``text`` is the SQL, the YAML or the command, and ``file`` what to call it in a folder."""

    title: str
    text: str
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """What the target refuses, does otherwise, or needs (a note)."""

    grade: Grade
    text: str
