"""The options of ``%%udf``, ``%%udf_sql`` and each ``%udf`` command, as argparse parsers, and help made from them.

The invariant: a parser never prints, never exits and never raises IPython's UsageError, which would count as a passed
cell: it raises `UsageProblem`, which names what is close. Options and commands that are planned are refused by name.
Left out on purpose: splitting a line into words (`grammar`), and doing anything (`magics`).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import Any, Final, NoReturn, get_args

from workbench.errors import UsageProblem
from workbench.functions import Kind, Volatility
from workbench.settings import ENVIRONMENT_DAYS

LATER_COMMANDS: Final = (*("debug", "profile", "bench", "sample"),)


class Parser(argparse.ArgumentParser):
    """An argument parser for a line of a notebook. ``signature`` is what its usage shows before the options."""

    def __init__(self, prog: str, about: str) -> None:
        super().__init__(prog=prog, description=about, add_help=False, allow_abbrev=False, formatter_class=_Help)
        self.color = False  # newer Pythons would colour the help, older ones do not know the word
        self.add_argument("-h", "--help", action="store_true", help="show this help")

    def error(self, message: str) -> NoReturn:
        """Called by argparse; an error of ours instead of an exit."""
        raise UsageProblem(f"{self.prog}: {message}", hint=f"{self.prog.split()[0]} {self._name()}-h shows the options")

    def _name(self) -> str:
        return f"{self.prog.partition(' ')[2]} " if self.prog.startswith("%udf ") else ""

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """The options that the words give. Raises UsageProblem for all that cannot be read."""
        if any(word in ("-h", "--help") for word in words):
            return argparse.Namespace(help=True)
        found, unknown = self.parse_known_intermixed_args(list(words))  # DF may stand behind the options
        if unknown:
            self.error(
                f"unknown {'option' if unknown[0].startswith('-') else 'word'} {unknown[0]!r}{self._close(unknown[0])}"
            )
        if getattr(found, "data", None) is not None:
            if found.sample is not None:
                self.error(f"DF and --sample are the same thing, and both were given: {found.data}, {found.sample}")
            found.sample = found.data
        return found

    def _close(self, word: str) -> str:
        return did_you_mean(word, self.options()) if word.startswith("-") else ""

    def options(self) -> list[str]:
        """All options, long names before short ones."""
        names = [name for action in self._actions for name in action.option_strings]
        return sorted(names, key=lambda name: (not name.startswith("--"), name))

    def takes_value(self, option: str) -> bool:
        """Whether something follows the option."""
        action = self._option_string_actions.get(option)
        return action is not None and action.nargs != 0

    def choices(self, option: str) -> list[str]:
        """The values that an option may have, if they are few."""
        action = self._option_string_actions.get(option)
        return [str(choice) for choice in action.choices or ()] if action is not None else []


class _Help(argparse.HelpFormatter):
    """Help of one width, wherever it is shown."""

    def __init__(self, prog: str, **more: Any) -> None:
        super().__init__(prog, max_help_position=30, width=100)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean --sample?``, or nothing."""
    close = get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _megabytes(text: str) -> int:
    """Megabytes as bytes."""
    return int(float(text) * 1e6)


def _run_options(parser: Parser) -> None:
    add = parser.add_argument
    add("-n", type=int, metavar="ROWS", help="only the first rows")
    add("--columns", metavar="A,B", help="columns for the arguments, in their order")
    add("--group-by", metavar="COLS", help="columns that make the groups of an aggregate: a,b")
    add("--batch-rows", type=int, metavar="N", help="rows of a batch")
    add("--workers", type=int, metavar="N", help="subprocesses at a time (default 1)")
    add("--max-restarts", type=int, metavar="N", help="most restarts of the run")
    add("--timeout", type=float, metavar="S", help="seconds that one batch may take")
    add("--memory", dest="memory_limit", type=_megabytes, metavar="MB", help="megabytes that one worker may use")
    add("--on-error", choices=["fail", "dead_letter", "null"], help="what a failing row does (default fail)")
    add("--on-invalid", choices=["skip", "fail"], help="what a script's invalid output does (default skip)")
    keep = "keep the rows for which a table function yields nothing, with NULLs"
    add("--outer", action="store_const", const=True, help=keep)
    live = parser.add_argument_group("behind the cell")
    live.add_argument("--live", action="store_true", help="go on behind the cell, which is done at once")
    live.add_argument("--rate", type=float, metavar="R", help="rows a second (default: as fast as it goes)")
    again = live.add_mutually_exclusive_group()
    again.add_argument("--loop", action="store_const", const=True, help="begin again at the end of the data")
    again.add_argument("--follow", action="store_const", const=True, help="wait for what is appended to a .csv file")
    add("-o", dest="out", metavar="VAR", help="bind the result, a DataFrame, to this name; with --live the Stream")
    add("--quiet", action="store_true", help="show nothing")


RUN_OPTIONS: Final = (
    *("n", "columns", "group_by", "batch_rows", "workers"),
    *("max_restarts", "timeout", "memory_limit", "on_error", "on_invalid", "outer", "out"),
    *("rate", "loop", "follow"),
)
STREAM_OPTIONS: Final = ("rate", "loop", "follow")


