"""Options and help: complete, from one definition, and never an error of IPython's."""

from __future__ import annotations

import pytest

from workbench.errors import UsageProblem
from workbench.notebook.magics import UdfMagics
from workbench.notebook.parsers import (
    COMMANDS,
    LATER_COMMANDS,
    cell_parser,
    command_parser,
    help_text,
)

OPTIONS = """--type --symbol --entry --file --import --env --python --sample -n --group-by --columns --batch-size
--batch-rows --workers --always-nullable --not-nullable --volatility --max-restarts --timeout --on-invalid --on-error
--no-run -o --quiet -h"""


def test_the_options_of_the_cell_are_those_of_the_design() -> None:
    """Each option that the design names is there."""
    assert set(OPTIONS.split()) <= set(cell_parser().options())


def test_help_is_complete() -> None:
    """``%udf help`` shows each command with each of its options, and all of ``%%udf``."""
    text = help_text()
    for parser in [cell_parser(), *map(command_parser, COMMANDS)]:
        assert parser.prog in text
        assert all(option in text for option in parser.options())


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_and_a_doer(name: str) -> None:
    """``-h`` works for each command without its arguments, and each command does something."""
    assert command_parser(name).read(["-h"]).help
    assert f"usage: %udf {name}" in help_text(name)
    assert name == "call" or callable(getattr(UdfMagics, f"_do_{name}"))


@pytest.mark.parametrize("name", LATER_COMMANDS)
def test_commands_of_later_are_refused_by_name(name: str) -> None:
    """A planned command says that it is not there yet, and which are."""
    with pytest.raises(UsageProblem, match=f"{name} is not there yet"):
        command_parser(name)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--smaple", "df"], "unknown option '--smaple'; did you mean --sample?"),
        (["--type", "udx"], "invalid choice: 'udx'"),
        (["-n", "many"], "invalid int value: 'many'"),
        (["--sample"], "expected one argument"),
        (["stray"], "unknown word 'stray'"),
        (["--always-nullable", "--not-nullable"], "not allowed with"),
    ],
)
def test_what_cannot_be_read_is_a_problem_with_a_way_out(given: list[str], message: str) -> None:
    """No exit, no printing: an error of ours that names the option and says where the help is."""
    with pytest.raises(UsageProblem) as caught:
        cell_parser().read(given)
    assert message in str(caught.value)
    assert "%%udf -h" in caught.value.hint


@pytest.mark.parametrize("words", ["f df", "f --sample df", "--sample df f", "f --workers 2 df", "f -n 3 df --quiet"])
@pytest.mark.parametrize("name", ["run", "start", "compare"])
def test_data_is_given_in_its_place_or_as_the_sample(name: str, words: str) -> None:
    """One thing has one form for all commands, and either of the two; options may stand between."""
    if name == "compare":
        words = words.replace("f", "f 1 2", 1) if words.startswith("f") else f"{words} 1 2"
        words = words.replace("--workers", "--timeout").replace(" --quiet", "")
    options = command_parser(name).read(words.split())
    assert (options.name, options.sample) == ("f", "df")


def test_data_that_is_given_twice_is_refused() -> None:
    """Nobody could say which of the two counts."""
    with pytest.raises(UsageProblem, match="DF and --sample are the same thing, and both were given: a, b"):
        command_parser("run").read(["f", "a", "--sample", "b"])


@pytest.mark.parametrize(("wrong", "right"), [("hsitory", "history"), ("pacakge", "package"), ("Run", "run")])
def test_a_mistyped_command_is_guessed(wrong: str, right: str) -> None:
    """So it is when help is asked for."""
    for line in (lambda: command_parser(wrong), lambda: help_text(wrong)):
        with pytest.raises(UsageProblem, match=f"unknown command '{wrong}'; did you mean {right}\\?"):
            line()


def test_help_does_not_depend_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The width of a terminal that happens to be there does not show, nor do colours."""
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("FORCE_COLOR", "1")
    narrow = help_text()
    monkeypatch.setenv("COLUMNS", "300")
    assert help_text() == narrow
    assert "\x1b" not in narrow
