"""Requirements: where they are said, that they are installed when a function is first run, and what happens if not."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from fix_index import Publish

import workbench as wb
from workbench.errors import EnvironmentBuildError, RunClosed, UsageProblem, WorkerStartError
from workbench.packaging import read_zip
from workbench.session.requirements import in_text

SIGNATURE = "f(a BIGINT) -> STRING"
CODE = "import numpy\n\ndef f(a):\n    return numpy.__version__\n"
PEP_723 = f"# /// script\n# requires-python = '>=3.11'\n# dependencies = [\n#   'NumPy < 2',\n# ]\n# ///\n{CODE}"


def tree(folder: Path, files: dict[str, str]) -> Path:
    """A folder with files."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_they_are_part_of_the_version_and_of_the_zip(w: wb.Workbench, tmp_path: Path) -> None:
    """In one spelling; another set is another version; a zip that is registered again has them."""
    one = w.register(CODE, SIGNATURE, requirements=["NumPy < 2", "emoji", "numpy<2"])
    assert one.spec.requirements == ("emoji", "numpy<2")
    assert w.register(CODE, SIGNATURE, requirements=["numpy<2", "emoji"]).version == 1
    assert w.register(CODE, SIGNATURE, requirements="numpy<2").version == 2
    assert w.register(CODE, SIGNATURE).version == 3
    path = one.package(tmp_path / "f.zip")
    assert (read_zip(path).manifest or {})["requirements"] == ["emoji", "numpy<2"]
    assert w.register(path).spec.requirements == ("emoji", "numpy<2")
    assert w.register(path, requirements=["six"]).spec.requirements == ("emoji", "numpy<2", "six")


def test_a_file_declares_them_in_its_comment(w: wb.Workbench, tmp_path: Path) -> None:
    """As PEP 723 has it, in a file as in a cell; what the caller gives comes on top."""
    path = tree(tmp_path, {"f.py": PEP_723}) / "f.py"
    assert w.register(path, SIGNATURE).spec.requirements == ("numpy<2",)
    assert w.register(PEP_723, SIGNATURE, requirements=["six"]).spec.requirements == ("numpy<2", "six")


ECHO = "import sys\nsys.stdin.buffer.read()\n"
NEWER = "# /// script\n# requires-python = '{}'\n# ///\n"


@pytest.mark.parametrize("kind", ["udf", "script"])
def test_a_python_that_does_not_fit_is_refused(w: wb.Workbench, kind: str) -> None:
    """Before a worker is started, with what is there instead; one that fits runs."""
    code, signature = (ECHO, None) if kind == "script" else ("def f(a):\n    return 'ran'\n", SIGNATURE)
    data = pd.DataFrame({"a": [1]})
    f = w.register(NEWER.format(">=3.99") + code, signature, name="f", kind=kind)  # type: ignore[arg-type]
    with pytest.raises(
        WorkerStartError, match=r"f requires Python >=3\.99, and python\S* is 3\.\d+\.\d+; no worker was"
    ):
        f.run(data)
    w.register(NEWER.format(">=3.8,<4") + code, signature, name="f", kind=kind).run(data)  # type: ignore[arg-type]


