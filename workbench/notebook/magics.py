"""``%%udf`` and ``%udf``: read the line, find the names of the notebook, call the plain function that does it.

The invariant: what goes wrong is an error of `workbench.errors`, so that the cell fails everywhere; nothing is
registered or bound before all of the line has been understood. A run is finished before its cell ends; an interrupt
ends it. Left out on purpose: what the commands do (`actions`) and how results look (`views`).
"""

from __future__ import annotations

import argparse
import ast
import builtins
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from workbench import samples
from workbench.errors import UsageProblem
from workbench.notebook import actions
from workbench.notebook.compared import VersionsView
from workbench.notebook.grammar import Word, pieces, split_line, words
from workbench.notebook.panel import Stage
from workbench.notebook.parsers import RUN_OPTIONS, STREAM_OPTIONS, cell_parser, command_parser, did_you_mean, help_text
from workbench.notebook.session import Workbench
from workbench.notebook.views import FunctionView
from workbench.session import Function
from workbench.session.data import ENDINGS
from workbench.worker.words import a


class UdfMagics:
    """The two magics of one notebook. ``shell`` is IPython's InteractiveShell, half of which has no annotations."""

    def __init__(self, shell: Any, session: Workbench) -> None:
        self.shell = shell
        self.session = session
        self.stage = Stage(shell, session)

    # -- %%udf ---------------------------------------------------------------------------------------------------------

    def cell(self, line: str, body: str) -> Any:
        """Define a function with the code of the cell; ``%%udf -h`` shows the options."""
        signature, tail = split_line(line)
        parser = cell_parser()
        options = parser.read(words(tail, self._evaluate))
        if options.help:
            return _say(parser.format_help().rstrip())
        order = self._sample(options)
        function = self.session.keep(
            actions.define(
                self.session.workbench,
                signature,
                body,
                kind=options.type,
                symbol=options.symbol,
                file=options.file,
                entry=options.entry,
                imports=options.imports or (),
                requirements=options.requirements or (),
                env=_variables(options.env or ()),
                python=options.python,
                batch_size=options.batch_size,
                always_nullable=not options.not_nullable,
                volatility=options.volatility,
            )
        )
        if options.file is None:
            self.session.cells[Path(function.spec.entry).name] = f"%%udf {function.name} v{function.version}"
        self._bind_handle(function)
        if order is not None:
            return self._run(function, order, options)
        return None if options.quiet else FunctionView(function)

    def _sample(self, options: argparse.Namespace) -> dict[str, Any] | None:
        """What to run it on and how; None if it is not to be run. Raises UsageProblem for options without use."""
        if options.sample is not None:
            order = self._order(options.sample, options)
            return None if options.no_run else order
        for name in () if options.no_run else RUN_OPTIONS:
            if getattr(options, name) is not None:
                option = {"n": "-n", "out": "-o"}.get(name, "--" + name.replace("_", "-"))
                raise UsageProblem(
                    f"%%udf: {option} is about a run, and there is nothing to run on", hint="add --sample DF"
                )
        return None

    def _order(self, data: Word, options: argparse.Namespace) -> dict[str, Any]:
        """The arguments of `actions.run`, checked as far as can be without the function."""
        if options.out is not None and not options.out.isidentifier():
            raise UsageProblem(f"-o {str(options.out)!r} is no name", hint="give one for the result, as in -o result")
        for name in STREAM_OPTIONS:
            if getattr(options, name) is not None and not options.live:
                raise UsageProblem(f"--{name} is for a run behind the cell", hint="add --live")
        order = {name: getattr(options, name) for name in RUN_OPTIONS if name not in ("n", "out")}
        for name in ("columns", "group_by"):
            if order[name] is not None:
                order[name] = [part.strip() for part in order[name].split(",")]
        found = self._data(data)
        order["data"] = found if options.n is None else actions.first_rows(found, options.n)
        return {name: value for name, value in order.items() if value is not None}

    def _run(self, function: Function, order: dict[str, Any], options: argparse.Namespace) -> Any:
        if options.live:
            return self._stream(function, order, options)
        run = self.stage.run(function, order, shown=not options.quiet)
        if options.out is not None:
            self.shell.user_ns[str(options.out)] = run.to_pandas()
        return None if options.quiet else run

    def _stream(self, function: Function, order: dict[str, Any], options: argparse.Namespace) -> Any:
        stream = self.stage.stream(function, order, shown=not options.quiet)
        if options.out is not None:
            self.shell.user_ns[str(options.out)] = stream
        return None if options.quiet else stream

    # -- names of the notebook -----------------------------------------------------------------------------------------

    def _evaluate(self, expression: str) -> Any:
        return self.shell.ev(expression)

    def _data(self, word: Word) -> Any:
        """What ``--sample`` or DF stands for: an expression's value, a name of the notebook, or a file."""
        if not isinstance(word.value, str):
            return word.value
        if word in self.shell.user_ns:
            return self.shell.user_ns[word]
        if word.lower().endswith(ENDINGS):
            return Path(word)
        sample = f"; the sample data: {word} = workbench.samples.{word}()" if word in samples.__all__ else ""
        braces = f"an expression stands in braces: {{{word}}}"
        raise UsageProblem(
            f"there is no data called {str(word)!r}{did_you_mean(word, frames(self.shell.user_ns))}{sample}",
            hint=braces
            if "[" in word or "(" in word
            else f"give the name of a DataFrame, {{an expression}}, or a file that ends in {', '.join(ENDINGS[:3])}",
        )

    def _bind_handle(self, function: Function) -> None:
        """Bind the function's name in the notebook, unless that name holds something that is not ours."""
        name = function.name
        names = self.shell.user_ns if name in self.shell.user_ns else vars(builtins)
        if name in names and not isinstance(names[name], Function):
            sys.stderr.write(
                f"warning: the name {name} holds {a(type(names[name]).__name__)} and was left alone; "
                f"{name} v{function.version} is registered: %udf run {name} DF\n"
            )
        elif name.isidentifier():
            self.shell.user_ns[name] = function

    # -- %udf ----------------------------------------------------------------------------------------------------------

    def line(self, line: str) -> Any:
        """Work with the functions that are defined; ``%udf help`` shows the commands."""
        name, _, rest = line.strip().partition(" ")
        if name in ("", "-h", "--help"):
            name = "help"
        parser = command_parser(name)
        if name == "call":
            return self._call(rest)
        options = parser.read(words(rest, self._evaluate))
        if options.help:
            return _say(parser.format_help().rstrip())
        command: Callable[[argparse.Namespace], Any] = getattr(self, f"_do_{name}")
        return command(options)

    def _call(self, rest: str) -> Any:
        """Values are Python, not words: quotes and brackets keep their meaning, and no option is among them."""
        given = pieces(rest)
        if not given or {"-h", "--help"} & set(given):
            return _say(help_text("call"))
        function = self.session.function(given[0])
        return function.call(*map(self._literal, given[1:]))

    def _literal(self, piece: str) -> Any:
        try:
            return ast.literal_eval(piece)
        except (ValueError, SyntaxError):
            try:
                return self._evaluate(piece)
            except Exception as error:
                raise UsageProblem(
                    f"%udf call: {piece} has no value: {type(error).__name__}: {error}",
                    hint="give Python literals, such as 1.5 'text' [1, 2] None, or expressions without spaces",
                ) from error

    def _found(self, options: argparse.Namespace) -> Function:
        return self.session.function(options.name, getattr(options, "version", None))

    @property
    def _rows(self) -> int:
        return int(self.session.display_rows)

    def _do_list(self, options: argparse.Namespace) -> Any:
        return actions.functions(self.session.workbench, rows=self._rows)

    def _do_show(self, options: argparse.Namespace) -> Any:
        return VersionsView(self._found(options), rows=self._rows)

    def _do_compare(self, options: argparse.Namespace) -> Any:
        found = None if options.sample is None else self._data(options.sample)
        given = {name: getattr(options, name) for name in ("columns", "group_by")}
        split = {name: [part.strip() for part in value.split(",")] for name, value in given.items() if value}
        one, other = (self.session.function(options.name, version) for version in (options.one, options.other))
        return actions.compare(one, other, found, n=options.n, timeout=options.timeout, **split)

    def _do_run(self, options: argparse.Namespace) -> Any:
        if options.sample is None:
            raise UsageProblem("%udf run: there is nothing to run on", hint="add DF: a name, {an expression} or a file")
        return self._run(self._found(options), self._order(options.sample, options), options)

    def _do_start(self, options: argparse.Namespace) -> Any:
        function = self._found(options)
        if options.sample is not None:
            options.live = True
            return self._stream(function, self._order(options.sample, options), options)
        given = [name for name in RUN_OPTIONS if name != "workers" and getattr(options, name) is not None]
        if given or options.live:
            raise UsageProblem(f"%udf start: --{(given or ['live'])[0]} is about data", hint="add --sample DF")
        return _say(actions.start(function, options.workers or 1))

    def _do_restart(self, options: argparse.Namespace) -> Any:
        return _say(actions.restart(self._found(options)))

    def _do_kill(self, options: argparse.Namespace) -> Any:
        return _say(actions.kill(self._found(options)))

    def _do_status(self, options: argparse.Namespace) -> Any:
        return actions.status(self.session.handles if options.name is None else [self._found(options)], rows=self._rows)

    def _do_stop(self, options: argparse.Namespace) -> Any:
        return _say(actions.stop(self.session.handles if options.name is None else [self._found(options)]))

    def _do_state(self, options: argparse.Namespace) -> Any:
        return actions.state(self._found(options), rows=self._rows)

    def _do_history(self, options: argparse.Namespace) -> Any:
        return actions.history(self._found(options), rows=self._rows)

    def _do_failures(self, options: argparse.Namespace) -> Any:
        return actions.failures(self._found(options), rows=self._rows)

    def _do_replay(self, options: argparse.Namespace) -> Any:
        return actions.replay(self._found(options), options.row, bisect=options.bisect)

    def _do_check(self, options: argparse.Namespace) -> Any:
        values = getattr(options.values, "value", None)
        if options.values is not None and not isinstance(values, dict):
            raise UsageProblem(
                f"%udf check: --values {options.values} is no dict", hint="as in --values {dict(p=[0.1, 0.9])}"
            )
        given = {} if options.seconds is None else {"seconds": options.seconds}
        return self._found(options).check(**given, seed=options.seed, nulls=not options.no_nulls, values=values)

    def _do_logs(self, options: argparse.Namespace) -> Any:
        return actions.logs(self._found(options), rows=self._rows)

    def _do_package(self, options: argparse.Namespace) -> Any:
        return _say(f"{self._found(options).package(options.out)} written")

    def _do_ddl(self, options: argparse.Namespace) -> Any:
        return _say(self._found(options).ddl(options.dialect, file=options.file).rstrip())

    def _do_deploy(self, options: argparse.Namespace) -> Any:
        packages = options.packages and self.shell.user_ns.get(options.packages, options.packages.value)
        plan = self._found(options).plan(options.target, file=options.file, packages=packages)
        written = [f"{path} written" for path in plan.write(Path(options.out))] if options.out else []
        return _say("\n".join([*plan.lines(), *written]))

    def _do_drop(self, options: argparse.Namespace) -> Any:
        return _say(actions.drop(self.session.workbench, options.name))

    def _do_env(self, options: argparse.Namespace) -> Any:
        if options.what == "prune":
            return _say(actions.prune(self.session.workbench, options.days))
        return actions.environments(self.session.workbench, rows=self._rows)

    def _do_doctor(self, options: argparse.Namespace) -> Any:
        return actions.doctor(self.session.workbench)

    def _do_help(self, options: argparse.Namespace) -> Any:
        return _say(help_text(options.command))


def frames(names: dict[str, Any]) -> list[str]:
    """The names in a notebook that hold frames or tables."""
    found = [name for name, value in names.items() if isinstance(value, pd.DataFrame | pa.Table | pa.RecordBatch)]
    return sorted(name for name in found if not name.startswith("_"))


def _variables(given: Sequence[str]) -> dict[str, str]:
    wrong = [one for one in given if "=" not in one[1:]]
    if wrong:
        raise UsageProblem(f"%%udf: --env {wrong[0]!r} is no NAME=VALUE", hint="as in --env RATE=0.2 LANG=C")
    return {one.partition("=")[0]: one.partition("=")[2] for one in given}


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
