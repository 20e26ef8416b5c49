"""Reading a definition from its source: which kind of function it is, which name holds it, and what is wrong.

The code is parsed and compiled, never run, so reading a stranger's source is harmless; what only running it would
tell is left to the worker. All problems come at once, with their lines. Left out on purpose: files and packages; the
caller passes the source of the one module that holds the function.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from workbench.errors import DefinitionError, Problem
from workbench.functions.checks import Found, check_definition, check_options
from workbench.functions.definitions import Definition, definitions, is_generator
from workbench.functions.mode import ROW, Mode, check_mode, imported, mode_of
from workbench.functions.names import undefined_names
from workbench.functions.signature import Kind, Signature, parse_signature

_DEFINED: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the source defines. ``symbol`` is what was given, else the bare name that was found; a script has none.

    ``line`` is where the definition begins, from 1; None for a script and for a name that is imported or computed.
    ``mode`` is only of a scalar function.
    """

    kind: Kind
    symbol: str | None
    signature: Signature | None
    line: int | None
    mode: Mode = ROW


def analyse(
    source: str,
    *,
    where: str,
    name: str | None = None,
    signature: Signature | str | None = None,
    kind: Kind | None = None,
    symbol: str | None = None,
    batch_size: int | None = None,
) -> Analysis:
    """Read the definition in ``source``, which is the text of one module.

    ``where`` names it in messages (``%%udf ratio``, ``main.py``). A module that reads stdin is a script, unless
    ``kind`` or ``symbol`` say otherwise. Without ``symbol`` the function is ``evaluate``, else what is named like the
    function (``name``, else the signature's), else the only public function or class. The last part of a dotted
    symbol counts. Raises DefinitionError with all problems in the order of their lines.
    """
    report = _Report(where, source)
    read = _signature(signature, report) if isinstance(signature, str) else signature
    tree = _parse(source, report)
    if tree is None:
        raise report.error()
    module = definitions(tree.body)
    definition = None
    if kind == "script" or (kind is None and symbol is None and _reads_stdin(tree)):
        decided: Kind = "script"
    else:
        name = name or (read.name if read is not None else None)
        definition = _find(module, symbol, name, kind, report)
        decided = kind or _kind_of(definition)
        if signature is None:
            example = f"{name or 'evaluate'}(a DOUBLE, b DOUBLE) -> DOUBLE"
            report.add(f"a signature is needed, as in {example}; only a script has none")
    if definition is not None:
        report.extend(check_definition(definition, decided, read, batch_size, module))
    report.extend(check_options(decided, read, symbol, batch_size))
    mode = ROW
    if definition is not None and decided == "udf":
        imports = imported(tree)
        mode = mode_of(definition.node, read, batch_size, imports)
        report.extend(check_mode(definition.node, mode, read, imports))
    for undefined, line in undefined_names(tree):
        report.add(f"name {undefined!r} is not defined in this cell; it ships alone: define or import it here", line)
    if report.problems:
        raise report.error()
    if definition is None:
        return Analysis(decided, None, read, None)
    begins = definition.line if definition.node is not None else None
    return Analysis(decided, symbol or definition.name, read, begins, mode)


class _Report:
    """The problems of one source, each with the text of its line."""

    def __init__(self, where: str, source: str) -> None:
        self.where = where
        self.problems: list[Problem] = []
        self._lines = re.split(r"\r\n|\r|\n", source)  # what Python counts; splitlines knows more line ends

    def add(self, message: str, line: int | None = None) -> None:
        text = self._lines[line - 1] if line is not None and 0 < line <= len(self._lines) else ""
        self.problems.append(Problem(message, line, text))

    def extend(self, found: Found) -> None:
        for message, line in found:
            self.add(message, line)

    def error(self) -> DefinitionError:
        return DefinitionError(self.where, sorted(self.problems, key=lambda problem: problem.line or 0))


def _signature(text: str, report: _Report) -> Signature | None:
    try:
        return parse_signature(text)
    except DefinitionError as error:
        for problem in error.problems:
            report.add(f"signature: {problem.message}")
        return None


def _parse(source: str, report: _Report) -> ast.Module | None:
    """The tree of source that also compiles (``return`` outside a function only shows then), or None and a problem."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape sequence is no problem of the definition
            tree = ast.parse(source)
            compile(tree, "<source>", "exec", dont_inherit=True)
    except SyntaxError as error:
        report.add(f"SyntaxError: {error.msg}", error.lineno)
    except (RecursionError, MemoryError):
        report.add("the source is nested too deeply to be read")
    except ValueError as error:
        report.add(f"the source is no text that Python can read: {error}")
    else:
        return tree
    return None


def _reads_stdin(tree: ast.Module) -> bool:
    """Whether ``sys.stdin`` or file descriptor 0 is read anywhere in the module."""
    modules = {
        alias.asname or "sys"
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name == "sys"
    }
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=module), attr="stdin" | "__stdin__", ctx=ast.Load()) if (
                module in modules
            ):
                return True
            case ast.ImportFrom(module="sys", names=aliases) if any(alias.name == "stdin" for alias in aliases):
                return True
            case ast.Call(func=ast.Name(id="open"), args=[ast.Constant(value=int(0) | "/dev/stdin"), *_]):
                return True
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="os"), attr="fdopen" | "read"),
                args=[ast.Constant(value=int(0)), *_],
            ):
                return True
    return False


def _find(
    module: Mapping[str, Definition], symbol: str | None, name: str | None, kind: Kind | None, report: _Report
) -> Definition | None:
    """The definition that is meant, or None and a problem that lists what there is."""
    public = {key: d for key, d in module.items() if isinstance(d.node, _DEFINED) and not key.startswith("_")}
    if symbol is not None:
        last = symbol.rpartition(".")[2]
        if last not in module:
            report.add(f"symbol {symbol!r} not found; {_there_is(public)}")
        return module.get(last)
    classes = {key: d for key, d in public.items() if isinstance(d.node, ast.ClassDef)}
    if kind == "udaf" and classes:
        module = public = classes
    named = module.get("evaluate") or module.get(name or "") or _only(public, (name or "").lower())
    aggregates = {key: d for key, d in classes.items() if kind is None and "accumulate" in _attributes(d)}
    chosen = named or _only(aggregates) or _only(public)
    if chosen is None:
        meant = "'evaluate'" if name in (None, "evaluate") else f"'evaluate' or {name!r}"
        report.add(f"no function or class named {meant} was found: {_there_is(public)}; name it with symbol")
    return chosen


def _only(among: Mapping[str, Definition], lower: str | None = None) -> Definition | None:
    """The only one, or the only one of that name in any case, as Doris compares names; else None."""
    found = [definition for key, definition in among.items() if lower is None or key.lower() == lower]
    return found[0] if len(found) == 1 else None


def _attributes(definition: Definition) -> Mapping[str, Definition]:
    return definitions(definition.node.body) if isinstance(definition.node, ast.ClassDef) else {}


def _there_is(public: Mapping[str, Definition]) -> str:
    return "the source defines " + ", ".join(public) if public else "the source defines no function or class"


def _kind_of(definition: Definition | None) -> Kind:
    """A class can only be an aggregate: what it lacks for that is said in Doris's words."""
    if definition is not None and isinstance(definition.node, ast.ClassDef):
        return "udaf"
    return "udtf" if definition is not None and is_generator(definition.node) else "udf"
