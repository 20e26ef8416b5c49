"""Doris: the statement that registers the function, and what the cluster lacks, needs or does otherwise.

Left out on purpose: the statement itself (`workbench.sql.ddl`) and running it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from workbench.errors import UsageProblem
from workbench.functions import forbidden_module
from workbench.functions.imports import distributions
from workbench.sql.ddl import Written, check_url, write_function
from workbench.targets.packages import lacking
from workbench.targets.parts import Difference, Handover, Step


def shipped(handover: Handover) -> tuple[tuple[Step, ...], tuple[Difference, ...], Mapping[str, bytes]]:
    """Doris as shipped: inline code, or a zip where the cluster can fetch it."""
    return _parts(handover, "doris")


def proposed(handover: Handover) -> tuple[tuple[Step, ...], tuple[Difference, ...], Mapping[str, bytes]]:
    """Doris as it was proposed in pull 56877: always a zip."""
    return _parts(handover, "doris-proposal")


def _parts(handover: Handover, dialect: str) -> tuple[tuple[Step, ...], tuple[Difference, ...], Mapping[str, bytes]]:
    spec = handover.spec
    check_url(handover.where)
    try:
        written = write_function(spec, source=handover.source, dialect=dialect, file=handover.where)
    except UsageProblem as problem:
        text = str(problem.args[0]) if problem.args else str(problem)
        return (), (Difference("refused", f"{text}; {problem.hint}" if problem.hint else text),), {}
    files = {} if written.file is None else {f"{spec.name}.zip": handover.package}
    steps = [Step("copy the package to where every server can read it", f"{name} → {written.file}") for name in files]
    steps.append(Step("run this in Doris", written.statement.rstrip("\n"), f"{spec.name}.sql"))
    return tuple(steps), (*_refused(handover, written), *_different(handover, written)), files


def _refused(handover: Handover, written: Written) -> Iterator[Difference]:
    symbol = handover.spec.symbol or ""
    if written.file is not None and "." in symbol and (reason := forbidden_module(symbol)) is not None:
        yield Difference("refused", f"{reason}; rename the file or folder")


def _different(handover: Handover, written: Written) -> Iterator[Difference]:
    for note in written.notes:
        yield Difference("different", note)
    if written.runtime_version is not None:
        yield Difference(
            "note", f"the cluster must have Python {written.runtime_version}: SHOW PYTHON VERSIONS lists what it has"
        )
    yield from _packages(handover, written.runtime_version)


def _packages(handover: Handover, python: str | None) -> Iterator[Difference]:
    own = {PurePosixPath(path).parts[0].removesuffix(".py") for path in handover.code}
    asked = handover.spec.requirements
    named = {canonicalize_name(Requirement(one).name) for one in asked}
    imported = [one for one in distributions(handover.code.values(), own) if canonicalize_name(one) not in named]
    needed = sorted([*imported, *asked])
    if handover.packages is not None:
        found = lacking(needed, handover.packages, python)
        yield from (Difference("different", f"that Python of the cluster: {one}") for one in found)
        if not found:
            yield Difference("note", f"that Python has what is needed: {', '.join(needed) or 'nothing'}")
    elif needed:
        yield Difference(
            "note",
            f"that Python must have {', '.join(needed)}: SHOW PYTHON PACKAGES IN '{python or 'x.y.z'}' lists what it "
            "has",
        )
