"""Names in SQL text: quoted where Doris would not read them, and read back as they were."""

from __future__ import annotations

import pytest

from workbench.functions import parse_signature
from workbench.types import quote_name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("score", "score"),
        ("order", "`order`"),
        ("Key", "`Key`"),
        ("date", "date"),
        ("type_cast", "`type_cast`"),
        ("x y", "`x y`"),
        ("a`b", "`a``b`"),
        ("9a", "`9a`"),
    ],
)
def test_a_name_is_quoted_where_it_must_be(name: str, text: str) -> None:
    """A reserved word in any case, and what is no word; a keyword that Doris takes for a name stays plain."""
    assert quote_name(name) == text
    signature = parse_signature(f"{text}({text} INT) -> STRUCT<{text}:INT>")
    assert (signature.name, signature.params[0].name) == (name, name)
    assert str(signature) == f"{text}({text} INT) -> STRUCT<{text}:INT>"
