"""The shell: what goes to which stream, what the exit status says, and that help is complete.

Commands run in this process, except where a process of its own is the point: streams, signals and broken pipes.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet
import pytest

from workbench import Workbench, terminal
from workbench.cli import _parser, main
from workbench.session.doctor import Finding
from workbench.session.report import HistoryRow, type_name

ROOT = Path(__file__).parents[1]
DATA = ROOT / "tests" / "data"
RATIO = "def evaluate(a, b):\n    return a / b\n"
SIGNATURE = "ratio(a INT, b INT) -> DOUBLE"
DEADLINE = 30.0
Draw = Callable[[object], list[str]]

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture(scope="module", autouse=True)
def csv_was_read() -> None:
    """Reading CSV, pyarrow makes a pipe once, which it keeps."""
    pa.csv.read_csv(pa.BufferReader(b"a\n1\n"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a function and some rows: the second fails."""
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    monkeypatch.setenv("COLUMNS", "80")
    Path("ratio.py").write_text(RATIO)
    pd.DataFrame({"a": [1, 2, 3], "b": [2, 0, 3], "name": ["x", None, ""]}).to_parquet("in.parquet")
    pd.DataFrame({"a": [1, 3], "b": [2, 3], "name": ["x", ""]}).to_parquet("good.parquet")
    return place


@pytest.fixture(scope="module")
def million(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Parquet file of a million rows, in the columns of the guide's scripts."""
    path = tmp_path_factory.mktemp("data") / "million.parquet"
    rows = pa.array(range(1_000_000), pa.int64())
    amounts = pa.array([row % 301 for row in range(1_000_000)], pa.int64())
    pa.parquet.write_table(pa.table({"amount": amounts, "value": rows}), path)
    return path


def shell(*arguments: object, **options: object) -> subprocess.Popen[bytes]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "workbench", *map(str, arguments)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, **options)  # type: ignore[call-overload,no-any-return]


def streams(*arguments: object) -> tuple[int, bytes, str]:
    """Exit status, standard output and standard error of the command."""
    with shell(*arguments) as process:
        out, err = process.communicate(timeout=60)
    return process.returncode, out, err.decode()


# -- the guide's scripts -----------------------------------------------------------------------------------------------


def test_the_guides_filter_over_a_million_rows(million: Path, tmp_path: Path) -> None:
    """As printed in the guide, in a process of its own: exactly the rows that a filter here gives."""
    out = tmp_path / "out.parquet"
    status, stdout, stderr = streams("run", DATA / "fungi_transform.py", "--input", million, "--output", out)
    assert (status, stdout) == (0, b"")
    assert "in 1,000,000 rows (16 batches)" in stderr
    frame = pd.read_parquet(million)
    pd.testing.assert_frame_equal(pd.read_parquet(out), frame[frame.amount > 100].reset_index(drop=True))


def test_the_guides_running_average_over_a_million_rows(million: Path) -> None:
    """To standard output, which holds the data and nothing else."""
    status, stdout, stderr = streams("run", DATA / "fungi_running_average.py", "--input", million, "--output", "-")
    assert status == 0
    averages = pa.csv.read_csv(pa.BufferReader(stdout)).column("avg").to_pylist()
    ends = [*range(65_536, 1_000_000, 65_536), 1_000_000]
    assert averages == [(end - 1) / 2 for end in ends]
    assert "out 16" in stderr


