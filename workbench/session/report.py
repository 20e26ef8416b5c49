"""What is said of a run, a function or an error, in words that the shell and the notebook share.

The invariant: the same run gives the same text. No pid, time, address or temporary path is in it, and nothing that
depends on which of two things was seen first: workers are numbered as they appear, and of the batches that were sent
again only the first is named. Left out on purpose: colours, tables and boxes, which `workbench.terminal` and
`workbench.notebook` draw.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath
from typing import Final, NamedTuple

import pyarrow as pa

from workbench.errors import Frame, UdfError, WorkbenchError
from workbench.events import ROUTINE, SIGNS, Event
from workbench.functions import FunctionSpec
from workbench.session.run import Run
from workbench.types import quote_name
from workbench.worker.words import counted

GAP: Final = "   "
SHOWN_VALUES: Final = 8
SHOWN_CHARACTERS: Final = 40
SHOWN_LOGS: Final = 3
SHOWN_CRASHES: Final = 4

_ADDRESS: Final = re.compile(r" at 0x[0-9a-fA-F]+")
_NOISE: Final = re.compile(r"<(function|module|class|built-in|bound method|_io\.)")
_AGAIN: Final = re.compile(r"batch (\d+)(?:, \d+)+ sent again")
_TRACED: Final = "Traceback (most recent call last):"
_FRAME: Final = '  File "'
"""What is left of a traceback whose beginning is no longer among the last lines."""

_CALL: Final = re.compile(r"Error in [\w ]*UD[A-Z]+ (?:execution )?at rows? \d+(?: to \d+)?: ")

_TYPE_NAMES: Final = {
    "bool": "BOOLEAN",
    "int8": "TINYINT",
    "int16": "SMALLINT",
    "int32": "INT",
    "int64": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "string": "STRING",
    "large_string": "STRING",
    "date32[day]": "DATE",
    "null": "NULL",
}


class HistoryRow(NamedTuple):
    """One thing that happened. ``worker`` counts from 1 in order of appearance; "" where there is none."""

    sign: str
    word: str
    worker: str
    batch: str
    detail: str


class StateRow(NamedTuple):
    """The state of one group of an aggregate after a batch. ``group`` is ``carrier=UA``, "" without groups."""

    batch: int
    group: str
    result: str
    state: str
    changed: str


def function_line(spec: FunctionSpec, version: int) -> str:
    """``clean_email(s STRING) -> STRING   UDF  v1``."""
    return f"{spec.signature or spec.name}{GAP}{spec.kind.upper()}  v{version}"


def counts(run: Run) -> list[str]:
    """What became of the rows, part by part: ``in 1,000 rows (1 batch)``, ``out 1,000``, and so on."""
    record, kind = run.record, run.spec.kind
    out = f"out {record.rows_out:,}"
    if kind == "udtf" and record.rows_in:
        spread = record.rows_out / record.rows_in
        out += f" (fan-out {spread:.1f}, max {record.fan_out.most:,}, empty {record.fan_out.empty:,})"
    elif kind == "udaf" and record.groups:
        out += " group" if record.rows_out == 1 else " groups"
    searches = max(0, record.restarts - run.restarts_counted)
    parts = [
        f"in {counted(record.rows_in, 'row')} ({counted(record.batches_in, 'batch', 'batches')})",
        out,
        f"skipped {record.skipped_rows:,}",
        f"dead letters {record.dead:,}",
        f"restarts {run.restarts_counted}/{run.restarts_allowed}"
        + (f" (+{searches} looking for rows)" if searches else ""),
    ]
    if run.status in ("failed", "closed", "interrupted"):
        sign = SIGNS["failed"] if run.status == "failed" else SIGNS["stopped"]
        parts.append(f"{sign} {run.status}")
    return parts


def counts_line(run: Run) -> str:
    """``in 1,000 rows (1 batch)   out 1,000   skipped 0   dead letters 0   restarts 0/3``."""
    return GAP.join(counts(run))


def notice_lines(run: Run) -> list[str]:
    """What a reader must not miss, each with a sign and a word: crashes and restarts, skipped batches, dead letters."""
    record, rows = run.record, history_rows(run)
    lines = []
    crashes = [index for index, row in enumerate(rows) if row.word == "crashed"]
    for index in crashes[:SHOWN_CRASHES]:
        row = rows[index]
        after = next((later for later in rows[index + 1 :] if later.word in ("restarted", "gave_up", "crashed")), None)
        how = f"; restarted {after.detail}" if after is not None and after.word == "restarted" else ""
        how = how.replace("restarted looking", "restarted, looking")
        lines.append(f"{row.sign} crashed: {run.spec.name} died of {row.detail}{how}")
    if len(crashes) > SHOWN_CRASHES:
        lines.append(
            f"{SIGNS['crashed']} crashed: {counted(len(crashes) - SHOWN_CRASHES, 'more time')}; the history has each"
        )
    lines += [f"{row.sign} {row.word}: {row.detail}" for row in rows if row.word == "state_lost"]
    if record.skipped:
        first = next((row for row in rows if row.word == "skipped"), None)
        why = f": batch {first.batch}: {first.detail}" if first is not None and first.batch else ""
        lines.append(
            f"{SIGNS['skipped']} skipped: {record.skipped:,} of {counted(record.batches_in, 'batch', 'batches')} "
            f"({counted(record.skipped_rows, 'row')}) of {run.spec.name}{why}"
        )
    elif record.letters:
        letter = record.letters[0]
        lines.append(
            f"{SIGNS['dead_letter']} dead letters: {counted(record.dead, 'row')} set aside; row {letter.row:,}: "
            f"{letter.error_type}: {_stable(letter.error)}"
        )
    return lines


def history_rows(run: Run) -> list[HistoryRow]:
    """What happened in a run, without the batches that went well."""
    return event_rows(run.record.incidents)


def event_rows(events: Iterable[Event]) -> list[HistoryRow]:
    """Events as rows. Each crash and each restart is its own; a worker that ended because all was done is left out."""
    numbers: dict[int, int] = {}
    rows = []
    for event in events:
        if event.kind in ROUTINE or (event.kind == "stopped" and not event.detail):
            continue
        worker = "" if event.worker is None else str(numbers.setdefault(event.worker, len(numbers) + 1))
        batch = "" if event.batch is None else str(event.batch)
        rows.append(HistoryRow(SIGNS[event.kind], event.kind, worker, batch, _detail(event)))
    return rows


def _detail(event: Event) -> str:
    if event.kind == "started":  # which Python it is depends on the machine; `Run.events` has it
        return ""
    if event.kind == "finished":
        return counted(event.rows or 0, "row")
    return _stable(_AGAIN.sub(r"batch \1 sent again", without_call(event.detail)))


def without_call(text: str) -> str:
    """An error without Doris's words for the call that it was raised in, where its row is named anyway."""
    return _CALL.sub("", text)


