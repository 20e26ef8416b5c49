"""The workbench from a shell: run a function over a file, package it, list what is registered, write its SQL.

The invariant: data goes to standard output or a file, everything else to standard error; the exit status tells how it
went (see `EXITS`). Each module of commands has an ``add`` that enters them. Left out on purpose: words and tables,
which are `workbench.session.report`'s and `workbench.terminal`'s; and anything that a session could not do.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from types import FrameType
from typing import Any, Final, NoReturn

from workbench.cli import catalog, check, compare, env, lab, run, sql
from workbench.cli.arguments import EXITS, Parser, say
from workbench.errors import WorkbenchError

__all__ = ["EXITS", "main"]

_ENVIRONMENT: Final = """environment:
  WORKBENCH_HOME         where registry and packages live (as --home)
  WORKBENCH_TRACEBACK=1  show the traceback of an error (as --traceback)
  NO_COLOR=1             no colours"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status. Arguments that cannot be parsed end in SystemExit(2), as argparse has it."""
    options = _parser().parse_args(argv)
    with _unwinding():
        return _status(options)


def _status(options: argparse.Namespace) -> int:
    try:
        status: int = options.command(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        say("interrupted")
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


@contextmanager
def _unwinding() -> Iterator[None]:
    """Asked to end (SIGTERM) we unwind as for Ctrl-C: half-written files are removed, and workers stopped."""
    before = signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _report(error: Exception) -> None:
    """``error: …`` and the way out."""
    if isinstance(error, WorkbenchError):
        from workbench.session.report import error_lines

        first, *rest = error_lines(error)
        say(f"error: {first.removeprefix(f'{type(error).__name__}: ')}", *rest)
    elif isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        say(f"error: {name}{error.strerror or error}")
    else:
        say(
            f"error: unexpected {type(error).__name__}: {error}",
            "  this is a fault of the workbench; run it again with --traceback and report what that shows",
        )


def _demo(_options: argparse.Namespace) -> int:
    from workbench.demo import demo

    demo()
    return 0


def _parser() -> Parser:
    parser = Parser(
        prog="workbench",
        description="Package, register and run Python UDFs (udf, udaf, udtf, script) in live subprocesses.",
        epilog=f"{EXITS}\n\n{_ENVIRONMENT}\n\n'workbench COMMAND --help' has examples; begin with: workbench demo",
    )
    parser.add_argument("--version", action="version", version=f"workbench {_version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    common = Parser(add_help=False)
    common.add_argument("--traceback", action="store_true", help="show the traceback of an error")
    at_home = Parser(add_help=False, parents=[common])
    at_home.add_argument("--home", metavar="DIR", help="where registry and packages live (default: a per-user folder)")

    def add(name: str, command: Any, text: str, epilog: str, /, *parents: Parser, home: bool = True) -> Parser:
        made: Parser = commands.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            epilog=epilog,
            parents=[*parents, at_home if home else common],
        )
        made.set_defaults(command=command)
        return made

    add("demo", _demo, "the main job on real data, in a few seconds", "example:\n  workbench demo", home=False)
    run.add(add)
    sql.add(add)
    check.add(add)
    catalog.add(add)
    compare.add(add)
    env.add(add)
    lab.add(add)
    return parser


def _version() -> str:
    try:
        return metadata.version("udf-workbench")
    except metadata.PackageNotFoundError:
        return "(not installed)"
