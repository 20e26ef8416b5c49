"""Which row failed, with which values: as a dead letter, and as the error that ends a run.

Left out on purpose: which of the two it is to be, which is for the run to say.
"""

from __future__ import annotations

from collections.abc import Sequence

from workbench.errors import UdfError, WorkbenchError
from workbench.functions import FunctionSpec
from workbench.session.binding import Prepared, RowError
from workbench.session.record import DeadLetter, shown, values_of
from workbench.supervisor.refusal import frames_of, in_short


def letter(number: int, prepared: Prepared, failed: RowError) -> DeadLetter:
    """A failing row of batch ``number`` with all its values."""
    values = values_of(prepared.original, failed.row)
    info = failed.info
    return DeadLetter(
        number,
        prepared.number(failed.row),
        values,
        info["error_type"],
        info["error"],
        info.get("attempts", 1),
        frames_of(info),
    )


def udf_error(
    spec: FunctionSpec, number: int, prepared: Prepared, failed: RowError, *, version: int, logs: Sequence[str]
) -> UdfError:
    """The error of a run that ends with a failing row; ``logs`` are the last lines that were printed."""
    info = failed.info
    row = prepared.number(failed.row)
    values = {name: shown(value) for name, value in values_of(prepared.original, failed.row).items()}
    where = f"input row {row:,} (batch {number}, its row {failed.row})"
    return UdfError(
        f"{spec.name} failed at {where}: {in_short(info)}",
        function=spec.name,
        version=version,
        error_type=info["error_type"],
        error=info["error"],
        row=row,
        batch=number,
        row_in_batch=failed.row,
        values=values,
        frames=frames_of(info),
        logs=logs,
        hint="set failing rows aside with on_error='dead_letter' (--on-error dead_letter)",
    )


def first_line(error: Exception) -> str:
    """What it says, in one line."""
    text = error.message if isinstance(error, WorkbenchError) else str(error)
    return text.partition("\n")[0]
