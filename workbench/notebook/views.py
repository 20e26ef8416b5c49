"""What a run, a function and lists of them look like in a notebook: one mimebundle each, HTML and plain text.

The invariant: a view is static. It moves nothing, knows no pid, time or path, gives the same bytes for the same run,
and its HTML stays below `MOST_BYTES` however wide the data is, so that a saved notebook stays small. Left out on
purpose: the live panel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from workbench.errors import BatchTimeout, RunClosed, RunError, UdfError, WorkbenchError, WorkerCrashed
from workbench.events import SIGNS
from workbench.functions import FunctionSpec
from workbench.notebook import html, text
from workbench.notebook.cells import shorten, visible
from workbench.notebook.grid import (
    Grid,
    Limits,
    history_grid,
    letters_grid,
    output_grid,
    state_grid,
)
from workbench.notebook.logged import log_lines
from workbench.session import Function, Run
from workbench.session.report import (
    GAP,
    counts_line,
    error_lines,
    function_line,
    notice_lines,
)
from workbench.types import quote_name
from workbench.worker.words import counted

MOST_BYTES: Final = 50_000
_FALLBACKS: Final = (Limits(20, 12, 40), Limits(10, 8, 24), Limits(5, 4, 12))
"""Tried in turn where the data is too wide for what was asked."""

LINE: Final = 400
"""Characters of one line of text: a signature may have a thousand fields, an exception may quote its input."""

ERROR_LINES: Final = 40

_WORDS: Final = {"completed": "finished", "failed": "failed", "running": "started"}
_TONES: Final = {"completed": "good", "running": "good", "failed": "bad"}
_QUIET: Final = frozenset({"started", "finished", "stopped", "failed"})


class View:
    """The base: a view has `lines`, its text, and `markup`, its HTML within limits."""

    rows: int = 20

    def lines(self) -> Iterable[str]:
        """The text form, line by line."""
        raise NotImplementedError

    def markup(self, limits: Limits) -> html.Markup:
        """The HTML form."""
        raise NotImplementedError

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Both forms; Jupyter chooses."""
        return {"text/plain": "\n".join(self.lines()), "text/html": self.html()}

    def __repr__(self) -> str:
        return "\n".join(self.lines())

    def html(self) -> str:
        """The HTML form, at most `MOST_BYTES` bytes."""
        page = ""
        for limits in (Limits(self.rows), *(limit._replace(rows=min(limit.rows, self.rows)) for limit in _FALLBACKS)):
            page = html.document(self.markup(limits))
            if len(page.encode()) <= MOST_BYTES:
                break
        return page


def header(spec: FunctionSpec, version: int, state: html.Markup) -> html.Markup:
    """The first line of a function's views: name, signature, kind, version, state."""
    rest = ""
    if spec.signature is not None:
        rest = f"({', '.join(map(str, spec.signature.params))}) → {spec.signature.returns}"
    parts = [
        html.tag("b", shorten(spec.name, LINE)),
        html.tag("code", shorten(rest, LINE)),
        _badge(spec.kind.upper()),
        _badge(f"v{version}"),
        state,
    ]
    return html.tag("div", html.join(item for part in parts for item in (part, " ")), class_="h")


def title(spec: FunctionSpec, version: int) -> str:
    """The same in the text form."""
    return shorten(visible(function_line(spec, version)), LINE)


def _notices(run: Run) -> list[str]:
    return [shorten(visible(line), LINE) for line in notice_lines(run)]


def short_error(error: WorkbenchError, names: Mapping[str, str]) -> list[str]:
    """The lines of an error as they are shown in a notebook, with the commands that lead on.

    ``names`` says what files are called.
    """
    lines = [*error_lines(error, names=names)[:ERROR_LINES], *(f"  {line}" for line in _commands(error))]
    return [shorten(visible(line), LINE) for line in lines]


def _commands(error: WorkbenchError) -> Iterable[str]:
    """What to type next, for an error that a run has raised."""
    if not isinstance(error, RunError) or not error.function:
        return
    name = quote_name(error.function)
    if isinstance(error, UdfError) and error.row is not None:
        yield f"rerun it: %udf replay {name} --row {error.row}"
    elif isinstance(error, WorkerCrashed):
        yield f"each crash: %udf history {name}      what was printed: %udf logs {name}"
    elif isinstance(error, BatchTimeout):
        yield f"what was printed: %udf logs {name}"


