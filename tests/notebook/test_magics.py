"""The magics in a shell: what they bind, show and refuse."""

from __future__ import annotations

import os
import re
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fix_index import Publish
from IPython.core.completer import provisionalcompleter

from workbench.environments import Environments
from workbench.errors import (
    DataError,
    DefinitionError,
    FunctionNotFound,
    UdfError,
    UsageProblem,
    WorkbenchError,
)
from workbench.notebook.views import FunctionView, GridView, RunView
from workbench.session import Function, Run

pytest_plugins = ("fix_notebook",)

Cell = Callable[[str], Any]

DOUBLED = "def evaluate(a):\n    return a * 2\n"
FRAGILE = "def evaluate(a, b):\n    print('row', a)\n    return a / b\n"
MEAN = """class Mean:
    def __init__(self):
        self.total = 0
    def accumulate(self, a):
        self.total += a
    def merge(self, other):
        self.total += other
    @property
    def aggregate_state(self):
        return self.total
    def finish(self):
        return self.total
"""


@pytest.fixture
def df(shell: Any) -> pd.DataFrame:
    """A frame that the notebook knows as ``df``."""
    frame = pd.DataFrame({"a": [1, 2, 3], "b": [1, 0, 2], "g": ["x", "y", "x"]})
    shell.user_ns["df"] = frame
    return frame


def test_loading_prints_and_opens_nothing(shell: Any, cell: Cell, home: Path) -> None:
    """``%load_ext`` is silent, and nothing is written before a function is defined."""
    done = cell("%reload_ext workbench")
    assert (done.out, done.err, done.error) == ("", "", None)
    assert list(home.iterdir()) == []


def test_a_cell_becomes_a_function(shell: Any, cell: Cell) -> None:
    """Without a sample the value of the cell is the function's view, and its name is bound to the handle."""
    done = cell(f"%%udf doubled(a INT) -> INT\n{DOUBLED}")
    assert isinstance(done.value, FunctionView)
    handle = shell.user_ns["doubled"]
    assert isinstance(handle, Function)
    assert handle.source == f"# %%udf doubled(a INT) -> INT\n{DOUBLED}"


def test_with_a_sample_it_is_run_in_the_cell(shell: Any, cell: Cell, df: pd.DataFrame) -> None:
    """The value of the cell is the finished run; -o binds its result; -n limits the rows."""
    done = cell(f"%%udf doubled(a BIGINT) RETURNS BIGINT --sample df -n 2 -o out\n{DOUBLED}")
    assert isinstance(done.value, Run)
    assert done.value.status == "completed"
    assert shell.user_ns["out"]["doubled"].tolist() == [2, 4]
    again = cell("%udf run doubled {df.tail(1)} -o out --quiet")
    assert again.value is None
    assert again.out == ""
    assert shell.user_ns["out"]["doubled"].tolist() == [6]
    assert cell("%udf call doubled 21").value == 42
    assert cell("%udf call doubled df.a[2]").value == 6


def test_no_run_and_quiet(cell: Cell, df: pd.DataFrame) -> None:
    """--no-run defines although there is a sample, --quiet shows nothing."""
    assert isinstance(cell(f"%%udf doubled(a BIGINT) -> BIGINT --sample df --no-run\n{DOUBLED}").value, FunctionView)
    assert cell(f"%%udf doubled(a BIGINT) -> BIGINT --quiet\n{DOUBLED}").value is None


def test_options_reach_the_function(shell: Any, cell: Cell, tmp_path: Path) -> None:
    """What is said of the function on the line is in its spec."""
    helper = tmp_path / "helper.py"
    helper.write_text("TIMES = 2\n")
    done = cell(
        f"%%udf many(a INT) -> INT --type udf --symbol times --batch-size 8 --volatility stable --not-nullable "
        f"--env A='x y' B={{1 + 1}} --import {{{str(helper)!r}}}\n"
        "import helper\n\ndef times(rows):\n    return [a * helper.TIMES for a, in rows]\n\n"
        "def other(a):\n    return a\n"
    )
    assert done.error is None
    spec = shell.user_ns["many"].spec
    assert (spec.symbol, spec.batch_size, spec.volatility) == ("many.times", 8, "stable")
    assert not spec.always_nullable
    assert spec.env == {"A": "x y", "B": "2"}


