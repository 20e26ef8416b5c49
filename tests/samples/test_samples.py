"""The shipped data is what its documentation says."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from workbench import samples


def test_flights_are_as_documented() -> None:
    """Rows, order, types and NULLs are those of the docstring: tutorials and their stored outputs depend on them."""
    frame = samples.flights()
    assert len(frame) == 27_004
    assert frame["sched_dep"].is_monotonic_increasing
    assert frame["sched_dep"].dt.month.eq(1).all()
    assert {name: int(count) for name, count in frame.isna().sum().items() if count} == {
        "tailnum": 155,
        "dep_delay": 521,
        "arr_delay": 606,
        "air_time": 606,
    }
    numbers = frame.dtypes[frame.dtypes == pd.Int32Dtype()]
    assert list(numbers.index) == ["flight", "dep_delay", "arr_delay", "air_time", "distance"]
    assert set(frame["origin"]) == {"EWR", "JFK", "LGA"}


def test_some_rows_are_the_first_rows() -> None:
    """``rows`` takes from the start, and a caller may change the frame without changing the next one."""
    few = samples.flights(3)
    assert few["carrier"].tolist() == ["UA", "UA", "AA"]
    few["carrier"] = "??"
    assert samples.flights(3)["carrier"].tolist() == ["UA", "UA", "AA"]
    assert samples.flights(0).columns.tolist() == few.columns.tolist()


def test_the_file_is_small_and_plain() -> None:
    """The Parquet file is under 1 MB and has the types that a signature names, without pandas metadata."""
    path = samples.flights_path()
    assert path.stat().st_size < 1_000_000
    schema = pq.read_schema(path)
    assert schema.metadata is None
    assert set(schema.types) == {pa.timestamp("us"), pa.string(), pa.int32()}


def test_every_carrier_has_a_name() -> None:
    """The two tables can be joined."""
    names = samples.airlines()
    assert len(names) == 16
    assert set(samples.flights()["carrier"]) == set(names["carrier"])
    assert not names.isna().to_numpy().any()
