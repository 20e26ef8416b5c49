"""How often a front end is told."""

from __future__ import annotations

import threading

from workbench.notebook.panel.pulse import Pulse
from workbench.notebook.panel.throttle import GAP, Throttle


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_five_thousand_changes_in_a_second_are_ten_messages_and_the_last_is_right() -> None:
    """At most ten sendings in a second, the first at once, and what is sent last is the newest value."""
    clock, value, sent = Clock(), 0, list[tuple[float, int]]()
    throttle = Throttle(lambda: sent.append((clock.now, value)), clock)
    for step in range(1, 5_001):
        clock.now = 100 + step / 5_000
        value = step
        throttle.tell()
    throttle.flush()
    assert sent[0] == (100.0002, 1)
    assert sent[-1][1] == 5_000
    assert len(sent) <= 1 / GAP + 1


def test_a_change_within_the_gap_is_sent_when_it_is_over() -> None:
    """What came too early waits; what has been sent is not sent again."""
    clock, sent = Clock(), list[float]()
    throttle = Throttle(lambda: sent.append(clock.now), clock)
    throttle.tell()
    throttle.tell()
    throttle.look()
    assert sent == [100.0]
    clock.now = 101
    throttle.look()
    clock.now = 102
    throttle.look()
    throttle.flush()
    assert sent == [100, 101]


def test_a_pulse_tells_while_it_beats_and_at_the_end() -> None:
    """A change is told by the thread, without the caller; the end is told by the caller, when the thread is gone."""
    value = 0
    seen, told = list[tuple[int, str]](), threading.Event()

    def send() -> None:
        seen.append((value, threading.current_thread().name))
        told.set()

    with Pulse(lambda: value, send):
        value = 1
        assert told.wait(10)
        value = 2
    assert seen[0] == (1, "workbench panel")
    assert seen[-1] == (2, threading.current_thread().name)
