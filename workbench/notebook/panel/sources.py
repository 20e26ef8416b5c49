"""What the tabs Code and SQL show, as plain data: a function's versions, what happened on which line, its statements.

The invariant: the texts are exact, so that what is copied is what runs; they are bounded, the newest versions first;
and a line is marked only if it is known that something happened on it. Left out on purpose: what a run counts
(`workbench.session.places`) and drawing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from workbench.errors import BatchTimeout
from workbench.functions import DEFAULT_DATABASE, FunctionSpec, Signature
from workbench.notebook.cells import shorten, visible
from workbench.notebook.panel.highlight import Language, highlight
from workbench.session import Function, Run
from workbench.session.handover import handover_of
from workbench.session.places import Place
from workbench.sql.statements import GLOBAL_DATABASE
from workbench.targets import Plan, plan
from workbench.types import quote_name

VERSIONS: Final = 10
CODE: Final = 50_000
"""Characters of all versions together; the newest is cut there, older ones are left out."""

CONTEXT: Final = 3
NAME: Final = 80
MARKED: Final = 100

Facts = dict[str, Any]

TARGETS: Final[Mapping[str, tuple[str, str, Language]]] = {
    "doris": ("Doris", "registers it in a cluster, as Doris 4.1 ships it", "sql"),
    "doris-proposal": ("Doris, as first proposed", "the form of pull request 56877, with the code in a zip", "sql"),
    "fungi": ("Fungi", "runs the script as an operator of a pipeline", "yaml"),
}

_made: WeakKeyDictionary[Function, Mapping[str, Plan]] = WeakKeyDictionary()


def code(versions: Sequence[Function]) -> Facts:
    """The sources of the newest versions, the newest first, and how each differs from the one before it.

    ``versions`` has for each its ``lines`` as runs (`highlight`), ``cut`` lines that are left out, and ``diff``: groups
    of ``[tag, from, to, from, to]`` in the lines of the version before and its own, as `difflib` has them; None if the
    one before is not there. ``older`` counts the versions that are left out.
    """
    texts: list[str] = []
    for function in versions[: -VERSIONS - 1 : -1]:
        if texts and sum(map(len, texts)) + len(function.source) > CODE:
            break
        texts.append(function.source[:CODE].removesuffix("\n"))
    found = []
    for function, text, before in zip(versions[::-1], texts, [*texts[1:], None], strict=False):
        found.append(
            {
                "version": function.version,
                "entry": shorten(visible(function.spec.entry), NAME),
                "lines": highlight(text, "python"),
                "cut": function.source.removesuffix("\n").count("\n") - text.count("\n"),
                "diff": None if before is None else _changes(before, text),
            }
        )
    return {"versions": found, "older": len(versions) - len(found)}


def _changes(before: str, after: str) -> list[list[tuple[str, int, int, int, int]]]:
    matcher = SequenceMatcher(None, before.split("\n"), after.split("\n"))
    return [list(group) for group in matcher.get_grouped_opcodes(CONTEXT)]


class _Met(NamedTuple):
    line: int
    what: str
    died: bool


def places(run: Run) -> Facts:
    """What happened on the lines of the file that is shown: ``marks`` are line, sign, tone, words and tab with more."""
    noted = run.record.places.met()
    if isinstance(run.error, BatchTimeout):
        frames = tuple((frame.file, frame.line) for frame in run.error.frames)
        noted.append((Place("BatchTimeout", died=True, frames=frames), 1, run.error.batch))
    found: dict[_Met, tuple[int, int | None]] = {}
    for place, times, first in noted:
        line = line_in(run.spec, place.frames)
        if line is not None:
            met = _Met(line, place.what, place.died)
            before = found.get(met, (0, first))
            found[met] = before[0] + times, before[1]
    lines = [_mark(run, met, *seen) for met, seen in sorted(found.items(), key=lambda item: item[0].line)]
    return {"version": run.version, "marks": lines[:MARKED]}


def line_in(spec: FunctionSpec, frames: Sequence[tuple[str, int]]) -> int | None:
    """The innermost line in the function's own file, as that is the one that is shown. ``frames``: file and line."""
    return next((line for file, line in reversed(frames) if file == spec.entry), None)


def _mark(run: Run, met: _Met, times: int, first: int | None) -> list[Any]:
    name = shorten(visible(met.what), NAME)
    where = "" if first is None else f", {'batch' if met.died else 'row'} {first:,}"
    if met.died:
        return [met.line, "✕", "bad", name + where + (f", {times:,} times" if times > 1 else ""), "History"]
    ended = run.on_error == "fail"
    text = name + (where if times == 1 else f", {times:,} rows")
    tab = "History" if run.on_error == "null" else "Dead letters"
    return [met.line, "✕" if ended else "▲", "bad" if ended else "warn", text, tab]


def sql(function: Function, groups: Sequence[str] = ()) -> list[Facts]:
    """A call of it in a query, then for each target its name, what it is for, and the text that takes it there.

    ``groups`` are the columns that an aggregate was grouped by. A target that does not take it has a ``refused``.
    """
    found = []
    if function.signature is not None:
        use = "the same in Doris and, over DataFrames, in a cell with %%udf_sql"
        found.append(_card("In a query", use, "sql", _call(function.spec, function.signature, groups)))
    for target, made in _plans(function).items():
        name, purpose, language = TARGETS[target]
        if not made.ok:
            why = next(one.text for one in made.differences if one.grade == "refused")
            found.append({"title": name, "refused": visible(why)})
            continue
        text = next(step.text for step in made.steps if step.file is not None)
        card = _card(name, purpose, language, text)
        card["command"] = visible(f"%udf deploy {quote_name(function.name)} --target {target}")
        card["notes"] = [visible(f"{step.title}: {step.text}") for step in made.steps if step.file is None]
        card["notes"] += [visible("▲ different: " * (one.grade == "different") + one.text) for one in made.differences]
        found.append(card)
    return sorted(found, key=lambda card: "refused" in card)


def _plans(function: Function) -> Mapping[str, Plan]:
    """The plan of each target, made once for a version: its package may be large, and its cell run often."""
    if function not in _made:
        handover = handover_of(function)
        # Without the files: they would be the package once more for each target.
        _made[function] = {target: replace(plan(target, handover), files={}) for target in TARGETS}
    return _made[function]


def _card(title: str, purpose: str, language: Language, text: str) -> Facts:
    return {"title": title, "purpose": purpose, "lines": highlight(text, language), "notes": [], "command": ""}


def _call(spec: FunctionSpec, signature: Signature, groups: Sequence[str]) -> str:
    """A statement that calls it on a table ``t``."""
    arguments = ", ".join(quote_name(param.name or f"c{at}") for at, param in enumerate(signature.params, 1))
    database = "" if spec.database in (DEFAULT_DATABASE, GLOBAL_DATABASE) else f"{quote_name(spec.database)}."
    call = f"{database}{quote_name(signature.name)}({arguments})"
    if spec.kind == "udtf":
        columns = ", ".join(quote_name(name) for name, _ in signature.output_fields(spec.kind))
        return f"SELECT t.*, {columns}\nFROM t\nLATERAL VIEW {call} made AS {columns};"
    if spec.kind == "udaf" and groups:
        keys = ", ".join(map(quote_name, groups))
        return f"SELECT {keys}, {call}\nFROM t\nGROUP BY {keys};"
    return f"SELECT {call}\nFROM t;"
