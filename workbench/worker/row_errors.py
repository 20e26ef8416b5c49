"""The failing rows of one batch, each with its error as plain data.

The invariant: a row is listed once, with its first error; of many only the first 20 carry all their frames with
locals, the others the lines they failed on. Left out on purpose: what becomes of the row, which is the parent's to
decide.
"""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

from . import failures
from .interrupt import Interrupted

MAX_DETAILED = 20  # errors of one batch that carry all their frames with locals
MAX_PLACES = 3  # innermost frames of the others: their lines only


class RowErrors:
    """The failing rows of one batch, each with its error as plain data."""

    def __init__(self, roots: Sequence[str], *, fail: bool) -> None:
        self.found: List[Dict[str, Any]] = []
        self.rows: Dict[int, bool] = {}
        self.fail = fail
        self._roots = roots

    def raised(self, row: int, error: BaseException, prefix: str, at: Any = None) -> None:
        """``at`` is the user's frame, for an error that was raised by us outside of it."""
        if isinstance(error, Interrupted):  # no error of the row: nobody wants the batch any more
            raise error
        info = failures.info(error, self._roots, prefix)
        if at is not None:
            info["frames"] = [failures.frame_at(at, at.f_lineno, self._roots)]
        if len(self.found) >= MAX_DETAILED:
            where = [dict(frame, text="", locals={}) for frame in info["frames"][-MAX_PLACES:]]
            info["frames"], info["error"] = where, info["error"][:200]
        self._add(row, info)

    def mismatch(self, row: int, message: str, error_type: str = "ValueMismatch") -> None:
        self._add(row, {"error_type": error_type, "error": message, "frames": [], "prefix": ""})

    def _add(self, row: int, info: Dict[str, Any]) -> None:
        if row not in self.rows:
            self.rows[row] = True
            self.found.append(dict(info, row=row))

    @property
    def stop(self) -> bool:
        return self.fail and bool(self.found)