def _badge(word: str) -> html.Markup:
    return html.tag("span", word, class_="k")


def _state(tone: str, sign: str, word: str) -> html.Markup:
    return html.tag("span", f"{sign} {word}", class_=f"st {tone}".strip())


def _counts(line: str) -> html.Markup:
    """The parts of a line side by side; what is not as it should be stands out."""
    parts: list[str] = []
    for part in line.split(GAP):
        if part[:1] in SIGNS.values():
            continue  # how it ended stands in the header
        word, _, number = part.rpartition(" ")
        odd = word in ("skipped", "dead letters", "restarts") and not number.startswith("0")
        parts += [html.tag("b", part, class_="warn") if odd else html.tag("span", part), " "]
    return html.tag("div", *parts, class_="c")


@dataclass(repr=False)
class RunView(View):
    """A run: header, counts, what must not be missed, then its sections as far as there is any.

    They are Output, State, History, Dead letters and Log. ``names`` says what the files of functions that were
    defined in cells are called in errors.
    """

    run: Run
    rows: int = 20
    names: Mapping[str, str] = field(default_factory=dict)

    def lines(self) -> Iterable[str]:
        run = self.run
        yield title(run.spec, run.version)
        yield counts_line(run) if self._settled else "running: to_pandas() finishes it"
        yield from _notices(run)
        limits = Limits(self.rows)
        output = self._output(limits)
        if isinstance(output, Grid):
            yield from text.table(output)
        elif output:
            yield output
        if run.spec.kind == "udaf" and run.record.last_states:
            grid = state_grid(run, limits._replace(rows=min(6, self.rows)))
            yield f"state after each batch, {grid.note}:"
            yield from text.lines_of(grid.rows, [column.name for column in grid.columns])
        if isinstance(run.error, WorkbenchError):
            yield from short_error(run.error, self.names)

    def markup(self, limits: Limits) -> html.Markup:
        run = self.run
        status = run.status.partition(" ")[0]
        dead = run.record.dead
        sign = SIGNS["dead_letter" if dead else _WORDS.get(status, "stopped")]
        tone = "warn" if dead and status == "completed" else _TONES.get(status, "")
        parts = [header(run.spec, run.version, _state(tone, sign, run.status)), _counts(counts_line(run))]
        notices = _notices(run)
        if notices:
            parts.append(html.tag("div", html.join(map(_notice, notices)), class_="w"))
        if isinstance(run.error, WorkbenchError):
            parts.append(error_box(short_error(run.error, self.names)))
        return html.join([*parts, *self._sections(limits)])

    def _sections(self, limits: Limits) -> Iterable[html.Markup]:
        run = self.run
        output = self._output(limits)
        if isinstance(output, Grid):
            yield html.section("Output", output.note, html.table(output))
        elif output:
            yield html.tag("p", output, class_="y")
        if run.spec.kind == "udaf" and run.record.last_states:
            state = state_grid(run, limits)
            yield html.section("State", state.note, html.table(state))
        history = history_grid(run, limits)
        eventful = any(row.cells[0].text[2:] not in _QUIET for row in history.rows)
        yield html.section("History", history.note, html.table(history), opened=eventful)
        if run.record.letters:
            letters = letters_grid(run.record.letters, run.input_schema.names, run.record.dead, limits)
            yield html.section("Dead letters", letters.note, html.table(letters))
        if run.record.lines:
            shown, seen = log_lines(run, limits)
            count = counted(seen, "line")
            count = f"{len(shown):,} of {count}" if len(shown) < seen else count
            yield html.section("Log", count, html.lines(shown), opened=False)

    @property
    def _settled(self) -> bool:
        return self.run.status != "running"

    def _output(self, limits: Limits) -> Grid | str:
        """The output; or why there is none to show, "" where the error says it."""
        if not self._settled:
            return "running: to_pandas() finishes it"
        if not self.run.status.startswith("completed"):
            return ""
        try:
            return output_grid(self.run, limits)
        except RunClosed:
            return "the results were streamed, not kept"


