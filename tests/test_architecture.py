"""The house rules that a reader cannot see in one file: who imports whom, and the one door of each dangerous thing.

The layers are contracts of import-linter in ``pyproject.toml``; the rest is asked of the syntax tree here. Left out on
purpose: style, which is ruff's, and types, which are mypy's.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from importlinter.cli import lint_imports

ROOT: Final = Path(__file__).parents[1]

DOORS: Final[dict[str, tuple[str, ...]]] = {
    "IPython": ("notebook/",),
    "anywidget": ("notebook/",),
    "duckdb": ("engines/duckdb.py",),
    "html": ("notebook/html.py",),
    "ipywidgets": ("notebook/",),
    "pickle": ("worker/",),
    "pyspark": ("engines/spark.py",),
    "rich": ("demo.py", "terminal.py"),
    "sqlglot": ("sql/",),
    "sqlite3": ("registry/",),
    "subprocess": ("supervisor/process.py", "environments/uv.py"),  # the second runs uv, not workers
    "uv": ("environments/uv.py",),
    "yaml": ("fungi.py", "targets/fungi.py"),
    "zipfile": ("packaging/",),
}
"""Where in workbench/ a dangerous or heavy thing may be imported: one file, or one folder."""

HIDDEN: Final[dict[str, tuple[str, ...]]] = {
    "notebook/": ("workbench.environments", "workbench.supervisor", "workbench.transport"),
    "supervisor/": ("workbench.functions", "workbench.packaging", "workbench.sql", "workbench.types"),
}
"""What a room does not see although the layers would allow it.

A notebook knows sessions and events, never a process; the supervisor moves batches of programs, whatever they compute.
"""

SHARED_WITH_WORKER: Final = (
    "workbench.worker.kinds",
    "workbench.worker.protocol",
    "workbench.worker.script",
    "workbench.worker.values",
    "workbench.worker.words",
)
"""The parts of the child's code that the parent uses too: wire format and conversion have one definition each."""

FORBIDDEN: Final = {"fork": "forks a process that has threads", "forkpty": "forks a process that has threads"}

FORKS: Final = "worker/template.py"
"""The one module that forks: single-threaded, and never in our own process."""

LATE: Final = ("numpy", "pandas", "pyarrow")
"""What the child may import, but only inside functions: it must not load what its mode does not need."""

NEWER_THAN_3_8: Final = ("graphlib", "tomllib", "zoneinfo")

LONGEST: Final = 450
"""Lines of a module. More is two ideas."""


class Import(NamedTuple):
    """One imported name, absolute (``workbench.worker.values.decode``), and how it was asked for."""

    name: str
    line: int
    relative: bool
    late: bool


def imports(tree: ast.AST, package: str, *, late: bool = False) -> Iterator[Import]:
    """All imports of a module of ``package``, in functions too (``late``)."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, relative=False, late=late)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield Import(f"{base}.{alias.name}", node.lineno, relative=node.level > 0, late=late)
        else:
            function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from imports(node, package, late=late or function)


def within(name: str, modules: Iterable[str]) -> bool:
    """Whether ``name`` is one of the modules or something inside of one."""
    return any(f"{name}.".startswith(f"{module}.") for module in modules)


def broken(path: str, source: str) -> list[str]:
    """The rules that a module breaks, as ``line: what``. ``path`` is relative to workbench/: ``worker/host.py``."""
    worker = path.startswith("worker/")
    try:
        tree = ast.parse(source, path, feature_version=(3, 8) if worker else sys.version_info[:2])
    except SyntaxError as error:
        return [f"{error.lineno}: {error.msg}"]
    package = ".".join(["workbench", *Path(path).parent.parts])
    found = [f"1: {lines} lines, at most {LONGEST}"] if (lines := source.count("\n")) > LONGEST else []
    for use in imports(tree, package):
        found += [f"{use.line}: {reason}" for reason in (worker_rules(use) if worker else parent_rules(path, use))]
        found += [
            f"{use.line}: {door} is imported in {' and '.join(rooms)} only"
            for door, rooms in DOORS.items()
            if within(use.name, [door]) and not path.startswith(rooms)
        ]
    return found + [f"{line}: {reason}" for line, reason in forbidden(tree) if path != FORKS]


def parent_rules(path: str, use: Import) -> Iterator[str]:
    """What the parent may not import."""
    if within(use.name, ["workbench.worker"]) and not within(use.name, SHARED_WITH_WORKER):
        yield f"{use.name}: the parent imports only {' and '.join(SHARED_WITH_WORKER)}"
    for room, unseen in HIDDEN.items():
        if path.startswith(room) and within(use.name, unseen):
            yield f"{use.name} is not seen from {room}"


def worker_rules(use: Import) -> Iterator[str]:
    """What the child may not import: it runs where workbench is not installed."""
    top = use.name.partition(".")[0]
    if use.relative:
        if not within(use.name, ["workbench.worker"]):
            yield f"{use.name} is outside of the worker"
    elif top in LATE:
        if not use.late:
            yield f"{top} is imported inside functions only"
    elif top not in sys.stdlib_module_names or top in NEWER_THAN_3_8:
        yield f"{use.name} is not in the standard library of Python 3.8"


def forbidden(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """What is done nowhere, as a thread may hold a lock that the forked child then waits for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "preexec_fn":
            yield node.value.lineno, "preexec_fn runs Python in a forked process that has threads"
        elif isinstance(node, ast.Attribute) and node.attr in FORBIDDEN:
            yield node.lineno, f"{node.attr} {FORBIDDEN[node.attr]}"
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            yield from ((node.lineno, f"{a.name} {FORBIDDEN[a.name]}") for a in node.names if a.name in FORBIDDEN)


