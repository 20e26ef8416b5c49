"""Async functions: rows that wait at the same time, results in their order, errors of their rows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fix_processes import batch, setup

from workbench.worker.scalar import Scalar
from workbench.worker.tasks import CONCURRENCY

HERE = str(Path(__file__).parent)


def hosted(function: Callable[..., Any], on_error: str = "dead_letter", **more: Any) -> Scalar:
    """The function, hosted and open."""
    scalar = Scalar(function, setup(roots=[HERE], mode="async", **more))
    scalar.open({"on_error": on_error})
    return scalar


def run(function: Callable[..., Any], values: Any, **more: Any) -> tuple[list[Any], list[dict[str, Any]]]:
    """The values that came out, and the errors."""
    parts, meta = hosted(function, **more).batch(0, batch(values))
    return [value for part in parts for value in part.column(0).to_pylist()], meta["errors"]


def test_results_stay_in_the_order_of_the_rows() -> None:
    """Rows end in any order: here the first waits for the last of those that run at once."""
    last = asyncio.Event()
    ended = []

    async def evaluate(value: int | None) -> int | None:
        if value == 0:
            await last.wait()
        elif value == CONCURRENCY - 1:
            last.set()
        ended.append(value)
        return None if value is None else value * 2

    values = [*range(CONCURRENCY), None, 500]
    assert run(evaluate, values) == ([*range(0, 2 * CONCURRENCY, 2), None, 1000], [])
    assert ended[0] == 1


def test_the_limit() -> None:
    """Never more than the limit at once, and exactly as many if there are enough rows."""
    busy = most = 0

    async def evaluate(value: int) -> int:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0)
        busy -= 1
        return value

    assert run(evaluate, range(1000)) == (list(range(1000)), [])
    assert most == CONCURRENCY


@pytest.mark.parametrize(
    "error", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError, TimeoutError]
)
def test_any_exception_is_the_error_of_its_row(error: type[BaseException]) -> None:
    """Whatever is raised, before or after waiting: its row is NULL and told; all others have their result."""

    async def evaluate(value: int) -> int:
        if value == 1:
            raise error("no")
        await asyncio.sleep(0)
        if value == 4:
            raise error("no")
        return value

    out, errors = run(evaluate, range(200))
    assert out == [None if value in (1, 4) else value for value in range(200)]
    assert [(one["row"], one["error_type"]) for one in errors] == [(1, error.__name__), (4, error.__name__)]
    assert errors[0]["prefix"] == "Error in scalar UDF execution at row 1"
    assert errors[0]["frames"][0]["function"] == "evaluate"


def test_fail_tells_the_first_row_and_stops() -> None:
    """A row that fails sooner does not hide one before it; rows behind it are cancelled, and no more are begun."""
    first = asyncio.Event()
    begun, cancelled = [], []

    async def evaluate(value: int) -> int:
        begun.append(value)
        if value == 2:
            await first.wait()
            raise ValueError("two")
        if value == 5:
            await asyncio.sleep(0)  # the others begin
            first.set()
            raise ValueError("five")
        try:
            await asyncio.sleep(0 if value < 5 else 600)
        except asyncio.CancelledError:
            cancelled.append(value)
            raise
        return value

    out, errors = run(evaluate, range(1000), on_error="fail")
    assert (out, [(one["row"], one["error"]) for one in errors]) == ([], [(2, "two")])
    assert begun == list(range(CONCURRENCY + 4)), "four ended before row 5 failed, and made room for as many"
    assert sorted(cancelled) == begun[6:]


def test_one_loop_for_all_batches() -> None:
    """What a batch leaves in the loop, the next one finds."""
    loops = set()

    async def evaluate(value: int) -> int:
        loops.add(asyncio.get_running_loop())
        return value

    scalar = hosted(evaluate)
    for number in range(3):
        scalar.batch(number, batch([1, 2]))
    assert len(loops) == 1


def test_no_rows_no_arguments_and_results_that_do_not_fit() -> None:
    """The rest is as with rows."""

    async def one() -> int:
        return 1

    async def text(value: int) -> Any:
        return value or "x"

    assert run(text, []) == ([], [])
    assert run(one, [7, 7], arguments=[]) == ([1, 1], [])
    out, errors = run(text, [0, 1])
    assert (out, [error["error_type"] for error in errors]) == ([None, 1], ["ValueMismatch"])


def test_a_wrapped_function_that_is_not_async() -> None:
    """A decorator may have made an ordinary function of it."""
    assert run(lambda value: value + 1, [1, 2]) == ([2, 3], [])
