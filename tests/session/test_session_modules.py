"""Where a function is: names that others have too, packages without ``__init__.py``, a main() beside it."""

from __future__ import annotations

import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import DefinitionError

SIGNATURE = "f(v BIGINT) -> BIGINT"
FRAME = pd.DataFrame({"v": range(100)})


def package(path: Path, **files: str) -> Path:
    """A zip of modules; two underscores stand for a slash."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/") + ".py", text)
    return path


def results(function: wb.Function) -> list[int]:
    """What it makes of the frame."""
    column: list[int] = function.run(FRAME, batch_rows=10, workers=2).to_pandas()[function.name].tolist()
    return column


def test_equal_names_in_two_packages_never_meet(w: wb.Workbench, tmp_path: Path) -> None:
    """Each function sees its own ``tools.py`` and its own ``pkg``, also when both run at once and by turns."""
    functions = []
    for add in (1, 1000):
        mine = package(
            tmp_path / f"add{add}.zip",
            tools=f"ADD = {add}\n",
            pkg__mod="import tools\nfrom pkg import more\ndef go(v):\n    return v + tools.ADD + more.ADD\n",
            pkg__more=f"ADD = {add}\n",
        )
        functions.append(w.register(mine, f"add{add}(v BIGINT) -> BIGINT", symbol="pkg.mod.go"))
    with ThreadPoolExecutor(4) as pool:
        runs = [(add, pool.submit(results, f)) for _ in range(2) for add, f in zip((1, 1000), functions, strict=True)]
        for add, run in runs:
            assert run.result() == [v + 2 * add for v in range(100)]
    for function in functions:
        function.stop()


def test_a_package_without_init_comes_before_an_installed_one(w: wb.Workbench, tmp_path: Path) -> None:
    """The topmost folder gets an ``__init__.py``, as in Doris; without it, Python would take what is installed."""
    code = "def go(v):\n    return v + 1\n"
    path = package(tmp_path / "x.zip", duckdb__sub__mod=code)
    assert w.register(path, SIGNATURE, symbol="duckdb.sub.mod.go").call(1) == 2


MAIN = """
import workbench as wb

@wb.udf(input_types=["BIGINT"], return_type="BIGINT")
def plus(v):
    return helper(v)

def helper(v):
    return v + 1

def show(run):
    wb.fungi
    print(run)

def main():
    w = wb.Workbench()
    f = w.register(plus)
    class Local: ...
    show(f.run({}))

if __name__ == "__main__":
    main()
"""


def test_a_main_that_registers_and_runs_does_not_ship(
    w: wb.Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that defines a function, registers it and runs it can be run, imported, or given as a file."""
    (tmp_path / "program_with_main.py").write_text(MAIN)
    monkeypatch.syspath_prepend(str(tmp_path))
    program = __import__("program_with_main")
    f = w.register(program.plus)
    assert f.call(1) == 2
    assert "workbench" not in f.source
    assert f.source.splitlines()[5:9] == MAIN.splitlines()[5:9]
    assert len(f.source.splitlines()) == len(MAIN.splitlines())
    assert w.register(tmp_path / "program_with_main.py", "plus(v BIGINT) -> BIGINT", symbol="plus").call(2) == 3


def test_a_function_that_needs_a_main_is_refused(w: wb.Workbench) -> None:
    """What the function calls is not taken out; the way out is said."""
    source = "import workbench as wb\ndef config():\n    return wb.x\ndef evaluate(v):\n    return config() and v\n"
    with pytest.raises(DefinitionError) as caught:
        w.register(source, SIGNATURE)
    assert [problem.line for problem in caught.value.problems] == [5]
    assert "evaluate uses 'config', which comes from workbench" in str(caught.value)
    assert caught.value.hint.endswith("what registers and runs it belongs into a main()")
