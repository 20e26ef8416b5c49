"""Counts and articles in the sentences of both sides: ``1 row``, ``2,000 rows``, ``an int``.

The invariant: no sentence says ``1 rows`` or ``a int``. Left out on purpose: the sentences.
"""


def counted(count: int, one: str, many: str = "") -> str:
    """``1 row``, ``2,000 rows``; ``many`` is for what is not made with an s, as batches."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def a(noun: str) -> str:
    """``an int``, ``a str``; a u is spoken as in user, and an ndarray begins with the name of a letter."""
    return f"an {noun}" if noun[:1].lower() in "aeio" or noun.startswith("nd") else f"a {noun}"
