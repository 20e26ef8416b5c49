"""``%%udf_sql`` and ``%udf_sql``: a Doris script over the frames of the notebook, its last result as the cell's value.

Lines and columns in errors are those of the cell. The invariants are those of `workbench.notebook.magics`: errors of
ours, a statement that is interrupted leaves its workers ready, and nothing is bound before all is done. Left out on
purpose: running statements (`workbench.session.scripts`) and how results look (`result_view`).
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa

from workbench.errors import UsageProblem
from workbench.notebook.grammar import words
from workbench.notebook.panel import Stage
from workbench.notebook.parsers import Parser, sql_parser
from workbench.notebook.result_view import ResultView
from workbench.notebook.session import Workbench
from workbench.notebook.sql_progress import ProgressLine
from workbench.session import Result, Run

TABLES: Final = (pd.DataFrame, pa.Table, pa.RecordBatch, pa.RecordBatchReader, Run, Result)
"""What a query may read by its name in the notebook."""

_OPTION: Final = re.compile(r"\s*(--?[A-Za-z][\w-]*)(=\S*)?(?=\s|$)")
_VALUE: Final = re.compile(r"\s*\S+")


class SqlMagics:
    """The two magics of one notebook."""

    def __init__(self, shell: Any, session: Workbench, stage: Stage) -> None:
        self._shell, self._session, self._stage = shell, session, stage

    def cell(self, line: str, body: str) -> Any:
        """Run the SQL of the cell; ``%%udf_sql -h`` shows the options."""
        parser = sql_parser()
        end = _options_end(parser, line)
        options = parser.read(words(line[:end], self._shell.ev))
        if options.help:
            sys.stdout.write(f"{parser.format_help().rstrip()}\n")
            return None
        if options.out is not None and not options.out.isidentifier():
            raise UsageProblem(f"-o {str(options.out)!r} is no name", hint="give one for the result, as in -o result")
        if options.n is not None and options.n < 1:
            raise UsageProblem(f"-n is {options.n}", hint="give 1 or more")
        result = self._run(f"{' ' * end}{line[end:]}\n{body}", options)
        if options.out is not None:
            self._shell.user_ns[str(options.out)] = result.to_pandas()
        if options.quiet:
            return None
        return result if options.n is None else ResultView(result, options.n)

    def line(self, line: str) -> Any:
        """Run one line of SQL; ``%udf_sql -h`` shows the options."""
        return self.cell(line, "")

    def _run(self, text: str, options: argparse.Namespace) -> Result:
        progress = ProgressLine() if self._stage.live and not options.quiet else None
        workbench = self._session.workbench
        before = {one.registered_id for one in workbench.functions()}
        notes: list[str] = []
        try:
            for result in workbench.scripts.run(
                text,
                tables(self._shell.user_ns),
                limits={"timeout": options.timeout},
                explain=options.explain,
                progress=progress,
            ):
                notes += result.notes
        finally:
            if progress is not None:
                progress.close()
            for one in workbench.functions():
                if one.registered_id not in before:
                    self._session.cells[Path(one.spec.entry).name] = f"%%udf_sql {one.name} v{one.version}"
        return replace(result, notes=tuple(notes))


def tables(names: Mapping[str, Any]) -> dict[str, Any]:
    """What queries may read in a notebook; names that begin with ``_`` are IPython's."""
    return {name: value for name, value in names.items() if isinstance(value, TABLES) and not name.startswith("_")}


def _options_end(parser: Parser, line: str) -> int:
    """Where the SQL begins in a line: behind the options."""
    end = 0
    while (option := _OPTION.match(line, end)) is not None:
        end = option.end()
        value = _VALUE.match(line, end) if option[2] is None and parser.takes_value(option[1]) else None
        end = value.end() if value is not None else end
    return end
