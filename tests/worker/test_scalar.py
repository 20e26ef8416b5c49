"""Scalar functions: one value for each row, or an error that names it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from fix_processes import batch, setup

from workbench.worker.scalar import Scalar

HERE = str(Path(__file__).parent)
Result = tuple[list[Any], list[dict[str, Any]]]


def run(function: Callable[..., Any], rows: pa.RecordBatch, on_error: str = "dead_letter", **more: Any) -> Result:
    """The values that came out, and the errors."""
    hosted = Scalar(function, setup(roots=[HERE], **more))
    hosted.open({"on_error": on_error})
    parts, meta = hosted.batch(0, rows)
    return [value for part in parts for value in part.column(0).to_pylist()], meta["errors"]


def rows_of(errors: Sequence[dict[str, Any]]) -> list[int]:
    """The rows of errors."""
    return [error["row"] for error in errors]


def test_row_by_row() -> None:
    """The function gets one row's values, NULL as None, and gives one value."""
    out, errors = run(
        lambda a, b: None if a is None else a + b, batch([1, None, 3], [10, 20, 30]), arguments=["BIGINT"] * 2
    )
    assert (out, errors) == ([11, None, 33], [])


def test_no_rows() -> None:
    """Without rows the function is not called, and the result is an empty column."""
    assert run(lambda _: 1 // 0, batch([])) == ([], [])
    assert run(lambda _: 1 // 0, batch([]), batch_size=3) == ([], [])


@pytest.mark.parametrize("batch_size", [None, 2])
def test_no_arguments(batch_size: int | None) -> None:
    """A function without arguments is called once for each row all the same."""
    calls = iter(range(100))
    function = (lambda: next(calls)) if batch_size is None else (lambda rows: [next(calls) for _ in rows])
    assert run(function, batch([7, 7, 7]), arguments=[], batch_size=batch_size) == ([0, 1, 2], [])


def test_tuples() -> None:
    """With a batch size the function gets lists of tuples, the last one shorter."""
    seen = []

    def evaluate(rows: list[tuple[int]]) -> list[int]:
        seen.append(len(rows))
        return [value * 2 for (value,) in rows]

    assert run(evaluate, batch(range(7)), batch_size=3) == ([0, 2, 4, 6, 8, 10, 12], [])
    assert seen == [3, 3, 1]


def test_tuples_from_a_generator() -> None:
    """Any sequence of results is taken, also one that is made while it is read."""

    def evaluate(rows: list[tuple[int]]) -> Iterator[int]:
        yield from (value for (value,) in rows)

    assert run(evaluate, batch(range(5)), batch_size=2) == ([0, 1, 2, 3, 4], [])


def raises(error: type[BaseException]) -> Callable[[int], int]:
    """A function that fails for 1, 4, 7 and so on."""

    def evaluate(value: int) -> int:
        if value % 3 == 1:
            raise error("no")
        return value

    return evaluate


@pytest.mark.parametrize(
    "error", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration, RecursionError, MemoryError]
)
def test_any_exception_is_the_error_of_its_row(error: type[BaseException]) -> None:
    """Whatever is raised: its row is NULL and told, all others have their result, in place."""
    out, errors = run(raises(error), batch(range(7)))
    assert out == [0, None, 2, 3, None, 5, 6]
    assert rows_of(errors) == [1, 4]
    name = error.__name__ if error is not StopIteration else "RuntimeError"
    assert [info["error_type"] for info in errors] == [name] * 2
    assert errors[0]["prefix"] == "Error in scalar UDF execution at row 1"


@pytest.mark.parametrize(
    "error", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration, RecursionError, MemoryError]
)
def test_any_exception_without_arguments(error: type[BaseException]) -> None:
    """The same where there are no arguments to map over."""
    calls = iter(range(100))
    evaluate = raises(error)
    out, errors = run(lambda: evaluate(next(calls)), batch(range(4)), arguments=[])
    assert (out, rows_of(errors)) == ([0, None, 2, 3], [1])


def test_fail_stops_at_the_first() -> None:
    """Under "fail" nothing is called after the first error, and only that is told."""
    seen = []

    def evaluate(value: int) -> int:
        seen.append(value)
        return 1 // (value - 2)

    out, errors = run(evaluate, batch(range(100)), on_error="fail")
    assert (out, rows_of(errors), seen) == ([], [2], [0, 1, 2])


