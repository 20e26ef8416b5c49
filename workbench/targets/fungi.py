"""Fungi: a script's zip in the layout of the guide, and the pipeline's YAML that runs it as an operator.

Left out on purpose: reading such a pipeline (`workbench.fungi`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import yaml

from workbench.errors import UsageProblem
from workbench.functions import FunctionSpec
from workbench.functions.imports import distributions
from workbench.targets.parts import Difference, Handover, Step


def pipeline_yaml(spec: FunctionSpec, source: str) -> str:
    """The YAML that runs a script as an operator; ``source`` is where its package (a zip) or its file will be.

    Raises UsageProblem for a function that is no script.
    """
    if spec.kind != "script":
        raise UsageProblem(
            f"{spec.name} is a {spec.kind}; an operator of Fungi is a script that reads stdin",
            hint="ddl writes the SQL that registers it in Doris",
        )
    transform: dict[str, Any] = {"type": "python", "source": source}
    if source.lower().endswith(".zip"):
        parts = PurePosixPath(spec.entry).parts
        transform["entry"] = "/".join(parts[1:] or parts)
    if spec.python is not None:
        transform["python"] = spec.python
    if spec.env:
        transform["env"] = dict(sorted(spec.env.items()))
    text: str = yaml.safe_dump({"transform": transform}, sort_keys=False, allow_unicode=True)
    return text


def pipeline(handover: Handover) -> tuple[tuple[Step, ...], tuple[Difference, ...], Mapping[str, bytes]]:
    """The zip beside the pipeline, and the YAML."""
    spec = handover.spec
    name = f"{spec.name}.zip"
    try:
        text = pipeline_yaml(spec, handover.where or name)
    except UsageProblem as problem:
        return (), (Difference("refused", str(problem.args[0])),), {}
    steps = (
        Step("copy the package beside the pipeline", f"{name} → {handover.where or name}"),
        Step("put this into the pipeline", text.rstrip("\n"), f"{spec.name}.yaml"),
    )
    own = {part for path in handover.code for part in PurePosixPath(path.removesuffix(".py")).parts}
    needed = sorted({"pyarrow", *distributions(handover.code.values(), own), *spec.requirements})
    return steps, (Difference("note", f"the Python there must have {', '.join(needed)}"),), {name: handover.package}
