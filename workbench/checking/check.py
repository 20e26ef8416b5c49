"""A check from its beginning to its end: data, what each kind of function must do, findings, and how far it came.

The invariant: every thing that a kind must do is in `Check.tried`, with the reason if it was left out. An interrupt or
the end of the time keeps what was found. Left out on purpose: what the things are (`rows`, `aggregates`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workbench.checking.aggregates import aggregate_steps
from workbench.checking.found import Check, Tried
from workbench.checking.probe import Over, Probe
from workbench.checking.rows import row_steps
from workbench.checking.trial import Trial
from workbench.errors import UsageProblem
from workbench.functions import FunctionSpec

CHECK_SECONDS: Final = 20.0
"""How long a check may take: as long as one waits for it in a notebook."""


def check(
    spec: FunctionSpec,
    version: int,
    source: str,
    trial: Trial,
    *,
    seconds: float,
    seed: int,
    nulls: bool,
    values: Mapping[str | int, Any],
) -> Check:
    """See `workbench.session.Function.check`; ``trial`` runs the function, ``source`` is the text that holds it."""
    from workbench.checking.generate import Generator  # noqa: PLC0415 - Hypothesis takes 0.2 s, which only a check pays

    if not seconds > 0:
        raise UsageProblem(f"{spec.name}: seconds is {seconds}", hint="give seconds above 0, or leave it out")
    result = Check(spec.name, version, seed)
    probe = Probe(spec, trial, Generator(spec, seed=seed, nulls=nulls, values=values), result, seconds)
    why = ""
    for step in aggregate_steps(probe) if spec.kind == "udaf" else row_steps(probe, source):
        probe.rows = probe.runs = 0
        before = len(result.findings)
        left_out = why
        if not why:
            try:
                left_out = step.do()
            except Over as over:
                left_out = why = str(over)
            except KeyboardInterrupt:
                result.interrupted = True
                left_out = why = "interrupted"
        found = len(result.findings) - before
        result.tried.append(Tried(step.kind, step.text, probe.rows, probe.runs, left_out, found))
    return result
