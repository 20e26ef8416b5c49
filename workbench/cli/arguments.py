"""What the commands share: how arguments look and are read, how a definition is given, exit statuses, standard error.

Left out on purpose: what any command does.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from workbench.errors import UsageProblem

if TYPE_CHECKING:
    from workbench.session import Function, Workbench

EXITS: Final = """exit status:
  0    all rows have a result
  1    it failed; the error is on standard error
  3    it completed, and some rows are dead letters
  2    the arguments cannot be understood
  130  it was interrupted"""


class Parser(argparse.ArgumentParser):
    """Options are written out, examples keep their lines, and a command itself tells of an option it does not know."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter)

    def parse_known_args(  # type: ignore[override]  # the overloads are about other types of namespace
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """As argparse's, but nothing may be left over: there would be no usage of the command in that error."""
        found, left = super().parse_known_args(args, namespace)
        if left:
            option = left[0].partition("=")[0]
            what = "option" if option.startswith("-") else "word"
            self.error(f"unknown {what} {option!r}{_near(option, self._option_string_actions)}")
        return found, left

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """As argparse's, which has no word about what was meant; commands are choices too."""
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            error.message += _near(str(value), map(str, action.choices or ()))
            raise


def _near(word: str, known: Iterable[str]) -> str:
    """``; did you mean --input?``, or nothing."""
    close = get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


class Add(Protocol):
    """Adds a command: its name, what it does (options -> exit status), one line about it, examples, further parsers."""

    def __call__(
        self, name: str, command: Any, text: str, epilog: str, /, *parents: Parser, home: bool = True
    ) -> Parser: ...


def definition_options() -> Parser:
    """The options of a definition, as a parent of parsers."""
    parser = Parser(add_help=False)
    group = parser.add_argument_group("definition")
    group.add_argument(
        "--signature", metavar="TEXT", help="as in 'score(a DOUBLE, b DOUBLE) -> DOUBLE'; a script needs none"
    )
    group.add_argument("--kind", choices=("udf", "udaf", "udtf", "script"), help="default: read from the source")
    group.add_argument("--symbol", metavar="NAME", help="the function or class: name, module.name or pkg.module.name")
    group.add_argument("--entry", metavar="FILE", help="the file of a folder or zip to begin with, as main.py")
    group.add_argument("--batch-size", metavar="N", type=count, help="call it with lists of N tuples")
    group.add_argument(
        "--import", dest="imports", metavar="PATH", action="extend", nargs="+", help="further files or folders to ship"
    )
    group.add_argument(
        "--requires",
        dest="requirements",
        metavar="REQ",
        action="extend",
        nargs="+",
        help="packages to install for it, as 'numpy<2'",
    )
    return parser


def function_of(session: Workbench, options: argparse.Namespace) -> Function:
    """What to run: the script of a pipeline, a source, or a function that is registered."""
    if options.config is None:
        return registered(session, options) or session.register(Path(options.source), **definition(options))
    from workbench.fungi import load_pipeline

    if options.source is not None:
        raise UsageProblem(
            "SOURCE and --config were both given", hint="the pipeline names its source; leave SOURCE out"
        )
    config = load_pipeline(options.config)
    found = {"entry": config.entry, "python": config.python, **definition(options), "kind": "script"}
    return session.register(config.source, **{**found, "env": {**config.env, **dict(options.env)}})


def registered(session: Workbench, options: argparse.Namespace) -> Function | None:
    """The registered function that SOURCE names; None if it is a path."""
    source: str | None = options.source
    if source is None:
        raise UsageProblem("there is nothing to run", hint="give SOURCE, or --config with a pipeline's YAML")
    if os.sep in source or source.lower().endswith((".py", ".zip")) or Path(source).exists():
        return None
    function = session.function(source)
    called = {"imports": "import", "requirements": "requires"}
    given = [f"--{called.get(name, name).replace('_', '-')}" for name in definition(options)]
    if given:
        raise UsageProblem(
            f"{source} is registered; {', '.join(given)} belong to its definition",
            hint="leave them out, or give the source again to make a new version",
        )
    return function


def definition(options: argparse.Namespace) -> dict[str, Any]:
    """The options that belong to a definition and were given."""
    names = ("signature", "kind", "symbol", "entry", "batch_size", "imports", "requirements", "env", "python")
    given = {name: value for name in names if (value := getattr(options, name, None))}
    return {**given, "env": dict(given["env"])} if "env" in given else given


def say(*lines: str) -> None:
    """Lines to standard error."""
    for line in lines:
        print(line, file=sys.stderr)


def count(text: str) -> int:
    """A whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def names(text: str) -> list[str]:
    """``a,b`` as a list."""
    return [name.strip() for name in text.split(",")]


def pair(text: str) -> tuple[str, str]:
    """``K=V`` as a pair; NAME=FILE is one too."""
    key, found, value = text.partition("=")
    if not found or not key:
        raise argparse.ArgumentTypeError(f"{text!r} has no name and = before the value")
    return key, value
