"""What the panel shows of a run, as plain data: one function for each of its parts, read from the record.

The invariant: every part is small however long a run is (the newest is kept), and taking it never waits for the run:
the record may be read by anyone. pid, times and memory stand in the panel and nowhere else: they are no part of a
static form. Left out on purpose: what happened when (`course`), what was measured (`gauges`), the log (`printed`), what
an aggregate holds (`states`), rows that failed (`failing`), the rows of the output (`rows`) and drawing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from workbench.errors import WorkbenchError
from workbench.events import SIGNS
from workbench.notebook.cells import shorten, visible
from workbench.notebook.views import short_error
from workbench.session import Function, Run
from workbench.session.report import counts, notice_lines
from workbench.session.vitals import lives

TEXT: Final = 400

_WORDS: Final = {"completed": "finished", "failed": "failed", "running": "started"}
_TONES: Final = {"completed": "good", "running": "good", "failed": "bad"}
HELD: Final = "❚❚"
"""The sign of a run that is paused, as on its button."""


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
        "counts": [part for part in counts(run) if part[:1] not in SIGNS.values()],
        "notices": [_line(line) for line in notice_lines(run)],
        "error": _error(run.error, names),
    }


def _error(error: Exception | None, names: Mapping[str, str]) -> list[str]:
    """What ended a run: an error of ours, or whatever its data raised."""
    if isinstance(error, WorkbenchError):
        return short_error(error, names)
    return [] if error is None else [_line(f"{type(error).__name__}: {error}")]


def _line(text: str) -> str:
    return shorten(visible(text), TEXT)
