"""What a handover consists of, as plain data: steps to take, files to bring, and what the target does otherwise.

The invariant: a plan for what the target refuses says why and has no steps, so that nobody carries half of it out.
Left out on purpose: applying it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from workbench.errors import PackageError, UsageProblem
from workbench.functions import FunctionSpec
from workbench.targets import doris, fungi
from workbench.targets.parts import Difference, Handover, Step

_SIGNS: Final = {"refused": "✕", "different": "▲", "note": "·"}


@dataclass(frozen=True, slots=True)
class Plan:
    """How a version of a function gets to a target. ``files`` are bytes by name, to be brought there."""

    target: str
    spec: FunctionSpec
    version: int
    steps: tuple[Step, ...]
    differences: tuple[Difference, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the target takes it."""
        return not any(one.grade == "refused" for one in self.differences)

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """The plan as text."""
        shown = self.spec.signature or self.spec.name
        lines = [f"{shown}  {self.spec.kind.upper()}  v{self.version}  for {self.target}"]
        lines.append("nothing has been applied; these are the steps:" if self.ok else "it cannot be handed over:")
        for number, step in enumerate(self.steps, 1):
            lines += ["", f"{number}. {step.title}", *(f"   {line}".rstrip() for line in step.text.splitlines())]
        if self.differences:
            lines += ["", "what to know:"] if self.ok else [""]
            lines += [f"  {_SIGNS[one.grade]} {one.grade}: {one.text}" for one in self.differences]
        return lines

    def write(self, folder: Path) -> list[Path]:
        """Write the files, and each step that is SQL or YAML, into ``folder``; returns what was written.

        Raises UsageProblem for a plan that the target refuses, and PackageError where nothing can be written.
        """
        if not self.ok:
            raise UsageProblem(f"{self.spec.name} cannot be handed over to {self.target}", hint="look at the plan")
        texts = {step.file: f"{step.text}\n".encode() for step in self.steps if step.file is not None}
        written = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, data in {**self.files, **texts}.items():
                (folder / name).write_bytes(data)
                written.append(folder / name)
        except OSError as error:
            raise PackageError(f"cannot write {folder}: {error.strerror}", hint="name another folder") from error
        return written


Target = Literal["doris", "doris-proposal", "fungi"]
Parts = tuple[tuple[Step, ...], tuple[Difference, ...], Mapping[str, bytes]]
TARGETS: Final[Mapping[str, Callable[[Handover], Parts]]] = {
    "doris": doris.shipped,
    "doris-proposal": doris.proposed,
    "fungi": fungi.pipeline,
}


def plan(target: str, handover: Handover) -> Plan:
    """The plan of a target. Raises UsageProblem for a target that is not known."""
    make = TARGETS.get(target)
    if make is None:
        raise UsageProblem(f"there is no target {target!r}", hint=f"choose one of {', '.join(TARGETS)}")
    steps, differences, files = make(handover)
    if any(one.grade == "refused" for one in differences):
        steps, files = (), {}
    return Plan(target, handover.spec, handover.version, steps, differences, files)
