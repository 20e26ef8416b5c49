"""``workbench sql``: a Doris script from a file or standard input, each result as a table, or the last one to a file.

The invariant: with ``--output`` data goes there and nowhere else; notes, and what statements did that asked for no
rows, go to standard error. Left out on purpose: a prompt; the notebook is one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from workbench.cli.arguments import Add, Parser, pair, say
from workbench.errors import DataError

if TYPE_CHECKING:
    from workbench.session import Result
    from workbench.session.scripts import Progress

_ROWS: Final = 20
_STDIN: Final = "-"


def add(command: Add) -> None:
    """Enter the command."""
    _arguments(command("sql", _sql, "run SQL in the Doris dialect", _EXAMPLES))


def _sql(options: argparse.Namespace) -> int:
    from workbench.session import Workbench, output

    tables = {name: Path(path) for name, path in options.table}
    wanted = options.output
    if wanted is None and options.format is not None:
        wanted = output.STDOUT
    if wanted is not None:
        output.format_of(wanted, options.format)
        for path in tables.values():
            output.not_onto(wanted, path)
    text = _text(options.file)
    with Workbench(options.home, database=options.database_file) as session, _progress(quiet=options.quiet) as progress:
        for result in session.scripts.run(text, tables, progress=progress):
            for note in () if options.quiet else result.notes:
                say(f"note: {note}")
            if wanted is None or not result.reads:
                _show(result, options)
    if wanted is not None and result.reads:
        output.write(iter(result.table.to_batches()), result.table.schema, wanted, format=options.format)
    return 0


def _text(file: str) -> str:
    """The script. Raises DataError for what is missing or no text."""
    try:
        data = sys.stdin.buffer.read() if file == _STDIN else Path(file).expanduser().read_bytes()
        return data.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise DataError(f"{file} does not exist", hint="paths are relative to the current folder") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{'standard input' if file == _STDIN else file} is not UTF-8", hint="convert it first"
        ) from error


def _show(result: Result, options: argparse.Namespace) -> None:
    from workbench import terminal

    first = result.table.slice(0, options.rows)
    if not result.reads:
        if not options.quiet:
            say(*(str(value) for value in result.table.column(0).to_pylist()))
    elif len(result) == 1 and any("\n" in str(value) for value in _values(result)):
        print("\n".join(str(value) for value in _values(result)))  # a plan, a CREATE FUNCTION: to be copied
    else:
        screen = terminal.console()
        screen.print(terminal.result_table(first, total=len(result), width=screen.width))


def _values(result: Result) -> list[object]:
    return [column[0].as_py() for column in result.table.columns]


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[Progress], None] | None]:
    """A line on the terminal while a query runs, where somebody looks."""
    from workbench import terminal

    errors = terminal.console(stderr=True)
    if quiet or not errors.is_terminal:
        yield None
        return
    with errors.status("") as line:
        yield lambda progress: line.update(progress.text)


def _arguments(parser: Parser) -> None:
    add = parser.add_argument
    add("file", metavar="FILE", help="a script, or - for standard input")
    add(
        "--table",
        metavar="NAME=FILE",
        type=pair,
        action="append",
        default=[],
        help="a .parquet, .csv or .arrow file as a table of this name; may be repeated",
    )
    add("--database-file", metavar="FILE", help="a DuckDB file that keeps the tables (default: in memory)")
    add("--output", metavar="FILE", help="where the last result goes: .parquet, .csv, .arrow, or - (default: tables)")
    add(
        "--format",
        choices=("csv", "arrow", "arrows", "parquet"),
        help="of the output (default: by its ending; - is csv)",
    )
    add("--rows", metavar="N", type=int, default=_ROWS, help=f"rows of a table that are shown (default: {_ROWS})")
    add("--quiet", action="store_true", help="no progress, no notes, and no word about what statements did")


_EXAMPLES: Final = """examples:
  workbench sql script.sql
  echo 'SELECT carrier, count(*) FROM f GROUP BY carrier' | workbench sql - --table f=flights.parquet
  workbench sql script.sql --database-file my.duckdb --output result.parquet

exit status:
  0    all statements are done
  1    one failed; the error is on standard error, and what was done before it stays done
  2    the arguments cannot be understood
  130  it was interrupted"""
