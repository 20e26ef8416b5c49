"""What a run may be fed with: every source gives the same rows, in batches that are small enough, or a clear error."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.ipc
import pyarrow.parquet
import pytest

import workbench as wb
from workbench.errors import DataError
from workbench.session.data import Data, open_data

TABLE = pa.table({"a": [1, None, 3], "s": ["x", "", None]})


def opened(data: Any, *, batch_rows: int = 1000, batch_bytes: int = 1 << 20) -> Data:
    """What a run would read."""
    return open_data(data, batch_rows=batch_rows, batch_bytes=batch_bytes)


def whole(data: Any, **limits: int) -> pa.Table:
    """All of it."""
    source = opened(data, **limits)
    return pa.Table.from_batches(source.batches, source.schema)


class Foreign:
    """A frame of another library: all that is known of it is Arrow's C stream."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        return self._table.__arrow_c_stream__(requested_schema)


def sources(folder: Path) -> dict[str, Any]:
    """`TABLE` in every form."""
    pa.parquet.write_table(TABLE, folder / "t.parquet", row_group_size=2)
    pa.feather.write_feather(TABLE, str(folder / "t.feather"))
    with pa.ipc.new_file(str(folder / "t.arrow"), TABLE.schema) as writer:
        writer.write_table(TABLE, max_chunksize=2)
    with pa.ipc.new_stream(str(folder / "stream.arrow"), TABLE.schema) as writer:
        writer.write_table(TABLE, max_chunksize=2)
    batches = TABLE.to_batches(max_chunksize=2)
    return {
        "table": TABLE,
        "batch": TABLE.combine_chunks().to_batches()[0],
        "reader": pa.RecordBatchReader.from_batches(TABLE.schema, iter(batches)),
        "list of batches": batches,
        "generator of batches": (batch for batch in batches),
        "list of tables": [TABLE.slice(0, 1), TABLE.slice(1)],
        "foreign frame": Foreign(TABLE),
        "parquet": folder / "t.parquet",
        "path as text": str(folder / "t.parquet"),
        "feather": folder / "t.feather",
        "arrow file": folder / "t.arrow",
        "arrow stream": folder / "stream.arrow",
    }


def test_every_source_gives_the_same_rows(tmp_path: Path) -> None:
    """Tables, batches, readers, generators, foreign frames and files; one row a batch or all in one."""
    for rows in (1, 1000):
        for name, source in sources(tmp_path).items():
            assert whole(source, batch_rows=rows).equals(TABLE), name
        for source in sources(tmp_path).values():
            assert all(batch.num_rows <= rows for batch in opened(source, batch_rows=rows).batches)


def test_only_what_may_wait_is_read_ahead(tmp_path: Path) -> None:
    """What is in memory does not wait; files, readers and generators may. Rows are told where they are known."""
    waits = {name: opened(source).waits for name, source in sources(tmp_path).items()}
    assert [name for name, wait in waits.items() if not wait] == ["table", "batch"]
    assert {opened(source).rows for source in sources(tmp_path).values()} == {3, None}


def test_csv_is_read_with_its_types(tmp_path: Path) -> None:
    """Types are inferred as pyarrow does; a file of a header alone is one empty batch."""
    (tmp_path / "t.csv").write_text("a,b,s\n1,1.5,x\n,,y\n")
    assert whole(tmp_path / "t.csv").to_pylist() == [{"a": 1, "b": 1.5, "s": "x"}, {"a": None, "b": None, "s": "y"}]
    (tmp_path / "header.csv").write_text("a,b\n")
    (batch,) = opened(tmp_path / "header.csv").batches
    assert (batch.num_rows, batch.schema.names) == (0, ["a", "b"])


def test_a_parquet_file_without_rows_is_one_empty_batch(tmp_path: Path) -> None:
    """The stream may be read to its end, and asked again."""
    pa.parquet.write_table(TABLE.slice(0, 0), tmp_path / "t.parquet")
    (batch,) = opened(tmp_path / "t.parquet").batches
    assert (batch.num_rows, batch.schema.names) == (0, TABLE.schema.names)


def test_a_csv_value_of_another_type_far_down_has_a_way_out(tmp_path: Path) -> None:
    """Types are those of the first block; the value that does not fit is named."""
    (tmp_path / "t.csv").write_text("a\n" + "1\n" * 1_000_000 + "abc\n")
    with pytest.raises(DataError, match=r"invalid value 'abc'\n  a column's type is that of the file's beginning"):
        list(opened(tmp_path / "t.csv").batches)


