"""The workbench from a shell: run a function over a file, package it, list what is registered, write its SQL.

The invariant: data goes to standard output or a file, everything else to standard error; the exit status tells how it
went (see `EXITS`). Left out on purpose: words and tables, which are `workbench.session.report`'s and
`workbench.terminal`'s; and anything that a session could not do.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from workbench.errors import UsageProblem, WorkbenchError

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.session import Function, Run, Workbench

EXITS: Final = """exit status:
  0    all rows have a result
  1    it failed; the error is on standard error
  3    it completed, and some rows are dead letters
  2    the arguments cannot be understood
  130  it was interrupted"""

_ENVIRONMENT: Final = """environment:
  WORKBENCH_HOME         where registry and packages live (as --home)
  WORKBENCH_TRACEBACK=1  show the traceback of an error (as --traceback)
  NO_COLOR=1             no colours"""

_FIRST_ROWS: Final = 20


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status. Arguments that cannot be parsed end in SystemExit(2), as argparse has it."""
    options = _parser().parse_args(argv)
    try:
        status: int = options.command(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        _say("interrupted")
        return 130
    except BrokenPipeError:
        # Whoever read our output has seen enough. What is still buffered must not fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - the border of the program: each error becomes text and a status
        if options.traceback or os.environ.get("WORKBENCH_TRACEBACK") == "1":
            traceback.print_exc()
        _report(error)
        return 1
    return status


def _report(error: Exception) -> None:
    """``error: …`` and the way out."""
    if isinstance(error, WorkbenchError):
        from workbench.session.report import error_lines

        first, *rest = error_lines(error)
        _say(f"error: {first.removeprefix(f'{type(error).__name__}: ')}", *rest)
    elif isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        _say(f"error: {name}{error.strerror or error}")
    else:
        _say(
            f"error: unexpected {type(error).__name__}: {error}",
            "  this is a fault of the workbench; run it again with --traceback and report what that shows",
        )


def _say(*lines: str) -> None:
    for line in lines:
        print(line, file=sys.stderr)


# -- commands ----------------------------------------------------------------------------------------------------------


def _demo(_options: argparse.Namespace) -> int:
    from workbench.demo import demo

    demo()
    return 0


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
        function = _function(session, options)
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
    _say(report.function_line(run.spec, run.version), f"  {report.counts_line(run)}")
    _say(*(f"  {line}" for line in report.notice_lines(run)), f"  {run.seconds:.1f} s   {rate}")


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
        _say(f"{target} holds the first {len(letters):,} of {run.record.dead:,} dead letters")


def _function(session: Workbench, options: argparse.Namespace) -> Function:
    """What to run: the script of a pipeline, a source, or a function that is registered."""
    if options.config is None:
        return _registered(session, options) or session.register(Path(options.source), **_definition(options))
    from workbench.fungi import load_pipeline

    if options.source is not None:
        raise UsageProblem(
            "SOURCE and --config were both given", hint="the pipeline names its source; leave SOURCE out"
        )
    config = load_pipeline(options.config)
    found = {"entry": config.entry, "python": config.python, **_definition(options), "kind": "script"}
    return session.register(config.source, **{**found, "env": {**config.env, **dict(options.env)}})


def _registered(session: Workbench, options: argparse.Namespace) -> Function | None:
    """The registered function that SOURCE names; None if it is a path."""
    source: str | None = options.source
    if source is None:
        raise UsageProblem("there is nothing to run", hint="give SOURCE, or --config with a pipeline's YAML")
    if os.sep in source or source.lower().endswith((".py", ".zip")) or Path(source).exists():
        return None
    function = session.function(source)
    given = [f"--{name.rstrip('s').replace('_', '-')}" for name in _definition(options)]
    if given:
        raise UsageProblem(
            f"{source} is registered; {', '.join(given)} belong to its definition",
            hint="leave them out, or give the source again to make a new version",
        )
    return function


def _definition(options: argparse.Namespace) -> dict[str, Any]:
    """The options that belong to a definition and were given."""
    names = ("signature", "kind", "symbol", "entry", "batch_size", "imports", "env", "python")
    given = {name: value for name in names if (value := getattr(options, name, None))}
    return {**given, "env": dict(given["env"])} if "env" in given else given


def _package(options: argparse.Namespace) -> int:
    from workbench.session import Workbench

    with Workbench(options.home) as session:
        function = _registered(session, options)
        if function is not None:
            path = function.package(options.output)
        else:
            path = session.package(Path(options.source), options.output, **_definition(options))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    print(f"wrote {path}: {path.stat().st_size:,} bytes, sha256 {digest}")
    return 0


def _list(options: argparse.Namespace) -> int:
    from workbench import terminal
    from workbench.session import Workbench

    with Workbench(options.home) as session:
        functions = session.functions()
        if functions:
            terminal.console().print(terminal.functions_table((one.spec, one.version) for one in functions))
        else:
            _say(f"no function is registered in {session.home}", "  workbench run SOURCE --input FILE registers one")
    return 0


def _ddl(options: argparse.Namespace) -> int:
    from workbench.session import Workbench

    with Workbench(options.home) as session:
        print(session.function(options.name, options.version).ddl(options.dialect, file=options.file), end="")
    return 0


def _drop(options: argparse.Namespace) -> int:
    from workbench.session import Workbench

    with Workbench(options.home) as session:
        count = session.drop(options.name)
    print(f"dropped {options.name}: {count} version{'' if count == 1 else 's'}, with their runs and packages")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from workbench import settings, terminal
    from workbench.session.doctor import doctor

    findings = doctor(settings.home(options.home))
    terminal.console().print(terminal.findings_table(findings))
    return 1 if any(finding.grade == "problem" for finding in findings) else 0


# -- arguments ---------------------------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="workbench",
        description="Package, register and run Python UDFs (udf, udaf, udtf, script) in live subprocesses.",
        epilog=f"{EXITS}\n\n{_ENVIRONMENT}\n\n'workbench COMMAND --help' has examples; begin with: workbench demo",
    )
    parser.add_argument("--version", action="version", version=f"workbench {_version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    common = _Parser(add_help=False)
    common.add_argument("--traceback", action="store_true", help="show the traceback of an error")
    at_home = _Parser(add_help=False, parents=[common])
    at_home.add_argument("--home", metavar="DIR", help="where registry and packages live (default: a per-user folder)")
    definition = _definition_options()

    def add(name: str, command: Any, text: str, epilog: str, *parents: _Parser) -> _Parser:
        made: _Parser = commands.add_parser(
            name, help=text, description=text[0].upper() + text[1:] + ".", epilog=epilog, parents=parents
        )
        made.set_defaults(command=command)
        return made

    add("demo", _demo, "the main job on real data, in a few seconds", "example:\n  workbench demo", common)
    _add_run(add("run", _run, "run a function over a file", _RUN_EXAMPLES, definition, at_home))
    package = add("package", _package, "write a function's zip", _PACKAGE_EXAMPLES, definition, at_home)
    package.add_argument(
        "source", metavar="SOURCE", help="a .py file, a folder, a zip, or a registered function's name"
    )
    package.add_argument("-o", "--output", metavar="ZIP", required=True, help="where to write it")
    add("list", _list, "list the registered functions", "example:\n  workbench list", at_home)
    ddl = add("ddl", _ddl, "write the SQL that registers a function in Doris", _DDL_EXAMPLES, at_home)
    ddl.add_argument("name", metavar="NAME", help="a registered function; 'score(INT, INT)' chooses among overloads")
    ddl.add_argument("--function-version", dest="version", metavar="N", type=_count, help="default: the latest")
    ddl.add_argument(
        "--dialect", default="doris", help="doris (as shipped) or doris-proposal (pull 56877); default: doris"
    )
    ddl.add_argument("--file", metavar="URL", help="where the zip is (default: the code is written into the statement)")
    drop = add("drop", _drop, "remove a function with its versions", "example:\n  workbench drop score", at_home)
    drop.add_argument("name", metavar="NAME", help="a registered function; 'score(INT, INT)' chooses among overloads")
    add("doctor", _doctor, "look at interpreters, packages and the home", "example:\n  workbench doctor", at_home)
    return parser


class _Parser(argparse.ArgumentParser):
    """Options are written out, and examples keep their lines."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter)


def _definition_options() -> _Parser:
    parser = _Parser(add_help=False)
    group = parser.add_argument_group("definition")
    group.add_argument(
        "--signature", metavar="TEXT", help="as in 'score(a DOUBLE, b DOUBLE) -> DOUBLE'; a script needs none"
    )
    group.add_argument("--kind", choices=("udf", "udaf", "udtf", "script"), help="default: read from the source")
    group.add_argument("--symbol", metavar="NAME", help="the function or class: name, module.name or pkg.module.name")
    group.add_argument("--entry", metavar="FILE", help="the file of a folder or zip to begin with, as main.py")
    group.add_argument("--batch-size", metavar="N", type=_count, help="call it with lists of N tuples")
    group.add_argument(
        "--import", dest="imports", metavar="PATH", action="extend", nargs="+", help="further files or folders to ship"
    )
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("source", metavar="SOURCE", nargs="?", help="a .py file, a folder, a zip, or a registered function's name")
    add("--input", metavar="FILE", required=True, help="a .parquet, .csv or .arrow file")
    add("--output", metavar="FILE", help="a .parquet, .csv or .arrow file, or - (default: a table of the first rows)")
    add(
        "--format",
        choices=("csv", "arrow", "arrows", "parquet"),
        help="of the output (default: by its ending; - is csv)",
    )
    add("--columns", metavar="A,B", type=_names, help="the arguments' columns, in order (default: by the signature)")
    add("--group-by", metavar="A,B", type=_names, help="the groups of an aggregate")
    add("--batch-rows", metavar="N", type=_count, help="rows of a batch (default: 65536)")
    add("--workers", metavar="N", type=_count, default=1, help="processes (default: 1)")
    add(
        "--env",
        metavar="K=V",
        type=_pair,
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
    add("--dead-letters", metavar="FILE", help="where to write the rows that have no result")
    add("--config", metavar="YAML", help="a Fungi pipeline: its transform is run, and SOURCE is left out")
    add("--quiet", action="store_true", help="no progress and no summary")


_RUN_EXAMPLES: Final = f"""examples:
  workbench run score.py --signature 'score(a DOUBLE, b DOUBLE) -> DOUBLE' --input in.parquet --output out.parquet
  workbench run mean.py --signature 'mean(v DOUBLE) -> DOUBLE' --group-by carrier --input in.csv
  workbench run transform.py --env THRESHOLD=100 --input in.arrow --output - > out.csv
  workbench run --config pipeline.yaml --input in.parquet --output out.csv
  workbench run score --on-error dead_letter --dead-letters failed.csv --input in.csv --output out.csv

{EXITS}"""

_PACKAGE_EXAMPLES: Final = """examples:
  workbench package score.py --signature 'score(a DOUBLE, b DOUBLE) -> DOUBLE' -o score.zip
  workbench package my_transform/ --entry main.py -o my_transform.zip
  workbench package score -o score.zip"""

_DDL_EXAMPLES: Final = """examples:
  workbench ddl score
  workbench ddl score --dialect doris-proposal --file https://example.com/udf/score.zip"""


def _version() -> str:
    try:
        return metadata.version("udf-workbench")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def _pair(text: str) -> tuple[str, str]:
    key, found, value = text.partition("=")
    if not found or not key:
        raise argparse.ArgumentTypeError(f"{text!r} is not K=V")
    return key, value
