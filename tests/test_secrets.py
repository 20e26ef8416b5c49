"""A secret reaches the worker and nothing else: a canary is looked for in all that a session gives out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from fix_canary import CANARY, SUM, TELLS, assert_hidden, contents, said_by

import workbench as wb
from workbench.cli import main
from workbench.errors import RunError, UdfError, UsageProblem, WorkbenchError, WorkerStartError
from workbench.notebook.views import FunctionView
from workbench.secrets import blotter

SCRIPT = """import os, sys
import pyarrow as pa
key = os.environ["API_KEY"]
print("log", key, file=sys.stderr, flush=True)
for batch in pa.ipc.open_stream(sys.stdin.buffer):
    print(key, flush=True)
    raise ValueError(key)
"""


def everything(run: wb.Run) -> Iterator[str]:
    """All that a run can say besides its result."""
    yield repr(run)
    yield run.summary()
    for frame in (run.events, run.logs, run.dead_letters):
        yield frame.to_csv()
    html = run._repr_html_() if hasattr(run, "_repr_html_") else ""
    yield str(html)
    if run.error is not None:
        yield from said_by(run.error)


def test_the_canary_is_found_nowhere(env: dict[str, str | wb.Secret], tmp_path: Path) -> None:
    """Not in logs, errors, locals, states, dead letters, screens, DDL, packages, argv, or any file of the home."""
    home = tmp_path / "home"
    data = pd.DataFrame({"a": [0, 1, 2, 3, 5]})
    with wb.Workbench(home) as w:
        tells = w.register(TELLS, "f(a BIGINT) -> BIGINT", env=env)
        assert tells.call(0) == len(CANARY), "the worker has it"
        run = tells.run(data, batch_rows=1, on_error="dead_letter").wait()
        assert run.record.dead == 3
        assert "•••" in run.logs.to_csv()
        assert "bad key •••" in run.dead_letters.to_csv()
        assert_hidden(everything(run))
        with pytest.raises(UdfError) as caught:
            tells.call(1)
        assert "•••" in caught.value.frames[-1].locals["key"]
        assert_hidden(said_by(caught.value))
        with pytest.raises(RunError) as wrong:
            tells.call(4)
        assert_hidden(said_by(wrong.value))
        (pid,) = tells.status["workers"] or [0]
        argv = Path(f"/proc/{pid}/cmdline")
        assert_hidden(iter([argv.read_text() if argv.exists() else "", repr(tells), tells.ddl(), repr(tells.spec)]))
        assert_hidden(iter([str(FunctionView(tells)._repr_mimebundle_()), repr(w.launch(tells._registered))]))
        dies = w.register(TELLS, "f(a BIGINT) -> BIGINT", env={**env, "AT_START": "1"})
        with pytest.raises(WorkerStartError) as refused:
            dies.call(0)
        assert_hidden(said_by(refused.value))
        keys = w.register(SUM, "keys(a BIGINT) -> BIGINT", env=env)
        run = keys.run(data, batch_rows=2).wait()
        assert "•••" in run.state.to_csv()
        assert_hidden(iter([run.state.to_csv(), *everything(run)]))
        for on_invalid in ("skip", "fail"):
            script = w.register(SCRIPT, kind="script", name="s", env=env)
            run = script.run(data, on_invalid=on_invalid, max_restarts=0)
            with pytest.raises(RunError) as ended:
                run.wait()
            assert_hidden(iter([*said_by(ended.value), *everything(run)]))
        tells.package(tmp_path / "f.zip")
        assert_hidden(iter([tells.history.to_csv(), repr(tells.failures)]))
    assert_hidden(contents(tmp_path))


def test_it_is_not_handed_over(env: dict[str, str | wb.Secret], tmp_path: Path) -> None:
    """Not in a statement, a plan, a manifest or what is written for a target; its name may be."""
    with wb.Workbench(tmp_path / "home") as w:
        tells = w.register(TELLS.replace("def f", "def evaluate"), "f(a BIGINT) -> BIGINT", env=env)
        script = w.register(SCRIPT, kind="script", name="s", env=env)
        zipped = {"file": "https://example.com/f.zip"}
        assert_hidden([tells.ddl(), tells.ddl("doris-proposal", **zipped)])
        assert_hidden([w.sql("SHOW CREATE FUNCTION f(BIGINT)").to_pandas().to_csv()])
        plans = [tells.plan(), tells.plan("doris-proposal", **zipped), script.plan("fungi")]
        for plan in plans:
            assert_hidden([repr(plan), *plan.lines()])
        plans[2].write(tmp_path / "pipeline")
        assert "API_KEY: secret:CANARY" in (tmp_path / "pipeline" / "s.yaml").read_text()
    assert_hidden(contents(tmp_path))


def test_sql_does_not_tell_it(env: dict[str, str | wb.Secret], tmp_path: Path) -> None:
    """Neither the error of a row in a query nor that of a function that cannot be loaded; nor a plan, nor files."""
    with wb.Workbench(tmp_path / "home") as w:
        w.register(TELLS, "f(a BIGINT) -> BIGINT", env=env)
        w.register(TELLS, "g(a BIGINT) -> BIGINT", env={**env, "AT_START": "1"})
        assert w.sql("SELECT f(0) AS n").to_pandas()["n"].tolist() == [len(CANARY)]
        for call in ("f(1)", "f(2)", "f(3)", "f(4)", "g(0)"):
            with pytest.raises(WorkbenchError) as caught:
                w.sql(f"SELECT {call}", max_restarts=0)
            assert_hidden(said_by(caught.value))
        w.register(SUM, "keys(a BIGINT) -> BIGINT", env=env)
        assert w.sql("SELECT keys(a) AS n FROM t", {"t": pd.DataFrame({"a": [1, 2]})}).to_arrow().num_rows == 1
    assert_hidden(contents(tmp_path))


def test_the_shell_does_not_tell_it(
    env: dict[str, str | wb.Secret], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """What commands print, and the files that they write."""
    home = ["--home", str(tmp_path / "home")]
    (tmp_path / "f.py").write_text(TELLS)
    (tmp_path / "in.csv").write_text("a\n0\n1\n2\n")
    define = [str(tmp_path / "f.py"), "--signature", "f(a BIGINT) -> BIGINT", "--env", "API_KEY=secret:CANARY"]
    letters = ["--on-error", "dead_letter", "--dead-letters", str(tmp_path / "dead.csv")]
    assert main(["run", *define, "--input", str(tmp_path / "in.csv"), *home, *letters]) == 3
    assert main(["run", *define, "--input", str(tmp_path / "in.csv"), *home]) == 1
    for command in (["list"], ["ddl", "f"], ["deploy", "f", "-o", str(tmp_path / "out")], ["doctor"]):
        main([*command, *home])
    (tmp_path / "f.sql").write_text("SELECT f(1)")
    assert main(["sql", str(tmp_path / "f.sql"), *home]) == 1
    shown = capfd.readouterr()
    assert "bad key •••" in shown.err
    assert "bad key •••" in (tmp_path / "dead.csv").read_text()
    assert_hidden([shown.out, shown.err])
    assert_hidden(contents(tmp_path))


def test_a_secret_that_is_missing_starts_nothing(w: wb.Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named, with where to put it; a changed one holds for the next worker; its text does as well as itself."""
    monkeypatch.delenv("NO_SUCH_SECRET", raising=False)
    monkeypatch.setitem(sys.modules, "keyring", None)
    source = "import os\ndef g():\n    return len(os.environ['KEY'])\n"
    function = w.register(source, "g() -> INT", env={"KEY": wb.Secret("NO_SUCH_SECRET")})
    with pytest.raises(WorkerStartError) as caught:
        function.call()
    assert caught.value.message == "the secret NO_SUCH_SECRET is not there; no worker was started"
    assert "keyring set udf-workbench NO_SUCH_SECRET" in caught.value.hint
    assert w.register(source, "g() -> INT", env={"KEY": "secret:NO_SUCH_SECRET"}).version == function.version
    for value in ("four", "sixsix"):
        monkeypatch.setenv("NO_SUCH_SECRET", value)
        assert function.call() == len(value)


