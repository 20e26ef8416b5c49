"""Which values are the same, and that a difference can be read."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from workbench.checking.compare import NoResult, differing, same, texts

NAN = float("nan")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (None, None, True),
        (None, "", False),
        (None, NAN, False),
        (NAN, float("nan"), True),
        (NAN, Decimal("NaN"), True),
        (1, 1.0, True),
        (1, Decimal("1.00"), True),
        (0.1, Decimal("0.1"), False),
        (1, True, False),
        ("1", 1, False),
        (b"a", "a", False),
        ([1, [NAN, None]], [1, (NAN, None)], True),
        ([1], [1, None], False),
        ({"a": NAN, "b": 1}, {"b": 1, "a": NAN}, True),
        ({"a": None}, {}, False),
        (NoResult("x"), NoResult("x"), True),
        (NoResult("x"), "x", False),
        ("x", NoResult("x"), False),
    ],
)
def test_same(one: Any, other: Any, expected: bool) -> None:
    """In both directions."""
    assert same(one, other) is expected
    assert same(other, one) is expected


def test_differing() -> None:
    """Positions from 0."""
    assert differing([1, None, NAN, "a"], [1, "", NAN, "b"]) == [1, 3]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (None, "NULL", ("NULL", "'NULL'")),
        (None, "", ("NULL", "''")),
        ("x", NoResult("x"), ("'x'", "✕ x")),
        (0.1, 0.1 + 1e-17 * 2, ("0.1", "0.10000000000000002")),
        ("a\u202eb", "ab", (r"'a\u202eb'", "'ab'")),
        ("a" * 50 + "b", "a" * 50 + "c", ("'" + "a" * 11 + "…" + "a" * 7, "'" + "a" * 11 + "…" + "a" * 7)),
    ],
)
def test_texts_differ(one: Any, other: Any, expected: tuple[str, str]) -> None:
    """NULL, the empty string and errors look unlike any text; long texts are cut where they are the same."""
    found = texts(one, other, 30)
    assert found[0] != found[1]
    assert max(map(len, found)) <= 30
    if len(str(one)) < 30:
        assert found == expected
