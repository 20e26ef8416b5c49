"""Real data to try functions on: flights that left New York in January 2013, with the NULLs that real data has.

The invariant: the data is part of the installed package, the same for everyone, and reading it needs no network.
Left out on purpose: the making of the files, told in ``README.md`` beside them with their source and licence (CC0).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

_FOLDER: Final = Path(__file__).parent

__all__ = ["airlines", "flights", "flights_path"]


def flights(rows: int | None = None) -> pd.DataFrame:
    """27,004 flights in the order of their scheduled departure; the first ``rows`` of them if given.

    ========== ========== =====================================================================
    sched_dep  datetime   scheduled departure, local time of New York, without a time zone
    carrier    str        two-character code; `airlines` has the names
    flight     Int32      flight number
    tailnum    str        registration of the aircraft; 155 NULLs
    origin     str        EWR, JFK or LGA
    dest       str        airport code
    dep_delay  Int32      minutes, negative if early; 521 NULLs: the flight was cancelled
    arr_delay  Int32      minutes, negative if early; 606 NULLs: cancelled, diverted or unknown
    air_time   Int32      minutes in the air; 606 NULLs
    distance   Int32      miles
    ========== ========== =====================================================================

    ``Int32`` is the pandas type that can hold NULL, so that no integer turns into a float on its way to a function.
    A new frame each time; more ``rows`` than there are, or a negative number, is a slice as everywhere in Python.
    Prefer `flights_path` where a file is wanted.
    """
    return _read(flights_path())[:rows]


def flights_path() -> Path:
    """The Parquet file of `flights`: 0.3 MB, string, int32 and timestamp[us] columns."""
    return _FOLDER / "flights.parquet"


def airlines() -> pd.DataFrame:
    """The 16 carriers: ``carrier`` (the code in `flights`) and ``name``, both str without NULLs."""
    return _read(_FOLDER / "airlines.parquet")


def _read(path: Path) -> pd.DataFrame:
    frame: pd.DataFrame = pq.read_table(path).to_pandas(types_mapper={pa.int32(): pd.Int32Dtype()}.get)
    return frame
