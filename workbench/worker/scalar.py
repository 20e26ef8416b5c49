"""A scalar function over one batch: row by row, or ``batch_size`` tuples a call.

The invariant: the result has exactly one value for each row; where a row failed it is NULL and its error is listed.
Under ``on_error="fail"`` the first error ends the batch. NULL arrives as None.
"""

from __future__ import annotations

import itertools
from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence, Tuple

from . import failures, values

MAX_DETAILED = 20  # errors of one batch that carry frames and locals; the others only their text
ROW_PREFIX = "Error in scalar UDF execution at row"
BATCH_PREFIX = "Error in batch UDF"
NO_ROWS = (str, bytes, dict, set, frozenset)  # can be iterated, but hold no result for each row in its order


class RowErrors:
    """The failing rows of one batch, each with its error as plain data."""

    def __init__(self, roots: Sequence[str], *, fail: bool) -> None:
        self.found: List[Dict[str, Any]] = []
        self.rows: Dict[int, bool] = {}
        self.fail = fail
        self._roots = roots

    def raised(self, row: int, error: BaseException, prefix: str) -> None:
        info = failures.info(error, self._roots, prefix)
        if len(self.found) >= MAX_DETAILED:
            info["frames"], info["error"] = [], info["error"][:200]
        self._add(row, info)

    def mismatch(self, row: int, message: str, error_type: str = "ValueMismatch") -> None:
        self._add(row, {"error_type": error_type, "error": message, "frames": [], "prefix": ""})

    def _add(self, row: int, info: Dict[str, Any]) -> None:
        if row not in self.rows:
            self.rows[row] = True
            self.found.append(dict(info, row=row))

    @property
    def stop(self) -> bool:
        return self.fail and bool(self.found)


class Scalar:
    """Hosts one scalar function. ``setup``: see `workbench.session.launch`."""

    def __init__(self, function: Any, setup: Mapping[str, Any]) -> None:
        import pyarrow as pa

        self._function: Callable[..., Any] = function
        self._roots: Sequence[str] = setup["roots"]
        self._batch_size: int = setup.get("batch_size") or 1
        self._nullable: bool = setup["always_nullable"]
        self._readers = [values.reader(wire) for wire in setup["arguments"]]
        (field,) = setup["outputs"]
        self._schema = pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(setup["output_schema"])))
        self._write = values.writer(field["wire"], self._schema.field(0).type, field["sql"])
        self._fail = True

    def open(self, options: Mapping[str, Any]) -> None:
        self._fail = options["on_error"] == "fail"

    def batch(self, number: int, batch: Any) -> Tuple[List[Any], Dict[str, Any]]:
        """One output batch of one column, and ``errors``."""
        import pyarrow as pa

        errors = RowErrors(self._roots, fail=self._fail)
        columns = [read(column) for read, column in zip(self._readers, batch.columns)]
        call = self._tuples if self._batch_size > 1 else self._rows
        out = call(columns, batch.num_rows, errors)
        if errors.stop:
            return [], {"errors": errors.found}
        array, bad = self._write(out)
        for row, message in bad.items():
            errors.mismatch(row, message)
        if not self._nullable and array.null_count:
            for row in (i for i, value in enumerate(out) if value is None and i not in errors.rows):
                errors.mismatch(row, f"the result of row {row} is null, but always_nullable is false", "NullResult")
        errors.found.sort(key=_row)
        return [pa.RecordBatch.from_arrays([array], schema=self._schema)], {"errors": errors.found}

    def _rows(self, columns: List[List[Any]], count: int, errors: RowErrors) -> List[Any]:
        function = self._function
        out: List[Any] = []
        results: Iterator[Any] = map(function, *columns) if columns else itertools.starmap(function, [()] * count)
        # `extend` keeps what it got before an exception, so len(out) is the failing row, and the map goes on behind it.
        while len(out) < count:
            try:
                out.extend(results)
                if len(out) < count:
                    # The function itself raised StopIteration, which ends a map early without a word.
                    raise RuntimeError("the function raised StopIteration")
            except BaseException as error:  # SystemExit and KeyboardInterrupt are the row's errors too
                errors.raised(len(out), error, f"{ROW_PREFIX} {len(out)}")
                out.append(None)
                if errors.stop:
                    break
        return out

    def _tuples(self, columns: List[List[Any]], count: int, errors: RowErrors) -> List[Any]:
        rows: List[Tuple[Any, ...]] = list(zip(*columns)) if columns else [()] * count
        out: List[Any] = []
        for start in range(0, count, self._batch_size):
            out.extend(self._call(rows, start, min(start + self._batch_size, count), errors))
            if errors.stop:
                break
        return out

    def _call(self, rows: List[Tuple[Any, ...]], start: int, stop: int, errors: RowErrors) -> List[Any]:
        """Rows [start, stop) in one call; one that fails is halved until the row is alone, unless it ends the batch."""
        try:
            returned = self._function(rows[start:stop])
            if isinstance(returned, NO_ROWS):
                raise TypeError(f"the function returned a {type(returned).__name__} instead of a list")
            result = list(returned)
            if len(result) == stop - start:
                return result
            problem = f"the function got {stop - start} rows and returned {len(result)} results"
        except BaseException as error:
            if errors.fail or stop - start == 1:
                errors.raised(start, error, f"{BATCH_PREFIX} at rows {start} to {stop - 1}")
                return [None] * (stop - start)
        else:
            if errors.fail or stop - start == 1:
                errors.mismatch(start, problem, "RowCountMismatch")
                return [None] * (stop - start)
        middle = (start + stop) // 2
        return self._call(rows, start, middle, errors) + self._call(rows, middle, stop, errors)


def _row(info: Dict[str, Any]) -> int:
    row: int = info["row"]
    return row