def cell_parser() -> Parser:
    """The options of ``%%udf``."""
    parser = Parser("%%udf", "Define a function with the code of the cell, register it, and run it on a sample.")
    parser.usage = "%%%%udf NAME(ARG TYPE, ...) -> TYPE [options]        (or RETURNS TYPE; a script has only a name)"
    add = parser.add_argument
    add(
        "--sample",
        metavar="DF",
        help="run it on this DataFrame (a name, {an expression} or a file) and show the result",
    )
    add("--no-run", action="store_true", help="do not run it, even if there is a sample")
    add("--type", choices=get_args(Kind), help="default: read from the code")
    add("--symbol", metavar="NAME", help="the function or class, if there are several")
    add("--file", metavar="PATH", help="a .py file, folder or zip instead of code in the cell")
    add("--entry", metavar="FILE", help="the file inside of a folder or zip to begin with")
    add("--import", dest="imports", nargs="+", action="extend", metavar="PATH", help="files or folders to ship with it")
    packages = "packages to install for it, as 'numpy<2'"
    add("--requires", dest="requirements", nargs="+", action="extend", metavar="REQ", help=packages)
    add("--env", nargs="+", action="extend", metavar="K=V", help="environment variables of its workers")
    add("--python", metavar="EXE", help="the interpreter of its workers, or a version: 3.11")
    add("--batch-size", type=int, metavar="N", help="rows of one call: a list of tuples in, a list out")
    add("--volatility", choices=get_args(Volatility), help="default as in Doris")
    nullable = parser.add_mutually_exclusive_group()
    nullable.add_argument("--always-nullable", action="store_true", help="NULL may come out (default)")
    nullable.add_argument("--not-nullable", action="store_true", help="NULL is an error of its row")
    _run_options(parser)
    return parser


def sql_parser() -> Parser:
    """The options of ``%%udf_sql``."""
    parser = Parser("%%udf_sql", "Run a script in the Doris dialect; its tables are frames of the notebook by name.")
    parser.usage = "%%%%udf_sql [options]        and SQL in the lines below; or: %%udf_sql [options] SQL"
    add = parser.add_argument
    add("-o", dest="out", metavar="VAR", help="bind the last result, a DataFrame, to this name")
    add("-n", type=int, metavar="ROWS", help="how many rows are shown (default: %%config Workbench.display_rows)")
    add("--explain", action="store_true", help="show the plan of the last statement instead of running it")
    add("--timeout", type=float, metavar="S", help="seconds that one call of a function may take")
    add("--quiet", action="store_true", help="show nothing")
    return parser


def _name(parser: Parser) -> None:
    parser.add_argument("name", metavar="NAME", help="a registered function; f(INT, INT) among overloads")


def _versioned(parser: Parser) -> None:
    _name(parser)
    parser.add_argument("--version", type=int, metavar="N", help="default: the newest")


def _data(parser: Parser, default: str) -> None:
    """What to run on, in its place or by the option that ``%%udf`` has; `Parser.read` makes one ``sample`` of both."""
    about = "a name, {an expression} or a file"
    parser.add_argument("data", nargs="?", metavar="DF", help=f"{about} ({default})")
    parser.add_argument("--sample", metavar="DF", help="the same, as %%%%udf has it")


def _run(parser: Parser) -> None:
    _versioned(parser)
    _data(parser, "needed")
    _run_options(parser)


def _version(text: str) -> int:
    """``3`` or ``v3``."""
    number = text.removeprefix("v")
    if not number.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no version, as in 1 or v1")
    return int(number)


def _compare(parser: Parser) -> None:
    _name(parser)
    parser.add_argument("one", type=_version, metavar="V1", help="a version, as in 1 or v1")
    parser.add_argument("other", type=_version, metavar="V2", help="another one")
    _data(parser, "default: what it was last run on")
    add = parser.add_argument
    add("-n", type=int, metavar="ROWS", help="only the first rows of the sample")
    add("--columns", metavar="A,B", help="columns for the arguments, in their order")
    add("--group-by", metavar="COLS", help="columns that make the groups of an aggregate: a,b")
    add("--timeout", type=float, metavar="S", help="seconds that one batch may take")


def _call(parser: Parser) -> None:
    parser.usage = "%(prog)s NAME VALUE ...        (Python literals or expressions: %(prog)s ratio 1.0 'x' df.a[0])"
    _name(parser)
    parser.add_argument("values", nargs="*", metavar="VALUE", help="an argument each")


def _start(parser: Parser) -> None:
    _versioned(parser)
    _data(parser, "it is streamed through the function, behind the cell")
    _run_options(parser)


def _replay(parser: Parser) -> None:
    _versioned(parser)
    parser.add_argument("--row", type=int, metavar="N", help="only this row, by its number in the input")
    parser.add_argument("--bisect", action="store_true", help="set aside and tell each row that fails, and go on")


