"""Rows of arguments: each extreme once, and what Hypothesis draws, the same for the same seed.

Left out on purpose: shrinking; a row that fails is made smaller against the real function (`shrink`), not here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from hypothesis import HealthCheck, Phase, configuration, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException

from workbench.checking.shrink import simpler
from workbench.checking.strategies import Domain, Values, domain
from workbench.checking.trial import Row
from workbench.errors import UsageProblem
from workbench.functions import FunctionSpec
from workbench.worker.words import a

WILD: Final = 150
"""Drawn rows with any values; the extremes come on top."""

MODEST: Final = 60
"""Drawn rows with modest values, of which the inputs of aggregates are made."""

AT_ONCE: Final = 15
"""Rows of one of Hypothesis's examples: most of its time goes into what lies between two of them."""


class Generator:
    """Makes rows for the arguments of a function.

    ``nulls`` says whether NULL may occur; ``values`` narrows arguments by name (or position, from 0): a list of values
    or a Hypothesis strategy. Raises UsageProblem for one that is no argument, or that cannot be drawn from.
    """

    def __init__(self, spec: FunctionSpec, *, seed: int, nulls: bool, values: Mapping[str | int, Any]) -> None:
        params = spec.signature.params if spec.signature is not None else ()
        self._seed, self._nulls = seed, nulls
        self._given: dict[int, Any] = {}
        for key, narrowed in values.items():
            found = [index for index, param in enumerate(params) if key in (param.name, index)]
            if not found:
                known = ", ".join(str(param) for param in params)
                raise UsageProblem(f"{spec.name}: values: there is no argument {key!r}", hint=f"it takes ({known})")
            self._given[found[0]] = _checked(key, narrowed)
        self._domains = [
            _narrowed(self._given[index]) if index in self._given else domain(param.type, nulls=nulls)
            for index, param in enumerate(params)
        ]

    def simpler(self, column: int) -> Callable[[Any], Any]:
        """What to try instead of a value of an argument: simpler values, within what was asked for."""
        given_ = self._given.get(column)
        if given_ is None:
            return simpler
        return lambda value: given_[: given_.index(value)] if isinstance(given_, list) and value in given_ else ()

    def wild(self) -> list[Row]:
        """Rows with any values: each extreme beside ordinary ones, NULL in each place, and drawn ones."""
        if not self._domains:
            return [()] * 3
        drawn = self._draw([self._column(index, one.ordinary) for index, one in enumerate(self._domains)], WILD)
        rows: list[Row] = []
        base = self._draw([one.modest for one in self._domains], 1 + AT_ONCE)[-1]
        for index, one in enumerate(self._domains):
            absent = (None,) if self._nulls and index not in self._given else ()
            rows += [(*base[:index], value, *base[index + 1 :]) for value in (*one.extremes, *absent)]
        if self._nulls and len(self._domains) > 1 and not self._given:
            rows.append((None,) * len(self._domains))
        return rows + drawn

    def modest(self) -> list[Row]:
        """Rows whose values are of everyday size."""
        if not self._domains:
            return [()] * 20
        return self._draw([self._column(index, one.modest) for index, one in enumerate(self._domains)], MODEST)

    def _column(self, index: int, values: Values) -> Values:
        """Values of an argument with a NULL now and then."""
        if not self._nulls or index in self._given:
            return values
        return st.integers(0, 9).flatmap(lambda die: st.none() if die == 9 else values)  # noqa: PLR2004 - one in ten

    def _draw(self, columns: Sequence[Values], count: int) -> list[Row]:
        rows: list[Row] = []

        @seed(self._seed)
        @settings(
            max_examples=1 + -(-count // AT_ONCE),  # the first is the simplest there is, in every row
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(st.lists(st.tuples(*columns), min_size=AT_ONCE, max_size=AT_ONCE))
        def collect(some: list[Row]) -> None:
            rows.extend(some if rows else some[:1])

        try:
            with _elsewhere():
                collect()
        except HypothesisException as error:
            raise UsageProblem(f"values cannot be drawn: {error}", hint="give other values") from error
        return rows[:count]


@contextmanager
def _elsewhere() -> Iterator[None]:
    """Hypothesis keeps files on the modules that it sees in the current folder; a check leaves nothing there."""
    before = vars(configuration).get("__hypothesis_home_directory")
    with tempfile.TemporaryDirectory() as folder:
        configuration.set_hypothesis_home_dir(folder)
        try:
            yield
        finally:
            configuration.set_hypothesis_home_dir(before)


def _checked(key: str | int, narrowed: Any) -> Any:
    if isinstance(narrowed, st.SearchStrategy):
        return narrowed
    if isinstance(narrowed, Sequence) and not isinstance(narrowed, str | bytes) and narrowed:
        return list(narrowed)
    raise UsageProblem(
        f"values: {key!r} is {a(type(narrowed).__name__)}", hint="give a list of values, or a Hypothesis strategy"
    )


def _narrowed(narrowed: Any) -> Domain:
    """What a caller said of an argument."""
    if isinstance(narrowed, list):
        return Domain(st.sampled_from(narrowed), st.sampled_from(narrowed), tuple(narrowed))
    return Domain(narrowed, narrowed, ())