def state_rows(run: Run, limit: int | None = None) -> list[StateRow]:
    """An aggregate's state after each batch, one row for each group that changed; the last ``limit`` of them."""
    groups, rows = run.record.groups, run.record.all_states
    return [
        StateRow(
            row["batch"],
            ", ".join(f"{name}={key_text(value)}" for name, value in zip(groups, row["key"], strict=True)),
            "NULL" if row["result"] is None else row["result"],
            row["state"],
            row["changed"],
        )
        for row in (rows if limit is None else rows[max(0, len(rows) - limit) :])
    ]


def key_text(value: object) -> str:
    """A value by which rows are grouped; the empty string, and a text that reads NULL, in quotes."""
    if value is None:
        return "NULL"
    return repr(value) if value in ("", "NULL") else str(value)


def type_name(arrow: pa.DataType) -> str:
    """The SQL name of a column's type, for headers; Arrow's own where SQL has none here."""
    match arrow:
        case pa.DictionaryType():
            return type_name(arrow.value_type)
        case pa.Decimal128Type() | pa.Decimal256Type():
            return f"DECIMAL({arrow.precision},{arrow.scale})"
        case pa.MapType():
            return f"MAP<{type_name(arrow.key_type)}, {type_name(arrow.item_type)}>"
        case pa.ListType() | pa.LargeListType():
            return f"ARRAY<{type_name(arrow.value_type)}>"
        case pa.StructType():
            fields = ", ".join(f"{quote_name(field.name)}:{type_name(field.type)}" for field in arrow)
            return f"STRUCT<{fields}>"
        case pa.TimestampType() if arrow.tz is None:
            return "DATETIME"
        case _:
            return _TYPE_NAMES.get(str(arrow), str(arrow))


