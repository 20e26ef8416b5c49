"""Layouts: the entry is found as Fungi, Doris and the proposal to Doris find it, and an error lists what there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import PackageError, ScriptNotFound
from workbench.packaging import Entry, keeps_top, resolve_entry

FUNGI = ["my_transform/__init__.py", "my_transform/main.py", "my_transform/utils.py"]


@pytest.mark.parametrize(
    ("files", "entry", "symbol", "expected"),
    [
        (FUNGI, "main.py", None, Entry("my_transform/main.py", "my_transform.main", None, ("", "my_transform"))),
        (FUNGI, None, None, Entry("my_transform/main.py", "my_transform.main", None, ("", "my_transform"))),
        (
            [*FUNGI, "__MACOSX/._x"],
            "my_transform/utils.py",
            None,
            Entry("my_transform/utils.py", "my_transform.utils", None, ("", "my_transform")),
        ),
        (["main.py", "lib/a.py"], "main.py", None, Entry("main.py", "main", None, ("",))),
        (["job-1.2/main.py"], "main.py", "f", Entry("job-1.2/main.py", "main", "f", ("", "job-1.2"))),
        (["transform.py"], None, None, Entry("transform.py", "transform", None, ("",))),
        (["mod.py"], None, "mod.func", Entry("mod.py", "mod", "func", ("",))),
        (["pkg/sub/mod.py"], None, "pkg.sub.mod.func", Entry("pkg/sub/mod.py", "pkg.sub.mod", "func", ("",))),
        (["pkg/__init__.py"], None, "pkg.func", Entry("pkg/__init__.py", "pkg", "func", ("",))),
        (["get_result.py", "b.py"], None, "get_result", Entry("get_result.py", "get_result", "evaluate", ("",))),
        (["get_result.py"], None, "get_result.py", Entry("get_result.py", "get_result", "evaluate", ("",))),
        (
            ["udf/get_result.py"],
            None,
            "get_result",
            Entry("udf/get_result.py", "udf.get_result", "evaluate", ("", "udf")),
        ),
        (["a.py"], "a.py", "score", Entry("a.py", "a", "score", ("",))),
        (["a.py"], "a.py", "a.score", Entry("a.py", "a", "score", ("",))),
    ],
)
def test_found(files: list[str], entry: str | None, symbol: str | None, expected: Entry) -> None:
    """Each layout gives file, module, attribute and roots."""
    assert resolve_entry(files, entry=entry, symbol=symbol) == expected


@pytest.mark.parametrize(
    ("files", "entry", "symbol", "error", "message"),
    [
        (
            FUNGI,
            "run.py",
            None,
            ScriptNotFound,
            r"entry 'run\.py' is not in the package\n  there are: my_transform/__i",
        ),
        ([], "run.py", None, ScriptNotFound, "it holds none"),
        (["a/main.py", "b/main.py"], "main.py", None, ScriptNotFound, "entry 'main.py' is not in the package"),
        (["a.py"], None, "get_result", PackageError, r"symbol 'get_result': there is no file get_result\.py"),
        (["a.py"], None, "b.f", PackageError, r"symbol 'b\.f': there is no b\.py in the package\n  there are: a\.py"),
        (["top/mod.py"], None, "mod.f", PackageError, r"the symbol would be top\.mod\.f"),
        (["a.py", "b.py"], None, None, PackageError, "which file of the package to run is not clear"),
        ([f"m{n:02}.py" for n in range(12)], "x.py", None, ScriptNotFound, r"m09\.py and 2 more"),
    ],
)
def test_not_found(
    files: list[str], entry: str | None, symbol: str | None, error: type[Exception], message: str
) -> None:
    """What is not there is named, beside what is."""
    with pytest.raises(error, match=message):
        resolve_entry(files, entry=entry, symbol=symbol)


@pytest.mark.parametrize(
    ("has_init", "kind", "symbol", "expected"),
    [
        (False, None, None, False),
        (False, "udf", "mod.func", False),
        (False, "script", None, True),
        (True, "udf", None, True),
        (False, "udf", "job.mod.func", True),
        (False, "udf", "job.func", False),
        (False, "udf", "other.mod.func", False),
    ],
)
def test_keeps_top(tmp_path: Path, *, has_init: bool, kind: str | None, symbol: str | None, expected: bool) -> None:
    """A script's folder, a package and a symbol that begins with the folder keep the folder's name."""
    folder = tmp_path / "job"
    folder.mkdir()
    if has_init:
        (folder / "__init__.py").write_text("")
    assert keeps_top(folder, kind=kind, symbol=symbol) is expected
