"""``workbench check``: a function on generated data, what it found to standard output."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from workbench.cli.arguments import Add, definition, definition_options, registered


def add(command: Add) -> None:
    """Enter the command."""
    parser = command(
        "check", _check, "try a function on generated data and tell where it breaks", _EXAMPLES, definition_options()
    )
    parser.add_argument("source", metavar="SOURCE", help="a .py file, a folder, a zip, or a registered function's name")
    parser.add_argument("--seconds", metavar="S", type=float, help="how long it may take (default: 20)")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="other data (default: 0)")
    parser.add_argument("--no-nulls", action="store_true", help="NULL never occurs in the arguments")


def _check(options: argparse.Namespace) -> int:
    from workbench.session import Workbench

    with Workbench(options.home) as session:
        function = registered(session, options) or session.register(Path(options.source), **definition(options))
        given = {} if options.seconds is None else {"seconds": options.seconds}
        check = function.check(**given, seed=options.seed, nulls=not options.no_nulls)
    for line in check.lines():
        print(line)
    if not check.ok:
        return 1
    return 130 if check.interrupted else 0


_EXAMPLES: Final = """examples:
  workbench check score.py --signature 'score(a DOUBLE, b DOUBLE) -> DOUBLE'
  workbench check score --seconds 60 --no-nulls

exit status:
  0    nothing was found
  1    there are findings, or it failed; the error is on standard error
  2    the arguments cannot be understood
  130  it was interrupted, and nothing was found until then"""
