"""What must be true of a definition so that it can be called as the function that its signature promises.

Each check returns its problems, with the words that Doris uses for the same mistake, and claims nothing where the
tree does not tell. Left out on purpose: everything that shows only when the code runs, finding the definition
(`source`), and how a scalar function is called (`mode`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from workbench.functions.definitions import Arity, Definition, Function, arity, decorator_names, is_generator, members
from workbench.functions.signature import Kind, Signature
from workbench.types import Array

Found = Iterator[tuple[str, int | None]]
"""Messages, each with the line to blame."""


def check_options(kind: Kind, signature: Signature | None, symbol: str | None, batch_size: int | None) -> Found:
    """What is wrong between kind, signature, symbol and batch size, whatever the code is."""
    if kind == "script" and symbol is not None:
        yield f"a script is run as a whole and has no symbol, but {symbol!r} was given", None
    if batch_size is not None and batch_size < 1:
        yield f"batch_size must be at least 1, not {batch_size}", None
    if batch_size is not None and batch_size > 1 and kind != "udf":
        yield f"batch_size is for scalar functions; this is a {kind}", None
    if kind == "udtf" and signature is not None and not isinstance(signature.returns, Array):
        returns = signature.returns
        yield f"a table function returns an ARRAY of what it yields: ARRAY<{returns}>, not {returns}", None


def check_definition(
    definition: Definition,
    kind: Kind,
    signature: Signature | None,
    batch_size: int | None,
    module: Mapping[str, Definition],
) -> Found:
    """What is wrong with the definition itself. ``module`` are the other names of its file."""
    node, name = definition.node, definition.name
    if definition.value:
        yield f"{name!r} is not a callable", definition.line
    elif kind == "udaf":
        if isinstance(node, ast.ClassDef):
            yield from _check_class(node, signature, module)
        elif node is not None:
            yield (
                f"{name!r} is not a class: an aggregate is a class with accumulate, merge, finish and aggregate_state",
                definition.line,
            )
    elif isinstance(node, ast.ClassDef):
        yield f"{name!r} is a class: a {kind} is a function", definition.line
    elif node is not None:
        yield from _check_function(node, definition, kind, signature, batch_size)


def _check_function(
    node: Function, definition: Definition, kind: Kind, signature: Signature | None, batch_size: int | None
) -> Found:
    name, line = definition.name, definition.line
    if isinstance(node, ast.AsyncFunctionDef) and kind == "udtf":
        yield f"{name} is async def, which only a scalar function may be: write def", line
    if kind == "udf" and is_generator(node):
        yield f"{name} yields: a function that yields rows is a table function (udtf), a udf returns its value", line
    takes = arity(node)
    batched = kind == "udf" and batch_size is not None and batch_size > 1
    if takes is not None:
        if batched:
            if not takes.takes(1):
                yield (
                    f"batch_size={batch_size} needs exactly one parameter, the list of tuples; {name} takes {takes}",
                    line,
                )
        elif signature is not None:
            yield from _check_arity(name, takes, signature, line)
        yield from _check_keywords(name, takes, line)


def _check_arity(name: str, takes: Arity, signature: Signature, line: int) -> Found:
    count = len(signature.params)
    if not takes.takes(count):
        params = ", ".join(param.name or str(param.type) for param in signature.params)
        yield f"{name} takes {takes} but the signature has {count}{f' ({params})' if params else ''}", line


def _check_keywords(name: str, takes: Arity, line: int) -> Found:
    for keyword in takes.keywords:
        yield f"{name} requires the keyword-only argument {keyword!r}, which is never passed: give it a default", line


def _check_class(node: ast.ClassDef, signature: Signature | None, module: Mapping[str, Definition]) -> Found:
    found, whole = members(node, module)
    for method in ("accumulate", "merge", "finish"):
        if method in found:
            yield from _check_method(method, found[method], signature)
        elif whole:
            yield f"UDAF class must implement '{method}' method", node.lineno
    state = found.get("aggregate_state")
    if state is None:
        if whole:
            yield "UDAF class must have 'aggregate_state' property", node.lineno
    elif state.value or (state.node is not None and "property" not in decorator_names(state.node)):
        yield "'aggregate_state' must be a @property", state.line
    init = found.get("__init__")
    if init is not None and isinstance(init.node, (ast.FunctionDef, ast.Lambda)):
        takes = arity(init.node, method=True)
        if takes is not None and not takes.takes(0):
            yield f"UDAF class is created without arguments, but its __init__ takes {takes}", init.line
        if takes is not None:
            yield from _check_keywords("__init__", takes, init.line)


def _check_method(name: str, method: Definition, signature: Signature | None) -> Found:
    if method.value or isinstance(method.node, ast.ClassDef):
        yield f"UDAF class must implement '{name}' method, and {name!r} is none", method.line
        return
    if method.node is None:
        return
    if isinstance(method.node, ast.AsyncFunctionDef):
        yield f"{name} is async def, which only a scalar function may be: write def", method.line
    takes = arity(method.node, method=True)
    if takes is None:
        return
    if name == "accumulate":
        if signature is not None:
            yield from _check_arity(name, takes, signature, method.line)
    elif name == "merge" and not takes.takes(1):
        yield f"merge takes {takes} but gets 1, the state of another instance (other_state)", method.line
    elif name == "finish" and not takes.takes(0):
        yield f"finish takes {takes} but gets none", method.line
    yield from _check_keywords(name, takes, method.line)
