"""A scalar function over one batch: row by row, or ``batch_size`` tuples a call; other modes have files of their own.

The invariant: the result has exactly one value for each row; where a row failed it is NULL and its error is listed.
Under ``on_error="fail"`` the first error ends the batch. NULL arrives as None. A mode is a class whose ``call`` gives
the result column of a batch with rows, and the rows whose value did not fit.
"""

from __future__ import annotations

import itertools
from typing import Any, Callable, Dict, Iterator, List, Mapping, Tuple

from . import values
from .interrupt import Interrupted
from .row_errors import RowErrors
from .words import a, counted

ROW_PREFIX = "Error in scalar UDF execution at row"
BATCH_PREFIX = "Error in batch UDF"
NO_ROWS = (str, bytes, dict, set, frozenset)  # can be iterated, but hold no result for each row in its order


class Scalar:
    """Hosts one scalar function. ``setup``: see `workbench.session.launch`."""

    def __init__(self, function: Any, setup: Mapping[str, Any]) -> None:
        import pyarrow as pa

        self._roots: List[str] = setup["roots"]
        self._nullable: bool = setup["always_nullable"]
        self._schema = pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(setup["output_schema"])))
        mode: Any = Tuples if setup["mode"] == "tuples" else Rows
        if setup["mode"] == "columns":
            from .columns import Columns as mode  # noqa: N813
        elif setup["mode"] == "async":
            from .tasks import Tasks as mode  # noqa: N813
        self._mode = mode(function, setup, self._schema.field(0).type)
        self._fail = True

    def open(self, options: Mapping[str, Any]) -> None:
        self._fail = options["on_error"] == "fail"

    def batch(self, number: int, batch: Any) -> Tuple[List[Any], Dict[str, Any]]:
        """One output batch of one column, and ``errors``."""
        import pyarrow as pa

        errors = RowErrors(self._roots, fail=self._fail)
        if batch.num_rows:
            array, bad = self._mode.call(batch, errors)
        else:
            array, bad = pa.array([], self._schema.field(0).type), {}
        if errors.stop:
            return [], {"errors": errors.found}
        for row, message in bad.items():
            errors.mismatch(row, message)
        if not self._nullable and array.null_count:
            for row in (i for i, null in enumerate(array.is_null().to_pylist()) if null and i not in errors.rows):
                errors.mismatch(row, f"the result of row {row} is null, but always_nullable is false", "NullResult")
        errors.found.sort(key=_row)
        return [pa.RecordBatch.from_arrays([array], schema=self._schema)], {"errors": errors.found}


class Rows:
    """One call for each row."""

    def __init__(self, function: Any, setup: Mapping[str, Any], arrow: Any) -> None:
        self.function: Callable[..., Any] = function
        self._readers = [values.reader(wire) for wire in setup["arguments"]]
        (field,) = setup["outputs"]
        self._write = values.writer(field["wire"], arrow, field["sql"])

    def call(self, batch: Any, errors: RowErrors) -> Tuple[Any, Dict[int, str]]:
        columns = [read(column) for read, column in zip(self._readers, batch.columns)]
        out = self.results(columns, batch.num_rows, errors)
        return (None, {}) if errors.stop else self._write(out)

    def results(self, columns: List[List[Any]], count: int, errors: RowErrors) -> List[Any]:
        """One value for each row; under "fail" they may end at the error."""
        function = self.function
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


class Tuples(Rows):
    """One call for ``batch_size`` rows, a list of tuples."""

    def __init__(self, function: Any, setup: Mapping[str, Any], arrow: Any) -> None:
        super().__init__(function, setup, arrow)
        self._batch_size: int = setup["batch_size"]

    def results(self, columns: List[List[Any]], count: int, errors: RowErrors) -> List[Any]:
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
            returned = self.function(rows[start:stop])
            if isinstance(returned, NO_ROWS):
                raise TypeError(f"the function returned {a(type(returned).__name__)} instead of a list")
            result = list(returned)
            if len(result) == stop - start:
                return result
            problem = f"the function got {counted(stop - start, 'row')} and returned {counted(len(result), 'result')}"
        except Interrupted:
            raise
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