def test_a_file_instead_of_a_body(shell: Any, cell: Cell, tmp_path: Path) -> None:
    """--file takes a file, and the cell needs no body; both is an error, neither is one, too."""
    path = tmp_path / "triple.py"
    path.write_text("def evaluate(a):\n    return a * 3\n")
    shell.user_ns["path"] = path
    assert cell("%%udf triple(a INT) -> INT --file {path}").error is None
    assert shell.user_ns["triple"].version == 1
    assert isinstance(cell(f"%%udf triple(a INT) -> INT --file {{path}}\n{DOUBLED}").error, UsageProblem)
    for empty in ("%%udf triple(a INT) -> INT", "%%udf triple(a INT) -> INT\n\n  \n", "%%udf\n"):
        assert isinstance(cell(empty).error, UsageProblem), empty


def test_a_script_has_only_a_name(shell: Any, cell: Cell) -> None:
    """A script needs no signature; whoever has neither signature nor script is told what is missing."""
    script = "import sys\nimport pyarrow as pa\nfor batch in pa.ipc.open_stream(sys.stdin.buffer):\n    pass\n"
    assert cell(f"%%udf passes --type script\n{script}").error is None
    assert shell.user_ns["passes"].kind == "script"
    assert isinstance(cell(f"%%udf passes\n{DOUBLED}").error, DefinitionError)
    assert isinstance(cell(f"%%udf two words\n{DOUBLED}").error, UsageProblem)
    assert isinstance(cell(f"%%udf --type udf\n{DOUBLED}").error, UsageProblem)


def test_all_problems_of_a_definition_come_at_once_with_the_lines_of_the_cell(cell: Cell) -> None:
    """Line 1 is the magic; each problem names its own line."""
    done = cell("%%udf two(a INT, b INT) -> INT\nimport os\n\ndef evaluate(a):\n    return there + here\n")
    assert isinstance(done.error, DefinitionError)
    assert [problem.line for problem in done.error.problems] == [4, 5, 5]
    assert done.error.where == "%%udf two"
    assert "Traceback" not in done.out


def test_a_field_called_coding_is_no_encoding(cell: Cell, df: pd.DataFrame) -> None:
    """The comment that stands for the magic does not declare how the file is encoded."""
    done = cell(
        "%%udf wrap(a BIGINT) -> STRUCT<coding:BIGINT> --sample df\ndef evaluate(a):\n    return {'coding': a}\n"
    )
    assert done.error is None
    assert done.value.to_pandas()["wrap"][0] == {"coding": 1}


