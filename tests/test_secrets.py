"""A secret reaches the worker and nothing else: a canary is looked for in all that a session gives out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import RunError, UdfError, UsageProblem, WorkbenchError, WorkerStartError, details
from workbench.notebook.views import FunctionView
from workbench.secrets import blotter

CANARY = "kanarienvogel-" + "0123456789abcdef" * 8 + "\n-fliegt-'weit'"
"""Longer than any place where texts are cut, of two lines, and with a quote."""

TELLS = """import os, sys
KEY = os.environ["API_KEY"]
if os.environ.get("AT_START"):
    raise ValueError(KEY)

def f(a):
    key, short, cut = KEY, [KEY], {KEY: KEY}
    print("log", KEY, flush=True)
    print(repr(KEY), file=sys.stderr, flush=True)
    print("x" * 4080 + KEY, flush=True)
    if a == 1:
        raise ValueError("bad key " + KEY)
    if a == 2:
        raise type("Odd" + KEY.splitlines()[0].replace("-", "_"), (Exception,), {})(a)
    if a == 3:
        os._exit(3)
    return KEY if a == 4 else len(KEY)
"""
SUM = """import os
class Keys:
    def __init__(self):
        self.keys = [os.environ["API_KEY"]]
    @property
    def aggregate_state(self):
        return self.keys
    def accumulate(self, a):
        self.keys.append(os.environ["API_KEY"])
    def merge(self, other):
        self.keys += other
    def finish(self):
        return len(self.keys)
"""
SCRIPT = """import os, sys
import pyarrow as pa
key = os.environ["API_KEY"]
print("log", key, file=sys.stderr, flush=True)
for batch in pa.ipc.open_stream(sys.stdin.buffer):
    print(key, flush=True)
    raise ValueError(key)
"""


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> dict[str, str | wb.Secret]:
    """A variable of a function that is a secret."""
    monkeypatch.setenv("CANARY", CANARY)
    return {"API_KEY": wb.Secret("CANARY")}


def shown(error: BaseException) -> Iterator[str]:
    """All that an error can say."""
    yield f"{error} {error!r} {error.args} {getattr(error, '__notes__', '')}"
    if isinstance(error, WorkbenchError):
        yield repr(details(error))
    if error.__cause__ is not None:
        yield from shown(error.__cause__)


def everything(run: wb.Run) -> Iterator[str]:
    """All that a run can say besides its result."""
    yield repr(run)
    yield run.summary()
    for frame in (run.events, run.logs, run.dead_letters):
        yield frame.to_csv()
    html = run._repr_html_() if hasattr(run, "_repr_html_") else ""
    yield str(html)
    if run.error is not None:
        yield from shown(run.error)


def assert_hidden(texts: Iterator[str]) -> None:
    """Nothing of the secret is in them: no piece of eight characters."""
    for text in texts:
        for start in range(len(CANARY) - 8):
            piece = CANARY[start : start + 8]
            assert piece not in text, f"{piece!r} in {text[max(0, text.find(piece) - 200) : text.find(piece) + 40]!r}"


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
        assert_hidden(shown(caught.value))
        with pytest.raises(RunError) as wrong:
            tells.call(4)
        assert_hidden(shown(wrong.value))
        (pid,) = tells.status["workers"] or [0]
        argv = Path(f"/proc/{pid}/cmdline")
        assert_hidden(iter([argv.read_text() if argv.exists() else "", repr(tells), tells.ddl(), repr(tells.spec)]))
        assert_hidden(iter([str(FunctionView(tells)._repr_mimebundle_()), repr(w.launch(tells._registered))]))
        dies = w.register(TELLS, "f(a BIGINT) -> BIGINT", env={**env, "AT_START": "1"})
        with pytest.raises(WorkerStartError) as refused:
            dies.call(0)
        assert_hidden(shown(refused.value))
        keys = w.register(SUM, "keys(a BIGINT) -> BIGINT", env=env)
        run = keys.run(data, batch_rows=2).wait()
        assert "•••" in run.state.to_csv()
        assert_hidden(iter([run.state.to_csv(), *everything(run)]))
        for on_invalid in ("skip", "fail"):
            script = w.register(SCRIPT, kind="script", name="s", env=env)
            run = script.run(data, on_invalid=on_invalid, max_restarts=0)
            with pytest.raises(RunError) as ended:
                run.wait()
            assert_hidden(iter([*shown(ended.value), *everything(run)]))
        tells.package(tmp_path / "f.zip")
        assert_hidden(iter([tells.history.to_csv(), repr(tells.failures)]))
    for path in [*home.rglob("*"), tmp_path / "f.zip"]:
        if path.is_file():
            assert_hidden(iter([path.read_bytes().decode("latin-1")]))


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
