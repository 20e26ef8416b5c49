"""What workers printed: as the panel gets it, and as the static forms say it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from workbench import settings
from workbench.events import LogLine
from workbench.notebook.cells import plain
from workbench.notebook.grid import Limits
from workbench.notebook.logged import batch_lines, log_lines
from workbench.notebook.panel.printed import NEWEST, Printed
from workbench.session.record import Record


def run_of(*lines: tuple[int, int | None, str, str]) -> Any:
    """A run of which this was printed: worker, batch, stream and text of each line."""
    record = Record()
    for worker, batch, stream, text in lines:
        record.line(LogLine(0.5, worker, batch, stream, text))
    return SimpleNamespace(record=record)


def test_the_newest_and_what_was_before() -> None:
    """Lines are numbered over the run; what an update leaves out can be asked for as long as it is kept."""
    count = settings.LOG_LINES + 7
    printed = Printed(run_of(*((1, number, "stdout", f"line {number}") for number in range(count))))
    facts = printed.facts()
    assert (facts["seen"], facts["kept"], len(facts["lines"])) == (count, 7, NEWEST)
    assert facts["lines"][0] == [count - NEWEST, 0.5, 1, count - NEWEST, "stdout", f"line {count - NEWEST}", False]
    before = printed.before(count - NEWEST)
    assert before["run"] == facts["run"] != Printed(run_of()).facts()["run"]
    assert [line[0] for line in before["lines"]] == list(range(7, count - NEWEST))
    assert Printed(run_of()).facts()["lines"] == []


def test_lines_of_a_dump_are_marked() -> None:
    """Also if what is printed to the other stream stands between, and if they come with two updates."""
    run = run_of((1, 0, "stderr", "Fatal Python error: Aborted"), (1, 0, "stdout", "last words"), (1, 0, "stderr", ""))
    printed = Printed(run)
    assert [line[-1] for line in printed.facts()["lines"]] == [True, False, True]
    for text in ('  File "/tmp/package/f.py", line 3 in evaluate', "of its own"):
        run.record.line(LogLine(0.5, 1, 0, "stderr", text))
    assert [line[-1] for line in printed.facts()["lines"]] == [True, False, True, True, False]


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m and plain", "red and plain"),
        ("\x1b]0;title\x07text\x1b[K", "text"),
        (" 10%|#\r 50%|##\r100%|###", "100%|###"),
        ("done\r", "done"),
        ("no \x1bcode", "no \x1bcode"),
    ],
)
def test_codes_for_a_terminal_are_left_out(printed: str, shown: str) -> None:
    """Colours and titles are no text, and a progress bar is as it was last."""
    assert plain(printed) == shown


def test_static_lines_stand_by_batch() -> None:
    """Worker by worker and batch by batch, whoever was faster; what belongs to no batch stands where it was printed."""
    run = run_of(
        (2, 1, "stdout", "b"),
        (1, None, "stderr", "loads"),
        (1, 0, "stderr", "warns"),
        (1, 0, "stdout", "\x1b[32ma\x1b[0m"),
        (1, None, "stdout", "ends"),
    )
    assert batch_lines(run, Limits()) == [
        "         stderr: loads",
        "batch 0  a",
        "         stderr: warns",
        "         ends",
        "batch 1  b",
    ]
    assert log_lines(run, Limits(rows=1)) == (["ends", "b"], 5)
    assert batch_lines(run_of((1, None, "stdout", "only")), Limits()) == ["only"]
