"""Which packages a source needs: the names that it imports and that neither Python nor the package itself has.

Read from the text, nothing is run; so an import inside ``try`` counts, and one that is computed does not.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterable

from workbench.distributions import distribution


def distributions(sources: Iterable[str], own: Collection[str] = ()) -> list[str]:
    """What must be installed for these texts, sorted; ``own`` are the top-level names of the package itself."""
    found = {name for source in sources for name in _imported(source)}
    found -= {*own, *sys.stdlib_module_names}
    return sorted(map(distribution, found))


def _imported(source: str) -> set[str]:
    try:
        tree = ast.parse(source)
    except SyntaxError:  # told when it is called, as everywhere
        return set()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names.add(node.module.partition(".")[0])
    return names
