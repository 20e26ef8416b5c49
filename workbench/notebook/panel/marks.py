"""What the history says of one event: a word, a short label for the picture, a sentence for the table.

The invariant: it is said in the words of the events, only shorter, and what is not known is left out. A row is named
by its number in the input, with the error alone: in which call of a batch it was is for the log. Left out on purpose:
which events there were (`course`), and what a dead worker left behind, which is told when it is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from workbench.events import SIGNS, Event
from workbench.notebook.cells import shorten, visible
from workbench.session.report import without_call

TEXT: Final = 200

Facts = dict[str, Any]

_ASIDE: Final = re.compile(r"([\d,]+) rows? (set aside|set to NULL); row ([\d,]+): (.*)", re.DOTALL)
_COUNTED: Final = re.compile(r"(\d+)/(\d+)(?:; batch ([\d, ]+) sent again)?")


class Words(NamedTuple):
    """``word`` is what happened, ``label`` stands beside its mark, ``detail`` is the sentence of the table."""

    word: str
    label: str
    detail: str
    row: int | None = None
    """The first row that was set aside, which may be run again."""


def mark(event: Event, words: Words) -> Facts:
    """One event as the front end gets it; what it has not is not sent."""
    facts = {
        "time": round(event.time, 6),
        "kind": event.kind,
        "sign": SIGNS[event.kind],
        "word": words.word,
        "label": shorten(visible(words.label), TEXT // 4),
        "detail": shorten(visible(words.detail), TEXT),
        "rows": event.rows,
        "row": words.row,
        "worker": event.worker,
        "batch": event.batch,
        "pid": event.pid,
        "signal": event.signal,
        "exit": event.exit_status,
    }
    return {name: value for name, value in facts.items() if value is not None}


def words(event: Event, *, again: bool, began: float | None) -> Words:
    """What to say of it.

    ``again``: its batch killed a worker before. ``began``: when its worker was started, if that is known.
    """
    word = event.kind.replace("_", " ")
    match event.kind:
        case "started":
            ready = (
                "" if began is None or event.detail == "was ready" else f", ready in {milliseconds(event.time - began)}"
            )
            return Words(word, word, event.detail + ready)
        case "crashed":
            how = event.signal or f"exit {event.exit_status}"
            where = "" if event.batch is None else f" in batch {event.batch:,}"
            label = how + where
            if event.detail.startswith(f"{label}, row"):  # it looks for the row: which part of the batch it tried
                label = event.detail
            elif again:
                label += " again"
            plain = event.detail == f"{how} in batch {event.batch}"
            return Words(word, label, label if plain else event.detail)
        case "restarted":
            return _restarted(event.detail)
        case "dead_letter":
            return _set_aside(event.detail)
        case "skipped" if event.batch is not None:
            return Words(word, f"batch {event.batch:,} skipped", event.detail)
        case "interrupted" if event.batch is not None:
            return Words("out of time", f"batch {event.batch:,} out of time", event.detail)
        case "failed":
            return Words(word, word, without_call(event.detail))
        case "finished":
            return Words(word, word, f"{event.rows or 0:,} rows")
        case _:
            return Words(word, word, event.detail)


def _restarted(detail: str) -> Words:
    """``restart 1 of 3; batches 8 and 9 sent again``; or a worker that looks for the row that kills."""
    found = _COUNTED.match(detail)
    if found is None:
        return Words("isolating", "isolating", detail)
    text = f"restart {found[1]} of {found[2]}"
    if found[3]:
        text += f"; {together([f'{int(one):,}' for one in found[3].split(', ')])} sent again"
    return Words("restarted", "restarted", text + detail[found.end() :])


def _set_aside(detail: str) -> Words:
    """``row 33,336: ZeroDivisionError: float division by zero``, with how many more of its batch there are."""
    found = _ASIDE.match(detail)
    if found is None:
        return Words("rows set aside", "rows set aside", detail)
    count, row = (int(found[one].replace(",", "")) for one in (1, 3))
    what, why = found[2], without_call(found[4])
    if count == 1:
        return Words(f"row {what}", f"row {row:,} {what}", f"row {row:,}: {why}", row)
    return Words(f"{count:,} rows {what}", f"{count:,} rows {what}", f"{count:,} rows, the first {row:,}: {why}", row)


def together(batches: Sequence[str]) -> str:
    """``batch 8``, ``batches 8 and 9``, ``batches 8, 9 and 10``."""
    return f"batch {batches[0]}" if len(batches) == 1 else f"batches {', '.join(batches[:-1])} and {batches[-1]}"


def milliseconds(seconds: float) -> str:
    """``4 ms``, ``343 ms``, ``1.74 s``."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.3g} s"