def test_the_keyring_is_asked_where_the_environment_has_none(w: wb.Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the name of the workbench."""
    kept = {("udf-workbench", "NO_SUCH_SECRET"): "ring"}
    ring = SimpleNamespace(
        get_password=lambda *key: kept.get(key), errors=SimpleNamespace(KeyringError=type("E", (Exception,), {}))
    )
    monkeypatch.setitem(sys.modules, "keyring", ring)
    source = "import os\ndef g():\n    return len(os.environ['KEY'])\n"
    assert w.register(source, "g() -> INT", env={"KEY": wb.Secret("NO_SUCH_SECRET")}).call() == 4


def test_names_are_names() -> None:
    """Not the value by mistake."""
    with pytest.raises(UsageProblem, match="is no name of a secret"):
        wb.Secret("sk-1234")


@pytest.mark.parametrize(
    ("text", "blotted"),
    [
        ("key=abcdefghijkl.", "key=•••."),
        ("cut: 'abcdefghij…", "cut: '•••…"),
        ("... ghijkl, efghijkl", "... ghijkl, •••"),
        ("abcdefghX", "•••X"),
        ("abcdefg", "abcdefg"),
        ("abcdefghijklabcdefghijkl", "••••••"),
        ("", ""),
    ],
)
def test_what_was_cut_is_recognised(text: str, blotted: str) -> None:
    """By eight characters of its beginning or end."""
    blot = blotter(["abcdefghijkl"])
    assert blot is not None
    assert blot(text) == blotted
    assert blotter([]) is None
