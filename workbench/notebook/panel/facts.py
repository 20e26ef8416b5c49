"""What the panel shows of a run, as plain data: one function for each of its parts, read from the record.

The invariant: every part is small however long a run is (the newest is kept, ticks are thinned out), and taking it
never waits for the run: the record may be read by anyone. pid, times and memory stand here and nowhere else: they are
facts of a live panel, and no part of a static form. Left out on purpose: the rows of the output (`rows`) and drawing.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from workbench.errors import UsageProblem, WorkbenchError
from workbench.events import ROUTINE, SIGNS, Event
from workbench.notebook.cells import shorten, visible
from workbench.notebook.grid import Limits, letters_grid, readable
from workbench.notebook.views import short_error
from workbench.session import Function, Run
from workbench.session.report import counts, notice_lines, state_rows
from workbench.session.vitals import lives
from workbench.worker.words import counted

MARKS: Final = 300
TICKS: Final = 400
LINES: Final = 500
STATES: Final = 300
LETTERS: Final = 200
POINTS: Final = 120
LAST_WORDS: Final = 20
TEXT: Final = 400
CODE: Final = 100_000
VERSIONS: Final = 10

_WORDS: Final = {"completed": "finished", "failed": "failed", "running": "started"}
_TONES: Final = {"completed": "good", "running": "good", "failed": "bad"}
HELD: Final = "❚❚"
"""The sign of a run that is paused, as on its button."""

_ENDS: Final = frozenset({"crashed", "recycled", "stopped", "gave_up"})
DIALECTS: Final = {"doris": "Doris", "doris-proposal": "Doris, as first proposed (pull 56877)"}

Facts = dict[str, Any]


def title(function: Function) -> Facts:
    """What does not change: name, signature, kind, version."""
    signature = function.signature
    text = f"({', '.join(map(str, signature.params))}) → {signature.returns}" if signature is not None else ""
    return {
        "name": _line(function.name),
        "signature": _line(text),
        "kind": function.kind,
        "version": function.version,
    }


def status(run: Run, *, idle: Sequence[int], names: Mapping[str, str]) -> Facts:
    """The header and the footer. ``idle`` are the pids that wait for the next run; ``seconds`` run on the clock."""
    record = run.record
    word = run.status.partition(" ")[0]
    warn = bool(record.dead) and word == "completed"
    living = lives(run)
    held = word == "running" and run.paused
    return {
        "running": word == "running",
        "sign": HELD if held else SIGNS["dead_letter" if warn else _WORDS.get(word, "stopped")],
        "word": ("paused" if run.held else "pausing") if held else run.status,
        "tone": "warn" if warn or held else _TONES.get(word, ""),
        "pids": [life.pid for life in living] or list(idle),
        "idle": not living,
        "up": run.seconds - living[-1].since if living else run.seconds,
        "restarts": run.restarts_counted,
        "allowed": run.restarts_allowed,
        "rows": record.rows_in,
        "total": run.rows_total,
        "dead": record.dead,
        "skipped": record.skipped,
        "counts": [part for part in counts(run) if part[:1] not in SIGNS.values()],
        "notices": [_line(line) for line in notice_lines(run)],
        "error": _error(run.error, names),
    }


def _error(error: Exception | None, names: Mapping[str, str]) -> list[str]:
    """What ended a run: an error of ours, or whatever its data raised."""
    if isinstance(error, WorkbenchError):
        return short_error(error, names)
    return [] if error is None else [_line(f"{type(error).__name__}: {error}")]


def history(run: Run) -> Facts:
    """The timeline: ``lives`` as bars, ``ticks`` for batches, ``marks`` for everything else, each its own."""
    record = run.record
    numbers: dict[int, int] = {}
    bars: list[Facts] = []
    marks = []
    for event in record.all_events:
        if event.worker is not None:
            if event.worker not in numbers:
                numbers[event.worker] = len(numbers) + 1
                bars.append({"worker": len(numbers), "from": event.time, "to": None, "end": "", "pid": event.pid})
            bar = bars[numbers[event.worker] - 1]
            bar["pid"] = bar["pid"] or event.pid
            if event.kind in _ENDS and bar["to"] is None:
                bar["to"], bar["end"] = event.time, event.kind
        if event.kind not in ROUTINE and not (event.kind == "stopped" and not event.detail):
            marks.append(_mark(run, event, numbers))
    ticks = [[numbers[event.worker], round(event.time, 6), event.batch] for event in record.ticks if event.worker]
    return {
        "seconds": run.seconds,
        "running": run.status == "running",
        "lives": bars,
        "marks": marks[-MARKS:],
        "ticks": ticks[:: max(1, len(ticks) // TICKS)],
        "count": len(marks),
    }


def _mark(run: Run, event: Event, numbers: Mapping[int, int]) -> Facts:
    words = readable(line for line in list(run.record.lines) if line.worker == event.worker) if _deadly(event) else []
    return {
        "time": event.time,
        "kind": event.kind,
        "sign": SIGNS[event.kind],
        "word": event.kind.replace("_", " "),
        "worker": numbers.get(event.worker or 0),
        "batch": event.batch,
        "pid": event.pid,
        "signal": event.signal,
        "exit": event.exit_status,
        "detail": _line(
            event.detail or (counted(event.rows, "row") if event.kind == "finished" and event.rows else "")
        ),
        "words": [_line(text) for text in words[-LAST_WORDS:]],
    }


def _deadly(event: Event) -> bool:
    return event.kind in ("crashed", "gave_up", "failed") and event.worker is not None


def metrics(run: Run) -> Facts:
    """One point for each of the newest batches: rows a second, and milliseconds from sending to the answer."""
    frame = run.metrics
    latency = frame["latency"] * 1000
    newest = frame.tail(POINTS)
    seconds = newest["seconds"].clip(lower=1e-9)
    return {
        "batches": newest["batch"].tolist(),
        "rates": (newest["rows_in"] / seconds).tolist(),
        "latencies": latency.tail(POINTS).tolist(),
        "rate": float(frame["rows_in"].sum() / run.seconds) if len(frame) and run.seconds else None,
        "p50": float(latency.quantile(0.5)) if len(frame) else None,
        "p95": float(latency.quantile(0.95)) if len(frame) else None,
    }


def logs(run: Run) -> Facts:
    """The newest lines that the workers printed, each with its time, worker, batch and stream."""
    lines = list(run.record.lines)
    return {
        "seen": run.record.lines_seen,
        "lines": [[line.time, line.worker, line.batch, line.stream, _line(line.text)] for line in lines[-LINES:]],
    }


def state(run: Run) -> Facts:
    """The newest states of an aggregate: batch, group, result, state, what changed."""
    if run.spec.kind != "udaf":
        return {"rows": [], "grouped": False, "total": 0}
    rows = state_rows(run, STATES)
    return {
        "rows": [[row.batch, *map(_line, row[1:])] for row in rows],
        "grouped": bool(run.record.groups),
        "total": len(run.state),
        "restored": [event.batch for event in run.record.all_events if event.kind == "state_restored"],
    }


def letters(run: Run) -> Facts:
    """The first rows that have no result, with their values and errors."""
    kept = list(run.record.letters)
    if run.record.ended_by is not None:
        kept.append(run.record.ended_by[0])
    total = run.record.dead + (run.record.ended_by is not None)
    grid = letters_grid(kept, run.input_schema.names, total, Limits(LETTERS, 12, 80))
    return {
        "columns": [column.name for column in grid.columns],
        "rows": [[[one.text, one.kind] for one in row.cells] for row in grid.rows],
        "numbers": [letter.row for letter in kept[:LETTERS]],
        "total": total,
    }


def code(versions: Sequence[Function]) -> list[Facts]:
    """The source of each version, the newest first, and how it differs from the one before."""
    found = []
    for index, function in enumerate(versions[-VERSIONS:]):
        before = versions[-VERSIONS:][index - 1].source if index else ""
        diff = difflib.unified_diff(before.splitlines(), function.source.splitlines(), lineterm="", n=2)
        found.append(
            {
                "version": function.version,
                "source": [visible(line) for line in function.source[:CODE].splitlines()],
                "diff": [visible(line) for line in list(diff)[2:]] if index else [],
                "entry": function.spec.entry,
            }
        )
    return found[::-1]


def sql(function: Function) -> list[Facts]:
    """The statement that registers it, for each target; or why there is none."""
    found = []
    for dialect, name in DIALECTS.items():
        try:
            text = function.ddl(dialect)
        except UsageProblem as error:
            text = f"-- {error}"
        found.append({"title": name, "text": text, "command": f"%udf ddl {function.name} --dialect {dialect}"})
    return found


def _line(text: str) -> str:
    return shorten(visible(text), TEXT)
