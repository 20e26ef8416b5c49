"""``workbench env``: what there is, and removing it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from fix_index import Publish

from workbench.cli import main
from workbench.environments import Environments
from workbench.packaging import read_zip

SOURCE = "import emoji\ndef f(a):\n    return emoji.__version__\n"


def test_list_and_prune(home: Path, index: Publish, capfd: pytest.CaptureFixture[str]) -> None:
    """One line each; prune keeps what was just used, unless it is told otherwise."""
    index("emoji", "2.0")
    assert main(["env", "list"]) == 0
    assert "no environments yet" in capfd.readouterr().err
    environments = Environments(home)
    python = environments.python(sys.executable, ("emoji",), tell=lambda _: None)
    environments.close()
    assert main(["env", "list"]) == 0
    (line,) = capfd.readouterr().out.splitlines()
    assert line.startswith(f"{Path(python).parents[1].name}  Python 3.")
    assert line.endswith(" MB  emoji, pyarrow")
    assert main(["env", "prune"]) == 0
    assert main(["env", "prune", "--days", "0"]) == 0
    assert capfd.readouterr().out == "removed 0 environments\nremoved 1 environment\n"
    assert not Path(python).exists()


@pytest.mark.parametrize("days", ["-1", "nan", "week"])
def test_days_are_a_number_from_0(days: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A time that has not come yet, and what is no number, is refused."""
    with pytest.raises(SystemExit) as caught:
        main(["env", "prune", f"--days={days}"])
    assert caught.value.code == 2
    assert f"--days: '{days}' is not a number from 0" in capsys.readouterr().err


def test_requires_is_written_into_the_zip(home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """With the option of the shell; one that is no requirement is refused."""
    source, target = tmp_path / "f.py", tmp_path / "f.zip"
    source.write_text(SOURCE)
    command = ["package", str(source), "--signature", "f(a INT) -> STRING", "-o", str(target), "--requires"]
    assert main([*command, "emoji<3", "six"]) == 0
    manifest = read_zip(target).manifest or {}
    assert manifest["requirements"] == ["emoji<3", "six"]
    assert main([*command, "no good"]) == 1
    assert "requirements: 'no good' cannot be read" in capfd.readouterr().err
