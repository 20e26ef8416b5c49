"""The command about environments: ``workbench env list`` and ``workbench env prune``."""

from __future__ import annotations

import argparse
from typing import Final

from workbench.cli.arguments import Add, say
from workbench.settings import ENVIRONMENT_DAYS, home
from workbench.worker.words import counted

_EXAMPLES: Final = """examples:
  workbench env list
  workbench env prune --days 7"""


def add(command: Add) -> None:
    """Enter the command."""
    env = command("env", _env, "list or prune the environments of functions", _EXAMPLES)
    env.add_argument("what", choices=("list", "prune"), help="list: show them; prune: remove those long unused")
    env.add_argument(
        "--days",
        type=_days,
        default=ENVIRONMENT_DAYS,
        metavar="N",
        help="prune: unused for so long (default: %(default)g)",
    )


def _days(text: str) -> float:
    """A number from 0: less would be in the future."""
    try:
        days = float(text)
    except ValueError:
        days = -1.0
    if not days >= 0:  # so is NaN
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0")
    return days


def _env(options: argparse.Namespace) -> int:
    from workbench.environments import Environments

    found = Environments(home(options.home))
    if options.what == "prune":
        count = found.prune(options.days)
        print(f"removed {counted(count, 'environment')}")
        return 0
    listed = found.list()
    for one in listed:
        print(f"{one.folder.name}  Python {one.python}  {one.size / 1e6:,.0f} MB  {', '.join(one.requirements)}")
    if not listed:
        say("no environments yet", "  a function with --requires has one from its first run on")
    return 0
