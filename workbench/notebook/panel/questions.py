"""What a front end asks of the run that it shows, besides rows of the output: one function for each kind of message.

The invariant: an answer is plain data, made of the message and the run alone. Left out on purpose: rows and buttons,
which have a state (`panel`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from workbench.notebook.panel.again import replayed
from workbench.notebook.panel.failing import copied, in_full, letters
from workbench.notebook.panel.states import StateView, full_state, states
from workbench.session import Function, Run

Message = Mapping[str, Any]


class Asked(NamedTuple):
    """What a question is about. ``names`` says what files are called in errors."""

    function: Function
    run: Run
    names: Mapping[str, str]


def _states(of: Asked, message: Message) -> dict[str, Any]:
    group = message["group"]
    view = StateView(str(message["text"]), str(message["order"]), None if group is None else int(group))
    return {"state": states(of.run, view)}


def _full_state(of: Asked, message: Message) -> dict[str, Any]:
    group, batch = int(message["group"]), int(message["batch"])
    return {"lines": full_state(of.run, group, batch, merged=bool(message["merged"]))}


def _letters(of: Asked, message: Message) -> dict[str, Any]:
    return {"letters": letters(of.run, str(message["type"]))}


def _letter(of: Asked, message: Message) -> dict[str, Any]:
    return {"lines": in_full(of.run, int(message["number"]), of.names)}


def _copy(of: Asked, message: Message) -> dict[str, Any]:
    return {"text": copied(of.run, message["form"], str(message["type"]))}


def _again(of: Asked, message: Message) -> dict[str, Any]:
    number = message["number"]
    return replayed(of.function, of.run, None if number is None else int(number))


QUESTIONS: Final[Mapping[str, Callable[[Asked, Message], dict[str, Any]]]] = {
    "state": _states,
    "full_state": _full_state,
    "letters": _letters,
    "letter": _letter,
    "copy_letters": _copy,
    "again": _again,
}

SLOW: Final = frozenset({"again"})
"""Answered in a thread of their own: user code runs meanwhile."""