def test_a_failing_row_leads_to_the_line_of_the_cell(cell: Cell, df: pd.DataFrame) -> None:
    """The short view names the cell, the line in it and the values; no traceback of ours is shown, unless asked for."""
    text = f"%%udf ratio(a BIGINT, b BIGINT) -> DOUBLE --sample df\n{FRAGILE}"
    done = cell(text)
    assert isinstance(done.error, UdfError)
    assert done.out.splitlines()[:3] == [
        f"UdfError: {done.error.message}",
        "  %%udf ratio v1, line 4, in evaluate",
        "    > 4 | return a / b          a=2, b=0",
    ]
    cell("%config Workbench.traceback = True")
    assert "Traceback" in cell(text).out
    cell("%config Workbench.traceback = False")
    assert cell(text).out == done.out


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("f(a INT) -> INT --sample flights", "the sample data: flights = workbench.samples.flights()"),
        ("f(a INT) -> INT --sample dff", "there is no data called 'dff'; did you mean df?"),
        ("f(a INT) -> INT --sample df[df.a>1]", "an expression stands in braces: {df[df.a>1]}"),
        ("f(a INT) -> INT --sample {nothing}", "{nothing} has no value: NameError"),
        ("f(a INT) -> INT --sapmle df", "unknown option '--sapmle'; did you mean --sample?"),
        ("f(a INT) -> INT --sample df --rate 5", "--rate is for a run behind the cell"),
        ("f(a INT) -> INT --requires numpy<", "requirements: 'numpy<' cannot be read"),
        ("f(a INT) -> INT --workers 2", "--workers is about a run, and there is nothing to run on"),
        ("f(a INT) -> INT -o x", "-o is about a run"),
        ("f(a INT) -> INT --env A", "--env 'A' is no NAME=VALUE"),
        ("f(a INT) -> INT --sample df -o 1x", "-o '1x' is no name"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_registered(
    cell: Cell, shell: Any, df: pd.DataFrame, line: str, message: str
) -> None:
    """The error names the thing and the way out; no function, no name is left behind."""
    done = cell(f"%%udf {line}\n{DOUBLED}")
    assert isinstance(done.error, UsageProblem)
    assert message in str(done.error)
    assert "UsageError" not in done.out + done.err
    assert "f" not in shell.user_ns
    assert "none yet" in repr(cell("%udf list").value)


def test_run_takes_its_data_in_place_or_as_the_sample(shell: Any, cell: Cell, df: pd.DataFrame) -> None:
    """Both forms give the same; without either the error says what is missing."""
    cell(f"%%udf doubled(a BIGINT) -> BIGINT --quiet\n{DOUBLED}")
    cell("%udf run doubled df -o one --quiet")
    cell("%udf run doubled --sample {df} -o other --quiet")
    assert shell.user_ns["one"].equals(shell.user_ns["other"])
    assert str(cell("%udf run doubled").error).startswith("%udf run: there is nothing to run on\n  add DF")


def test_a_taken_name_is_left_alone(shell: Any, cell: Cell) -> None:
    """A name that holds something else, or is Python's, is not overwritten; one that holds a handle of ours is."""
    shell.user_ns["taken"] = 7
    done = cell(f"%%udf taken(a INT) -> INT\n{DOUBLED}")
    assert done.err.startswith("warning: the name taken holds an int and was left alone; taken v1 is registered")
    assert shell.user_ns["taken"] == 7
    assert "warning: the name sum" in cell(f"%%udf sum(a INT) -> INT\n{DOUBLED}").err
    cell(f"%%udf mine(a INT) -> INT\n{DOUBLED}")
    assert cell(f"%%udf mine(a INT) -> INT\n{DOUBLED}\n").err == ""
    assert shell.user_ns["mine"].version == 2


def test_every_command(shell: Any, cell: Cell, df: pd.DataFrame, tmp_path: Path, shown: Any) -> None:
    """Each command does what its help says, for a function that has been run."""
    shell.user_ns["folder"] = tmp_path
    cell(f"%%udf ratio(a BIGINT, b BIGINT) -> DOUBLE --sample df --on-error dead_letter\n{FRAGILE}")
    cell(f"%%udf total(a BIGINT) -> BIGINT --sample df --group-by g\n{MEAN}")
    assert "ratio(a BIGINT, b BIGINT) -> DOUBLE" in repr(cell("%udf list").value)
    assert isinstance(cell("%udf show ratio").value, FunctionView)
    assert isinstance(cell("%udf run ratio df --columns b,a --on-error null").value, Run)
    assert cell("%udf call ratio 1 4").value == 0.25
    assert "group=x" not in repr(cell("%udf state total").value)
    assert "| g=x   |      4 | 4" in repr(cell("%udf state total").value)
    history = repr(cell("%udf history ratio").value)
    assert history.count("● started") == 3
    assert "▲ dead letter" in history
    cell("%udf run ratio df --on-error dead_letter")
    assert "ZeroDivisionError: division by zero" in repr(cell("%udf failures ratio").value)
    assert repr(cell("%udf logs ratio").value).splitlines() == [
        "Log of ratio v1",
        "batch 0  row 1",
        "         row 2",
        "         row 3",
    ]
    assert cell("%udf stop ratio").out == "1 idle worker stopped\n"
    assert cell("%udf stop").out == "1 idle worker stopped\n"
    cell("%udf package ratio -o {folder}")
    assert "ratio.py" in zipfile.ZipFile(tmp_path / "ratio.zip").namelist()
    assert cell("%udf ddl ratio").out.startswith("CREATE FUNCTION ratio(BIGINT, BIGINT)")
    assert cell("%udf drop ratio").out == "ratio dropped (1 version)\n"
    assert isinstance(cell("%udf show ratio").error, FunctionNotFound)
    assert "pyarrow" in repr(cell("%udf doctor").value)
    assert cell("%udf help").out == cell("%udf").out == cell("%udf -h").out
    assert "usage: %udf run" in cell("%udf help run").out
    assert cell("%udf run -h").out == cell("%udf help run").out
    assert "usage: %%udf" in cell("%%udf -h").out


@pytest.mark.parametrize(
    ("line", "kind", "message"),
    [
        ("lst", UsageProblem, "unknown command 'lst'; did you mean list?"),
        ("debug x", UsageProblem, "%udf debug is not there yet"),
        ("replay one", UsageProblem, "one v1 has not been run yet, or no row failed"),
        ("replay one --row x", UsageProblem, "invalid int value: 'x'"),
        ("run", UsageProblem, "arguments are required: NAME"),
        ("run nope df", FunctionNotFound, "nope is not registered"),
        ("show a b", UsageProblem, "unknown word 'b'"),
        ("call one nope", UsageProblem, "nope has no value: NameError"),
        ("call one", UsageProblem, "one takes 1 argument "),
        ("call one 'x'", DataError, "'x' is a str"),
        ("state one", UsageProblem, "one is a udf, which has no state"),
        ("logs one", UsageProblem, "has not been run in this notebook yet"),
        ("failures one", UsageProblem, "one v1 has not been run yet, or no row failed"),
        ("run one df --sample df", UsageProblem, "DF and --sample are the same thing"),
        ("help nope", UsageProblem, "unknown command 'nope'"),
        ("run one 'df", UsageProblem, "ends inside of quotes"),
    ],
)
def test_commands_refuse_with_a_way_out(cell: Cell, line: str, kind: type[WorkbenchError], message: str) -> None:
    """What a command cannot do is an error of ours that says why."""
    cell(f"%%udf one(a INT) -> INT\n{DOUBLED}")
    done = cell(f"%udf {line}")
    assert type(done.error) is kind
    assert message in str(done.error)
    assert "Traceback" not in done.out


def test_failing_rows_are_replayed(cell: Cell, df: pd.DataFrame) -> None:
    """The error names the command; the command runs that row again; a mended function passes."""
    failed = cell(f"%%udf ratio(a BIGINT, b BIGINT) -> DOUBLE --sample df\n{FRAGILE}")
    assert "  rerun it: %udf replay ratio --row 1" in failed.out.splitlines()
    assert "ZeroDivisionError: division by zero" in repr(cell("%udf failures ratio").value)
    assert "UdfError: ratio failed at input row 1 " in cell("%udf replay ratio --row 1").out
    bisected = cell("%udf replay ratio --bisect").value
    assert isinstance(bisected, Run)
    assert "| 1 ✕ |        2 |        0 | y        | ZeroDivisionError |" in repr(RunView(bisected))
    cell("%%udf ratio(a BIGINT, b BIGINT) -> DOUBLE\ndef evaluate(a, b):\n    return a / b if b else None\n")
    assert cell("%udf replay ratio").value.to_pandas()["b"].tolist() == [0]


def test_workers_are_started_killed_and_told(cell: Cell, df: pd.DataFrame) -> None:
    """What is said has no pid in it."""
    cell(f"%%udf doubled(a BIGINT) -> BIGINT --quiet\n{DOUBLED}")
    assert cell("%udf start doubled --workers 2").out == "doubled: 2 workers ready\n"
    assert "| doubled |       1 | ● ready |            2 |    0 | none here |" in repr(cell("%udf status").value)
    assert cell("%udf kill doubled").out == "doubled: 2 workers killed\n"
    assert cell("%udf restart doubled").out == "doubled: 1 worker ready\n"
    cell("%udf run doubled df --quiet")
    assert "| doubled |       1 | ● ready |            1 |    1 | completed |" in repr(
        cell("%udf status doubled").value
    )
    assert "| ■ stopped |" in [cell("%udf stop doubled"), repr(cell("%udf status doubled").value)][1]


def test_reloading_leaves_one_of_everything_and_unloading_nothing(shell: Any, cell: Cell) -> None:
    """Magics, settings, displays and completion are there once, and go; the workers end (the fixture looks)."""

    def counts() -> list[int]:
        names = [one.__class__.__name__ for one in shell.configurables]
        return [
            "udf" in shell.magics_manager.magics["cell"],
            "udf" in shell.magics_manager.magics["line"],
            names.count("Workbench"),
            len(shell.Completer.custom_matchers),
            len(shell.input_transformers_cleanup),
            Run in shell.display_formatter.mimebundle_formatter.type_printers,
            hasattr(WorkbenchError, "_render_traceback_"),
        ]

    before = counts()
    cell(f"%%udf doubled(a INT) -> INT\n{DOUBLED}")
    assert cell("%udf call doubled 2").value == 4
    cell("%reload_ext workbench")
    assert counts() == before
    cell("%unload_ext workbench")
    assert counts() == [0, 0, 0, before[3] - 1, before[4] - 1, False, False]
    cell("%load_ext workbench")
    assert counts() == before


def test_settings_reach_the_session(shell: Any, cell: Cell, df: pd.DataFrame, tmp_path: Path) -> None:
    """``%config`` changes what the next run and the next view use; another home has other functions."""
    cell(f"%%udf doubled(a BIGINT) -> BIGINT --quiet\n{DOUBLED}")
    cell("%config Workbench.batch_rows = 2")
    cell("%config Workbench.max_restarts = 1")
    run = cell("%udf run doubled df").value
    assert len(run.metrics) == 2
    assert run.restarts_allowed == 1
    shell.user_ns["other"] = str(tmp_path)
    cell("%config Workbench.home = other")
    assert "none yet" in repr(cell("%udf list").value)


def test_a_setting_that_cannot_be_is_told_shortly_at_the_next_loading(shell: Any, cell: Cell) -> None:
    """IPython keeps what %config refused; it is named in our form, forgotten, and the loading after that works."""
    cell("%config Workbench.max_restarts = 'x'")
    failed = cell("%reload_ext workbench")
    assert isinstance(failed.error, UsageProblem)
    assert "max_restarts" in failed.out
    assert "'x'" in failed.out
    assert "load it again" in failed.out
    assert len(failed.out.splitlines()) == 2
    assert cell("%load_ext workbench").error is None
    cell("%config Workbench.max_restarts = 2")
    assert cell("%reload_ext workbench").error is None


def test_an_interrupt_ends_the_run_and_the_next_one_works(shell: Any, cell: Cell, df: pd.DataFrame) -> None:
    """KeyboardInterrupt passes through, the run says that it was interrupted, and the function can be run again."""
    shell.user_ns["pid"] = os.getpid()
    done = cell(
        "%%udf slow(a BIGINT) -> BIGINT --sample df --batch-rows 1 --env PID={pid}\n"
        "import os, signal, time\n\ndef evaluate(a):\n"
        "    if a == 3:\n        os.kill(int(os.environ['PID']), signal.SIGINT)\n        time.sleep(0.3)\n"
        "    return a\n"
    )
    assert isinstance(done.error, KeyboardInterrupt)
    lines = done.error._render_traceback_()  # type: ignore[attr-defined]
    assert re.fullmatch("KeyboardInterrupt: slow was interrupted after [0-3] of 3 rows", lines[0])
    assert shell.user_ns["slow"].last_run.status == "interrupted"
    assert cell("%udf call slow 1").value == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%udf ru", "run"),
        ("%udf help his", "history"),
        ("%udf run dou", "doubled"),
        ("%udf run doubled d", "df"),
        ("%udf repl", "replay"),
        ("%udf replay doubled --bi", "--bisect"),
        ("%udf start doubled --wo", "--workers"),
        ("%udf run doubled df --col", "--columns"),
        ("%udf run doubled df --columns ", "g"),
        ("%udf run doubled df --on-error d", "dead_letter"),
        ("%%udf f(a IN", "INT"),
        ("%%udf f(a boo", "BOOLEAN"),
        ("%%udf f(a INT) RET", "RETURNS"),
        ("%%udf f(a INT) -> INT --sam", "--sample"),
        ("%%udf f(a INT) -> INT --sample d", "df"),
        ("%%udf f(a INT) -> INT --sample=d", "df"),
        ("%%udf f(a INT) -> INT --sample df --group-by a,", "g"),
        ("%%udf f(a INT) -> INT --type ud", "udaf"),
    ],
)
def test_completion(shell: Any, cell: Cell, df: pd.DataFrame, text: str, expected: str) -> None:
    """IPython's completer offers commands, options and values, functions, frames, columns and types."""
    cell(f"%%udf doubled(a INT) -> INT --quiet\n{DOUBLED}")
    with provisionalcompleter():
        offered = [one.text for one in shell.Completer.completions(text, len(text))]
    assert expected in offered


