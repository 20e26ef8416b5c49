"""Loading the user's code in a real worker: what is found, what is not, and why."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from fix_processes import Bench, function, listen

from workbench.errors import WorkerStartError
from workbench.supervisor.warm import warm
from workbench.supervisor.worker import Died, Launch, Worker, ignore
from workbench.transport.base import Ready, Refused, Reply

GOOD = "def evaluate(a):\n    return a\n"


def refusal(launch: Launch) -> dict[str, Any]:
    """What the worker says instead of being ready."""
    worker = Worker(launch, ignore)
    try:
        refused = next(said for said in listen(worker, refuses) if refuses(said))
    finally:
        worker.close()
    assert isinstance(refused, Refused)
    assert refused.phase == "load"
    return dict(refused.info)


def refuses(said: Reply | Died) -> bool:
    """Whether it is a refusal."""
    return isinstance(said, Refused)


def write(folder: Path, **files: str) -> None:
    """Modules of the user; two underscores stand for a slash."""
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("source", "kind", "error"),
    [
        ("x = 1", "udf", "'evaluate' not found in module 'udf_under_test'"),
        ("evaluate = 5", "udf", "'evaluate' in module 'udf_under_test' is not a callable"),
        (GOOD, "udaf", "'evaluate' in module 'udf_under_test' is not a class"),
    ],
)
def test_what_is_not_there(tmp_path: Path, source: str, kind: str, error: str) -> None:
    """A symbol that is missing or of the wrong sort is named, in Doris's words."""
    info = refusal(function(tmp_path, source, kind=kind))
    assert (info["error_type"], info["error"], info["frames"]) == ("NotLoaded", error, [])


@pytest.mark.parametrize("module", ["json", "socket", "time", "pyarrow"])
def test_a_name_that_python_has_already(tmp_path: Path, module: str) -> None:
    """A module that Python or the worker has loaded under that name is not mixed up with the user's."""
    write(tmp_path, **{module: GOOD})
    info = refusal(function(tmp_path, GOOD, module=module))
    assert info["error"] == (
        f"module name {module!r} is not allowed for UDFs: "
        f"a module called {module!r} is part of Python or of the worker; rename the file"
    )


@pytest.mark.parametrize("module", ["protocol", "values", "host", "workbench", "pkg.values", "space.values"])
def test_a_name_of_ours_is_free(tmp_path: Path, bench: Bench, module: str) -> None:
    """The worker's own modules take no name away from the user; packages may have an ``__init__.py`` or none."""
    write(tmp_path, protocol=GOOD, values=GOOD, host=GOOD, workbench=GOOD, pkg____init__="")
    write(tmp_path, pkg__values="from .other import evaluate", pkg__other=GOOD, space__values=GOOD)
    warm(function(tmp_path, GOOD, module=module), bench.pool)


def test_a_missing_module(tmp_path: Path, bench: Bench) -> None:
    """An import that fails names the module, the user's line and the way out."""
    with pytest.raises(WorkerStartError) as caught:
        warm(function(tmp_path, "import os\nimport no_such_module\n" + GOOD), bench.pool)
    assert caught.value.message == "evaluate cannot be loaded: ModuleNotFoundError: No module named 'no_such_module'"
    assert "add --requires no_such_module" in caught.value.hint
    assert [(frame.file, frame.line) for frame in caught.value.frames] == [("udf_under_test.py", 2)]


def test_a_syntax_error(tmp_path: Path) -> None:
    """Code that does not compile names file and line."""
    info = refusal(function(tmp_path, "x = 1\ndef evaluate(a:\n"))
    assert info["error_type"] == "SyntaxError"
    assert [(frame["file"], frame["line"]) for frame in info["frames"]] == [("udf_under_test.py", 2)]


def test_the_users_code_fails_at_import(tmp_path: Path) -> None:
    """Whatever it raises is told, an exit and a refused connection too: neither looks like a crash."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    sources = {
        "SystemExit": "import sys; sys.exit('no')",
        "ConnectionRefusedError": f"import socket; socket.create_connection(('127.0.0.1', {port}))",
        "BrokenPipeError": "raise BrokenPipeError",
        "EOFError": "input('name? ')",
        "KeyboardInterrupt": "raise KeyboardInterrupt",
    }
    for name, source in sources.items():
        assert refusal(function(tmp_path, source))["error_type"] == name


def test_code_that_prints_and_reads_at_import(tmp_path: Path, bench: Bench) -> None:
    """What is printed at import is in the log, stdin is at its end, and the function is loaded."""
    source = "import sys\nprint('imported', repr(sys.stdin.read()))\nprint('done', end='')\n" + GOOD
    lines = []
    worker = Worker(function(tmp_path, source), lambda stream, text: lines.append((stream, text)))
    listen(worker, lambda said: isinstance(said, Ready))
    worker.drain_logs()
    assert lines == [("stdout", "imported ''")]
    worker.channel.close()
    listen(worker, lambda _said: worker.died is not None)
    worker.tell_logs()
    assert lines == [("stdout", "imported ''"), ("stdout", "done")]
    worker.close()
