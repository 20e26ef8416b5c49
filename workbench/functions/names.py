"""Which names a piece of source uses but never binds: those of other notebook cells, which do not travel with it.

One namespace for the whole source, so a name that is bound anywhere counts as known everywhere: there are no false
alarms, at the price of missing a few. Left out on purpose: attributes, types and everything else that a linter does
better.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from typing import Final

_GIVEN: Final = (frozenset(dir(builtins)) - {"_", "display", "get_ipython", "__IPYTHON__"}) | {
    "__annotations__",
    "__class__",
    "__file__",
    "__module__",
    "__name__",
    "__path__",
    "__qualname__",
}
"""Names that every module has; IPython adds its own to the builtins of the notebook's process, not of the worker's."""


def undefined_names(tree: ast.Module) -> list[tuple[str, int]]:
    """Names that are read but never bound, each with the first line (from 1) that reads it, in that order."""
    bound = set(_GIVEN)
    for node in ast.walk(tree):
        bound.update(_bound_by(node))
    if "*" in bound:
        return []  # who knows what a star brought in
    lazy = "annotations" in bound  # from __future__ import annotations: they are never evaluated
    spared = {id(name) for node in ast.walk(tree) for part in _spared(node, lazy=lazy) for name in ast.walk(part)}
    first: dict[str, int] = {}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Name)
            and isinstance(node.ctx, ast.Load)
            and node.id not in bound
            and id(node) not in spared
        ):
            first[node.id] = min(node.lineno, first.get(node.id, node.lineno))
    return sorted(first.items(), key=lambda item: (item[1], item[0]))


def _bound_by(node: ast.AST) -> Iterator[str]:
    """The names that this node itself gives a meaning to."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
            yield name
        case ast.alias(name=name, asname=alias):
            yield alias or name.partition(".")[0]
        case (
            ast.ExceptHandler(name=str(name))
            | ast.MatchAs(name=str(name))
            | ast.MatchStar(name=str(name))
            | ast.MatchMapping(rest=str(name))
        ):
            yield name
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            yield from names
        case _ if type(node).__name__ in ("TypeVar", "ParamSpec", "TypeVarTuple"):
            yield node.name  # type: ignore[attr-defined]  # type parameters, from Python 3.12 on


def _spared(node: ast.AST, *, lazy: bool) -> Iterator[ast.AST]:
    """Parts of this node that may use unknown names: what ``except NameError`` guards, and ``lazy`` annotations."""
    match node:
        case ast.Try(body=body, handlers=handlers) if any(_catches_name_error(handler.type) for handler in handlers):
            yield from body
        case ast.arg() | ast.AnnAssign() if lazy and node.annotation is not None:
            yield node.annotation
        case ast.FunctionDef() | ast.AsyncFunctionDef() if lazy and node.returns is not None:
            yield node.returns


def _catches_name_error(caught: ast.expr | None) -> bool:
    """``try: name`` with ``except NameError`` is how a program asks whether a name exists."""
    if isinstance(caught, ast.Tuple):
        return any(map(_catches_name_error, caught.elts))
    return caught is None or (isinstance(caught, ast.Name) and caught.id in ("NameError", "Exception"))
