"""Completion of the magics' lines: commands, options and their values, functions, DataFrames, columns and types.

The invariant: completing runs nothing but reading names, and never raises; a half-written line is the normal case.
Left out on purpose: Python in the body of a cell, which IPython completes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final, cast

import pandas as pd
import pyarrow as pa
from IPython.core import completer

from workbench.errors import WorkbenchError
from workbench.notebook.grammar import split_line
from workbench.notebook.magics import frames
from workbench.notebook.parsers import COMMANDS, Parser, cell_parser, command_parser, sql_parser
from workbench.notebook.sql_magics import tables
from workbench.types.base import FAMILIES

_SAMPLE: Final = re.compile(r"--sample[= ]\s*([A-Za-z_]\w*)")
_WITHOUT_NAME: Final = ("list", "doctor", "help")

Names = Callable[[], Iterable[str]]


def suggestions(text: str, names: dict[str, Any], functions: Names) -> list[str] | None:
    """What the last word of ``text``, the line up to the cursor, may become; None for a line that is none of ours."""
    stripped = text.lstrip()
    if stripped.startswith(("%%udf_sql ", "%udf_sql ")):
        found = _sql(stripped, names, functions)
    elif stripped.startswith("%%udf "):
        found = _cell(stripped.removeprefix("%%udf "), names)
    elif stripped.startswith("%udf "):
        found = _line(stripped.removeprefix("%udf "), names, functions)
    else:
        return None
    begun = re.split(r"[\s(,<=]", text)[-1]
    return sorted(
        {name for name in found if name.startswith(begun.upper() if name in FAMILIES and begun.islower() else begun)}
    )


def _sql(text: str, names: dict[str, Any], functions: Names) -> Iterable[str]:
    """Options before the SQL; in it frames, their columns, and functions."""
    parser = sql_parser()
    rest = text.partition(" ")[2]
    last = rest.rpartition(" ")[2]
    if last.startswith("-"):
        return parser.options()
    found = tables(names)
    columns = {str(name) for value in found.values() if isinstance(value, pd.DataFrame) for name in value.columns}
    return [*found, *columns, *functions(), *([] if rest.strip() else parser.options())]


def _cell(text: str, names: dict[str, Any]) -> Iterable[str]:
    signature, tail = split_line(text)
    last = text.rpartition(" ")[2]
    if tail or last.startswith("-"):
        return _option(cell_parser(), text, names)
    if signature.endswith(")") and text.endswith(" "):
        return ("->", "RETURNS")
    if re.search(r"(->|\bRETURNS)\s*\S+\s+$", text):
        return cell_parser().options()
    return [*FAMILIES, "RETURNS"]


def _line(text: str, names: dict[str, Any], functions: Names) -> Iterable[str]:
    command, space, rest = text.partition(" ")
    if not space or command == "help":
        return COMMANDS
    if command not in COMMANDS:
        return ()
    parser = command_parser(command)
    if command not in _WITHOUT_NAME and " " not in rest.lstrip():
        return [*functions(), *parser.options()]
    return [*_option(parser, text, names), *(frames(names) if command in ("run", "compare", "start") else ())]


def _option(parser: Parser, text: str, names: dict[str, Any]) -> Iterable[str]:
    """The values of the option that stands last, else all options."""
    before, _, last = text.rpartition(" ")
    option = last.partition("=")[0] if last.startswith("--") and "=" in last else before.rstrip().rpartition(" ")[2]
    if not parser.takes_value(option):
        return parser.options()
    if option == "--sample":
        return frames(names)
    return _columns(text, names) if option in ("--columns", "--group-by") else parser.choices(option)


def _columns(text: str, names: dict[str, Any]) -> list[str]:
    """The columns of the frame that the line names."""
    match = _SAMPLE.search(text)
    for word in [match[1]] if match else text.split():
        held = names.get(word)
        if isinstance(held, pd.DataFrame):
            return [str(name) for name in held.columns]
        if isinstance(held, pa.Table | pa.RecordBatch):
            return list(held.schema.names)
    return []


def matcher(names: Callable[[], dict[str, Any]], functions: Names) -> Any:
    """A matcher for IPython's completer: in the first line of a cell magic, in any line of other cells."""

    def known() -> Iterable[str]:
        try:
            return functions()
        except WorkbenchError:  # a home that cannot be read is said when it is used, not while one types
            return ()

    def udf_matcher(context: completer.CompletionContext) -> completer.SimpleMatcherResult:
        sql = context.full_text.lstrip().startswith("%%udf_sql")
        ours = context.cursor_line == 0 or sql or not context.full_text.lstrip().startswith("%%")
        before = "%%udf_sql " if sql and context.cursor_line > 0 else ""
        found = suggestions(before + context.text_until_cursor, names(), known) if ours else None
        completions = [completer.SimpleCompletion(text=name, type="magic") for name in found or ()]
        return completer.SimpleMatcherResult(completions=completions, suppress=found is not None)

    return cast("Any", completer.context_matcher)()(udf_matcher)
