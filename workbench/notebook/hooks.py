"""Each thing that is hung into IPython, beside what takes it out.

The invariant: every line that adds has a line that undoes. Left out on purpose: when that happens (`extension`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from IPython.core.magic import no_var_expand
from traitlets import TraitError

from workbench.checking import Check
from workbench.errors import UsageProblem, WorkbenchError
from workbench.notebook.check_view import CheckView
from workbench.notebook.compared import ComparisonView
from workbench.notebook.completion import matcher
from workbench.notebook.cut_short import SHORT
from workbench.notebook.magics import UdfMagics
from workbench.notebook.result_view import ResultView
from workbench.notebook.session import Workbench
from workbench.notebook.sql_magics import SqlMagics
from workbench.notebook.stream_view import StreamView
from workbench.notebook.views import ErrorView, FunctionView, RunView, short_error
from workbench.session import Function, Result, Run, Stream
from workbench.session.compare import Comparison


def install(shell: Any, undo: ExitStack) -> None:
    """Hang everything in; ``undo`` takes it out, in the opposite order.

    ``shell`` is IPython's InteractiveShell; it is Any because its own annotations are partly wrong. Raises UsageProblem
    for a setting that cannot be.
    """
    session = _session(shell)
    undo.callback(session.close)
    shell.configurables.append(session)
    undo.callback(shell.configurables.remove, session)
    magics = UdfMagics(shell, session)
    undo.callback(magics.stage.close)
    _magics(shell, "udf", magics, undo)
    _magics(shell, "udf_sql", SqlMagics(shell, session, magics.stage), undo)
    _displays(shell, session, undo)
    _errors(session, undo)
    transforms = shell.input_transformers_cleanup
    transforms.insert(0, with_body)
    undo.callback(transforms.remove, with_body)
    if shell.Completer is not None:
        complete = matcher(lambda: shell.user_ns, lambda: [one.name for one in session.workbench.functions()])
        shell.Completer.custom_matchers.append(complete)
        undo.callback(shell.Completer.custom_matchers.remove, complete)


def _session(shell: Any) -> Workbench:
    """The session with what %config said: IPython keeps that for the next loading, also what was refused."""
    try:
        return Workbench(parent=shell)
    except TraitError as error:
        del shell.config["Workbench"]  # or no loading would ever do
        hint = "all settings of the workbench are back at their defaults: load it again, then set them"
        problem = UsageProblem(f"%config Workbench: {error}", hint=hint)
        setattr(problem, SHORT, lambda: short_error(problem, {}))  # nothing is hung in yet that would show it
        raise problem from error


def _magics(shell: Any, name: str, magics: UdfMagics | SqlMagics, undo: ExitStack) -> None:
    @no_var_expand
    def line_magic(line: str) -> Any:
        return magics.line(line)

    @no_var_expand
    def cell_magic(line: str, cell: str) -> Any:
        return magics.cell(line, cell)

    line_magic.__doc__, cell_magic.__doc__ = magics.line.__doc__, magics.cell.__doc__
    for kind, function in (("line", line_magic), ("cell", cell_magic)):
        shell.register_magic_function(function, magic_kind=kind, magic_name=name)
        undo.callback(shell.magics_manager.magics[kind].pop, name)


def _displays(shell: Any, session: Workbench, undo: ExitStack) -> None:
    """Runs, functions, checks and errors of ours are shown as views wherever they are the value of a cell."""
    views: dict[type, Callable[[Any], Any]] = {
        Result: lambda result: ResultView(result, session.display_rows)._repr_mimebundle_(),
        Run: lambda run: RunView(run, session.display_rows, session.cells)._repr_mimebundle_(),
        Stream: lambda stream: StreamView(stream)._repr_mimebundle_(),
        Function: lambda function: FunctionView(function)._repr_mimebundle_(),
        Check: lambda check: CheckView(check)._repr_mimebundle_(),
        Comparison: lambda found: ComparisonView(found, session.display_rows)._repr_mimebundle_(),
        WorkbenchError: lambda error: ErrorView(error, session.cells)._repr_mimebundle_(),
    }
    formatter = shell.display_formatter.mimebundle_formatter
    for type_, view in views.items():
        formatter.for_type(type_, view)
        undo.callback(formatter.pop, type_)


def _errors(session: Workbench, undo: ExitStack) -> None:
    """Our errors are shown as what happened, where, and the way out; Python's traceback only if it is asked for."""

    def lines(error: WorkbenchError) -> list[str]:
        return short_error(error, session.cells)

    def apply() -> None:
        if session.traceback:
            delattr(WorkbenchError, SHORT)
        else:
            setattr(WorkbenchError, SHORT, lines)

    def remove() -> None:
        if hasattr(WorkbenchError, SHORT):
            delattr(WorkbenchError, SHORT)

    apply()
    session.observe(lambda _: apply(), names=["traceback"])
    undo.callback(remove)


def with_body(lines: list[str]) -> list[str]:
    """An input transformation: give a lone ``%%udf`` or ``%%udf_sql`` line an empty body.

    IPython refuses a cell magic without a body by its UsageError; ``%%udf f(a INT) -> INT --file f.py`` and ``%%udf
    -h`` need none.
    """
    filled = [line for line in lines if line.strip()]
    if len(filled) == 1 and filled[0].split()[0] in ("%%udf", "%%udf_sql"):
        return [filled[0].rstrip("\n") + "\n", "\n"]
    return lines