def test_the_guides_zip_through_its_pipeline(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``entry: main.py`` below the zip's only folder, its own module beside it, and the variable from the YAML."""
    Path("pipes").mkdir()
    with zipfile.ZipFile("pipes/my_transform.zip", "w") as file:
        file.writestr("my_transform/__init__.py", "")
        file.writestr("my_transform/utils.py", "import os\nLIMIT = int(os.environ['THRESHOLD'])\n")
        text = (DATA / "fungi_transform.py").read_text().replace("100", "utils.LIMIT")
        file.writestr("my_transform/main.py", f"import utils\n{text}")
    yaml = "transform:\n  type: python\n  source: my_transform.zip\n  entry: main.py\n  env:\n    THRESHOLD: '200'\n"
    Path("pipes/pipeline.yaml").write_text(yaml)
    pd.DataFrame({"amount": [100, 150, 201, 300]}).to_parquet("amounts.parquet")
    command = ["run", "--config", "pipes/pipeline.yaml", "--input", "amounts.parquet", "--output", "out.csv"]
    assert main(command) == 0
    assert Path("out.csv").read_text() == '"amount"\n201\n300\n'
    assert main([*command, "--env", "THRESHOLD=120"]) == 0, "an option goes before the YAML"
    assert Path("out.csv").read_text() == '"amount"\n150\n201\n300\n'
    capsys.readouterr()
    assert main([*command, "ratio.py"]) == 1
    assert "SOURCE and --config were both given" in capsys.readouterr().err


# -- run ---------------------------------------------------------------------------------------------------------------


def test_without_output_the_first_rows_are_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A table on standard output, the summary on standard error."""
    assert main(["run", "ratio.py", "--signature", SIGNATURE, "--input", "good.parquet"]) == 0
    out, err = capsys.readouterr()
    assert [line.split() for line in out.splitlines()] == [
        ["a", "b", "name", "ratio"],
        ["BIGINT", "BIGINT", "STRING", "DOUBLE"],
        ["─" * len(out.splitlines()[2].strip())],
        ["1", "2", "x", "0.5"],
        ["3", "3", '""', "1.0"],
        ["2", "rows"],
    ]
    assert err.splitlines()[:2] == [
        "ratio(a INT, b INT) -> DOUBLE   UDF  v1",
        "  in 2 rows (1 batch)   out 2   skipped 0   dead letters 0   restarts 0/3",
    ]


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".arrow"])
def test_output_for_each_ending(folder: Path, ending: str) -> None:
    """The input's columns and the result."""
    command = ["run", "ratio.py", "--signature", SIGNATURE, "--input", "good.parquet", "--output", f"out{ending}"]
    assert main([*command, "--quiet"]) == 0
    match ending:
        case ".parquet":
            table = pa.parquet.read_table("out.parquet")
        case ".csv":
            table = pa.csv.read_csv("out.csv")
        case _:
            table = pa.ipc.open_file("out.arrow").read_all()
    assert table.select(["a", "b", "ratio"]).to_pylist() == [
        {"a": 1, "b": 2, "ratio": 0.5},
        {"a": 3, "b": 3, "ratio": 1.0},
    ]


def test_quiet_says_nothing(folder: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """Data on standard output; standard error stays empty. --format arrow is a stream."""
    command = ["run", "ratio.py", "--signature", SIGNATURE, "--input", "good.parquet", "--quiet"]
    assert main([*command, "--format", "arrow"]) == 0
    out, err = capsysbinary.readouterr()
    assert pa.ipc.open_stream(out).read_all().column("ratio").to_pylist() == [0.5, 1.0]
    assert err == b""


def test_dead_letters_are_written_and_told_by_the_status(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """3: completed, with rows set aside; the file has them with their columns and types."""
    command = ["run", "ratio.py", "--signature", SIGNATURE, "--input", "in.parquet", "--output", "out.csv"]
    assert main([*command, "--on-error", "dead_letter", "--dead-letters", "dead.parquet"]) == 3
    (letter,) = pa.parquet.read_table("dead.parquet").to_pylist()
    assert letter == {
        "batch": 0,
        "row": 1,
        "a": 2,
        "b": 0,
        "name": None,
        "error_type": "ZeroDivisionError",
        "error": "division by zero",
        "attempts": 1,
    }
    assert len(Path("out.csv").read_text().splitlines()) == 3
    err = capsys.readouterr().err
    assert "out 2   skipped 0   dead letters 1" in err
    assert "▲ dead letters: 1 row set aside; row 1: ZeroDivisionError: division by zero" in err


def test_no_dead_letters_are_a_file_without_rows(folder: Path) -> None:
    """Whoever reads it next need not ask whether it is there."""
    command = ["run", "ratio.py", "--signature", SIGNATURE, "--input", "good.parquet", "--output", "out.csv"]
    assert main([*command, "--on-error", "dead_letter", "--dead-letters", "dead.csv"]) == 0
    assert Path("dead.csv").read_text() == '"batch","row","a","b","name","error_type","error","attempts"\n'


def test_on_error_null_is_a_result(folder: Path) -> None:
    """No row is missing, so the status is 0."""
    command = ["run", "ratio.py", "--signature", SIGNATURE, "--input", "in.parquet", "--output", "out.csv"]
    assert main([*command, "--on-error", "null"]) == 0
    assert Path("out.csv").read_text().splitlines()[2] == "2,0,,"


def test_a_script_that_prints_is_skipped(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 3, and the summary says which batch and why."""
    Path("prints.py").write_text((DATA / "fungi_transform.py").read_text() + "    print('oops')\n")
    pd.DataFrame({"amount": [1, 200]}).to_parquet("amounts.parquet")
    assert main(["run", "prints.py", "--input", "amounts.parquet", "--output", "out.csv"]) == 3
    assert "▲ skipped: 1 of 1 batch (2 rows) of prints: batch 0: " in capsys.readouterr().err
    assert main(["run", "prints.py", "--input", "amounts.parquet", "--on-invalid", "fail"]) == 1


def test_an_aggregate_by_group(folder: Path) -> None:
    """--group-by and --columns take lists; --workers splits the work."""
    Path("total.py").write_text(
        "class Total:\n"
        "    def __init__(self):\n        self.total = 0\n"
        "    def accumulate(self, v):\n        self.total += v\n"
        "    def merge(self, other):\n        self.total += other\n"
        "    @property\n    def aggregate_state(self):\n        return self.total\n"
        "    def finish(self):\n        return self.total\n"
    )
    pd.DataFrame({"g": ["x", "y", "x"], "h": [1, 1, 2], "n": [1, 2, 3]}).to_csv("in.csv", index=False)
    command = [
        "run",
        "total.py",
        "--signature",
        "total(v BIGINT) -> BIGINT",
        "--input",
        "in.csv",
        "--output",
        "out.csv",
    ]
    assert main([*command, "--group-by", "g", "--columns", "n", "--workers", "2", "--batch-rows", "1"]) == 0
    assert sorted(Path("out.csv").read_text().splitlines()) == ['"g","total"', '"x",4', '"y",2']


def test_a_crash_is_told_with_its_signal(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The run completes, and the summary names signal, batch and restart."""
    Path("dies.py").write_text(
        "import ctypes, os\n"
        "def evaluate(a):\n"
        "    if a == 2 and not os.path.exists(os.environ['MARK']):\n"
        "        open(os.environ['MARK'], 'w').close()\n"
        "        ctypes.string_at(0)\n"
        "    return a\n"
    )
    command = ["run", "dies.py", "--signature", "dies(a INT) -> INT", "--input", "in.parquet", "--batch-rows", "1"]
    assert main([*command, "--env", f"MARK={folder / 'mark'}", "--output", "out.csv"]) == 0
    assert "restarts 1/3" in (err := capsys.readouterr().err)
    assert "✕ crashed: dies died of SIGSEGV in batch 1; restarted 1/3; batch 1 sent again" in err
    assert len(Path("out.csv").read_text().splitlines()) == 4


# -- errors ------------------------------------------------------------------------------------------------------------


def test_a_failing_row_is_shown_with_its_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 1, nothing on standard output, and no traceback of ours; the output file is not there."""
    command = ["run", "ratio.py", "--signature", SIGNATURE, "--input", "in.parquet", "--output", "out.csv"]
    assert main(command) == 1
    out, err = capsys.readouterr()
    assert out == ""
    first, *rest = err[err.index("error: ") :].splitlines()
    assert first.startswith(
        "error: ratio failed at input row 1 (batch 0, its row 1): Error in scalar UDF execution at row"
    )
    assert first.endswith(": ZeroDivisionError: division by zero")
    assert rest == [
        "  ratio.py, line 2, in evaluate",
        "    > 2 | return a / b          a=2, b=0",
        "  row 1: a=2  b=0  name=None",
        "  set failing rows aside with on_error='dead_letter' (--on-error dead_letter)",
    ]
    assert not Path("out.csv").exists()


@pytest.mark.parametrize("by", ["option", "variable"])
def test_a_traceback_is_shown_on_request(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """And the error after it, as without."""
    if by == "variable":
        monkeypatch.setenv("WORKBENCH_TRACEBACK", "1")
    assert main(["run", "nope.py", "--input", "in.parquet", *(["--traceback"] if by == "option" else [])]) == 1
    err = capsys.readouterr().err
    assert err.startswith("Traceback (most recent call last):")
    assert "\nerror: nope.py does not exist" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nope.py"], "nope.py does not exist"),
        (["nope"], "nope is not registered"),
        ([], "there is nothing to run"),
        (["ratio.py"], "a signature is needed, as in evaluate(a DOUBLE, b DOUBLE) -> DOUBLE"),
        (["ratio.py", "--signature", "ratio(a INT) -> DOUBLE"], "evaluate takes 2 arguments (a, b)"),
        (["ratio.py", "--signature", SIGNATURE, "--python", "python3.77"], "found: "),
        (
            ["ratio.py", "--signature", SIGNATURE, "--columns", "a,c"],
            "there is no column c: the signature wants (a INT, b INT), the data has (a int64",
        ),
        (["ratio.py", "--signature", "ratio(a INT, c INT) -> DOUBLE"], "the signature wants (a INT, c INT)"),
        (["ratio.py", "--signature", SIGNATURE, "--symbol", "score"], "score"),
        (["ratio.py", "--signature", SIGNATURE, "--input", "in.xlsx"], "in.xlsx"),
        (["ratio.py", "--signature", SIGNATURE, "--group-by", "a"], "group_by is for aggregates"),
        (["ratio.py", "--signature", SIGNATURE, "--output", "out.xlsx"], "it is not clear how to write this"),
        (["ratio.py", "--signature", SIGNATURE, "--output", "no/out.csv"], "there is no folder no"),
        (["ratio.py", "--signature", SIGNATURE, "--output", "in.parquet"], "in.parquet is the input"),
        (["ratio.py", "--signature", SIGNATURE, "--dead-letters", "in.parquet"], "in.parquet is the input"),
        (["ratio.py", "--signature", SIGNATURE, "--dead-letters", "d"], "it is not clear how to write this"),
        (["ratio.py", "--signature", SIGNATURE, "--config", "p.yaml"], "were both given"),
        (["--config", "p.yaml"], "p.yaml does not exist"),
    ],
)
def test_what_is_wrong_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    """One error on standard error, status 1, no traceback, and nothing was written."""
    before = sorted(folder.iterdir())
    assert main(["run", *(arguments if "--input" in arguments else [*arguments, "--input", "in.parquet"])]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert err.count("error: ") == 1
    assert "Traceback" not in err
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nope"],
        ["run", "ratio.py"],
        ["run", "ratio.py", "--input", "in.parquet", "--nope"],
        ["run", "ratio.py", "--input", "in.parquet", "--workers", "0"],
        ["run", "ratio.py", "--input", "in.parquet", "--env", "A"],
        ["run", "ratio.py", "--input", "in.parquet", "--kind", "view"],
        ["run", "ratio.py", "--input", "in.parquet", "--on-err", "null"],
        ["package", "ratio.py"],
        ["ddl"],
    ],
)
def test_arguments_that_cannot_be_parsed(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """Status 2, with the usage; an option is not guessed from its beginning."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: workbench" in capsys.readouterr().err


# -- the other commands ------------------------------------------------------------------------------------------------


def test_what_was_run_is_registered(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is listed, runs by its name, has SQL, and can be dropped."""
    assert main(["list"]) == 0
    assert "no function is registered in " in capsys.readouterr().err
    assert main(["run", "ratio.py", "--signature", SIGNATURE, "--input", "good.parquet", "--quiet"]) == 0
    assert main(["run", "ratio", "--input", "good.parquet", "--quiet"]) == 0
    capsys.readouterr()
    assert main(["list"]) == 0
    assert "UDF    v1        ratio(a INT, b INT) -> DOUBLE" in capsys.readouterr().out
    assert main(["ddl", "ratio"]) == 0
    assert capsys.readouterr().out.startswith("CREATE FUNCTION ratio(INT, INT)\nRETURNS DOUBLE\n")
    assert main(["ddl", "ratio(INT, INT)", "--dialect", "doris-proposal", "--file", "https://example.org/r.zip"]) == 0
    assert '"file" = "https://example.org/r.zip"' in capsys.readouterr().out
    assert main(["drop", "ratio"]) == 0
    assert capsys.readouterr().out == "dropped ratio: 1 version, with their runs and packages\n"
    assert main(["ddl", "ratio"]) == 1


def test_a_registered_function_is_not_defined_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Options of a definition beside its name are refused, by name."""
    assert main(["run", "ratio.py", "--signature", SIGNATURE, "--input", "good.parquet", "--quiet"]) == 0
    assert main(["run", "ratio", "--input", "good.parquet", "--kind", "udf", "--env", "A=1"]) == 1
    assert "ratio is registered; --kind, --env belong to its definition" in capsys.readouterr().err


def test_packages_are_the_same_bytes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the source or from the registry; the zip runs."""
    assert main(["package", "ratio.py", "--signature", SIGNATURE, "-o", "one.zip"]) == 0
    first = capsys.readouterr().out
    assert first.startswith("wrote one.zip: ")
    assert main(["run", "ratio.py", "--signature", SIGNATURE, "--input", "good.parquet", "--quiet"]) == 0
    assert main(["package", "ratio", "-o", "two.zip"]) == 0
    assert Path("one.zip").read_bytes() == Path("two.zip").read_bytes()
    capsys.readouterr()
    assert main(["run", "one.zip", "--input", "good.parquet", "--quiet", "--output", "-"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == '1,2,"x",0.5'


def test_a_home_may_be_given(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It goes before the variable."""
    main(["run", "ratio.py", "--signature", SIGNATURE, "--input", "good.parquet", "--quiet", "--home", "other"])
    capsys.readouterr()
    main(["list", "--home", "other"])
    assert "ratio" in capsys.readouterr().out
    main(["list"])
    assert capsys.readouterr().out == ""


def test_doctor(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Status 0 if nothing stands in the way."""
    monkeypatch.setenv("PATH", str(folder))
    assert main(["doctor"]) == 0
    assert re.search(r"^✓ ok +home ", capsys.readouterr().out, re.MULTILINE)


# -- help --------------------------------------------------------------------------------------------------------------


def commands() -> dict[str, argparse.ArgumentParser]:
    """Every command's parser by its name."""
    (found,) = (one for one in _parser()._actions if isinstance(one, argparse._SubParsersAction))
    return dict(found.choices)


def test_the_commands_are_those_that_work(capsys: pytest.CaptureFixture[str]) -> None:
    """Those of later issues are not listed before they work; statuses and variables are explained."""
    assert sorted(commands()) == [
        *("check", "compare", "ddl", "demo", "deploy", "doctor", "drop", "env", "lab", "list", "package"),
        *("run", "show", "sql"),
    ]
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    for words in (*commands(), "exit status:", "WORKBENCH_HOME", "WORKBENCH_TRACEBACK", "NO_COLOR"):
        assert words in out


@pytest.mark.parametrize("name", sorted(commands()))
def test_help_is_complete(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command has an example, each option a word on what it does."""
    parser = commands()[name]
    assert all(action.help for action in parser._actions)
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    assert caught.value.code == 0
    assert f"workbench {name}" in capsys.readouterr().out.partition("example")[2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--input", "a.csv", "--on-eror", "null"], "unknown option '--on-eror'; did you mean --on-error?"),
        (["show", "score", "--zzz"], "unknown option '--zzz'"),
        (["list", "score"], "unknown word 'score'"),
    ],
)
def test_an_unknown_option_is_named(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The command itself tells, with its own usage and the nearest option."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith(f"usage: workbench {arguments[0]} ")
    assert error.endswith(f"workbench {arguments[0]}: error: {said}\n")


@pytest.mark.parametrize(
    ("arguments", "word", "meant"),
    [
        (["pacakge", "score"], "pacakge", "; did you mean package?"),
        (["check", "score", "--kind", "udfa"], "udfa", "; did you mean udf?"),
        (["zzz"], "zzz", ")"),
    ],
)
def test_what_is_no_choice_is_guessed(
    arguments: list[str], word: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistyped command or value is named with the nearest, if one is near."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert f"invalid choice: '{word}'" in error
    assert error.endswith(f"{meant}\n")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """The distribution's, or that it is not installed."""
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("workbench ")


# -- signals and pipes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("sent", "status", "said"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "")])
def test_an_interrupt_ends_the_workers(folder: Path, sent: signal.Signals, status: int, said: str) -> None:
    """The status of the signal, no traceback, no output, not even half of it, and the worker is gone."""
    Path("slow.py").write_text(
        "import os, time\n"
        "def evaluate(a):\n"
        "    open(os.environ['MARK'], 'w').write(str(os.getpid()))\n"
        "    time.sleep(600)\n"
    )
    mark = folder / "mark"
    arguments = (
        "run",
        "slow.py",
        "--signature",
        "slow(a INT) -> INT",
        "--input",
        "in.parquet",
        "--env",
        f"MARK={mark}",
    )
    with shell(*arguments, "--output", "out.csv") as process:
        until(lambda: mark.exists() and mark.read_text())
        process.send_signal(sent)
        out, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == status
    assert out == b""
    assert said in err.decode()
    assert "Traceback" not in err.decode()
    worker = int(mark.read_text())
    until(lambda: not Path(f"/proc/{worker}").exists())
    assert not [path for path in folder.iterdir() if "out.csv" in path.name]


def test_a_reader_that_has_seen_enough(million: Path) -> None:
    """``| head`` is no fault: no traceback, status 1 as not all rows were written."""
    with shell("run", DATA / "fungi_transform.py", "--input", million, "--output", "-", "--quiet") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b'"amount","value"\n'
        process.stdout.close()
        assert process.wait(timeout=DEADLINE) == 1
        assert process.stderr is not None
        assert process.stderr.read() == b""


def until(done: Callable[[], object]) -> None:
    """Wait until it is so."""
    end = time.monotonic() + DEADLINE
    while not done():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.01)


# -- what the terminal shows -------------------------------------------------------------------------------------------


@pytest.fixture
def drawn(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Draw:
    """Draw something at 80 columns and return its lines."""
    monkeypatch.setenv("COLUMNS", "80")

    def draw(what: object) -> list[str]:
        terminal.console().print(what)
        return [line.rstrip() for line in capsys.readouterr().out.splitlines()]

    return draw


def test_null_the_empty_text_and_the_word_null_differ(drawn: Draw) -> None:
    """Also without colour."""
    lines = drawn(terminal.result_table(pa.table({"s": [None, "", "NULL", "x"]}), total=4))
    assert lines[3:] == ["NULL", '""', '"NULL"', "x", "4 rows"]


def test_wide_results_show_what_fits(drawn: Draw) -> None:
    """The result is always shown; columns that do not fit are named below; no line is longer than the terminal."""
    table = pa.table({**{f"column_{index:02}": ["some text"] for index in range(30)}, "result": [1.5]})
    lines = drawn(terminal.result_table(table, total=1_000, outputs=["result"]))
    assert max(map(len, lines)) <= 80
    assert lines[0].split()[0] == "column_00"
    assert lines[0].split()[-2:] == ["…", "result"]
    assert lines[4].startswith("1 of 1,000 rows; 25 more columns: column_05, ")


def test_data_cannot_move_the_cursor(drawn: Draw) -> None:
    """Control characters, markup and links are shown as text."""
    table = pa.table({"\x1b[2Jname": ["\x1b]8;;http://x\x07a\r\nb[red]c[/red]"]})
    text = "\n".join(drawn(terminal.result_table(table, total=1)))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[red]" in text
    box = "\n".join(drawn(terminal.error_box(["UdfError: \x1b[2J", "    > 3 | return a / b          a=7, b=0"])))
    assert "\x1b" not in box
    assert "▌ UdfError: \\x1b[2J" in box
    assert "> 3 | return a / b          a=7, b=0" in box


def test_histories_and_findings(drawn: Draw) -> None:
    """A sign beside each word; a remedy below what it heals."""
    lines = drawn(terminal.history_table([HistoryRow("✕", "crashed", "1", "2", "SIGSEGV in batch 2")]))
    assert lines[2].split("  ")[0] == "✕ crashed"
    lines = drawn(terminal.findings_table([Finding("nbval", "problem", "missing", "pip install nbval")]))
    assert [line.split() for line in lines] == [["✕", "problem", "nbval", "missing"], ["pip", "install", "nbval"]]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.1, "0.1"),
        (1 / 3, "0.333333"),
        (1234567.891, "1,234,567.9"),
        (1e300 / 3, "3.333333e+299"),
        (float("nan"), "nan"),
    ],
)
def test_numbers_are_for_eyes(drawn: Draw, value: float, shown: str) -> None:
    """Six digits; nothing large is cut to fewer."""
    assert drawn(terminal.result_table(pa.table({"v": [value]}), total=1))[3].strip() == shown


def test_states_logs_and_dead_letters(w: Workbench, drawn: Draw) -> None:
    """What a run knows, as tables."""
    function = w.register("def evaluate(a):\n    print('got', a)\n    return 1 // a\n", "inverse(a INT) -> INT")
    run = function.run(pd.DataFrame({"a": [1, 0]}), on_error="dead_letter").wait()
    letters = drawn(terminal.letters_table(run.dead_letters, 10))
    assert letters[2].split(maxsplit=2) == ["1", "0", "ZeroDivisionError: integer division or modulo by zero"]
    assert letters[3] == "1 of 1 dead letters"
    assert [line.split() for line in drawn(terminal.logs_table(run.logs, 1))[2:]] == [["0", "stdout", "got", "0"]]
    assert drawn(terminal.function_text(run.spec, run.version)) == ["inverse(a INT) -> INT   UDF  v1"]


@pytest.mark.parametrize(
    ("arrow", "name"),
    [
        (pa.int8(), "TINYINT"),
        (pa.float64(), "DOUBLE"),
        (pa.large_string(), "STRING"),
        (pa.decimal128(10, 2), "DECIMAL(10,2)"),
        (pa.timestamp("us"), "DATETIME"),
        (pa.dictionary(pa.int32(), pa.string()), "STRING"),
        (pa.map_(pa.string(), pa.list_(pa.int32())), "MAP<STRING, ARRAY<INT>>"),
        (pa.struct({"a b": pa.bool_()}), "STRUCT<`a b`:BOOLEAN>"),
        (pa.timestamp("us", "UTC"), "timestamp[us, tz=UTC]"),
    ],
)
def test_types_have_sql_names(arrow: pa.DataType, name: str) -> None:
    """Arrow's own where SQL has none here."""
    assert type_name(arrow) == name