def _notice(line: str) -> html.Markup:
    tone = "bad" if line.startswith(SIGNS["crashed"]) else "warn"
    head, colon, rest = line.partition(":")
    return html.tag("div", html.tag("b", head + colon, class_=tone), rest)


def error_box(lines: Sequence[str]) -> html.Markup:
    """An error as HTML, from its lines: its type in bold, the failing line of code marked."""
    kind, _, message = (lines[0] if lines else "").partition(": ")
    body = [html.tag("mark", line) if line.lstrip().startswith("> ") else line for line in lines[1:]]
    return html.tag("div", html.tag("p", html.tag("b", kind), ": ", message), html.lines(body), class_="err")


@dataclass(repr=False)
class ErrorView(View):
    """An error in a box, for those who catch it and want to show it."""

    error: WorkbenchError
    names: Mapping[str, str] = field(default_factory=dict)

    def lines(self) -> Iterable[str]:
        return short_error(self.error, self.names)

    def markup(self, limits: Limits) -> html.Markup:
        return error_box(short_error(self.error, self.names))


@dataclass(repr=False)
class FunctionView(View):
    """A function: header, what was said of it, its code with the numbers that errors name."""

    function: Function
    most_lines: ClassVar[int] = 200

    def lines(self) -> Iterable[str]:
        yield title(self.function.spec, self.function.version)
        yield self._facts()
        yield f"run it: %udf run {self.function.name} DF"

    def markup(self, limits: Limits) -> html.Markup:
        function = self.function
        source = function.source.splitlines()
        shown = source[: self.most_lines if limits.columns > _FALLBACKS[0].columns else limits.rows]
        code = [f"{number:4} | {visible(line)[:200]}" for number, line in enumerate(shown, 1)]
        count = counted(len(source), "line")
        count = f"{len(shown):,} of {count}" if len(shown) < len(source) else count
        return html.join(
            [
                header(function.spec, function.version, _state("good", SIGNS["started"], "registered")),
                _counts(self._facts()),
                html.tag("p", f"run it: %udf run {function.name} DF", class_="y"),
                html.section("Code", count, html.lines(code), opened=False),
            ]
        )

    def _facts(self) -> str:
        spec = self.function.spec
        facts = [f"entry {spec.entry}", f"symbol {spec.symbol}" if spec.symbol else "", f"volatility {spec.volatility}"]
        facts += [
            f"batch size {spec.batch_size}" if spec.batch_size else "",
            f"mode {spec.mode}" if spec.mode.name in ("columns", "async") else "",
            "" if spec.always_nullable else "not nullable",
        ]
        facts += [f"env {', '.join(spec.env)}" if spec.env else ""]  # the names only: a value may be a secret
        return GAP.join(shorten(fact, LINE) for fact in facts if fact)


@dataclass(repr=False)
class GridView(View):
    """A table under a title; ``empty`` is said where it has no rows."""

    title: str
    grid: Callable[[Limits], Grid]
    rows: int = 20
    empty: str = "nothing yet"

    def lines(self) -> Iterable[str]:
        grid = self.grid(Limits(self.rows))
        yield self.title
        yield from text.table(grid) if grid.rows else [self.empty]

    def markup(self, limits: Limits) -> html.Markup:
        grid = self.grid(limits)
        return html.section(
            self.title, grid.note, html.table(grid) if grid.rows else html.tag("p", self.empty, class_="y")
        )


@dataclass(repr=False)
class LinesView(View):
    """Lines of text under a title."""

    title: str
    texts: Sequence[str]
    rows: int = 20
    empty: str = "nothing yet"

    def lines(self) -> Iterable[str]:
        yield self.title
        yield from self.texts[-2 * self.rows :] or [self.empty]

    def markup(self, limits: Limits) -> html.Markup:
        texts = self.texts[-2 * limits.rows :]
        count = f"{len(texts):,} of {counted(len(self.texts), 'line')}" if len(texts) < len(self.texts) else ""
        return html.section(self.title, count, html.lines(texts or [self.empty]))
