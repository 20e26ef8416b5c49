"""Asking a function: runs within the time, faults and differences made small and noted.

The invariant: a fault is a finding once; what is noted was seen, also if there was no time to make it smaller. Left
out on purpose: which questions are asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from workbench.checking import code, faults
from workbench.checking.compare import NEAR, same
from workbench.checking.found import Check, Finding
from workbench.checking.shrink import shrink
from workbench.checking.trial import Answer, Row, Setup, Trial, column_names, table_of
from workbench.errors import UsageProblem
from workbench.functions import FunctionSpec

if TYPE_CHECKING:
    from workbench.checking.generate import Generator

WHOLE: Final = Setup()
"""All rows in one batch, one worker; the first failure ends the run."""

SHRINK_PART: Final = 0.2
"""Of the time for all: how much may go into making one finding smaller."""


class Over(Exception):
    """Nothing more can be tried; the text says why."""


class Step(NamedTuple):
    """One thing to try; ``do`` returns why it was left out, "" if it was not."""

    kind: str
    text: str
    do: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Variation:
    """Another way to run the same rows, with the same result; ``text`` is the finding if it has another one.

    ``setup`` is made for a number of rows, ``arrange`` is their order; ``reference`` is what it is compared with.
    """

    kind: str
    text: str
    setup: Callable[[int], Setup]
    arrange: Callable[[list[Row]], list[Row]] = list
    reference: Setup = WHOLE
    near: float = 0.0
    random: bool = False
    """The values are others each time, and say nothing."""


class Probe:
    """Asks one function, and notes in ``check`` what was found. ``rows`` and ``runs`` count since they were set."""

    def __init__(self, spec: FunctionSpec, trial: Trial, generator: Generator, check: Check, seconds: float) -> None:
        self.spec, self.generator, self.check = spec, generator, check
        self.rows = self.runs = 0
        self._trial, self._seconds = trial, seconds
        self._until = time.monotonic() + seconds
        self._known: set[str] = set()
        self._returns = str(spec.signature.returns) if spec.signature is not None else ""

    def run(self, rows: Sequence[Row], setup: Setup = WHOLE) -> Answer:
        """Run some rows. Raises Over instead of beginning too late."""
        if time.monotonic() >= self._until:
            raise Over("the time was up")
        self.rows += len(rows)
        self.runs += 1
        return self._ask(rows, setup)

    def _ask(self, rows: Sequence[Row], setup: Setup) -> Answer:
        return self._trial(table_of(self.spec, rows), setup)

    # -- faults --------------------------------------------------------------------------------------------------------

    def fault(
        self,
        rows: Sequence[Row],
        fault: faults.Fault,
        setup: Setup,
        *,
        beside: Sequence[Row] = (),
        smaller: bool = True,
    ) -> None:
        """Note a failure of these rows, unless it is known; of those ``beside`` them if they alone do not show it.

        Raises Over for one that no rows are to blame for, as every other question would get the same answer.
        """
        if fault.key in self._known:
            return
        self._known.add(fault.key)

        seen = fault

        def fails(tried: list[Row]) -> bool:
            nonlocal seen
            found = first_fault(self._ask(tried, setup))
            if found is None or found.key != fault.key:
                return False
            seen = found
            return True

        def note(small: list[Row]) -> None:
            expected = faults.EXPECTED[fault.kind].format(returns=self._returns)
            self.finding(fault.kind, fault.sentence(self._returns), small, setup, expected=expected, got=seen.said)

        if fault.kind == "load":
            note([])
            raise Over("it cannot be loaded")
        if smaller:
            self._shrunk(list(rows), list(beside or rows), fails, note)
        else:
            note(list(rows))

    def _shrunk(
        self,
        rows: list[Row],
        beside: list[Row],
        fails: Callable[[list[Row]], bool],
        note: Callable[[list[Row]], None],
    ) -> None:
        """Note the smallest rows that fail, also if the search for them is interrupted."""
        until = min(self._until, time.monotonic() + SHRINK_PART * self._seconds)
        smallest = beside

        def remembered(tried: list[Row]) -> bool:
            nonlocal smallest
            try:
                failed = fails(tried)
            except UsageProblem:  # a value that is none of its type, as half a JSON text
                return False
            smallest = tried if failed else smallest
            return failed

        try:
            begin = rows if remembered(rows) else beside
            shrink(begin, remembered, self.generator.simpler, lambda: time.monotonic() < until)
        finally:
            note(smallest)

    def finding(
        self, kind: str, text: str, rows: Sequence[Row], setup: Setup = WHOLE, *, expected: str, got: str
    ) -> None:
        """Note a finding as it is."""
        self._known.add(kind)
        names = column_names(self.spec)
        shown = [dict(zip(names, row, strict=True)) for row in rows]
        twice = "  # twice" if kind == "again" else ""
        call = f"{code.call(self.spec, rows, setup)}{twice}"
        self.check.findings.append(Finding(kind, text, shown, expected, got, call))

    def note(self, text: str) -> None:
        """Say something that is no fault, once."""
        self.check.notes += [text] if text not in self.check.notes else []

    # -- differences ---------------------------------------------------------------------------------------------------

    def vary(self, rows: list[Row], variation: Variation) -> bool:
        """Whether the variation gives the same. If not, that is noted, small, unless it is known."""
        expected = self.run(rows, variation.reference)
        got = self.run(variation.arrange(rows), variation.setup(len(rows)))
        if _agree(expected, got, 0.0):
            return True
        if _agree(expected, got, variation.near):
            self.note(f"{variation.kind}: equal within a relative {NEAR:g} only: floats were added in another order")
            return True
        if variation.kind in self._known:
            return False
        self._known.add(variation.kind)
        seen = expected, got

        def fails(tried: list[Row]) -> bool:
            nonlocal seen
            left = self._ask(tried, variation.reference)
            right = self._ask(variation.arrange(tried), variation.setup(len(tried)))
            if _agree(left, right, variation.near):
                return False
            seen = left, right
            return True

        def note(small: list[Row]) -> None:
            wanted, found = ("the same results", "others") if variation.random else map(_said, seen)
            setup = variation.setup(len(small))
            self.finding(variation.kind, variation.text, variation.arrange(small), setup, expected=wanted, got=found)

        self._shrunk(rows, rows, fails, note)
        return False


def first_fault(answer: Answer) -> faults.Fault | None:
    """The fault that an answer shows, if any."""
    if answer.failures:
        return faults.of_row(answer.failures[min(answer.failures)])
    return faults.of_run(answer.error) if answer.error is not None else None


def _agree(expected: Answer, got: Answer, near: float) -> bool:
    """Whether two answers are the same. One without a result says nothing against another way to run."""
    if first_fault(expected) is not None:
        return True
    return first_fault(got) is None and same(list(expected.values), list(got.values), near=near)


def _said(answer: Answer) -> str:
    fault = first_fault(answer)
    return code.shown(answer.values) if fault is None else fault.said
