"""``workbench run``: a function over a file, its rows to a file or standard output, its summary to standard error."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from workbench.cli.arguments import EXITS, Add, Parser, count, definition_options, function_of, names, pair, say

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.session import Run

_FIRST_ROWS: Final = 20


def add(command: Add) -> None:
    """Enter the command."""
    _arguments(command("run", _run, "run a function over a file", _EXAMPLES, definition_options()))


def _run(options: argparse.Namespace) -> int:
    from workbench.session import Workbench, output

    wanted = options.output or output.STDOUT
    if options.output is not None:
        output.format_of(options.output, options.format)
        output.not_onto(options.output, options.input)
    elif options.format is not None:
        wanted = options.output = output.STDOUT
    if options.dead_letters is not None:
        output.format_of(options.dead_letters)
        output.not_onto(options.dead_letters, options.input)
    with Workbench(options.home) as session:
        if options.quiet:
            session.tell = lambda _: None
        function = function_of(session, options)
        run = function.run(
            Path(options.input),
            columns=options.columns,
            group_by=options.group_by,
            batch_rows=options.batch_rows,
            workers=options.workers,
            max_restarts=options.max_restarts,
            timeout=options.timeout,
            memory_limit=None if options.memory is None else int(options.memory * 1e6),
            on_invalid=options.on_invalid,
            on_error=options.on_error,
            outer=options.outer,
        )
        try:
            with run:
                _finish(run, options, wanted)
        finally:
            if options.dead_letters is not None:
                _write_dead_letters(run, options.dead_letters)
            if not options.quiet:
                _summary(run)
        return 3 if run.record.dead or run.record.skipped else 0


def _finish(run: Run, options: argparse.Namespace, target: str) -> None:
    """Move the run to its end: into the output, or into a table of its first rows."""
    from workbench import terminal
    from workbench.session import output

    alone = options.output != output.STDOUT or not sys.stdout.isatty()  # a bar amid data would be in nobody's interest
    errors = terminal.console(stderr=True)
    if options.quiet or not alone:
        errors.quiet = True
    with terminal.progress(run, errors):
        if options.output is not None:
            output.write(run.batches(), run.schema, target, format=options.format)
            return
        rows = _first_rows(run)
    names = [name for name, _ in run.spec.signature.output_fields(run.spec.kind)] if run.spec.signature else []
    screen = terminal.console()
    screen.print(terminal.result_table(rows, total=run.record.rows_out, outputs=names, width=screen.width))


def _first_rows(run: Run) -> pa.Table:
    """Finish a run and keep only what is shown of it."""
    import pyarrow as pa

    kept: list[pa.RecordBatch] = []
    room = _FIRST_ROWS
    for batch in run.batches():
        if room > 0:
            kept.append(batch.slice(0, room))
            room -= batch.num_rows
    return pa.Table.from_batches(kept, run.schema or pa.schema([]))


def _summary(run: Run) -> None:
    from workbench.session import report

    rate = f"{run.record.rows_in / max(run.seconds, 1e-9):,.0f} rows/s"
    say(report.function_line(run.spec, run.version), f"  {report.counts_line(run)}")
    say(*(f"  {line}" for line in report.notice_lines(run)), f"  {run.seconds:.1f} s   {rate}")


def _write_dead_letters(run: Run, target: str) -> None:
    """The rows without a result, in the types that they came with."""
    import pyarrow as pa

    from workbench.session import output

    letters = run.record.letters
    fields = [pa.field("batch", pa.int64()), pa.field("row", pa.int64()), *run.input_schema]
    fields += [pa.field("error_type", pa.string()), pa.field("error", pa.string()), pa.field("attempts", pa.int64())]
    columns = [
        pa.array([letter.batch for letter in letters], pa.int64()),
        pa.array([letter.row for letter in letters], pa.int64()),
        *(pa.array([letter.values[field.name] for letter in letters], field.type) for field in run.input_schema),
        pa.array([letter.error_type for letter in letters], pa.string()),
        pa.array([letter.error for letter in letters], pa.string()),
        pa.array([letter.attempts for letter in letters], pa.int64()),
    ]
    schema = pa.schema(fields)
    output.write(iter([pa.RecordBatch.from_arrays(columns, schema=schema)]), schema, target)
    if run.record.dead > len(letters):
        say(f"{target} holds the first {len(letters):,} of {run.record.dead:,} dead letters")


def _arguments(parser: Parser) -> None:
    add = parser.add_argument
    add("source", metavar="SOURCE", nargs="?", help="a .py file, a folder, a zip, or a registered function's name")
    add("--input", metavar="FILE", required=True, help="a .parquet, .csv or .arrow file")
    add("--output", metavar="FILE", help="a .parquet, .csv or .arrow file, or - (default: a table of the first rows)")
    add(
        "--format",
        choices=("csv", "arrow", "arrows", "parquet"),
        help="of the output (default: by its ending; - is csv)",
    )
    add("--columns", metavar="A,B", type=names, help="the arguments' columns, in order (default: by the signature)")
    add("--group-by", metavar="A,B", type=names, help="the groups of an aggregate")
    add("--batch-rows", metavar="N", type=count, help="rows of a batch (default: 65536)")
    add("--workers", metavar="N", type=count, default=1, help="processes (default: 1)")
    add(
        "--env",
        metavar="K=V",
        type=pair,
        action="append",
        default=[],
        help="a variable for the function; may be repeated",
    )
    add("--python", metavar="EXE", help="the interpreter: an executable or a version such as 3.12")
    add("--max-restarts", metavar="N", type=int, help="restarts that are allowed (default: 3 in 60 s, 10 in 10 min)")
    add("--timeout", metavar="S", type=float, help="seconds that one batch may take (default: no limit)")
    add("--memory", metavar="MB", type=float, help="megabytes that one worker may use (default: no limit)")
    add("--on-invalid", choices=("skip", "fail"), help="what a script's invalid output does (default: skip)")
    add(
        "--on-error",
        choices=("fail", "dead_letter", "null"),
        default="fail",
        help="what a failing row of a function does (default: fail)",
    )
    add("--outer", action="store_true", help="keep the rows for which a table function yields nothing, with NULLs")
    add("--dead-letters", metavar="FILE", help="where to write the rows that have no result")
    add("--config", metavar="YAML", help="a Fungi pipeline: its transform is run, and SOURCE is left out")
    add("--quiet", action="store_true", help="no progress and no summary")


_EXAMPLES: Final = f"""examples:
  workbench run score.py --signature 'score(a DOUBLE, b DOUBLE) -> DOUBLE' --input in.parquet --output out.parquet
  workbench run mean.py --signature 'mean(v DOUBLE) -> DOUBLE' --group-by carrier --input in.csv
  workbench run transform.py --env THRESHOLD=100 --input in.arrow --output - > out.csv
  workbench run --config pipeline.yaml --input in.parquet --output out.csv
  workbench run score --on-error dead_letter --dead-letters failed.csv --input in.csv --output out.csv

{EXITS}"""
