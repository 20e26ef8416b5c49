"""Secrets: named where a function is defined, looked up when its worker starts, and blotted out of all that it says.

The invariant: a value is in the environment of the worker and in the memory of this process, nowhere else; the
registry, packages, logs, errors and screens have the name, or `HIDDEN`. Of a value that was cut short somewhere, a
beginning or an end of `LEAST` characters is recognised. Left out on purpose: what a function returns, which is data,
and a value that it has changed, as by encoding it.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from workbench.errors import UsageProblem, WorkerStartError

HIDDEN: Final = "•••"
LEAST: Final = 8
SERVICE: Final = "udf-workbench"
"""Under which keyring keeps them."""

_PREFIX: Final = "secret:"


@dataclass(frozen=True, slots=True)
class Secret:
    """A variable's value that is not written down: ``env={"API_KEY": Secret("MY_API_KEY")}``.

    It is looked up by ``name`` in our own environment, else in the keyring, each time that a worker starts. As text it
    is ``secret:MY_API_KEY``, which may be given instead, as with ``--env API_KEY=secret:MY_API_KEY``.
    """

    name: str

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise UsageProblem(f"{self.name!r} is no name of a secret", hint="as in Secret('MY_API_KEY')")

    def __str__(self) -> str:
        return f"{_PREFIX}{self.name}"


def named(env: Mapping[Any, Any]) -> dict[Any, Any]:
    """Variables with the text of each secret instead of the secret."""
    return {key: str(value) if isinstance(value, Secret) else value for key, value in env.items()}


def revealed(env: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Variables with the values of their secrets, and those values. Raises WorkerStartError for one that is missing."""
    names = {key: text.removeprefix(_PREFIX) for key, text in env.items() if text.startswith(_PREFIX)}
    values = {key: _value(name) for key, name in names.items() if name.isidentifier()}
    return {**env, **values}, tuple(values.values())


def blotter(values: Iterable[str]) -> Callable[[str], str] | None:
    """What blots the values out of a text; None if there are none."""
    parts = {form for value in values for part in (value, *value.splitlines()) for form in (part, repr(part)[1:-1])}
    ordered = sorted((part for part in parts if part), key=len, reverse=True)

    def blot(text: str) -> str:
        for part in ordered:
            text = _without(text, part)
        return text

    return blot if ordered else None


def _without(text: str, value: str) -> str:
    """The text without the value, and without its beginning or end where it was cut."""
    text = text.replace(value, HIDDEN)
    if len(value) <= LEAST:
        return text
    text = _without_beginning(text, value)
    return _without_beginning(text[::-1], value[::-1])[::-1]


def _without_beginning(text: str, value: str) -> str:
    while (at := text.find(value[:LEAST])) >= 0:
        end = LEAST
        while text[at : at + end + 1] == value[: end + 1] and end < len(value):
            end += 1
        text = text[:at] + HIDDEN + text[at + end :]
    return text


def _value(name: str) -> str:
    value = os.environ.get(name) or _from_keyring(name)
    if not value:
        raise WorkerStartError(
            f"the secret {name} is not there; no worker was started",
            hint=f"set the variable {name} where the workbench runs, or: keyring set {SERVICE} {name}",
        )
    return value


def _from_keyring(name: str) -> str | None:
    try:
        keyring = importlib.import_module("keyring")
    except ImportError:
        return None  # it need not be installed
    try:
        found: str | None = keyring.get_password(SERVICE, name)
    except keyring.errors.KeyringError as error:
        raise WorkerStartError(f"the secret {name} cannot be read from the keyring: {error}") from error
    return found
