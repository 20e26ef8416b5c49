"""An aggregate over a stream of batches: a state for each group, shown after each batch, saved and restored as bytes.

The state (``aggregate_state``) travels, never the instance: at the end every partial state is merged into fresh
instances, also with one worker, as Doris does; a class that keeps something outside its state is found out here. Pickle
is used only in this process and others of the same function; the parent keeps the bytes without looking at them.
"""

from __future__ import annotations

import json
import pickle
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from . import values
from .row_errors import RowErrors

NAN = float("nan")  # one object for all, so that NaN is one group: a dict looks for identity first
MAX_STATE = 2000


MERGED = "merge gets what another instance's aggregate_state gave, and nothing else of that instance"
FINISHED = "finish sees what merge took out of the state; what is kept outside of aggregate_state is not there"
STATED = "aggregate_state must hold what pickle can write: numbers, text, lists, dicts; not locks, files, connections"
CREATED = "the class is created without arguments"
NOT_NULL = "return a value, or allow NULL with always_nullable=True (leave --not-nullable out)"


class AggregateError(Exception):
    """A step of the aggregate failed; the message begins with the step in Doris's words, the cause is the user's.

    ``hint`` is the way out.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class NullResult(AggregateError):
    """A NULL where the declaration allows none."""


class ValueMismatch(AggregateError):
    """A result that does not fit the declared type."""


class _Group:
    __slots__ = ("first", "instance", "shown", "step")

    def __init__(self, instance: Any, first: int) -> None:
        self.instance = instance
        self.step = instance.accumulate
        self.first = first
        self.shown = ""


class Aggregate:
    """Hosts one aggregate class. The first columns of a batch are the group's, the others the arguments."""

    def __init__(self, function: Any, setup: Mapping[str, Any]) -> None:
        import pyarrow as pa

        self._class: Any = function
        self._roots: Sequence[str] = setup["roots"]
        self._arguments = [values.reader(wire) for wire in setup["arguments"]]
        (field,) = setup["outputs"]
        self._output = pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(setup["output_schema"]))).field(0)
        self._write = values.writer(field["wire"], self._output.type, field["sql"])
        self._nullable: bool = setup["always_nullable"]
        self._groups: Dict[Any, _Group] = {}
        self._width = 0

    def open(self, options: Mapping[str, Any]) -> None:
        """Start anew: ``group_width`` columns are the group's; ``report`` states at most are shown after a batch.

        Only a check asks for these: ``unmerged``, the result is that of the instances themselves; ``nested``, what
        was merged is merged once more into fresh instances, after each partial state.
        """
        self._fail: bool = options["on_error"] == "fail"
        self._report: int = options["report"]
        self._running: bool = options.get("running", False)
        self._width = options["group_width"]
        self._key_schema = options["schema"]
        self._groups = {}
        self._unmerged: bool = options.get("unmerged", False)
        self._nested: bool = options.get("nested", False)
        self._merged: Dict[Any, _Group] = {}

    def batch(self, number: int, batch: Any) -> Tuple[List[Any], Dict[str, Any]]:
        errors = RowErrors(self._roots, fail=self._fail)
        arguments = [read(column) for read, column in zip(self._arguments, batch.columns[self._width :])]
        keys = self._keys(batch)
        touched: Dict[Any, None] = dict.fromkeys(keys)
        for row, key in enumerate(keys) if len(touched) > len(self._groups) or self._new(touched) else ():
            if key not in self._groups:
                self._groups[key] = _Group(self._fresh(), number << 32 | row)
        if self._running:
            return self._after_each(keys, arguments, errors)
        groups = self._groups
        steps = map(_accumulate, map(groups.__getitem__, keys), *arguments)
        done = 0
        while done < len(keys):
            try:
                for _ in steps:
                    done += 1
                if done < len(keys):
                    raise RuntimeError("accumulate raised StopIteration")
            except BaseException as error:  # SystemExit and KeyboardInterrupt are the row's errors too
                errors.raised(done, error, f"Error in accumulate at row {done}")
                done += 1
                if errors.stop:
                    return [], {"errors": errors.found}
        return [], {"errors": errors.found, "states": self._states(list(touched)), "groups": len(touched)}

    def _after_each(self, keys: List[Any], arguments: List[Any], errors: RowErrors) -> Tuple[List[Any], Dict[str, Any]]:
        """One output batch with the result of each row's group after that row; an error ends the batch."""
        import pyarrow as pa

        results = []
        for row, (key, *values_of) in enumerate(zip(keys, *arguments)):
            group = self._groups[key]
            prefix = "Error in accumulate"
            try:
                group.step(*values_of)
                prefix = "Error finalizing state"
                results.append(self._result(group.instance.aggregate_state))
            except BaseException as error:
                errors.raised(row, error, f"{prefix} at row {row}")
                return [], {"errors": errors.found}
        array, bad = self._write(results)
        for row, message in bad.items():
            errors.mismatch(row, message)
            return [], {"errors": errors.found}
        return [pa.RecordBatch.from_arrays([array], schema=pa.schema([self._output]))], {"errors": []}

    def _result(self, state: Any) -> Any:
        """What `finish` of a fresh instance makes of a copy of ``state``: merge may keep what it is given."""
        instance = self._class()
        instance.merge(pickle.loads(pickle.dumps(state)))
        return instance.finish()

    def _new(self, touched: Mapping[Any, None]) -> bool:
        return any(key not in self._groups for key in touched)

    def _keys(self, batch: Any) -> List[Any]:
        if not self._width:
            return [()] * batch.num_rows
        columns = []
        for column in batch.columns[: self._width]:
            items = column.to_pylist()
            if items and any(isinstance(item, float) and item != item for item in items):
                items = [NAN if isinstance(item, float) and item != item else item for item in items]
            columns.append(items)
        return list(zip(*columns))

    def _fresh(self) -> Any:
        try:
            return self._class()
        except BaseException as error:
            raise AggregateError("Error creating the aggregate", CREATED) from error

    def _state(self, key: Any, instance: Any) -> Any:
        try:
            return instance.aggregate_state
        except BaseException as error:
            raise AggregateError(f"Error serializing state{_of(key)}: 'aggregate_state' failed") from error

    def _states(self, touched: List[Any]) -> List[Dict[str, Any]]:
        """What the state table shows of the groups that this batch changed."""
        shown = []
        for key in touched[: self._report]:
            group = self._groups[key]
            state = self._state(key, group.instance)
            text = as_json(state)
            if text != group.shown:
                result = self._preview(state)
                shown.append({"key": [plain(item) for item in key], "state": text, "result": result})
                shown[-1]["changed"] = changed(group.shown, text)
                group.shown = text
        return shown

    def _preview(self, state: Any) -> Optional[str]:
        """The result that ``state`` would give, as text. Made from a copy: merge may keep what it is given."""
        try:
            return _shown(self._result(state))
        except BaseException as error:  # a preview: the same error ends the run in `finish`, if it stays
            return f"{type(error).__name__}: {error}"

    def snapshot(self) -> bytes:
        """All states as bytes that `restore` and `merge` take."""
        states = {key: (group.first, self._state(key, group.instance)) for key, group in self._groups.items()}
        try:
            return pickle.dumps(states, protocol=4)
        except BaseException as error:
            for key, (_, state) in states.items():
                part = unpicklable(state)
                if part is not None:
                    raise AggregateError(f"Error serializing state{_of(key)}: aggregate_state{part}", STATED) from error
            raise AggregateError("Error serializing state", STATED) from error

    def restore(self, data: bytes) -> None:
        """Continue from a snapshot."""
        self._groups = {}
        self._merge_into(self._groups, data)

    def merge(self, data: bytes) -> None:
        """Add a partial state to the result."""
        if self._unmerged:
            self._merged = self._groups
            return
        self._merge_into(self._merged, data)
        if self._nested:
            groups, self._merged = self._merged, {}
            states = {key: (group.first, self._state(key, group.instance)) for key, group in groups.items()}
            self._merge_into(self._merged, pickle.dumps(states, protocol=4))

    def _merge_into(self, groups: Dict[Any, _Group], data: bytes) -> None:
        try:
            states = pickle.loads(data)
        except BaseException as error:
            raise AggregateError("Error deserializing state") from error
        for saved, (first, state) in states.items():
            key = tuple(NAN if isinstance(item, float) and item != item else item for item in saved)
            group = groups.get(key)
            if group is None:
                group = groups[key] = _Group(self._fresh(), first)
            group.first = min(group.first, first)
            try:
                group.instance.merge(state)
            except BaseException as error:
                raise AggregateError(f"Error in merge{_of(key)}", MERGED) from error

    def finish(self) -> Tuple[List[Any], Dict[str, Any]]:
        """One row for each group in the order in which they were first seen; without groups, one row in any case."""
        import pyarrow as pa

        if not self._width and not self._merged:
            self._merged[()] = _Group(self._fresh(), 0)
        groups = sorted(self._merged.items(), key=lambda item: item[1].first)
        # The state is read before `finish`, which may change it.
        states: List[Dict[str, Any]] = [
            {"key": [plain(item) for item in key], "state": as_json(self._state(key, group.instance))}
            for key, group in groups
        ]
        results = []
        for key, group in groups:
            try:
                results.append(group.instance.finish())
            except BaseException as error:
                raise AggregateError(f"Error finalizing state{_of(key)}", FINISHED) from error
        array, bad = self._write(results)
        if bad:
            row, message = next(iter(bad.items()))
            raise ValueMismatch(f"finish() returned a wrong value{_of(groups[row][0], 'for')}: {message}")
        if not self._nullable and array.null_count:
            row = array.is_null().index(True).as_py()
            where = ", ".join(map(values.shown, groups[row][0]))
            text = f"the result of row {row} is null, but always_nullable is false"
            raise NullResult(text + (f" (group {where})" if where else ""), NOT_NULL)
        for shown, result in zip(states, results):
            shown["result"] = _shown(result)
        columns = [
            pa.array([key[index] for key, _ in groups], self._key_schema.field(index).type)
            for index in range(self._width)
        ]
        schema = pa.schema([self._key_schema.field(index) for index in range(self._width)] + [self._output])
        return [pa.RecordBatch.from_arrays([*columns, array], schema=schema)], {"states": states, "errors": []}


