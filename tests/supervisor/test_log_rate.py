"""A log that floods: so many lines a second are kept, and each other one is counted once."""

from __future__ import annotations

from pathlib import Path

from fix_processes import Bench, column, function, ids

from workbench import settings
from workbench.supervisor.log_rate import LogRate


def test_so_many_a_second() -> None:
    """Pure: a burst, then so many a second; the rest is told with the next line, or at the end."""
    rate = LogRate()
    assert [rate.keeps(5.0) for _ in range(settings.LOG_BURST + 3)] == [True] * settings.LOG_BURST + [False] * 3
    assert rate.dropped(5.9) == ""
    assert rate.dropped(6.0) == "(3 lines were not kept: more than 100 in a second)"
    assert rate.dropped(6.0) == ""
    assert [rate.keeps(6.0) for _ in range(settings.LOG_RATE + 1)] == [True] * settings.LOG_RATE + [False]
    assert rate.dropped(float("inf")) == "(1 line was not kept: more than 100 in a second)"
    assert rate.keeps(6.015)
    assert not rate.keeps(6.016)


def test_each_line_of_a_flood_is_counted(tmp_path: Path, bench: Bench) -> None:
    """Kept and dropped lines add up, over three lives of which two print for both rows."""
    code = "import os\ndef evaluate(a):\n    for n in range(5000): print('line', n)\n"
    code += "    if a == 1: os._exit(1)\n    return a\n"
    outcomes = bench.run(function(tmp_path, code), ids(1, 2), on_error="dead_letter")
    assert column(outcomes) == [0]
    assert bench.text("stdout")[:2] == ["line 0", "line 1"]
    told = [int(text[1:].split()[0].replace(",", "")) for text in bench.text("stderr")]
    assert sum(told) + len(bench.text("stdout")) == 5000 * 6