def _check(parser: Parser) -> None:
    _versioned(parser)
    parser.add_argument("--seconds", type=float, metavar="S", help="how long it may take (default 20)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="other data (default 0)")
    parser.add_argument("--no-nulls", action="store_true", help="NULL never occurs in the arguments")
    parser.add_argument(
        "--values", metavar="{DICT}", help="only these values of an argument, as in --values {dict(p=[0.1, 0.9])}"
    )


def _stop(parser: Parser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="default: all functions")


def _package(parser: Parser) -> None:
    _versioned(parser)
    parser.add_argument("-o", dest="out", required=True, metavar="PATH", help="the zip, or a folder for it")


def _ddl(parser: Parser) -> None:
    _versioned(parser)
    parser.add_argument("--dialect", default="doris", metavar="NAME", help="doris (default) or doris-proposal")
    parser.add_argument(
        "--file", metavar="URL", help="where the zip will be; default: the code inside of the statement"
    )


def _deploy(parser: Parser) -> None:
    _versioned(parser)
    parser.add_argument("--target", default="doris", metavar="NAME", help="doris (default), doris-proposal or fungi")
    parser.add_argument("--file", metavar="URL", help="where the zip will be")
    there = "a DataFrame or a file: the output of SHOW PYTHON PACKAGES IN 'x.y.z' there"
    parser.add_argument("--packages", metavar="DF", help=there)
    parser.add_argument("-o", dest="out", metavar="DIR", help="write the package and the statements into a folder")


def _env(parser: Parser) -> None:
    about = "list (default): show them; prune: remove those long unused"
    parser.add_argument("what", nargs="?", choices=("list", "prune"), default="list", help=about)
    parser.add_argument(
        "--days",
        type=float,
        default=ENVIRONMENT_DAYS,
        metavar="N",
        help="prune: unused for so long (default: %(default)g)",
    )


def _help(parser: Parser) -> None:
    parser.add_argument("command", nargs="?", metavar="COMMAND", help="default: all of them")


def _nothing(parser: Parser) -> None:
    """No arguments."""


_COMMANDS: Final[dict[str, tuple[str, Callable[[Parser], None]]]] = {
    "list": ("List the registered functions.", _nothing),
    "show": ("Show a function: signature, facts, versions with their changes, code.", _versioned),
    "compare": ("Run two versions of a function on the same rows and show where they differ.", _compare),
    "run": ("Run a function over data and show the result.", _run),
    "call": ("Call a function once with values.", _call),
    "start": ("Have workers of a function ready; with --sample stream data through it behind the cell.", _start),
    "stop": ("End the workers of a function.", _stop),
    "restart": ("End the workers of a function and have a new one ready.", _versioned),
    "kill": ("Kill the workers of a function, as a crash would.", _versioned),
    "status": ("Show which functions have workers, and how their last runs ended.", _stop),
    "state": ("Show the state of an aggregate after each batch of its last run.", _name),
    "history": ("Show what happened in all runs of a function: starts, crashes, restarts.", _name),
    "failures": ("Show the rows of a function's last run that have no result.", _name),
    "replay": ("Run the rows again that have no result in a function's last run, or one of them.", _replay),
    "logs": ("Show what the workers of the last run printed.", _name),
    "check": ("Try a function on generated data and show where it breaks.", _check),
    "package": ("Write the zip of a function.", _package),
    "ddl": ("Print the SQL that registers a function elsewhere.", _ddl),
    "deploy": ("Show what to do to have a function in Doris or Fungi, and what is different there.", _deploy),
    "drop": ("Remove a function with all its versions and runs.", _name),
    "env": ("List or prune the environments of functions with --requires.", _env),
    "doctor": ("Look at interpreters, packages and the home.", _nothing),
    "help": ("Show the help of all commands, or of one.", _help),
}

COMMANDS: Final = tuple(_COMMANDS)


def command_parser(name: str) -> Parser:
    """The parser of one command. Raises UsageProblem for a name that is none."""
    if name in LATER_COMMANDS:
        raise UsageProblem(f"%udf {name} is not there yet", hint=f"there is: {', '.join(COMMANDS)}")
    if name not in _COMMANDS:
        raise UsageProblem(f"%udf: unknown command {name!r}{did_you_mean(name, COMMANDS)}", hint="%udf help lists them")
    about, arguments = _COMMANDS[name]
    parser = Parser(f"%udf {name}", about)
    arguments(parser)
    return parser


def help_text(command: str | None = None) -> str:
    """The help of one command, or of ``%%udf`` and every command."""
    if command is not None:
        return command_parser(command).format_help().rstrip()
    width = max(map(len, COMMANDS))
    overview = [f"  %udf {name:{width}}  {about}" for name, (about, _) in _COMMANDS.items()]
    parts = [
        cell_parser().format_help(),
        sql_parser().format_help(),
        *(command_parser(name).format_help() for name in COMMANDS),
    ]
    return "\n".join(
        [
            "%%udf defines a function in a cell, %%udf_sql runs SQL; %udf works with functions that are defined:",
            "",
            *overview,
            "",
            *parts,
        ]
    ).rstrip()
