"""Lines of magics are split and expanded as a reader of SQL and of shells expects."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.errors import UsageProblem
from workbench.notebook.grammar import pieces, split_line, words


@pytest.mark.parametrize(
    ("line", "signature", "tail"),
    [
        ("f(a INT) -> INT", "f(a INT) -> INT", ""),
        ("f(a INT) RETURNS INT --sample df", "f(a INT) RETURNS INT", "--sample df"),
        ("f(a INT) -> INT -o x", "f(a INT) -> INT", "-o x"),
        (
            "f(m MAP<STRING, INT>) -> MAP<STRING, ARRAY<INT>> -n 5",
            "f(m MAP<STRING, INT>) -> MAP<STRING, ARRAY<INT>>",
            "-n 5",
        ),
        ("f(`a --sample b` INT) -> INT --quiet", "f(`a --sample b` INT) -> INT", "--quiet"),
        ("f(a STRING, 'x --n y') -> INT --n", "f(a STRING, 'x --n y') -> INT", "--n"),
        ("f(a INT)->INT --type udf", "f(a INT)->INT", "--type udf"),
        ("f(a DECIMAL(10, 2)) -> INT --env A=-> B=1", "f(a DECIMAL(10, 2)) -> INT", "--env A=-> B=1"),
        ("name --type script", "name", "--type script"),
        ("--file x.zip", "", "--file x.zip"),
        ("-h", "", "-h"),
        ("", "", ""),
        ("sample_o(n INT) -> INT", "sample_o(n INT) -> INT", ""),
        ("f(a INT -> INT --sample df", "f(a INT -> INT", "--sample df"),
        ("f(`a INT) -> INT --sample df", "f(`a INT) -> INT", "--sample df"),
        ("f(a INT) -> INT --sample df --on-error null", "f(a INT) -> INT", "--sample df --on-error null"),
    ],
)
def test_a_line_is_a_signature_then_options(line: str, signature: str, tail: str) -> None:
    """The first option outside of brackets and quotes begins the tail; open brackets do not swallow the options."""
    assert split_line(line) == (signature, tail)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("--env A=1 B=2", ["--env", "A=1", "B=2"]),
        ("--env 'A=b c' \"D=e f\"", ["--env", "A=b c", "D=e f"]),
        ("--sample={df[df.a > 3]}", ["--sample", "<df[df.a > 3]>"]),
        ("--env A={x} B={{y}}", ["--env", "A=<x>", "B=<y>"]),
        ("--env 'A={x}' \"B={y} z\"", ["--env", "A={x}", "B=<y> z"]),
        ("--env A='{literal}'{x}", ["--env", "A={literal}<x>"]),
        ("--sample {d['a b']}", ["--sample", "<d['a b']>"]),
        ("-n -5", ["-n", "-5"]),
        ("''", [""]),
        ("", []),
    ],
)
def test_options_are_unquoted_and_expanded(text: str, found: list[str]) -> None:
    """Quotes group, braces are evaluated, and single quotes keep everything as it is."""
    assert words(text, lambda expression: f"<{expression}>") == found


def test_an_expression_that_is_a_whole_word_keeps_its_object() -> None:
    """``--sample {df}`` hands on the object, not its text."""
    thing = object()
    assert words("--sample {it}", lambda _: thing)[1].value is thing


@pytest.mark.parametrize("text", ["--env 'A", '--env "A', "--sample {df", "--sample df[0"])
def test_what_is_left_open_is_said(text: str) -> None:
    """A quote or bracket that is not closed is an error that says so."""
    with pytest.raises(UsageProblem, match="ends inside of"):
        words(text, str)


def test_an_expression_without_value_names_itself_and_the_way_out() -> None:
    """The error has the expression, the reason, and how to switch expansion off."""

    def fails(expression: str) -> Any:
        raise NameError(expression)

    with pytest.raises(UsageProblem, match=r"\{nope\} has no value: NameError: nope") as caught:
        words("--env A={nope}", fails)
    assert "single quotes" in caught.value.hint


def test_pieces_keep_python_values_whole() -> None:
    """What ``%udf call`` gets is split between values, not inside of them."""
    assert pieces("f(INT, INT) 'x y' [1, 2] {'a': 1} -3") == ["f(INT, INT)", "'x y'", "[1, 2]", "{'a': 1}", "-3"]
