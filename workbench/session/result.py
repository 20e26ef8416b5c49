"""What a SQL statement gave: its rows, or what it did, and what is to be said of it.

Left out on purpose: screens, and the statement's plan, whose rows are text like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa

from workbench.worker.words import counted


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Result:
    """The result of one statement of a script; made by `Workbench.sql`.

    ``reads``: it asked for rows; otherwise its one row has a Status. ``notes`` are sentences about what was left out
    or is different here, each said once in a script. It may be read again as a table: by a statement, a run, or anybody
    who takes an Arrow stream.
    """

    table: pa.Table
    reads: bool
    notes: tuple[str, ...] = ()

    def to_arrow(self) -> pa.Table:
        """All rows, as an Arrow table."""
        return self.table

    def to_pandas(self) -> pd.DataFrame:
        """All rows, as a DataFrame."""
        frame: pd.DataFrame = self.table.to_pandas()
        return frame

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Arrow's interface for tables of any library."""
        return self.table.__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __repr__(self) -> str:
        rows, columns = self.table.num_rows, self.table.num_columns
        return f"<Result: {counted(rows, 'row')}, {counted(columns, 'column')}>"
