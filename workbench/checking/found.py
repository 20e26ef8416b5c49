"""What a check found, and what it tried: plain data, the same for the same function, data and seed.

Left out on purpose: how it is shown, which the notebook and the terminal do from `Check.lines` and the fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

from workbench.worker.words import counted


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault, with the smallest rows that were found to show it.

    ``kind`` is a short word: load, crash, hang, error, range, type, null, count, empty, volatile, again, process,
    batches, workers, merge, nested, order, groups or replay. ``rows`` are the arguments by name; ``call`` is the Python
    that shows it again.
    """

    kind: str
    text: str
    rows: Sequence[Mapping[str, Any]]
    expected: str
    got: str
    call: str


@dataclass(frozen=True, slots=True)
class Tried:
    """One thing that was tried, on how many rows in how many runs; ``left_out`` says why it was not, or not wholly.

    ``found`` counts the findings that came of it.
    """

    kind: str
    text: str
    rows: int = 0
    runs: int = 0
    left_out: str = ""
    found: int = 0


@dataclass(slots=True)
class Check:
    """The result of a check: `ok`, `findings`, what was `tried`, and `notes` about what is no fault.

    ``seed`` makes the same data again. ``interrupted`` says that it was ended before its time.
    """

    function: str
    version: int
    seed: int
    findings: list[Finding] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    interrupted: bool = False

    @property
    def ok(self) -> bool:
        """Whether nothing was found. See `tried` for what that means."""
        return not self.findings

    def to_pandas(self) -> pd.DataFrame:
        """One row a finding: kind, text, rows, expected, got, call."""
        return pd.DataFrame([asdict(one) for one in self.findings], columns=list(Finding.__slots__))

    def summary(self) -> str:
        """``2 findings; 7 things tried, 1 not; seed 0``."""
        count = len(self.findings)
        left = sum(bool(one.left_out) for one in self.tried)
        parts = [counted(count, "finding") if count else "nothing found"]
        parts.append(
            f"{counted(len(self.tried) - left, 'thing')} tried" + (f", {left} not or not wholly" if left else "")
        )
        parts += [f"seed {self.seed}", *(["interrupted"] if self.interrupted else [])]
        return "; ".join(parts)

    def lines(self) -> Iterator[str]:
        """The whole as text."""
        yield f"check of {self.function} v{self.version}: {self.summary()}"
        for one in self.findings:
            yield f"✕ {one.kind}: {one.text}"
            yield f"    expected  {one.expected}"
            yield f"    got       {one.got}"
            yield f"    {one.call}"
        yield "tried:"
        yield from map(tried_line, self.tried)
        yield from (f"· {note}" for note in self.notes)

    def __repr__(self) -> str:
        return "\n".join(self.lines())


def tried_line(tried: Tried) -> str:
    """``✓ workers: two workers give the same as one (120 rows, 2 runs)``; ✕ if they do not, ▲ if it is unknown."""
    count = f" ({counted(tried.rows, 'row')}, {counted(tried.runs, 'run')})" if tried.runs else ""
    left = f"; not {'wholly ' if tried.runs else ''}tried: {tried.left_out}" if tried.left_out else ""
    sign = "✕" if tried.found else "▲" if left else "✓"
    return f"{sign} {tried.kind}: {tried.text}{count}{left}"