def test_completion_leaves_python_alone(shell: Any) -> None:
    """Nothing of ours is offered in other cells, or in the body of ours."""
    for text in ("sam", "%%udf f(a INT) -> INT\n--sam"):
        with provisionalcompleter():
            assert "--sample" not in [one.text for one in shell.Completer.completions(text, len(text))]


def test_a_view_is_a_grid(cell: Cell) -> None:
    """Lists are views, so that they show as tables."""
    assert isinstance(cell("%udf list").value, GridView)


def test_deploy_compares_with_the_packages_of_a_cluster(cell: Cell, tmp_path: Path) -> None:
    """A frame by its name or as an expression, or a file."""
    cell("%%udf f(a INT) -> INT --requires 'numpy<2'\ndef f(a):\n    return a")
    cell("import pandas as pd\nthere = pd.DataFrame({'Package': ['numpy'], 'Version': ['2.1.0']})")
    (tmp_path / "there.txt").write_text("Package\tVersion\nnumpy\t2.1.0\n")
    for given in ("there", "{there.copy()}", tmp_path / "there.txt"):
        done = cell(f"%udf deploy f --packages {given}")
        assert "numpy<2 is needed, and 2.1.0 is there" in done.out


def test_environments_are_listed_and_pruned(cell: Cell, home: Path, index: Publish) -> None:
    """As in the shell; one that is in use stays."""
    index("emoji", "2.0")
    assert "none yet" in repr(cell("%udf env").value)
    environments = Environments(home)
    environments.python(sys.executable, ("emoji",), tell=lambda _: None)
    assert "| emoji, pyarrow " in repr(cell("%udf env list").value)
    assert cell("%udf env prune --days 0").out == "removed 0 environments\n"
    environments.close()
    assert cell("%udf env prune").out == "removed 0 environments\n"
    assert cell("%udf env prune --days 0").out == "removed 1 environment\n"
    assert isinstance(cell("%udf env build").error, UsageProblem)


def test_stop_says_what_it_ended(cell: Cell) -> None:
    """A stream is no idle worker; runs are counted for each version."""
    cell("import pandas as pd; df = pd.DataFrame({'a': [1]})")
    cell("%%udf same(a INT) -> INT --sample df\ndef evaluate(a):\n    return a")
    cell("%%udf same(a INT) -> INT --sample df --live --rate 1 --loop\ndef evaluate(a):\n    return a + 1")
    assert cell("%udf stop same").out == "1 run closed, no worker left\n"
    shown = repr(cell("%udf status").value)
    assert "| same |       1 | ● ready   |            1 |    1 | completed |" in shown
    assert "| same |       2 | ■ stopped |            0 |    1 | closed    |" in shown