def an_interpreter(folder: Path, script: str = "echo 3.99.1") -> Path:
    """One of a version that there is not."""
    path = folder / "python3.99"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_another_setting_is_looked_at_anew(w: wb.Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A launch is kept for the next run, unless the settings of the workbench are others meanwhile."""
    f = w.register(NEWER.format("<3.99") + CODE, SIGNATURE)
    assert w.launch(f._registered) is w.launch(f._registered)
    monkeypatch.setattr(w, "settings", replace(w.settings, start_timeout=7.0))
    assert w.launch(f._registered).start_timeout == 7
    monkeypatch.setattr(w, "settings", replace(w.settings, python=str(an_interpreter(tmp_path))))
    with pytest.raises(WorkerStartError, match=r"python3\.99 is 3\.99\.1"):
        w.launch(f._registered)


@pytest.mark.parametrize("script", ["echo hello", "echo no >&2; exit 1"])
def test_an_interpreter_that_says_no_version_is_refused(w: wb.Workbench, tmp_path: Path, script: str) -> None:
    """It may be anything."""
    f = w.register(NEWER.format("<3.99") + CODE, SIGNATURE, python=str(an_interpreter(tmp_path, script)))
    with pytest.raises(WorkerStartError, match=r"python3\.99 does not say which Python it is\n  give another"):
        f.call(1)


def test_another_interpreter_is_asked_for_its_version(w: wb.Workbench, tmp_path: Path) -> None:
    """It counts which one would run the function, not which one we run in."""
    f = w.register(NEWER.format("<3.99") + CODE, SIGNATURE, python=str(an_interpreter(tmp_path)))
    with pytest.raises(WorkerStartError, match=r"f requires Python <3\.99, and python3\.99 is 3\.99\.1; no worker was"):
        f.call(1)


@pytest.mark.parametrize(("said", "message"), [("'three'", "requires-python 'three' cannot be read"), ("3", "no text")])
def test_a_requirement_that_cannot_be_read_is_named(w: wb.Workbench, said: str, message: str) -> None:
    """When the function is to be run."""
    f = w.register(NEWER.replace("'{}'", said) + CODE, SIGNATURE)
    with pytest.raises(UsageProblem, match=message):
        f.call(1)


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({"requirements.txt": "# what we need\nnumpy<2  # old\n\nsix \\\n  >=1\n"}, ("numpy<2", "six>=1")),
        ({"pyproject.toml": "[project]\nname = 'f'\ndependencies = ['numpy<2']\n"}, ("numpy<2",)),
        ({"requirements.txt": "six\n", "pyproject.toml": "[project]\ndependencies = ['numpy']\n"}, ("six",)),
        ({"pyproject.toml": "[tool.x]\n"}, ()),
        ({}, ()),
    ],
)
def test_a_folder_declares_them(
    w: wb.Workbench, tmp_path: Path, files: dict[str, str], wanted: tuple[str, ...]
) -> None:
    """In ``requirements.txt``, else in ``pyproject.toml``."""
    folder = tree(tmp_path / "f", {"f.py": CODE, **files})
    assert w.register(folder, SIGNATURE, symbol="f.f").spec.requirements == wanted


@pytest.mark.parametrize(
    ("requirement", "message"),
    [
        ("--index-url http://example.com", "'--index-url' is an option"),
        ("-r other.txt", "'-r' is an option"),
        ("./wheels/x.whl", r"'\./wheels/x\.whl' cannot be read"),
        ("numpy 2", "'numpy 2' cannot be read"),
        ("x @ https://me:secret@example.com/x.whl", "the address of x holds a password"),
    ],
)
def test_what_is_no_requirement_is_refused(w: wb.Workbench, tmp_path: Path, requirement: str, message: str) -> None:
    """By name, when the function is defined; where it was read in a file, with the file's name."""
    with pytest.raises(UsageProblem, match=f"^requirements: {message}"):
        w.register(CODE, SIGNATURE, requirements=[requirement])
    folder = tree(tmp_path / "f", {"f.py": CODE, "requirements.txt": f"{requirement}\n"})
    with pytest.raises(UsageProblem, match=rf"^requirements\.txt: {message}"):
        w.register(folder, SIGNATURE, symbol="f.f")
    assert w.functions() == []


def test_a_comment_that_cannot_be_read_is_told() -> None:
    """A script that says what it needs, and is not understood, must not run without."""
    with pytest.raises(UsageProblem, match="# /// script: "):
        in_text("# /// script\n# dependencies = [\n# ///\n")
    with pytest.raises(UsageProblem, match="dependencies are no list of texts"):
        in_text("# /// script\n# dependencies = 'numpy'\n# ///\n")
    assert in_text("# /// other\n# dependencies = 'numpy'\n# ///\n") == ()


def test_a_missing_module_is_proposed(w: wb.Workbench) -> None:
    """By the name of its distribution, where that is another."""
    for module, wanted in (("no_such_module.inner", "no_such_module"), ("cv2", "opencv-python-headless")):
        function = w.register(f"import {module}\ndef f(a):\n    return ''\n", SIGNATURE)
        with pytest.raises(WorkerStartError) as caught:
            function.call(1)
        top = module.partition(".")[0]
        hint = f"`{top}` is not installed in this function's environment: add --requires {wanted}"
        assert caught.value.hint == hint
    script = w.register("import sys, no_such_module\nsys.stdin.buffer.read()\n", kind="script", name="s")
    with pytest.raises(WorkerStartError, match="add --requires no_such_module"):
        script.run(pd.DataFrame({"a": [1]})).wait()


def test_a_version_that_cannot_be_built_leaves_the_previous_running(
    w: wb.Workbench, index: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message is uv's; a failed build changes nothing for those that run."""
    told: list[str] = []
    monkeypatch.setattr(w, "tell", told.append)
    first = w.register("def f(a):\n    return 'one'\n", SIGNATURE)
    run = first.run(pd.DataFrame({"a": [1, 2]}), batch_rows=1)
    batches = run.batches()
    assert next(batches).column("f").to_pylist() == ["one"]
    second = w.register(CODE, SIGNATURE, requirements=["numpy<2"])
    with pytest.raises(EnvironmentBuildError, match="numpy was not found"):
        second.call(1)
    assert told == ["f: building an environment with numpy<2; this is done once"]
    assert [batch.column("f").to_pylist() for batch in batches] == [["one"]]
    assert first.call(3) == "one"
    assert w.function("f", 1).version == 1


def test_nobody_else_waits_while_an_environment_is_built(
    tmp_path: Path, index: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other functions run, and the workbench can be closed; what was to run is refused then."""
    building, go_on = threading.Event(), threading.Event()

    def tell(text: str) -> None:
        building.set()
        assert go_on.wait(30)

    caught: list[BaseException] = []

    def call() -> None:
        try:
            slow.call(1)
        except RunClosed as error:
            caught.append(error)

    with wb.Workbench(tmp_path) as w:
        monkeypatch.setattr(w, "tell", tell)
        quick = w.register("def f(a):\n    return 'one'\n", "quick(a BIGINT) -> STRING")
        slow = w.register("def f(a):\n    return 'two'\n", "slow(a BIGINT) -> STRING", requirements=["pyarrow"])
        thread = threading.Thread(target=call)
        thread.start()
        assert building.wait(30)
        assert quick.call(1) == "one"
    go_on.set()
    thread.join(30)
    assert [str(error).partition("\n")[0] for error in caught] == ["the workbench is closed"]
    assert w.environments.prune(0) == 1, "nobody holds it"


@pytest.mark.index
def test_conflicting_versions_live_at_once(tmp_path: Path) -> None:
    """Functions whose numpy differs answer in turn, each from its own environment; two share one, and its template.

    Needs numpy 1.26 and 2.x with pyarrow.
    """
    with wb.Workbench(tmp_path) as w:
        told: list[str] = []
        w.tell = told.append
        wanted = {"old": "numpy<2", "new": "numpy>=2", "kept": "numpy<2"}
        runs = [
            w.register(CODE, f"{name}(a BIGINT) -> STRING", requirements=[one]).run(
                pd.DataFrame({"a": range(6)}), batch_rows=2
            )
            for name, one in wanted.items()
        ]
        streams = [run.batches() for run in runs]
        for _ in range(3):
            old, new, kept = (next(stream).column(-1).to_pylist() for stream in streams)
            assert old == kept
            assert [old[0][0], new[0][0]] == ["1", "2"]
        for run in runs:
            run.close()
        assert len(told) == len(w.environments.list()) == 2


@pytest.mark.index
def test_conflicting_versions_in_one_statement(tmp_path: Path) -> None:
    """As what one function returns is an argument of the other, both are there at once.

    Needs numpy 1.26 and 2.x with pyarrow.
    """
    with wb.Workbench(tmp_path) as w:
        w.tell = lambda _: None
        w.register(CODE.replace("(a)", "()"), "old() -> STRING", requirements=["numpy<2"])
        code = "import numpy\ndef new(a):\n    return a + ' ' + numpy.__version__\n"
        w.register(code, "new(a STRING) -> STRING", requirements=["numpy>=2"])
        (found,) = w.sql("SELECT new(old()) AS both").to_arrow().column("both").to_pylist()
        assert [version[0] for version in found.split()] == ["1", "2"]
