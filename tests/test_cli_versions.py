"""The shell's commands about versions: what they print where, and their exit statuses."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from workbench import Workbench
from workbench.cli import main


@pytest.fixture
def sample(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Rows on which the versions v1 and v2 of a function differ, and v2 and v3 do not."""
    monkeypatch.setenv("COLUMNS", "80")
    with Workbench(home) as session:
        for body in ("s", "s or '[b]' * (1 // a)", "(s or '[b]' * (1 // a))"):
            session.register(f"def evaluate(a, s):\n    return {body}\n", "f(a INT, s STRING) -> STRING")
    path = tmp_path / "in.parquet"
    pa.parquet.write_table(pa.table({"a": [1, 1, 0], "s": ["x", None, None]}), path)
    return str(path)


def test_compare(sample: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The rows that differ go to standard output, what was compared to standard error; the status is 3."""
    assert main(["compare", "f", "v1", "2", "--input", sample]) == 3
    out, err = capsys.readouterr()
    assert [line.rstrip() for line in out.splitlines()] == [
        "row   a   s      v1     v2",
        "─" * 56,
        "1     1   NULL   NULL   '[b]'",
        "2     0   NULL   NULL   ✕ ZeroDivisionError: integer di…",
        "2 of 2 rows that differ",
    ]
    assert err.splitlines()[2:] == ["  v1 and v2: 2 of 3 rows differ; rows that failed: v1 0, v2 1"]


def test_compare_what_is_the_same(sample: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing on standard output; the status is 0, also where both fail on the same row."""
    assert main(["compare", "f", "2", "3", "--input", sample, "--columns", "a,s"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "v2 and v3: the same in 3 rows; rows that failed: v2 1, v3 1" in err


def test_show(sample: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The versions, and the source diff as it is, so that it can be piped on."""
    assert main(["show", "f", "--function-version", "2"]) == 0
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "f(a INT, s STRING) -> STRING   UDF  v2"
    assert lines[4] == "v2        f(a INT, s STRING) -> STRING   source +1 -1"
    assert lines[-2:] == ["-    return s", "+    return s or '[b]' * (1 // a)"]
