"""What a function is: name, signature, kind and the few properties that both systems know.

All of it is plain, immutable data that can be written to JSON and read back. Left out on purpose: the code itself,
which travels as a package (`workbench.packaging`), and everything about running.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, Self, get_args

from workbench.errors import DefinitionError, Problem
from workbench.functions.mode import ROW, Mode, is_mode
from workbench.functions.signature import DEFAULT_DATABASE, Kind, Param, Signature, parse_signature

__all__ = ["DEFAULT_DATABASE", "FunctionSpec", "Kind", "Param", "Signature", "Volatility", "default_volatility"]

Volatility = Literal["immutable", "stable", "volatile"]


def default_volatility(kind: Kind) -> Volatility:
    """What Doris assumes: a scalar function may give another result each time, the others may not."""
    return "immutable" if kind in ("udaf", "udtf") else "volatile"


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """A function as it was defined: what the manifest of a package and the registry hold.

    ``symbol`` is ``func``, ``module.func`` or ``pkg.sub.mod.func`` as in Doris, relative to the root of the package;
    a script has none. ``entry`` is the path inside the package of the file that holds it. ``python`` and ``env`` are
    kept with the registered version, not in the package. ``mode`` follows from the source and the batch size.
    """

    name: str
    kind: Kind
    signature: Signature | None
    symbol: str | None
    entry: str
    batch_size: int | None = None
    always_nullable: bool = True
    volatility: Volatility = "volatile"
    requirements: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    python: str | None = None
    database: str = DEFAULT_DATABASE
    mode: Mode = ROW

    def with_(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        return replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        """Plain data, keys in a fixed order; `from_json` reads it back."""
        return {
            "name": self.name,
            "database": self.database,
            "kind": self.kind,
            "signature": None if self.signature is None else str(self.signature),
            "symbol": self.symbol,
            "entry": self.entry,
            "batch_size": self.batch_size,
            "always_nullable": self.always_nullable,
            "volatility": self.volatility,
            "requirements": list(self.requirements),
            "env": dict(sorted(self.env.items())),
            "python": self.python,
            "mode": self.mode.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FunctionSpec:
        """The inverse of `to_json`; raises DefinitionError that names what is missing or wrong.

        Keys that it does not know are passed over: a manifest has more of them.
        """
        problems = [Problem(f"{key!r} is missing") for key in ("name", "kind", "entry") if key not in data]
        problems += [
            Problem(f"{key!r} must be {what}")
            for key, (what, fits) in _FIELDS.items()
            if key in data and not fits(data[key])
        ]
        signature = None
        text = data.get("signature")
        if isinstance(text, str):
            try:
                signature = parse_signature(text)
            except DefinitionError as error:
                problems += [Problem(f"signature: {problem}") for problem in error.problems]
        elif text is None and data.get("kind") in ("udf", "udaf", "udtf"):
            problems.append(Problem("'signature' is missing"))
        if problems:
            raise DefinitionError("function as JSON", problems)
        given = {key: data[key] for key in _FIELDS if key in data and key != "signature"}
        for key, change in (("requirements", tuple), ("env", dict), ("mode", Mode.from_json)):
            if key in given:
                given[key] = change(given[key])
        if "mode" not in given and (given.get("batch_size") or 1) > 1:
            given["mode"] = Mode("tuples")
        return cls(**{"symbol": None, **given, "signature": signature})


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _is_text_or_none(value: object) -> bool:
    return value is None or _is_text(value)


def _is_texts(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)


def _is_text_by_text(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(part, str) for pair in value.items() for part in pair)


_FIELDS: Final = {
    "name": ("text", _is_text),
    "database": ("text", _is_text),
    "kind": ("one of " + ", ".join(get_args(Kind)), lambda value: value in get_args(Kind)),
    "signature": ("text or null", _is_text_or_none),
    "symbol": ("text or null", _is_text_or_none),
    "entry": ("text", _is_text),
    "batch_size": ("a whole number or null", lambda value: value is None or type(value) is int),
    "always_nullable": ("true or false", lambda value: isinstance(value, bool)),
    "volatility": ("one of " + ", ".join(get_args(Volatility)), lambda value: value in get_args(Volatility)),
    "requirements": ("a list of texts", _is_texts),
    "env": ("texts by name", _is_text_by_text),
    "python": ("text or null", _is_text_or_none),
    "mode": ("how the function is called: a name and forms", is_mode),
}
"""What stands under each key, in words and as a test."""
