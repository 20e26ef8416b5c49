"""What of a cell or module ships: all but what speaks to us, so that it runs where `workbench` is not installed.

Taken out are magics, imports of `workbench`, decorators made from them, and the statements that use what those gave
(``w = wb.Workbench()``, ``f = w.register(score)``, ``f.run(df)``). They are blanked, so each line keeps its number. So
are functions that use us beside the one that ships: a ``main()`` that registers and runs it. The invariant: nothing
that a function which stays needs is taken out; where it cannot do without us, that is an error which names the line.
Left out on purpose: names that are defined nowhere; `workbench.functions.analyse` reports those.
"""

from __future__ import annotations

import ast
import io
from collections.abc import Collection, Iterator
from typing import Final

from workbench.errors import DefinitionError, Problem

_OURS: Final = "workbench"
_WAY_OUT: Final = "what ships must run without workbench; what registers and runs it belongs into a main()"
_MAGIC: Final = ("%", "!", "?")
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_Scope = _Definition | ast.Lambda | _Comprehension


def strip_ours(source: str, where: str = "cell", *, ours: Collection[str] = (), target: str | None = None) -> str:
    """The source as it ships, with as many lines as before.

    ``where`` names it in errors; ``ours`` are names that stand for us although the source does not say so, as one does
    that an earlier cell imported. ``target`` is the function that ships; where nobody knows it yet, only functions
    without parameters are taken for a ``main()``. Raises DefinitionError for a syntax error, and for each line of a
    function or class that uses `workbench` or something made from it.
    """
    lines = list(io.StringIO(source, newline=""))  # as Python counts them: str.splitlines knows more ends of lines
    tree = _parse(lines, where)
    mains: set[str] = set()
    while True:
        stripper = _Stripper(ours, mains)
        for statement in tree.body:
            stripper.visit(statement)
        stripper.check(tree)
        found = {one.name for one in stripper.users if one.name != target and _is_main(one, target)}
        if not found:
            break
        mains |= found
    if stripper.problems:
        problems = [Problem(text, line, lines[line - 1]) for line, text in sorted(stripper.problems.items())]
        raise DefinitionError(where, problems, hint=_WAY_OUT)
    for number in stripper.blank:
        lines[number - 1] = stripper.rewritten.get(number, "") + _ending(lines[number - 1])
    return "".join(lines)


class _Stripper:
    """Walks the statements of a module in order; ``ours`` stand for us by then, ``blank`` are the lines to go.

    ``mains`` are functions that go; ``users`` those that stay and use us.
    """

    def __init__(self, ours: Collection[str], mains: Collection[str]) -> None:
        self.ours = set(ours)
        self.mains = mains
        self.users: list[_Definition] = []
        self.handles: set[str] = set()  # decorated functions: themselves when called, ours when asked for an attribute
        self.gone: list[ast.stmt] = []
        self.blank: set[int] = set()
        self.rewritten: dict[int, str] = {}
        self.problems: dict[int, str] = {}

    def visit(self, statement: ast.stmt) -> None:
        """Note what of one statement goes, and what its names stand for from here on."""
        bound = _bound(statement)
        if isinstance(statement, ast.Import | ast.ImportFrom):
            self._import(statement)
        elif isinstance(statement, _Definition) and statement.name in self.mains:
            self.gone.append(statement)
            self.blank |= _lines(statement).union(*map(_lines, statement.decorator_list))
            self.ours.add(statement.name)
        elif isinstance(statement, _Definition):
            self.ours.discard(statement.name)
            self.handles.discard(statement.name)
            self._decorators(statement)
        elif any(_uses(statement, self.ours, self.handles, "")):
            self._drop(statement)
            self.ours |= bound
        else:
            self.ours -= bound
            self.handles -= bound

    def check(self, tree: ast.Module) -> None:
        """Note what cannot stay as it is, at the end: functions run when every name has its last meaning."""
        dropped = {line for statement in self.gone for line in _lines(statement)}
        for statement in tree.body:
            if statement in self.gone:
                continue
            for line in _lines(statement) & dropped:
                self.problems[line] = "put what uses workbench on a line of its own"
            if isinstance(statement, _Definition):
                found = _uses(statement, self.ours, set(), statement.name)
                problems = {line: text for line, text in found if line not in self.blank}
                self.users += [statement] if problems else []
                self.problems |= problems

    def _decorators(self, definition: _Definition) -> None:
        for decorator in definition.decorator_list:
            if any(_uses(ast.Expr(decorator), self.ours, self.handles, "")):
                self.blank |= _lines(decorator)
                self.handles.add(definition.name)

    def _import(self, statement: ast.Import | ast.ImportFrom) -> None:
        ours = [alias for alias in statement.names if _imports_us(statement, alias)]
        kept = [alias for alias in statement.names if alias not in ours]
        self.ours -= {_name(alias) for alias in kept}
        self.ours |= {_name(alias) for alias in ours}
        if ours:
            self._drop(statement)
        if ours and kept:
            self.rewritten[statement.lineno] = ast.unparse(ast.Import(kept))
        if "*" in self.ours:
            self.problems[statement.lineno] = "name what you import from workbench"

    def _drop(self, statement: ast.stmt) -> None:
        self.gone.append(statement)
        self.blank |= _lines(statement)
        for node in ast.walk(statement):
            if isinstance(node, _Definition):
                self.problems[node.lineno] = (
                    f"{node.name} is defined inside a statement that uses workbench; move it out"
                )


