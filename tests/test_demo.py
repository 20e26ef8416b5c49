"""`workbench demo`: the first minute of a new user."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import pytest

from workbench.cli import main


def test_the_demo_shows_the_main_job(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five functions with output, a state, a crash with its restart; under 15 s, in 80 columns, leaving nothing."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("COLUMNS", "80")
    began = time.monotonic()
    assert main(["demo"]) == 0
    assert time.monotonic() - began < 15
    out, err = capsys.readouterr()
    assert err == ""
    assert max(map(len, out.splitlines())) <= 80
    assert "\x1b" not in out, "no colours in a pipe"
    for words in (
        "delay(dep_delay INT) -> STRING   UDF  v1",
        "EV          4644         216   3 h 36 min late",
        "mean_delay(dep_delay INT) -> DOUBLE   UDAF  v1",
        '5       carrier=UA   8.32617   total, count   {"total": 38342, "count": 4605}',
        "out 91,580 (fan-out 3.4, max 12, empty 606)",
        "transform   SCRIPT  v1",
        "5 of 846 rows",
        "✕ crashed: made_up died of SIGSEGV in batch 1; restarted 1/3; batch 1 sent again",
        "✕ crashed     1        1       SIGSEGV in batch 1",
        "↻ restarted   2                1/3; batch 1 sent again",
        "5 functions, 135,020 rows in, 1 restart, no row lost",
        "jupyter lab notebooks/01_first_udf.ipynb",
        "workbench run --help",
    ):
        assert words in out
    assert [path for top in folder.iterdir() for path in top.iterdir()] == []
    assert list(home.iterdir()) == []