def _shown(result: Any) -> Optional[str]:
    """A result as text, which a number or a time has without the name of its class; None is NULL, and no text."""
    plain_text = type(result).__module__ in ("decimal", "datetime")
    return None if result is None else str(result) if plain_text else values.shown(result)


def _accumulate(group: _Group, *arguments: Any) -> None:
    group.step(*arguments)


def _of(key: Sequence[Any], word: str = "of") -> str:
    """The group in a message; nothing without groups."""
    return f" {word} group {', '.join(map(values.shown, key))}" if key else ""


def unpicklable(state: Any, depth: int = 3) -> Optional[str]:
    """Which part of a state pickle cannot write, as ``['lock']`` or ``[0][1]``; "" is all of it, None if it can."""
    try:
        pickle.dumps(state, protocol=4)
    except BaseException:
        parts: Any = state.items() if isinstance(state, dict) else ()
        if isinstance(state, (list, tuple)):
            parts = enumerate(state)
        for key, item in parts if depth else ():
            part = unpicklable(item, depth - 1)
            if part is not None:
                return f"[{values.shown(key)}]{part}"
        return ""
    return None


def as_json(state: Any) -> str:
    """A state as JSON text of at most 2,000 characters; what JSON does not know is shown by its repr."""
    try:
        text = json.dumps(state, default=values.shown, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = json.dumps(values.shown(state), ensure_ascii=False)
    return text if len(text) <= MAX_STATE else text[: MAX_STATE - 1] + "…"


def changed(before: str, after: str) -> str:
    """Which parts of the state differ: keys of a dict, positions of a list, else ``state``."""
    if not before:
        return "new"
    try:
        old, new = json.loads(before), json.loads(after)
    except ValueError:
        return "state"
    if isinstance(old, dict) and isinstance(new, dict):
        return ", ".join(key for key in new if key not in old or old[key] != new[key])
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return ", ".join(str(index) for index, item in enumerate(new) if item != old[index])
    return "state"


def plain(value: Any) -> Any:
    """A group's value as JSON can carry it."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if value == value else "NaN"
    return str(value)