def _is_main(definition: _Definition, target: str | None) -> bool:
    """Whether it may go: a function beside the target, and no script's, which would read nothing any more."""
    if isinstance(definition, ast.ClassDef):
        return False
    reads = any(isinstance(node, ast.Attribute) and node.attr == "stdin" for node in ast.walk(definition))
    return not reads and (
        target is not None or not any(isinstance(node, ast.arg) for node in ast.walk(definition.args))
    )


def _uses(scope: ast.AST, ours: set[str], handles: set[str], title: str) -> Iterator[tuple[int, str]]:
    """Line and description of everything that is ours in a scope and those inside it, their own names left aside."""
    own = _bound(scope) if isinstance(scope, _Scope) else set()
    ours, handles = ours - own, handles - own
    for node in _direct(scope):
        if isinstance(node, ast.Import | ast.ImportFrom):
            if any(_imports_us(node, alias) for alias in node.names):
                yield node.lineno, f"{title} imports workbench, which is not there when it runs"
        elif isinstance(node, ast.Name):
            if node.id in ours and isinstance(node.ctx, ast.Load):
                yield node.lineno, f"{title} uses {node.id!r}, which comes from workbench"
        elif isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name) and node.value.id in handles:
                yield node.lineno, f"{title} uses the handle {node.value.id!r}"
        elif isinstance(node, _Scope):
            yield from _uses(node, ours, handles, title)


def _parse(lines: list[str], where: str) -> ast.Module:
    """Parse, blanking the magics in ``lines``: a line is one if Python cannot read it and it starts like one."""
    while True:
        try:
            return ast.parse("".join(lines))
        except SyntaxError as error:
            number = error.lineno or 1
            text = lines[number - 1] if number <= len(lines) else ""
            if not text.lstrip().startswith(_MAGIC):
                raise DefinitionError(where, [Problem(f"SyntaxError: {error.msg}", number, text)]) from error
            _blank_magic(lines, number - 1)
        except ValueError as error:  # text that cannot be encoded
            raise DefinitionError(where, [Problem(str(error))]) from error


def _blank_magic(lines: list[str], at: int) -> None:
    indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
    instead = f"{indent}pass" if indent else ""  # a block must not become empty
    continued = True
    while continued and at < len(lines):
        continued = lines[at].rstrip().endswith("\\")
        lines[at] = instead + _ending(lines[at])
        instead = ""
        at += 1


def _ending(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]


def _imports_us(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> bool:
    module = alias.name if isinstance(node, ast.Import) else (node.module or "") if not node.level else ""
    return module.partition(".")[0] == _OURS


def _name(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]


def _lines(node: ast.stmt | ast.expr) -> set[int]:
    return set(range(node.lineno, (node.end_lineno or node.lineno) + 1))


def _direct(scope: ast.AST) -> Iterator[ast.AST]:
    """All nodes of a scope, those of the scopes inside it left out; these are given as one node each."""
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop(0)
        yield node
        if not isinstance(node, _Scope):
            waiting[:0] = ast.iter_child_nodes(node)


def _bound(scope: ast.AST) -> set[str]:
    """The names that a scope or statement binds itself; what it declares global is not among them."""
    found: set[str] = set()
    elsewhere: set[str] = set()
    for node in _direct(scope):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, _Definition):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {_name(alias) for alias in node.names}
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.add(node.name)
        elif isinstance(node, ast.Global):
            elsewhere |= set(node.names)
    return found - elsewhere
