"""Table functions: rows of output for each row of input, and how many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from fix_processes import batch, setup

from workbench.worker.table import PART_ROWS, Table

HERE = str(Path(__file__).parent)
ONE, TWO = ["BIGINT"], ["BIGINT", "STRING"]


def answer(
    function: Callable[..., Any], rows: pa.RecordBatch, on_error: str = "dead_letter", **more: Any
) -> tuple[list[pa.RecordBatch], dict[str, Any]]:
    """The output, and what is told of it."""
    hosted = Table(function, setup("udtf", roots=[HERE], **more))
    hosted.open({"on_error": on_error})
    parts, meta = hosted.batch(0, rows)
    return parts, meta


def run(function: Callable[..., Any], rows: pa.RecordBatch, **more: Any) -> tuple[list[tuple[Any, ...]], list[int]]:
    """The output rows, and how many came of each input row. No errors."""
    parts, meta = answer(function, rows, **more)
    assert meta["errors"] == []
    assert sum(meta["counts"]) == sum(part.num_rows for part in parts)
    return [row for part in parts for row in zip(*part.to_pydict().values(), strict=True)], meta["counts"]


def several(value: int | None) -> Iterator[Any]:
    """0, 1, 2 … up to the value."""
    yield from range(value or 0)


def test_none_one_or_many_rows() -> None:
    """Each call gives no row, one or many; NULL arrives as None."""
    assert run(several, batch([0, 2, None, 1])) == ([(0,), (1,), (0,)], [0, 2, 0, 1])


@pytest.mark.parametrize(
    ("result", "rows", "counts"),
    [
        (lambda _: 5, [(5,)], [1]),
        (lambda _: (5,), [(5,)], [1]),
        (lambda _: None, [], [0]),
        (lambda _: (item for item in [1, (2,), None]), [(1,), (2,), (None,)], [3]),
    ],
)
def test_one_column(result: Callable[..., Any], rows: list[Any], counts: list[int]) -> None:
    """Scalars and 1-tuples, yielded or returned; a returned None is no row, a yielded one is NULL."""
    assert run(result, batch([1])) == (rows, counts)


def test_several_columns() -> None:
    """Tuples, yielded or returned."""
    assert run(lambda v: (v, "x"), batch([1]), returns=TWO) == ([(1, "x")], [1])
    assert run(lambda v: iter_of((v, "x"), (None, None)), batch([1]), returns=TWO) == (
        [(1, "x"), (None, None)],
        [2],
    )


def iter_of(*items: Any) -> Iterator[Any]:
    """A generator of these."""
    yield from items


def test_no_rows_and_no_arguments() -> None:
    """Nothing in gives nothing out; a function without arguments is called once for each row."""
    assert run(several, batch([])) == ([], [])
    assert run(lambda: 7, batch([1, 2]), arguments=[]) == ([(7,), (7,)], [1, 1])


MISSHAPEN: list[tuple[Any, list[str], str, str]] = [
    ((1, 2), ONE, "Misshaped", "Single-field UDTF should yield 1-tuples or scalars, got a tuple of 2"),
    ((), ONE, "Misshaped", "Single-field UDTF should yield 1-tuples or scalars, got a tuple of 0"),
    (5, TWO, "Misshaped", "Multi-field UDTF must yield tuples, got int"),
    ([1, "x"], TWO, "Misshaped", "Multi-field UDTF must yield tuples, got list"),
    (None, TWO, "Misshaped", "Multi-field UDTF must yield tuples, got NoneType"),
    ((1, "x", 2), TWO, "Misshaped", "Struct has 2 fields but tuple has 3 elements"),
    ((1, 2), TWO, "ValueMismatch", "2 is an int; STRING wants str"),
]


@pytest.mark.parametrize(("item", "returns", "error_type", "message"), MISSHAPEN)
def test_what_is_misshapen_is_named(item: Any, returns: list[str], error_type: str, message: str) -> None:
    """The wrong shape or type is an error of the row that yielded it, in the words that Doris has for it."""
    good = (1, "x")[: len(returns)]
    function = lambda value: iter_of(good, item) if value == 1 else iter_of(good)  # noqa: E731
    parts, meta = answer(function, batch([0, 1, 2]), returns=returns)
    assert meta["counts"] == [1, 0, 1]
    assert [list(row.values()) for part in parts for row in part.to_pylist()] == [list(good)] * 2
    (error,) = meta["errors"]
    assert (error["row"], error["error_type"], error["error"]) == (1, error_type, message)


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration])
def test_what_a_failing_row_yielded_is_dropped(error: type[BaseException]) -> None:
    """A row that fails after some output leaves none of it behind; its neighbours keep theirs."""

    def evaluate(value: int) -> Iterator[int]:
        yield value
        if value == 1:
            raise error("no")
        yield value * 10

    parts, meta = answer(evaluate, batch([0, 1, 2]))
    assert [value for part in parts for value in part.column(0).to_pylist()] == [0, 0, 2, 20]
    assert meta["counts"] == [2, 0, 2]
    assert [info["row"] for info in meta["errors"]] == [1]
    assert meta["errors"][0]["prefix"] == "Error in UDTF execution at row 1"


def test_errors_of_both_kinds_come_in_order() -> None:
    """Exceptions and misfits of one batch are listed by row."""

    def evaluate(value: int) -> Iterator[Any]:
        yield ["x", 1 // 0 if value == 1 else 0, 2.5, 4][value]

    parts, meta = answer(evaluate, batch(range(4)))
    assert [info["row"] for info in meta["errors"]] == [0, 1, 2]
    assert meta["counts"] == [0, 0, 0, 1]
    assert [part.num_rows for part in parts] == [1]


def test_fail_stops_at_the_first() -> None:
    """Under "fail" nothing is called after the first error; misfits are looked for when all rows were called."""
    seen = []

    def evaluate(value: int) -> int:
        seen.append(value)
        return 1 // (value - 2)

    parts, meta = answer(evaluate, batch(range(100)), on_error="fail")
    assert (parts, [info["row"] for info in meta["errors"]], seen) == ([], [2], [0, 1, 2])
    parts, meta = answer(lambda _: "x", batch(range(3)), on_error="fail")
    assert parts == []
    assert meta["errors"][0]["row"] == 0


def test_large_output_comes_in_parts() -> None:
    """A call that yields very much gives several batches, none of them huge."""
    parts, meta = answer(several, batch([PART_ROWS * 2 + 1]))
    assert [part.num_rows for part in parts] == [PART_ROWS, PART_ROWS, 1]
    assert meta["counts"] == [PART_ROWS * 2 + 1]