def error_lines(error: WorkbenchError, *, names: Mapping[str, str] | None = None) -> list[str]:
    """An error for a reader: what, where with the line and its values, the worker's last words, the way out.

    ``names`` says what to call a file, as in ``{"ratio.py": "%%udf ratio v1"}``; by default each has its own name.
    """
    head, *rest = error.message.splitlines() or [""]
    lines = [f"{type(error).__name__}: {_stable(head)}", *(line if line[:1] == " " else f"  {line}" for line in rest)]
    lines += frame_lines(_frames(error), names or {})
    if isinstance(error, UdfError) and error.row is not None and error.values:
        shown = [f"{name}={_short(value)}" for name, value in list(error.values.items())[:SHOWN_VALUES]]
        more = (
            f"  and {counted(len(error.values) - SHOWN_VALUES, 'more column')}"
            if len(error.values) > SHOWN_VALUES
            else ""
        )
        lines.append(f"  row {error.row:,}: {'  '.join(shown)}{more}")
    if not isinstance(error, UdfError):  # that worker lived on, and may have printed for the next batch already
        lines += [f"  log: {line}" for line in _last_words(error)]
    return lines + [f"  {line}" for line in error.hint.splitlines()]


def _frames(error: WorkbenchError) -> tuple[Frame, ...]:
    """The user's own frames, outermost first: of what caused the error (a script's exception), or of the error."""
    for one in (error.__cause__, error):
        frames: tuple[Frame, ...] = getattr(one, "frames", ())
        if frames:
            return frames
    return ()


def frame_lines(frames: Iterable[Frame], names: Mapping[str, str]) -> Iterator[str]:
    """Two lines for each frame: ``FILE, line N, in NAME``, and ``> N | code`` with the values that the code names."""
    for frame in frames:
        path = PurePath(frame.file)
        file = path.name if path.is_absolute() else frame.file
        yield f"  {names.get(file, file)}, line {frame.line}, in {frame.function}"
        if frame.text:
            words = set(re.findall(r"\w+", frame.text))
            used = {name: value for name, value in frame.locals.items() if name in words and not _NOISE.match(value)}
            values = [f"{name}={_short(value)}" for name, value in used.items()][:SHOWN_VALUES]
            shown = " " * 10 + ", ".join(values) if values else ""
            yield f"    > {frame.line} | {frame.text.strip()}{shown}"


def _last_words(error: WorkbenchError) -> list[str]:
    """The last lines that the worker printed, without tracebacks: those are shown as frames."""
    lines = [_stable(line) for line in getattr(error, "logs", ())]
    begin = next((at for at, line in enumerate(lines) if line.startswith(_TRACED)), None)
    return [line for line in lines[:begin] if line.strip() and not line.startswith(_FRAME)][-SHOWN_LOGS:]


def _stable(text: str) -> str:
    return _ADDRESS.sub("", text)


def _short(text: str) -> str:
    """A repr on one line."""
    line = " ".join(_stable(text).split())
    return line if len(line) <= SHOWN_CHARACTERS else line[: SHOWN_CHARACTERS - 1] + "…"