def test_fail_stops_a_batch_call_at_once() -> None:
    """Under "fail" a call is not halved: the error names the rows of the call."""
    calls = []

    def evaluate(rows: list[tuple[int]]) -> list[float]:
        calls.append(len(rows))
        return [1 // (value - 5) for (value,) in rows]

    out, errors = run(evaluate, batch(range(12)), on_error="fail", batch_size=4)
    assert (out, calls) == ([], [4, 4])
    assert [(info["row"], info["prefix"]) for info in errors] == [(4, "Error in batch UDF at rows 4 to 7")]


def test_halving_finds_the_rows() -> None:
    """A failing call is halved until each bad row is alone; every other row has its result."""
    bad = {3, 64, 65, 999}

    def evaluate(rows: list[tuple[int]]) -> list[int]:
        if bad & {value for (value,) in rows}:
            raise ValueError("poison")
        return [value for (value,) in rows]

    out, errors = run(evaluate, batch(range(1000)), batch_size=100)
    assert set(rows_of(errors)) == bad
    assert out == [None if value in bad else value for value in range(1000)]


@pytest.mark.parametrize(("difference", "row_errors"), [(-1, 2), (1, 2)])
def test_wrong_number_of_results(difference: int, row_errors: int) -> None:
    """Too few or too many results are an error, also under halving: no value may land in another row."""

    def evaluate(rows: list[tuple[int]]) -> list[int]:
        results = [value for (value,) in rows]
        return [*results, 0][: len(rows) + difference] if 4 in results or 5 in results else results

    out, errors = run(evaluate, batch(range(8)), batch_size=8)
    assert out == [0, 1, 2, 3, None, None, 6, 7]
    assert [info["error_type"] for info in errors] == ["RowCountMismatch"] * row_errors
    _, errors = run(evaluate, batch(range(8)), batch_size=8, on_error="fail")
    assert errors[0]["error"] == f"the function got 8 rows and returned {8 + difference} results"


@pytest.mark.parametrize("returned", ["abcd", b"abcd", {0: 1, 1: 1, 2: 1, 3: 1}, {1, 2, 3, 4}, None, 5])
def test_what_is_no_list_of_results(returned: Any) -> None:
    """A text of the right length, a dict or a set are no results in the order of the rows."""
    out, errors = run(lambda _rows: returned, batch(range(4)), batch_size=4, returns=["STRING"])
    assert (out, rows_of(errors)) == ([None] * 4, [0, 1, 2, 3])
    assert {info["error_type"] for info in errors} <= {"TypeError", "RowCountMismatch"}


def test_values_that_do_not_fit() -> None:
    """A result of the wrong type is the error of its row, sorted in among the exceptions."""

    def evaluate(value: int) -> Any:
        return ["x", 1 // 0 if value == 1 else 0, 300, 4][value]

    out, errors = run(evaluate, batch(range(4)), returns=["TINYINT"])
    assert out == [None, None, None, 4]
    assert [(info["row"], info["error_type"]) for info in errors] == [
        (0, "ValueMismatch"),
        (1, "ZeroDivisionError"),
        (2, "ValueMismatch"),
    ]


def test_null_results() -> None:
    """None is NULL, unless the function promised never to return it: then it is an error that names the row."""
    assert run(lambda _: None, batch([1])) == ([None], [])
    out, errors = run(lambda value: value, batch([1, None, 3]), always_nullable=False)
    assert out == [1, None, 3]
    assert [(info["row"], info["error"]) for info in errors] == [
        (1, "the result of row 1 is null, but always_nullable is false")
    ]


def test_many_errors_stay_small() -> None:
    """Of thousands of errors, 20 carry everything; the others are cut to where they were, and none is missing."""

    def evaluate(value: int) -> int:
        raise ValueError("x" * 1000)

    out, errors = run(evaluate, batch(range(5000)))
    assert out == [None] * 5000
    assert rows_of(errors) == list(range(5000))
    assert sum(bool(info["frames"][0]["locals"]) for info in errors) == 20
    assert len({info["frames"][0]["line"] for info in errors}) == 1
    assert {len(info["error"]) for info in errors[20:]} == {200}


def test_an_error_has_the_users_frame() -> None:
    """The first thing to look at is the user's own line."""
    _, errors = run(raises(ValueError), batch([1]))
    assert [frame["function"] for frame in errors[0]["frames"]] == ["evaluate"]
    assert errors[0]["frames"][0]["locals"]["value"] == "1"
