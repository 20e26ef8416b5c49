"""What a scalar or table function must do: an answer for each row, which depends on nothing but the row.

Left out on purpose: aggregates, whose answer is for all rows (`aggregates`).
"""

from __future__ import annotations

from typing import Final

from workbench.checking import faults
from workbench.checking.compare import same
from workbench.checking.probe import WHOLE, Probe, Step, Variation, first_fault
from workbench.checking.randomness import volatile_names
from workbench.checking.trial import Row, Setup
from workbench.errors import BatchTimeout
from workbench.worker.words import a, counted

EACH: Final = Setup(batch_rows=20, alone=True)
"""Batches of which the worker tells every error in full."""

ROUNDS: Final = 3
"""Batches that end the whole run, after which no more rows are tried."""


class _Rows:
    def __init__(self, probe: Probe, source: str) -> None:
        self.probe, self.source = probe, source
        self.good: list[Row] = []
        self.unstable = ""

    @property
    def immutable(self) -> bool:
        return self.probe.spec.volatility == "immutable"

    def each(self) -> str:
        """Every row: a result of the declared type, or an exception, which is a finding too."""
        rows = sound_rows(self.probe, self.probe.generator.wild() + self.probe.generator.modest())
        fault = first_fault(self.probe.run(rows)) if rows else None
        if fault is not None:
            self.probe.fault(rows, fault, WHOLE)
        self.good = [] if fault is not None else rows
        return ""

    def stable(self, kind: str, text: str, setup: Setup, reference: Setup = WHOLE) -> str:
        """The same rows once more. What a volatile function gives then is its own affair, and ends the comparisons."""
        why = self._why_not()
        if why:
            return why
        variation = Variation(kind, f"declared immutable, {text}", lambda _: setup, reference=reference, random=True)
        if self.immutable:
            self.unstable = "" if self.probe.vary(self.good, variation) else f"see the finding {kind!r}"
            return ""
        first, second = self.probe.run(self.good, reference), self.probe.run(self.good, setup)
        if not same(list(first.values), list(second.values)):
            self.unstable = f"it gives other results each time, as {a(self.probe.spec.volatility)} function may"
        return self.unstable

    def vary(self, variation: Variation) -> str:
        """Another way to run the same rows."""
        why = self._why_not()
        if not why and not self.probe.vary(self.good, variation):
            self.unstable = f"see the finding {variation.kind!r}"
        return why

    def _why_not(self) -> str:
        return self.unstable or ("" if self.good else "no row had a result, or not all of them together")

    def empty(self) -> str:
        """No rows."""
        answer = self.probe.run([])
        fault = first_fault(answer)
        if fault is not None or answer.values:
            got = fault.said if fault is not None else counted(len(answer.values), "result")
            self.probe.finding("empty", "it cannot deal with a batch without rows", [], expected="no result", got=got)
        return ""

    def volatile(self) -> str:
        """What the source calls. A finding of values that differ is the better one."""
        found = next(volatile_names(self.source), None)
        if found is not None and not self.unstable:
            line, name = found
            text = f"declared immutable, it calls {name} (line {line})"
            expected = "the same result for the same row, always"
            self.probe.finding("volatile", text, self.good[:1], expected=expected, got=f"{name}()")
        return ""


def row_steps(probe: Probe, source: str) -> list[Step]:
    """What is tried, in order."""
    of = _Rows(probe, source)
    batches = Variation("batches", "one row a batch gives another result than all rows in one", lambda _: Setup(1))
    workers = Variation(
        "workers", "two workers give another result than one", lambda count: Setup(max(1, count // 4), workers=2)
    )
    replay = Variation(
        "replay",
        "after a kill of its worker it gives another result",
        lambda count: Setup(max(1, count // 4), kill=True),
    )
    fresh = Setup(anew=True)  # one that remembers what it has seen answers differently only at first
    volatile = Step("volatile", "the source calls nothing random and no clock", of.volatile)
    return [
        Step("rows", "each row has a result of the declared type", of.each),
        Step(
            "again",
            "the same rows give the same results again",
            lambda: of.stable("again", "it gives other results for the same rows", WHOLE, fresh),
        ),
        Step(
            "process",
            "another process gives the same results",
            lambda: of.stable("process", "it gives other results in another process", fresh),
        ),
        Step("batches", "one row a batch and all rows in one give the same", lambda: of.vary(batches)),
        Step("workers", "two workers give the same as one", lambda: of.vary(workers)),
        Step("replay", "after a kill the rows that are sent again give the same", lambda: of.vary(replay)),
        Step("empty", "no rows give no results", of.empty),
        *([volatile] if of.immutable else []),
    ]


def sound_rows(probe: Probe, rows: list[Row]) -> list[Row]:
    """Try each row and note what fails; those that do not."""
    good: list[Row] = []
    for _ in range(ROUNDS):
        answer = probe.run(rows, EACH)
        ended = getattr(answer.error, "batch", None) if answer.error is not None else None
        size = EACH.batch_rows or 1
        reached = len(rows) if answer.error is None else size * (ended or 0)
        good += [row for index, row in enumerate(rows[:reached]) if index not in answer.failures]
        for index, info in sorted(answer.failures.items()):
            start = index - index % size
            probe.fault([rows[index]], faults.of_row(info), EACH, beside=rows[start : start + size])
        if answer.error is None:
            return good
        if ended is None:  # at the end of all rows, as the result of an aggregate is
            probe.fault(rows, faults.of_run(answer.error), WHOLE)
            return [row for index, row in enumerate(rows) if index not in answer.failures]
        _ended(probe, rows[reached : reached + size], answer.error)
        rows = rows[reached + size :]
        if not rows:
            return good
    probe.note(f"rows: {counted(len(rows), 'row')} not tried, after {ROUNDS} batches that ended the whole run")
    return good


def _ended(probe: Probe, rows: list[Row], error: Exception) -> None:
    """A batch ended the run. Of a hang the row is found by its number, as each question costs the whole patience."""
    if not isinstance(error, BatchTimeout):
        probe.fault(rows, faults.of_run(error), EACH)
        return
    one = probe.run(rows, Setup(1, alone=True)).error
    number = getattr(one, "batch", None)
    probe.fault(rows if number is None else rows[number : number + 1], faults.of_run(error), EACH, smaller=False)
