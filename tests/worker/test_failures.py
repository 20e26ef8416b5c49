"""Exceptions as plain data, whatever the exception does about it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.worker import failures

HERE = str(Path(__file__).parent)


def caught(code: Callable[[], Any]) -> BaseException:
    """The exception of ``code``."""
    try:
        code()
    except BaseException as error:  # noqa: BLE001 - that is what the worker does
        return error
    raise AssertionError("nothing was raised")


def told(code: Callable[[], Any]) -> dict[str, Any]:
    """The error of ``code`` as it would travel."""
    info: dict[str, Any] = json.loads(json.dumps(failures.info(caught(code), [HERE], "Error")))
    return info


def divide(a: int, b: int) -> float:
    """The user's function."""
    return a / b


def deeper(depth: int) -> int:
    """A recursion without end."""
    return deeper(depth + 1) + 1


class BrokenText(Exception):
    def __str__(self) -> str:
        raise SystemExit("even this")


def throw(error: BaseException) -> None:
    """Raise, as an expression."""
    raise error


def test_an_error_leads_to_the_line() -> None:
    """Type, text, and the user's frame with its line, its source and its variables."""
    info = told(lambda: divide(7, 0))
    assert (info["error_type"], info["error"], info["prefix"]) == ("ZeroDivisionError", "division by zero", "Error")
    frame = info["frames"][-1]
    assert (frame["file"], frame["function"]) == ("test_failures.py", "divide")
    assert frame["text"] == "return a / b"
    assert frame["locals"] == {"a": "7", "b": "0"}


def test_frames_of_others_are_left_out() -> None:
    """Neither ours nor a library's frames are shown, only those below the roots."""
    error = caught(lambda: json.loads("{"))
    assert {frame["file"] for frame in failures.frames_of(error, [HERE])} == {"test_failures.py"}
    assert failures.frames_of(error, [HERE + "/other"]) == []
    assert failures.frames_of(error, [HERE[:-1]]) == []


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (BrokenText(), "<the text of this BrokenText cannot be had: its __str__ raised SystemExit>"),
        (ValueError("ä€𐍈\ud800"), "ä€𐍈\ud800"),
        (SystemExit(3), "3"),
        (KeyboardInterrupt(), ""),
        (KeyError("k"), "'k'"),
        (SyntaxError(), "None"),
        (SyntaxError("odd", (5, "six", None, 7)), "odd"),  # type: ignore[arg-type]
        (ExceptionGroup("several", [ValueError(1)]), "several (1 sub-exception)"),
    ],
)
def test_any_text_arrives(error: BaseException, text: str) -> None:
    """Texts of any characters, none, and those that cannot be had."""
    assert told(lambda: throw(error))["error"] == text


@pytest.mark.parametrize("error", [ValueError("x" * 10**7), SyntaxError("x" * 10**7, ("f", 1, 1, "y" * 10**7))])
def test_a_text_of_10_mb_is_cut(error: BaseException) -> None:
    """What travels is bounded: 64 kB of text."""
    assert len(json.dumps(told(lambda: throw(error)))) < 70_000


def test_a_recursion_shows_its_end() -> None:
    """Of a thousand frames the innermost 20 are kept."""
    info = told(lambda: deeper(0))
    assert info["error_type"] == "RecursionError"
    assert len(info["frames"]) == 20
    depths = [int(frame["locals"]["depth"]) for frame in info["frames"]]
    assert depths == sorted(depths)
    assert depths[-1] > sys.getrecursionlimit() // 2


class Hostile:
    def __repr__(self) -> str:
        raise KeyboardInterrupt

    def __len__(self) -> int:
        raise SystemExit


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (5, "5"),
        ("x" * 10**7, repr("x" * 80)[:-1] + "…'"),
        (b"x", "b'x'"),
        ([0] * 10**6, "<list of 1000000 items>"),
        ({}, "{}"),
        (Hostile(), "<Hostile>"),
        (object(), "<object>"),
        (10**70, "1" + "0" * 70),
        (10**100, "1" + "0" * 78 + "…"),
    ],
)
def test_locals_are_short_and_the_same_each_time(value: Any, shown: str) -> None:
    """At most 80 characters, no addresses, no failing repr."""
    assert failures.local(value) == shown


def test_a_syntax_error_names_its_place(tmp_path: Path) -> None:
    """The file that does not compile is a frame of its own."""
    (tmp_path / "bad.py").write_text("x = 1\ndef f(:\n    pass\n", encoding="utf-8")
    path = str(tmp_path / "bad.py")
    error = caught(lambda: compile(Path(path).read_text(encoding="utf-8"), path, "exec"))
    info = failures.info(error, [str(tmp_path)])
    assert info["error"] == "invalid syntax"
    assert info["frames"] == [{"file": "bad.py", "line": 2, "function": "", "text": "def f(:", "locals": {}}]
