"""What a cell says whose run ended before its time: by the interrupt key, or by Stop while the cell waited for it.

The invariant: the cell fails, so that Run All does not go on with half of a result; what is raised stays what it was
(KeyboardInterrupt, RunClosed), and only its view is short. Left out on purpose: statements, which have many functions.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from workbench.errors import RunClosed
from workbench.session import Run

SHORT: Final = "_render_traceback_"
"""The method that IPython asks an exception for; a cell with such an error counts as failed everywhere."""


@contextmanager
def told(run: Run, *, short: bool) -> Iterator[None]:
    """Say how far the run came, if it is cut short in this block; ``short``: and not which lines of ours it was in."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        if short:
            lines = [f"KeyboardInterrupt: {run.spec.name} was interrupted {_far(run)}", "  run it again"]
            setattr(interrupt, SHORT, lambda: lines)
        raise
    except RunClosed as closed:
        raise RunClosed(
            f"{run.spec.name}: the run was stopped {_far(run)}, so that this cell has no result", hint="run it again"
        ) from closed


def _far(run: Run) -> str:
    of = f" of {run.rows_total:,}" if run.rows_total is not None else ""
    return f"after {run.record.rows_in:,}{of} rows"
