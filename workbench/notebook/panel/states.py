"""What the panel shows of an aggregate's state: its groups, how their results went, and what changed with each batch.

The invariant: what is sent is small however many groups and batches there are; the rest is asked for (`StateView`).
What changed is found by comparing with the state before of the same group, in the same worker. Left out on purpose:
the whole table, which is ``run.state``; drawing, which is JavaScript.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from heapq import nlargest
from typing import Any, Final, NamedTuple

from workbench import settings
from workbench.events import SIGNS, Event
from workbench.notebook.cells import Cell, cell, shorten, visible
from workbench.notebook.grid import result_cell
from workbench.session import Run
from workbench.session.record import MERGED
from workbench.session.report import key_text

CARDS: Final = 24
COMPARED: Final = 5_000
"""Groups whose results are compared without being asked to."""

ROWS: Final = 60
POINTS: Final = 240
SPARK: Final = 40
MARKS: Final = 100
PIECES: Final = 12
WIDTH: Final = 60
SHOWN: Final = 160
"""Characters of a state's JSON that need not be opened to be read."""

FEW: Final = 4
"""Items of a list or dict inside of a state that are shown before the rest is counted."""

Facts = dict[str, Any]
State = Mapping[str, Any]

_MARKED: Final = {
    "snapshot": "snapshot",
    "crashed": "crash",
    "restarted": "restart",
    "recycled": "recycled",
    "dead_letter": "rows set aside",
}


class StateView(NamedTuple):
    """Which groups are asked for: ``text`` is in their names, ``group`` is the one whose story is told.

    ``order`` is ``largest``, ``latest`` or ``first``; "" chooses: the first if all can be shown.
    """

    text: str = ""
    order: str = ""
    group: int | None = None


def states(run: Run, view: StateView | None = None) -> Facts:
    """Cards of groups, the points of one group's results, and the newest states with what changed in them.

    Groups are numbered in the order in which they were first seen.
    """
    view = view or StateView()
    record = run.record
    lasts, newest = record.last_states, record.newest_states
    facts: Facts = {"kind": run.spec.kind, "total": len(lasts), "grouped": bool(record.groups), "rows": []}
    if not newest:
        return facts
    stories: dict[int, list[State]] = {}
    for row in newest:
        stories.setdefault(row["group"], []).append(row)
    order = view.order or ("first" if len(lasts) <= CARDS else "largest" if len(lasts) <= COMPARED else "latest")
    found = [row for row in lasts if view.text.casefold() in _label(run, row).casefold()] if view.text else lasts
    group = 0 if len(lasts) == 1 else view.group
    one = lasts[group] if group is not None and group < len(lasts) else None
    shown = stories.get(one["group"], [one]) if one is not None else newest
    return facts | {
        "parts": record.parts,
        "order": order,
        "newest": newest[-1]["batch"],
        "found": len(found),
        "cards": [_card(run, stories.get(row["group"], [row])) for row in _first(found, order)],
        "chosen": None if one is None else _card(run, shown),
        "chart": None if one is None else {"points": _points(run, shown, POINTS), "marks": _marks(run, shown)},
        "rows": _rows(run, shown, stories),
        "states": len(shown),
        "cut": settings.STATE_GROUPS if _reported(newest) >= settings.STATE_GROUPS else None,
    }


def full_state(run: Run, group: int, batch: int, *, merged: bool) -> list[str]:
    """The lines of one state, as JSON; what is said of one that is no longer kept."""
    rows = (row for row in run.record.all_states if row["group"] == group and row["batch"] == batch)
    row = next((row for row in rows if (row["changed"] == MERGED) == merged), None)
    if row is None:
        return ["it is no longer kept"]
    try:
        text = json.dumps(json.loads(row["state"]), indent=2, ensure_ascii=False)
    except ValueError:
        text = f"{row['state']}\n(cut after {len(row['state']):,} characters)"
    return [visible(line) for line in text.splitlines()]


def _first(rows: Sequence[State], order: str) -> list[State]:
    """The rows of the groups that have a card."""
    if order == "largest":
        return nlargest(CARDS, rows, key=lambda row: _number(row, -math.inf))
    if order == "latest":
        return nlargest(CARDS, rows, key=lambda row: row["batch"])
    return list(rows[:CARDS])


def _number(row: State, other: float | None = None) -> Any:
    """The result as a number; ``other`` if it is none, or not a finite one."""
    try:
        number = float(row["result"])
    except (TypeError, ValueError):
        return other
    return number if math.isfinite(number) else other


def _label(run: Run, row: State) -> str:
    return ", ".join(f"{name}={key_text(value)}" for name, value in zip(run.record.groups, row["key"], strict=True))


def _name(run: Run, row: State) -> list[list[str]]:
    """The columns of a group and their values; NULL is not the text NULL."""
    values = (("NULL", "null") if value is None else (key_text(value), "") for value in row["key"])
    return [
        [shorten(visible(name), WIDTH), shorten(visible(text), WIDTH), kind]
        for name, (text, kind) in zip(run.record.groups, values, strict=True)
    ]


def _result(row: State) -> Cell:
    return result_cell("NULL" if row["result"] is None else row["result"], WIDTH)


def _card(run: Run, story: Sequence[State]) -> Facts:
    last = story[-1]
    return {
        "group": last["group"],
        "name": _name(run, last),
        "result": list(_result(last)),
        "batch": last["batch"],
        "states": len(story),
        "values": [value for _, value, _ in _points(run, story, SPARK)],
    }


