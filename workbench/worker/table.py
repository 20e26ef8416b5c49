"""A table function over one batch: called once for each row, NULLs included, each call giving no row, one or many.

The invariant: ``counts`` has one entry for each input row, what the function gave for it, and their sum is the number
of output rows. What a failing row had already yielded is dropped. The outer form (Doris's ``f_outer``) adds a row of
NULLs for each input row that gave none and did not fail, which ``counts`` leaves at 0.
"""

from __future__ import annotations

import types
from typing import Any, Callable, Dict, Iterable, List, Mapping, Sequence, Tuple

from . import values
from .row_errors import RowErrors
from .words import counted

PREFIX = "Error in UDTF execution at row"
PART_ROWS = 65536


class Misshaped(Exception):
    """What was yielded does not have the columns of the result."""


class Table:
    """Hosts one table function. ``setup``: see `workbench.session.launch`."""

    def __init__(self, function: Any, setup: Mapping[str, Any]) -> None:
        import pyarrow as pa

        self._function: Callable[..., Any] = function
        self._roots: Sequence[str] = setup["roots"]
        self._readers = [values.reader(wire) for wire in setup["arguments"]]
        self._schema = pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(setup["output_schema"])))
        self._writers = [
            values.writer(field["wire"], self._schema.field(index).type, field["sql"])
            for index, field in enumerate(setup["outputs"])
        ]
        self._shape = _single if len(self._writers) == 1 else _several(len(self._writers))
        self._generator: Any = None
        self._fail = True

    def open(self, options: Mapping[str, Any]) -> None:
        self._fail = options["on_error"] == "fail"
        self._outer: bool = options.get("outer", False)

    def batch(self, number: int, batch: Any) -> Tuple[List[Any], Dict[str, Any]]:
        """Output batches of at most 65,536 rows, and ``errors`` and ``counts`` (what each row gave)."""
        import pyarrow as pa

        errors = RowErrors(self._roots, fail=self._fail)
        columns = [read(column) for read, column in zip(self._readers, batch.columns)]
        rows: Iterable[Tuple[Any, ...]] = zip(*columns) if columns else [()] * batch.num_rows
        items: List[Tuple[Any, ...]] = []
        counts: List[int] = []
        nothing = [(None,) * len(self._writers)] if self._outer else []
        filled: List[int] = []
        for row, arguments in enumerate(rows):
            before = len(items)
            try:
                items.extend(self._call(arguments))
            except BaseException as error:  # SystemExit and KeyboardInterrupt are the row's errors too
                del items[before:]
                # What was yielded is looked at here, not in the generator, which still stands at its yield.
                at = self._generator.gi_frame if isinstance(error, Misshaped) and self._generator else None
                errors.raised(row, error, f"{PREFIX} {row}", at)
                if errors.stop:
                    return [], {"errors": errors.found}
            else:
                if nothing and len(items) == before:
                    items += nothing
                    filled.append(row)
            counts.append(len(items) - before)
        arrays = self._write(items, counts, errors)
        if errors.stop:
            return [], {"errors": errors.found}
        errors.found.sort(key=lambda info: info["row"])
        whole = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        for row in filled:
            counts[row] = 0
        parts = [whole.slice(start, PART_ROWS) for start in range(0, whole.num_rows, PART_ROWS)]
        return parts, {"errors": errors.found, "counts": counts}

    def _call(self, arguments: Tuple[Any, ...]) -> Iterable[Tuple[Any, ...]]:
        self._generator = None
        result = self._function(*arguments)
        if isinstance(result, types.GeneratorType):
            self._generator = result
            return map(self._shape, result)
        return () if result is None else (self._shape(result),)

    def _write(self, items: List[Tuple[Any, ...]], counts: List[int], errors: RowErrors) -> List[Any]:
        """The columns; rows with a value that does not fit lose all their output, and the rest is written again."""
        columns: List[List[Any]] = [list(column) for column in zip(*items)] or [[] for _ in self._writers]
        written = [write(column) for write, column in zip(self._writers, columns)]
        bad: Dict[int, str] = {}
        for _, problems in written:
            for item, message in problems.items():
                bad.setdefault(item, message)
        if not bad:
            return [array for array, _ in written]
        owner = [row for row, count in enumerate(counts) for _ in range(count)]
        for item in sorted(bad):
            errors.mismatch(owner[item], bad[item])
        if errors.stop:
            return []
        kept = [item for item, row in zip(items, owner) if row not in errors.rows]
        for row in errors.rows:
            counts[row] = 0
        return self._write(kept, counts, errors)


def _single(item: Any) -> Tuple[Any, ...]:
    if isinstance(item, tuple):
        if len(item) != 1:
            raise Misshaped(f"Single-field UDTF should yield 1-tuples or scalars, got a tuple of {len(item)}")
        return item
    return (item,)


def _several(count: int) -> Callable[[Any], Tuple[Any, ...]]:
    def shape(item: Any) -> Tuple[Any, ...]:
        if not isinstance(item, tuple):
            raise Misshaped(f"Multi-field UDTF must yield tuples, got {type(item).__name__}")
        if len(item) != count:
            raise Misshaped(f"Struct has {counted(count, 'field')} but tuple has {counted(len(item), 'element')}")
        return item

    return shape
