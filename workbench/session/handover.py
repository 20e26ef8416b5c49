"""From a registered version to a plan for a target. Left out on purpose: what a plan says (`workbench.targets`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import UsageProblem
from workbench.packaging import MANIFEST, read_zip
from workbench.targets import Handover, Packages, Plan, plan, read_packages

if TYPE_CHECKING:
    from workbench.session.function import Function


def plan_of(function: Function, target: str, where: str | None, packages: Packages | None) -> Plan:
    """See `Function.plan`."""
    if packages is not None and target == "fungi":
        raise UsageProblem("packages are those of a Doris cluster", hint="leave packages (--packages) out for fungi")
    return plan(target, handover_of(function, where, packages))


def handover_of(function: Function, where: str | None = None, packages: Packages | None = None) -> Handover:
    """What all targets are told of a function. It reads the package as a whole: 10 ms a megabyte."""
    package = read_zip(function.package_path)
    files = [name for name in package.files if name != MANIFEST]
    code = {name: package.read(name).decode("utf-8", "replace") for name in files if name.endswith(".py")}
    source = function.source if len(files) == 1 else None
    there = None if packages is None else read_packages(packages)
    return Handover(function.spec, function.version, package.data, source, code, where, there)