def _points(run: Run, story: Sequence[State], most: int) -> list[tuple[int, float, int | None]]:
    """Batch, result and part of the states whose result is a number, thinned out evenly; the last is kept."""
    every = -(-len(story) // most)
    rows = story[(len(story) - 1) % every :: every]
    return [(row["batch"], _number(row), run.record.part(row)) for row in rows if _number(row) is not None]


def _marks(run: Run, story: Sequence[State]) -> list[Facts]:
    """What happened to the workers between the first and the last batch of a story; a restart stands at its crash."""
    first, last = story[0]["batch"], story[-1]["batch"]
    marks, crashed = [], []
    for event in [*run.record.incidents, *run.record.snapshots]:
        if event.kind not in _MARKED:
            continue
        batch = event.batch
        if event.kind == "crashed":
            batch = _before(run, event) if batch is None else batch
            crashed.append(batch)
        elif event.kind == "restarted":
            batch = crashed.pop(0) if crashed else None
        if batch is not None and first <= batch <= last:
            word, sign = _MARKED[event.kind], SIGNS[event.kind]
            detail = shorten(visible(event.detail or event.signal or ""), 4 * WIDTH)
            marks.append({"batch": batch, "kind": event.kind, "sign": sign, "word": word, "detail": detail})
    return sorted(marks, key=lambda mark: int(mark["batch"]))[-MARKS:]


def _before(run: Run, event: Event) -> int | None:
    """The last batch that was answered before something that happened between two."""
    ticks = run.record.ticks
    at = bisect_right(ticks, event.time, key=lambda tick: tick.time)
    return ticks[at - 1].batch if at else None


def _reported(newest: Sequence[State]) -> int:
    """How many groups the last batch has told of."""
    batch = next((row["batch"] for row in reversed(newest) if row["changed"] != MERGED), None)
    return sum(row["batch"] == batch for row in newest[-2 * settings.STATE_GROUPS :])


def _rows(run: Run, shown: Sequence[State], stories: Mapping[int, Sequence[State]]) -> list[Facts]:
    """The newest states, the newest first."""
    places: dict[int, int] = {}
    found = []
    for row in reversed(shown[-ROWS:]):
        story = stories.get(row["group"], [row])
        at = places[row["group"]] = places.get(row["group"], len(story)) - 1
        part = run.record.part(row)
        earlier = (story[index] for index in range(at - 1, -1, -1))
        before = next((one for one in earlier if part is None or run.record.part(one) == part), None)
        parts = pieces(None if before is None else before["state"], row["state"])
        found.append(
            {
                "batch": row["batch"],
                "group": row["group"],
                "name": _name(run, row),
                "result": list(_result(row)),
                "word": "merged" if part is None else "" if before else "new",
                "pieces": parts,
                "more": len(row["state"]) > SHOWN or any("…" in f"{piece.before}{piece.now}" for piece in parts),
            }
        )
    return found


class Piece(NamedTuple):
    """A part of a state: its name, what it was if that is another, what it is; "" is that it was, or is, not there."""

    name: str
    before: str | None
    now: str


_NOTHING: Final = object()


def pieces(before: str | None, after: str) -> list[Piece]:
    """A state as JSON text, part by part; of a large one first those that differ from the state before, if any."""
    try:
        new = json.loads(after)
        old = new if before is None else json.loads(before)
    except ValueError:  # it was cut
        return [Piece("", None, shorten(visible(after), SHOWN))]
    found = _pieces(old, new)
    if len(found) <= PIECES:
        return found
    changed = [piece for piece in found if piece.before is not None]
    kept = (changed + [piece for piece in found if piece.before is None])[:PIECES]
    return [*[piece for piece in found if piece in kept], Piece("", None, f"… {len(found) - len(kept):,} more")]


def _pieces(old: Any, new: Any) -> list[Piece]:
    if isinstance(old, dict) and isinstance(new, dict):
        names = dict.fromkeys([*new, *old])
        parts = [(name, old.get(name, _NOTHING), new.get(name, _NOTHING)) for name in names]
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new) <= FEW:
        parts = [(f"[{at}]", *pair) for at, pair in enumerate(zip(old, new, strict=True))]
    else:
        parts = [("", old, new)]
    return [piece for name, *pair in parts for piece in _part(shorten(visible(name), WIDTH), *pair)]


def _part(name: str, old: Any, new: Any) -> list[Piece]:
    """One part; of a long list in which little changed, the positions that did too."""
    if old is _NOTHING or new is _NOTHING:
        return [Piece(name, "", brief(new)) if old is _NOTHING else Piece(name, brief(old), "")]
    if old == new:
        return [Piece(name, None, brief(new))]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new) > FEW:
        at = [index for index, item in enumerate(new) if item != old[index]]
        if len(at) <= FEW:
            found = [Piece(f"{name}[{index}]", brief(old[index]), brief(new[index])) for index in at]
            return [Piece(name, None, brief(new)), *found]
    if brief(old) == brief(new):  # they differ behind what is shown
        return [Piece(name, _cut(json.dumps(old)), _cut(json.dumps(new)))]
    return [Piece(name, brief(old), brief(new))]


def brief(value: Any) -> str:
    """A part of a state in few characters: numbers as in the output, long lists by their beginning and their length."""
    if isinstance(value, list | dict) and len(value) > FEW:
        items = list(value.items()) if isinstance(value, dict) else value
        few = ", ".join(
            f"{item[0]}: {brief(item[1])}" if isinstance(value, dict) else brief(item) for item in items[:3]
        )
        ends = "{}" if isinstance(value, dict) else "[]"
        return _cut(f"{ends[0]}{few}, … {len(value) - 3:,} more{ends[1]}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _cut(json.dumps(value, ensure_ascii=False))
    return cell(value, WIDTH).text


def _cut(text: str) -> str:
    return shorten(visible(text), 2 * WIDTH)