def test_imports_go_down(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The contracts in pyproject.toml are kept: layers, and neighbours that do not know each other."""
    monkeypatch.chdir(ROOT)
    status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert status == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    "module", sorted((ROOT / "workbench").rglob("*.py")), ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_module_keeps_the_rules(module: Path) -> None:
    """Doors, the child's independence, no fork beside threads, and a length that one idea needs."""
    path = module.relative_to(ROOT / "workbench").as_posix()
    assert broken(path, module.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("path", "source", "message"),
    [
        (
            "session.py",
            "import subprocess",
            "subprocess is imported in supervisor/process.py and environments/uv.py only",
        ),
        ("supervisor/pool.py", "def f():\n    from subprocess import run", "subprocess is imported in"),
        ("notebook/table.py", "from html import escape", "html is imported in notebook/html.py only"),
        ("registry/store.py", "import concurrent, pickle", "pickle is imported in worker/ only"),
        ("transport/framed.py", "from workbench.worker import host", "the parent imports only"),
        ("transport/framed.py", "from ..worker.host import main", "the parent imports only"),
        ("notebook/magics.py", "from workbench.supervisor.pool import Pool", "is not seen from notebook/"),
        ("supervisor/pool.py", "import workbench.functions.spec", "is not seen from supervisor/"),
        ("worker/host.py", "if True:\n    import pyarrow.ipc", "pyarrow is imported inside functions only"),
        ("worker/host.py", "from workbench.worker import values", "not in the standard library of Python 3.8"),
        ("worker/host.py", "from ..types import base", "is outside of the worker"),
        ("worker/host.py", "import tomllib", "not in the standard library of Python 3.8"),
        ("worker/host.py", "match 1:\n    case 1: pass", "only supported in Python 3.10"),
        ("worker/host.py", "import os\nos.fork()", "fork forks a process that has threads"),
        ("cli.py", "from os import fork", "fork forks a process that has threads"),
        ("supervisor/process.py", "Popen(preexec_fn=print)", "preexec_fn runs Python in a forked process"),
        ("session.py", "x = 1\n" * (LONGEST + 1), "451 lines, at most 450"),
    ],
)
def test_a_broken_rule_is_seen(path: str, source: str, message: str) -> None:
    """Each rule can fail, so that keeping it means something."""
    assert [found for found in broken(path, source) if message in found], broken(path, source)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("supervisor/process.py", "import subprocess"),
        ("environments/uv.py", "import subprocess\nfrom uv import find_uv_bin"),
        ("packaging/archive.py", "import zipfile"),
        ("transport/framed.py", "from workbench.worker.protocol import read\nfrom workbench.worker import values"),
        ("worker/host.py", "import os.path\nfrom . import values\ndef f():\n    import pyarrow as pa"),
        ("notebook/html.py", "from html import escape\nimport html5lib"),
    ],
)
def test_what_is_allowed_passes(path: str, source: str) -> None:
    """The doors are open where they should be."""
    assert broken(path, source) == []
