"""The definitions of a module as its syntax tree shows them: what each top-level name is, and how it can be called.

Nothing is run or imported, so some names stay unknown (``f = make()``); of those nothing is claimed. Left out on
purpose: what a definition has to be for a UDF, which `workbench.functions.checks` judges.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

_SCOPES: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_VALUES: Final = (
    ast.Constant,
    ast.JoinedStr,
    ast.List,
    ast.Tuple,
    ast.Set,
    ast.Dict,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)
_TRANSPARENT: Final = frozenset(
    {"abstractmethod", "cache", "classmethod", "lru_cache", "override", "staticmethod", "udaf", "udf", "udtf"}
)
"""Decorators that leave the arguments as they are."""
_NO_MEMBERS: Final = frozenset({"ABC", "Generic", "Protocol", "object"})
"""Base classes that bring nothing that a UDAF needs."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One top-level name. ``node`` is what it stands for, None if the tree does not tell; ``value``: no callable."""

    name: str
    line: int
    node: Function | ast.ClassDef | None
    value: bool = False


@dataclass(frozen=True, slots=True)
class Arity:
    """How many arguments a function takes; ``most`` is None after ``*args``; ``keywords`` must be given by name."""

    least: int
    most: int | None
    names: tuple[str, ...]
    keywords: tuple[str, ...]

    def takes(self, count: int) -> bool:
        return self.least <= count and (self.most is None or count <= self.most)

    def __str__(self) -> str:
        if self.most is None:
            count = f"at least {self.least}"
        else:
            count = str(self.most) if self.most == self.least else f"{self.least} to {self.most}"
        names = f" ({', '.join(self.names)})" if self.names else ""
        return f"{count} {'argument' if count == '1' else 'arguments'}{names}"


def definitions(body: Iterable[ast.stmt]) -> dict[str, Definition]:
    """Every name that these statements bind, also in ``if``, ``try``, ``with`` and loops; the last binding counts."""
    found: dict[str, Definition] = {}
    for statement in _statements(body):
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                found[statement.name] = Definition(statement.name, statement.lineno, statement)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                for alias in aliases:
                    name = alias.asname or alias.name.partition(".")[0]
                    found[name] = Definition(name, statement.lineno, None, value=isinstance(statement, ast.Import))
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    found.update(_assigned(target, value, found))
            case ast.AnnAssign(target=target, value=value) if value is not None:
                found.update(_assigned(target, value, found))
    return found


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a scope in order, without going into the scopes inside it."""
    for statement in body:
        yield statement
        if not isinstance(statement, _SCOPES):
            for part in ("body", "handlers", "cases", "orelse", "finalbody"):
                yield from _statements(getattr(statement, part, []))


def _assigned(target: ast.expr, value: ast.expr, known: Mapping[str, Definition]) -> dict[str, Definition]:
    if not isinstance(target, ast.Name):
        return {
            node.id: Definition(node.id, node.lineno, None) for node in ast.walk(target) if isinstance(node, ast.Name)
        }
    if isinstance(value, ast.Name) and value.id in known:
        other = known[value.id]
        return {target.id: Definition(target.id, other.line, other.node, other.value)}
    node = value if isinstance(value, ast.Lambda) else None
    return {target.id: Definition(target.id, target.lineno, node, value=isinstance(value, _VALUES))}


def is_generator(node: ast.AST | None) -> bool:
    """Whether calling it gives a generator: a ``yield`` of its own, not of a function inside it."""
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        return False
    waiting: list[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else list(node.body)
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(inner, _SCOPES):
            waiting.extend(ast.iter_child_nodes(inner))
    return False


def decorator_names(node: ast.AST) -> list[str]:
    """The last part of the name of each decorator: ``lru_cache`` for ``@functools.lru_cache(8)``."""
    names = []
    for decorator in getattr(node, "decorator_list", []):
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        names.append(called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", ""))
    return names


def arity(node: Function, *, method: bool = False) -> Arity | None:
    """How it can be called, without ``self`` or ``cls``; None behind a decorator that may change that."""
    decorators = decorator_names(node)
    if not _TRANSPARENT.issuperset(decorators):
        return None
    arguments = node.args
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    least = len(names) - len(arguments.defaults)
    if method and "staticmethod" not in decorators and names:
        names, least = names[1:], max(least - 1, 0)
    keywords = tuple(
        a.arg for a, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if default is None
    )
    return Arity(least, None if arguments.vararg else len(names), tuple(names), keywords)


def members(node: ast.ClassDef, classes: Mapping[str, Definition]) -> tuple[dict[str, Definition], bool]:
    """The attributes of a class and of its bases in this module, and whether none can come from elsewhere."""
    return _members(node, classes, frozenset())


def _members(
    node: ast.ClassDef, classes: Mapping[str, Definition], above: frozenset[str]
) -> tuple[dict[str, Definition], bool]:
    found: dict[str, Definition] = {}
    whole = {"dataclass", "final", "udaf"}.issuperset(decorator_names(node))
    for base in reversed(node.bases):
        named = base.value if isinstance(base, ast.Subscript) else base
        name = named.attr if isinstance(named, ast.Attribute) else getattr(named, "id", "")
        local = classes[name].node if isinstance(named, ast.Name) and name in classes and name not in above else None
        if isinstance(local, ast.ClassDef):
            inherited, complete = _members(local, classes, above | {node.name})
            found.update(inherited)
            whole = whole and complete
        elif name not in _NO_MEMBERS:
            whole = False
    for name, definition in definitions(node.body).items():
        if "setter" not in decorator_names(definition.node or node) and "deleter" not in decorator_names(
            definition.node or node
        ):
            found[name] = definition
        elif definition.node is not None:
            found[name] = Definition(name, definition.line, None)  # @x.setter: some property
    return found, whole
