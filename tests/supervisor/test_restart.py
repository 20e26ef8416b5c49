"""The restart policy, by a clock of the test's own."""

from __future__ import annotations

import pytest

from workbench.supervisor.restart import JITTER, LONGEST_DELAY, RestartPolicy


def policy(max_restarts: int | None = None) -> RestartPolicy:
    """A policy without chance."""
    return RestartPolicy(max_restarts, jitter=lambda: 0.5)


def lives(made: RestartPolicy, period: float, most: int = 1000) -> int:
    """How many deaths, one each ``period`` seconds with work done between, until it gives up."""
    for death in range(1, most + 1):
        if made.died(death * period) is None:
            return death
        made.finished_batch()
    raise AssertionError("it never gave up")


@pytest.mark.parametrize(
    ("period", "deaths", "window"),
    [
        (0.0, 4, "3 restarts in 60 s"),
        (11.0, 4, "3 restarts in 60 s"),
        (19.9, 4, "3 restarts in 60 s"),
        (20.1, 11, "10 restarts in 600 s"),
        (30.0, 11, "10 restarts in 600 s"),
        (59.0, 11, "10 restarts in 600 s"),
    ],
)
def test_windows(period: float, deaths: int, window: str) -> None:
    """A burst ends at the fourth death within a minute, a slow loop at the eleventh within ten; no survival helps."""
    made = policy()
    assert lives(made, period) == deaths
    assert str(made.gave_up) == window
    assert made.restarts == deaths - 1


def test_rare_deaths_never_end_it() -> None:
    """A death each 61 s is allowed for ever."""
    with pytest.raises(AssertionError, match="never gave up"):
        lives(policy(), 61.0)


@pytest.mark.parametrize("allowed", [0, 1, 5])
def test_a_number_replaces_the_windows(allowed: int) -> None:
    """`max_restarts` is the most of the whole run, however long it lasts or short it is."""
    assert lives(policy(allowed), 0.0) == allowed + 1
    assert lives(policy(allowed), 10_000.0) == allowed + 1
    assert policy(allowed).allowed == allowed
    assert policy().allowed == 3


def test_back_off() -> None:
    """The first restart is immediate, then 0.1 s doubled up to 5 s; a finished batch begins it anew."""
    made = policy(100)
    assert [made.died(0.0) for _ in range(9)] == pytest.approx([0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])
    made.finished_batch()
    assert [made.died(0.0) for _ in range(2)] == pytest.approx([0, 0.1])


@pytest.mark.parametrize(("dice", "factor"), [(0.0, 1 - JITTER), (0.5, 1.0), (1.0, 1 + JITTER)])
def test_jitter_is_bounded(dice: float, factor: float) -> None:
    """Delays vary by a tenth, so that many workers do not start in step; the first stays immediate."""
    made = RestartPolicy(2000, jitter=lambda: dice)
    delays = [made.died(0.0) for _ in range(1500)]
    assert delays[0] == 0
    assert delays[1] == pytest.approx(0.1 * factor)
    assert delays[-1] == pytest.approx(LONGEST_DELAY * factor)
