"""A function's spec survives the way through JSON, and JSON that is no spec is refused with every problem."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workbench.errors import DefinitionError
from workbench.functions import FunctionSpec, Kind, Volatility, default_volatility, parse_signature

SCORE = FunctionSpec(
    name="score",
    kind="udf",
    signature=parse_signature("sales.score(a DOUBLE, `b c` MAP<STRING, INT>) -> DOUBLE"),
    symbol="pkg.mod.evaluate",
    entry="pkg/mod.py",
    batch_size=32,
    always_nullable=False,
    volatility="stable",
    requirements=("numpy<2",),
    env={"B": "2", "A": "1"},
    python="3.9",
    database="sales",
)
SCRIPT = FunctionSpec(name="s", kind="script", signature=None, symbol=None, entry="main.py")


@pytest.mark.parametrize("spec", [SCORE, SCRIPT])
def test_json_and_back(spec: FunctionSpec) -> None:
    """Everything comes back, and the same spec is the same text whatever the order of its variables was."""
    text = json.dumps(spec.to_json())
    assert FunctionSpec.from_json(json.loads(text)) == spec
    assert json.dumps(spec.with_(env=dict(reversed(list(spec.env.items())))).to_json()) == text


def test_defaults_and_foreign_keys() -> None:
    """What is left out has its default; what a manifest has besides is passed over."""
    assert (
        FunctionSpec.from_json({"name": "s", "kind": "script", "entry": "main.py", "format": 1, "files": {}}) == SCRIPT
    )


@pytest.mark.parametrize(
    ("changes", "messages"),
    [
        ({"kind": "udx"}, ["'kind' must be one of udf, udaf, udtf, script"]),
        ({"kind": ["udf"]}, ["'kind' must be one of"]),
        ({"signature": None}, ["'signature' is missing"]),
        ({"signature": 7}, ["'signature' must be text or null"]),
        ({"signature": "f(a INTT) -> X"}, ["signature: position 5: unknown type 'INTT'", "signature: position 14"]),
        ({"name": "", "entry": 3}, ["'name' must be text", "'entry' must be text"]),
        ({"batch_size": True}, ["'batch_size' must be a whole number or null"]),
        (
            {"always_nullable": 1, "volatility": "x"},
            ["'always_nullable' must be true or false", "'volatility' must be one of"],
        ),
        (
            {"requirements": "numpy", "env": {"A": 1}},
            ["'requirements' must be a list of texts", "'env' must be texts by name"],
        ),
    ],
)
def test_wrong_json_is_refused_with_every_problem(changes: dict[str, Any], messages: list[str]) -> None:
    """Each key that does not fit is named with what belongs there, all in one error."""
    with pytest.raises(DefinitionError) as caught:
        FunctionSpec.from_json({**SCORE.to_json(), **changes})
    assert len(caught.value.problems) == len(messages)
    assert all(any(message in str(problem) for problem in caught.value.problems) for message in messages)


def test_missing_keys_are_named() -> None:
    """An empty object names what a function cannot do without."""
    with pytest.raises(DefinitionError, match="'name' is missing") as caught:
        FunctionSpec.from_json({})
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize(
    ("kind", "volatility"), [("udf", "volatile"), ("script", "volatile"), ("udaf", "immutable"), ("udtf", "immutable")]
)
def test_default_volatility(kind: Kind, volatility: Volatility) -> None:
    """Doris's defaults."""
    assert default_volatility(kind) == volatility
