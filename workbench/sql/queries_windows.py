"""Aggregates of ours over a window that begins with the partition: one pass instead of one for each row.

``f(x) OVER (PARTITION BY p ORDER BY o)`` as a call over a list is quadratic, because every row has a list of its own. Here
the rows of a partition are listed once, the function gives its result after each of them, and a row takes the one that
its frame ends with: ``count(*)`` over the same window says which. The invariant: the columns, and the rows with their
order, are those that the query would give. Left out on purpose: frames that begin elsewhere, and queries with GROUP BY,
DISTINCT or QUALIFY: those stay calls over a list, which are right, and slow for long partitions.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

Test = Callable[[exp.Expression], bool]
Running = Callable[[exp.Anonymous], tuple[str, exp.Expression]]


def rewrite(tree: exp.Expression, is_aggregate: Test, running: Running) -> None:
    """Rewrite every SELECT with such windows, innermost first."""
