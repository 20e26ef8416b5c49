"""`import workbench` shows the public names and nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

import workbench
from workbench import errors


def test_the_public_face_is_imports_and_a_sorted_all() -> None:
    """``__all__`` is sorted and names exactly what ``__init__`` imports; nothing else is in it but a docstring."""
    docstring, *imports, last = ast.parse(Path(workbench.__file__).read_text(encoding="utf-8")).body
    assert isinstance(docstring, ast.Expr)
    assert isinstance(last, ast.Assign)
    assert ast.unparse(last.targets[0]) == "__all__"
    names = []
    for node in imports:
        assert isinstance(node, ast.ImportFrom), ast.unparse(node)
        names += [alias.asname or alias.name for alias in node.names]
    assert ast.literal_eval(last.value) == sorted(names)


def test_every_error_can_be_caught_by_one_name() -> None:
    """As ``except wb.WorkbenchError``; the leaves are in `workbench.errors`."""
    assert issubclass(errors.UsageProblem, workbench.WorkbenchError)
    assert workbench.WorkbenchError is errors.WorkbenchError
