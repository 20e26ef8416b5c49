"""``%load_ext workbench``: what is hung into IPython, and taken out again.

The invariant: unloading leaves IPython as it was and ends every worker; loading twice leaves one of everything;
loading prints nothing and opens nothing. IPython is imported when a notebook loads the extension and not before, so
that ``import workbench`` stays as cheap as it is elsewhere. Left out on purpose: what the magics do.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_loaded: Final[dict[int, ExitStack]] = {}
"""What undoes the loading, by the id of the shell."""


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """Hook of IPython: add ``%%udf``, ``%udf`` and ``%config Workbench``."""
    from workbench.notebook.hooks import install  # noqa: PLC0415 - see above

    unload_ipython_extension(ipython)
    with ExitStack() as undo:
        install(ipython, undo)
        _loaded[id(ipython)] = undo.pop_all()


def unload_ipython_extension(ipython: Any) -> None:
    """Hook of IPython: take everything out and end the workers."""
    undo = _loaded.pop(id(ipython), None)
    if undo is not None:
        undo.close()
