"""What an aggregate must do: one answer for all rows, whatever the parts in which they come and are put together.

Sums of floats may differ in their last digits where rows are added in another order; that is noted, and no finding.
The inputs of comparisons are of modest size, since sums of extremes differ for good reasons. Left out on
purpose: groups of more than one column, and more than two.
"""

from __future__ import annotations

from typing import Final

from workbench.checking.compare import NEAR
from workbench.checking.probe import WHOLE, Probe, Step, Variation, first_fault
from workbench.checking.rows import sound_rows
from workbench.checking.trial import Row, Setup

SIZES: Final = (1, 2, 3, 5, 9, 23)
"""Rows of the inputs that are compared: odd ones make parts of different sizes."""

SINGLE: Final = 40
"""Rows that are tried as an input of their own."""


class _Aggregate:
    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.inputs: list[list[Row]] = []

    def each(self) -> str:
        """Every row accumulated, alone as well; every result of the declared type."""
        probe = self.probe
        wild = sound_rows(probe, probe.generator.wild())
        modest = sound_rows(probe, probe.generator.modest())
        for row in wild[:SINGLE]:
            self._sound([row])
        start = 0
        for size in SIZES:
            rows = modest[start : start + size]
            start += size
            if rows and self._sound(rows):
                self.inputs.append(rows)
        return ""

    def _sound(self, rows: list[Row]) -> bool:
        """Whether the rows have a result; what is wrong with it is noted."""
        answer = self.probe.run(rows)
        fault = first_fault(answer)
        if fault is not None:
            self.probe.fault(rows, fault, WHOLE)
            return False
        return True

    def vary(self, *variations: Variation) -> str:
        """Other ways to run the same rows."""
        for variation in variations:
            for rows in self.inputs:
                if not self.probe.vary(rows, variation):
                    break
        return "" if self.inputs else "no rows had a result"

    def empty(self) -> str:
        """No rows and no groups: the result of a fresh instance."""
        fault = first_fault(self.probe.run([]))
        if fault is not None:
            text = "it has no result where there are no rows"
            self.probe.finding("empty", text, [], expected="a result", got=fault.said)
        return ""


def aggregate_steps(probe: Probe) -> list[Step]:
    """What is tried, in order."""
    of = _Aggregate(probe)
    random = probe.spec.volatility != "immutable"

    def halves(count: int) -> int:
        return max(1, (count + 1) // 2)

    merge = Variation(
        "merge",
        "its state, merged into a fresh instance, gives another result: something is kept outside of aggregate_state, "
        "or merge does not take all of it",
        lambda _: WHOLE,
        reference=Setup(unmerged=True),
        near=NEAR,
    )
    nested = Variation(
        "nested",
        "a state that was merged, merged once more, gives another result: what merge takes must be in aggregate_state",
        lambda _: Setup(1, workers=3, nested=True),
        reference=Setup(1, workers=3),
        near=NEAR,
    )
    groups = Variation(
        "groups",
        "groups beside each other give other results than each by itself: the instances share something",
        lambda _: Setup(groups=True),
        reference=Setup(apart=True),
        near=NEAR,
    )
    batches = Variation(
        "batches", "one row a batch gives another result than all in one", lambda _: Setup(1), near=NEAR
    )
    two = Variation(
        "workers",
        "two partial states merged give another result than one",
        lambda count: Setup(halves(count), workers=2),
        near=NEAR,
    )
    three = Variation(
        "workers",
        "three partial states merged give another result than one",
        lambda count: Setup(max(1, count // 3), workers=3),
        near=NEAR,
    )
    order = Variation(
        "order",
        "partial states merged in another order give another result",
        lambda count: Setup(halves(count), workers=2),
        arrange=lambda rows: [*rows[halves(len(rows)) :], *rows[: halves(len(rows))]],
        near=NEAR,
    )
    replay = Variation(
        "replay",
        "after a kill of its worker, with the state restored, it gives another result",
        lambda count: Setup(max(1, count // 4), kill=True),
        near=NEAR,
    )
    again = Variation("again", "it gives another result for the same rows", lambda _: WHOLE, random=True)
    process = Variation(
        "process", "it gives another result in another process", lambda _: Setup(anew=True), random=True
    )
    may = f"it is declared {probe.spec.volatility}" if random else ""
    return [
        Step("rows", "each input has a result of the declared type", of.each),
        Step("again", "the same rows give the same result again", lambda: may or of.vary(again)),
        Step("process", "another process gives the same result", lambda: may or of.vary(process)),
        Step("merge", "the state merged into a fresh instance gives the same", lambda: may or of.vary(merge)),
        Step("nested", "a merged state merged once more gives the same", lambda: may or of.vary(nested)),
        Step("groups", "groups beside each other give the same as each by itself", lambda: may or of.vary(groups)),
        Step("batches", "one row a batch and all rows in one give the same", lambda: may or of.vary(batches)),
        Step("workers", "two and three workers give the same as one", lambda: may or of.vary(two, three)),
        Step("order", "partial states in another order give the same", lambda: may or of.vary(order)),
        Step("replay", "after a kill, with the state restored, it gives the same", lambda: may or of.vary(replay)),
        Step("empty", "no rows give one result", of.empty),
    ]
