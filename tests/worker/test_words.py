"""Counts and articles: no sentence says ``1 rows`` or ``a int``."""

from __future__ import annotations

import pytest

from workbench.worker.words import a, counted


@pytest.mark.parametrize(
    ("count", "words", "text"),
    [
        (0, ("row",), "0 rows"),
        (1, ("row",), "1 row"),
        (2_000, ("row",), "2,000 rows"),
        (1, ("batch", "batches"), "1 batch"),
        (3, ("batch", "batches"), "3 batches"),
    ],
)
def test_a_count_has_its_noun(count: int, words: tuple[str, ...], text: str) -> None:
    """In the singular for one alone."""
    assert counted(count, *words) == text


@pytest.mark.parametrize(
    ("noun", "text"),
    [
        ("int", "an int"),
        ("str", "a str"),
        ("ndarray", "an ndarray"),
        ("Array", "an Array"),
        ("udaf", "a udaf"),
    ],
)
def test_a_noun_has_its_article(noun: str, text: str) -> None:
    """As it is spoken."""
    assert a(noun) == text
