"""The commands about versions: show and compare."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from workbench.cli.arguments import Add, count, names, say


def add(command: Add) -> None:
    """Enter the commands."""
    show = command("show", _show, "show a function, its versions and what the last one changed", _SHOW_EXAMPLES)
    show.add_argument("name", metavar="NAME", help=_NAME_HELP)
    show.add_argument("--function-version", dest="version", metavar="N", type=count, help="default: the latest")
    compare = command("compare", _compare, "run two versions on the same rows and tell what differs", _EXAMPLES)
    put = compare.add_argument
    put("name", metavar="NAME", help=_NAME_HELP)
    put("one", metavar="V1", type=_version, help="a version, as in 1 or v1")
    put("other", metavar="V2", type=_version, help="another one")
    put("--input", metavar="FILE", required=True, help="a .parquet, .csv or .arrow file")
    put("--columns", metavar="A,B", type=names, help="the arguments' columns, in order (default: by the signature)")
    put("--group-by", metavar="A,B", type=names, help="the groups of an aggregate")
    put("--timeout", metavar="S", type=float, help="seconds that one batch may take (default: no limit)")
    put("--rows", metavar="N", type=count, default=20, help="how many of the rows that differ are shown (default: 20)")


def _show(options: argparse.Namespace) -> int:
    from workbench import terminal
    from workbench.session import Workbench
    from workbench.session.versions import changes

    with Workbench(options.home) as session:
        function = session.function(options.name, options.version)
        screen = terminal.console()
        screen.print(terminal.function_text(function.spec, function.version))
        screen.print(terminal.versions_table((one.spec, one.version, changes(one)) for one in function.versions))
        print(function.diff(), end="")
    return 0


def _compare(options: argparse.Namespace) -> int:
    from workbench import terminal
    from workbench.session import Workbench
    from workbench.session.report import function_line

    with Workbench(options.home) as session:
        one, other = (session.function(options.name, version) for version in (options.one, options.other))
        found = one.compare(
            other,
            Path(options.input),
            columns=options.columns,
            group_by=options.group_by,
            timeout=options.timeout,
        )
    if found.different:
        terminal.console().print(terminal.difference_table(found, options.rows))
    say(*(function_line(spec, version) for spec, version in zip(found.specs, found.versions, strict=True)))
    say(f"  {found.summary()}")
    return 0 if found.same else 3


def _version(text: str) -> int:
    """``3`` or ``v3``."""
    return count(text.removeprefix("v"))


_NAME_HELP: Final = "a registered function; 'score(INT, INT)' chooses among overloads"

_SHOW_EXAMPLES: Final = """examples:
  workbench show score
  workbench show score --function-version 2"""

_EXAMPLES: Final = """examples:
  workbench compare score v1 v2 --input in.parquet
  workbench compare mean 1 3 --group-by carrier --input in.csv

exit status:
  0    both versions give the same
  1    it failed; the error is on standard error
  3    rows differ, or other rows fail
  2    the arguments cannot be understood
  130  it was interrupted"""