def test_the_home_folder_may_be_written_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``~`` is the home folder, as in a shell."""
    monkeypatch.setenv("HOME", str(tmp_path))
    pa.parquet.write_table(TABLE, tmp_path / "t.parquet")
    assert whole("~/t.parquet").equals(TABLE)


# -- pandas ------------------------------------------------------------------------------------------------------------


def test_a_frame_arrives_with_null_where_it_has_none() -> None:
    """NaN, None, NaT and pandas.NA are NULL; the index is left out; names become text."""
    frame = pd.DataFrame(
        {
            "f": [1.0, np.nan],
            "i": pd.array([1, None], dtype="Int64"),
            "s": ["x", None],
            "d": [pd.Timestamp("2020-01-01"), pd.NaT],
            "c": pd.Categorical(["x", None]),
            "o": [Decimal("1.5"), None],
            7: [date(2020, 1, 1), None],
        },
        index=[5, 6],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = whole(frame)
    assert table.schema.names == ["f", "i", "s", "d", "c", "o", "7"]
    assert [column[0].is_valid for column in table.columns] == [True] * 7
    assert [column[1].is_valid for column in table.columns] == [False] * 7
    assert table.schema.metadata is None


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": pd.Series([], dtype="int64")}),
        pd.DataFrame({"a": [None, None]}),
        pd.DataFrame({("x", "y"): [1]}),
    ],
    ids=["no rows", "only NULL", "tuple as name"],
)
def test_odd_frames_are_frames(frame: pd.DataFrame) -> None:
    """An empty one is one empty batch, so that whoever reads it learns the columns."""
    (batch,) = opened(frame).batches
    assert (batch.num_rows, batch.num_columns) == (len(frame), 1)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (pd.DataFrame({"a": [1, "x"]}), "column a .*: Could not convert 'x' with type str"),
        (pd.DataFrame({"a": [object()]}), "Could not convert <object object> with type object"),
        (pd.DataFrame({"a": [1j]}), "column a with type complex128: Unsupported numpy type"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "Duplicate column names|column 'a' twice"),
        (pa.table([[1], [2]], names=["a", "a"]), "the data has the column 'a' twice"),
        (pd.DataFrame(), "the data has no columns"),
        (pd.DataFrame(index=range(3)), "the data has no columns"),
        (pa.table({}), "the data has no columns"),
        (pd.Series([1, 2], name="a"), r"a Series is no table: .*\n  give a frame: df\[\['a'\]\] instead of df\['a'\]"),
        (pa.chunked_array([[1]]), "a ChunkedArray is no table"),
        ([], "the iterable gave no batch"),
        ([1, 2], "item 0 of the data is an int, not a batch"),
        ([{"a": 1}], "item 0 of the data is a dict"),
        ({"a": [1]}, "data of type dict cannot be read"),
        (b"a,b", "data of type bytes cannot be read"),
        (3, "data of type int cannot be read"),
        (None, "data of type NoneType cannot be read"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_data_that_cannot_be_read_is_named(data: Any, message: str) -> None:
    """The error says what it is, and it is one of ours; nothing in it changes from run to run."""
    with pytest.raises(DataError, match=message) as caught:
        opened(data)
    assert "0x" not in str(caught.value)


# -- files -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.parquet", None, r"missing.parquet does not exist\n  paths are relative to the current folder"),
        ("data.xlsx", b"PK", "data.xlsx cannot be read\n  give a file that ends in .parquet, .csv"),
        ("cut.parquet", b"PAR1 and nothing more", "cut.parquet cannot be read"),
        ("empty.parquet", b"", "empty.parquet cannot be read"),
        ("empty.csv", b"", "empty.csv cannot be read: Empty CSV file"),
        ("latin1.csv", b"a,n\xe9\n1,2\n", r"its column names are not UTF-8\n  convert it first, as in: iconv"),
        ("cut.arrow", b"ARROW1\0\0 and nothing", "cut.arrow cannot be read"),
        ("text.arrow", b"hello, world", "text.arrow cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    """Missing, of another kind, cut short or empty: the error names the file and the reason."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        opened(tmp_path / name)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """Also one that ends like a file."""
    (tmp_path / "t.parquet").mkdir()
    with pytest.raises(DataError, match="cannot be read"):
        opened(tmp_path / "t.parquet")


def test_damage_found_late_names_the_batch(tmp_path: Path) -> None:
    """A Parquet file whose second row group is damaged gives the first, then an error of ours."""
    path = tmp_path / "t.parquet"
    pa.parquet.write_table(pa.table({"a": np.arange(20_000)}), path, row_group_size=10_000, compression="none")
    begin = pa.parquet.read_metadata(path).row_group(1).column(0).dictionary_page_offset
    data = bytearray(path.read_bytes())
    data[begin : begin + 40] = b"\xff" * 40
    path.write_bytes(data)
    batches = opened(path, batch_rows=10_000).batches
    assert next(batches).num_rows == 10_000
    with pytest.raises(DataError, match="batch 1 of the data cannot be read"):
        next(batches)


# -- batches -----------------------------------------------------------------------------------------------------------


def test_a_batch_with_other_columns_is_refused_with_both() -> None:
    """All batches have the columns of the first: names, order and types."""
    first = pa.record_batch({"a": [1]})
    for other in ({"b": [1]}, {"a": ["x"]}, {"a": [1], "b": [2]}):
        batches = opened([first, pa.record_batch(other)]).batches
        next(batches)
        with pytest.raises(DataError, match=r"batch 1 of the data has other columns than the first: .*\n  .*a int64"):
            next(batches)
    nullable = pa.record_batch([pa.array([1])], schema=pa.schema([pa.field("a", pa.int64(), nullable=False)]))
    with pytest.raises(DataError, match=r"a int64 not null\n  the first has a int64"):
        list(opened([first, nullable]).batches)


def test_frames_in_a_row_are_one_stream() -> None:
    """What pandas reads in chunks is fed as it comes."""
    frames = (pd.DataFrame({"a": range(n, n + 2)}) for n in range(0, 6, 2))
    assert whole(frames)["a"].to_pylist() == list(range(6))


def test_an_iterator_is_asked_for_no_more_than_is_taken() -> None:
    """An endless generator is a legal source: only the first item is looked at before anybody asks."""
    asked = []

    def endless() -> Iterator[pa.RecordBatch]:
        while True:
            asked.append(1)
            yield pa.record_batch({"a": [len(asked)]})

    batches = opened(endless()).batches
    assert [next(batches)["a"][0].as_py() for _ in range(3)] == [1, 2, 3]
    assert len(asked) == 3


def test_large_rows_are_cut_into_batches_by_their_bytes() -> None:
    """50 rows of 1 MB at 4 MB a batch are at most 4 rows a batch, and all of them."""
    table = pa.table({"s": [chr(65 + row) * (1 << 20) for row in range(50)]})
    batches = list(opened(table, batch_bytes=4 << 20).batches)
    assert max(batch.num_rows for batch in batches) <= 4
    assert pa.Table.from_batches(batches).equals(table)
    (alone,) = opened(table.slice(0, 1), batch_bytes=1).batches
    assert alone.num_rows == 1, "a row that is too large alone is a batch"


@pytest.mark.parametrize(
    ("view", "plain"),
    [
        (pa.string_view(), pa.string()),
        (pa.binary_view(), pa.binary()),
        (pa.list_(pa.string_view()), pa.list_(pa.string())),
        (pa.large_list(pa.string_view()), pa.large_list(pa.string())),
        (pa.struct([("x", pa.string_view())]), pa.struct([("x", pa.string())])),
    ],
)
def test_views_become_plain_text(view: pa.DataType, plain: pa.DataType) -> None:
    """An old pyarrow in the worker does not know them; foreign frames are full of them."""
    value: Any = b"x" if view == pa.binary_view() else "x"
    if pa.types.is_struct(view):
        value = {"x": value}
    elif pa.types.is_list(view) or pa.types.is_large_list(view):
        value = [value, None]
    table = whole(Foreign(pa.table({"v": pa.array([value, None], view)})))
    assert table.schema.field("v").type == plain
    assert table["v"].to_pylist() == [value, None]


MEMORY = """
import resource, sys
from workbench.session.data import open_data
data = open_data(sys.argv[1], batch_rows=65_536, batch_bytes=32 << 20)
next(data.batches)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rows = sum(batch.num_rows for batch in data.batches)
print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_parquet_file_is_not_loaded_whole(tmp_path: Path) -> None:
    """5 M rows of 8 bytes, 40 MB, are read batch by batch: the process does not grow by more than two row groups."""
    path = tmp_path / "large.parquet"
    group = pa.table({"a": np.random.default_rng(1).random(500_000)})
    with pa.parquet.ParquetWriter(path, group.schema, compression="none", use_dictionary=False) as writer:
        for _ in range(10):
            writer.write_table(group)
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=Path(wb.__file__).parents[1],
    )
    rows, grown_kb = map(int, done.stdout.split())
    assert rows == 4_934_464
    assert grown_kb < 16_000
