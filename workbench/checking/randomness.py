"""Names in a source that give something else each time: random numbers, the clock, new UUIDs.

Read from the syntax tree, through imports under any name. Left out on purpose: what happens in modules that are
imported; a check runs the function twice for that.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from workbench.functions.mode import imported

_VOLATILE: Final = ("random", "secrets", "numpy.random", "os.urandom", "os.getpid", "uuid.uuid1", "uuid.uuid4")
_CLOCKS: Final = (
    "time.time",
    "time.time_ns",
    "time.monotonic",
    "time.perf_counter",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "datetime.date.today",
)


def volatile_names(source: str) -> Iterator[tuple[int, str]]:
    """Line and full name of each such call, in the order of the source; nothing for one that cannot be read."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return
    imports = imported(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = _full_name(node.func, imports)
            if any(f"{name}.".startswith(f"{one}.") for one in (*_VOLATILE, *_CLOCKS)):
                yield node.lineno, name


def _full_name(node: ast.expr, imports: dict[str, str]) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.insert(0, node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in imports:
        return ""
    return ".".join([imports[node.id], *parts])
