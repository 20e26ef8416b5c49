"""Results in files: every ending, streamed, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet
import pytest

from workbench.errors import DataError, UsageProblem
from workbench.session.output import format_of, write

BATCH = pa.record_batch({"a": pa.array([1, None, 3]), "s": pa.array(["x", "", None])})


@pytest.fixture(scope="module", autouse=True)
def csv_was_read() -> None:
    """Reading CSV, pyarrow makes a pipe once, which it keeps."""
    pa.csv.read_csv(pa.BufferReader(b"a\n1\n"))


def read(path: Path) -> pa.Table:
    """A file back, by its ending."""
    if path.suffix == ".parquet":
        return pa.parquet.read_table(path)
    if path.suffix == ".csv":
        strings = pa.csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False)
        return pa.csv.read_csv(path, convert_options=strings)
    if path.suffix == ".arrows":
        with pa.ipc.open_stream(path) as reader:
            return reader.read_all()
    with pa.ipc.open_file(path) as reader:
        return reader.read_all()


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".arrow", ".arrows", ".feather", ".ipc", ".PARQUET"])
def test_every_ending_reads_back(tmp_path: Path, ending: str) -> None:
    """Two batches come back as one table; NULL and the empty string stay apart."""
    path = tmp_path / f"out{ending}"
    assert write(iter([BATCH, BATCH]), BATCH.schema, path) == 6
    back = read(path.rename(path.with_suffix(ending.lower())))
    assert back.to_pylist() == [*BATCH.to_pylist(), *BATCH.to_pylist()]


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".arrow", ".arrows"])
def test_no_rows_are_a_file_with_columns(tmp_path: Path, ending: str) -> None:
    """The schema is there although no batch came."""
    path = tmp_path / f"out{ending}"
    assert write(iter([]), BATCH.schema, path) == 0
    assert read(path).column_names == ["a", "s"]


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".arrow", ".arrows"])
def test_the_first_batch_may_tell_the_schema(tmp_path: Path, ending: str) -> None:
    """As with a script, which may also emit nothing at all."""
    path = tmp_path / f"out{ending}"
    write(iter([BATCH]), None, path)
    assert read(path).column_names == ["a", "s"]
    assert write(iter([]), None, path) == 0
    assert path.exists()


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".arrow", ".arrows"])
@pytest.mark.parametrize("there", [True, False])
def test_a_failure_leaves_what_was_there(tmp_path: Path, ending: str, *, there: bool) -> None:
    """Nothing half-written: neither under the name nor beside it."""
    path = tmp_path / f"out{ending}"
    if there:
        path.write_text("before")

    def failing() -> Iterator[pa.RecordBatch]:
        yield BATCH
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        write(failing(), BATCH.schema, path)
    assert [one.read_text() for one in tmp_path.iterdir()] == (["before"] if there else [])


def test_each_batch_is_written_as_it_comes(tmp_path: Path) -> None:
    """The first batch is on the disk before the second is asked for."""
    seen = []

    def watched() -> Iterator[pa.RecordBatch]:
        yield BATCH
        yield BATCH
        (part,) = tmp_path.iterdir()
        seen.append(part.read_text())

    write(watched(), BATCH.schema, tmp_path / "out.csv")
    assert seen == ['"a","s"\n1,"x"\n,""\n3,\n1,"x"\n,""\n3,\n']


def test_standard_output_is_csv(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """By default, as whoever pipes it expects."""
    write(iter([BATCH]), BATCH.schema, "-")
    assert capsysbinary.readouterr().out == b'"a","s"\n1,"x"\n,""\n3,\n'


@pytest.mark.parametrize("name", ["arrow", "arrows"])
def test_standard_output_as_an_arrow_stream(capsysbinary: pytest.CaptureFixture[bytes], name: str) -> None:
    """On request; a run that fails leaves it without its end mark."""
    write(iter([BATCH]), BATCH.schema, "-", format=name)
    whole = capsysbinary.readouterr().out
    assert pa.ipc.open_stream(whole).read_all().to_pylist() == BATCH.to_pylist()

    def failing() -> Iterator[pa.RecordBatch]:
        yield BATCH
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        write(failing(), BATCH.schema, "-", format=name)
    assert capsysbinary.readouterr().out == whole[:-8]


def test_csv_holds_nested_values_as_json(tmp_path: Path) -> None:
    """Lists, structs and maps, with NULL among them."""
    batch = pa.record_batch(
        {
            "l": pa.array([[1, 2], None]),
            "s": pa.array([{"x": "ä"}, None]),
            "m": pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int32())),
        }
    )
    write(iter([batch]), None, tmp_path / "out.csv")
    first, second = read(tmp_path / "out.csv").to_pylist()
    assert [json.loads(first[name]) for name in "lsm"] == [[1, 2], {"x": "ä"}, {"k": 1}]
    assert second == {"l": None, "s": None, "m": "{}"}


def test_an_arrow_file_takes_batches_with_other_dictionaries(tmp_path: Path) -> None:
    """The file format has one dictionary for all batches; values are written instead."""
    batches = [pa.record_batch({"d": pa.array([word]).dictionary_encode()}) for word in ("a", "b")]
    write(iter(batches), None, tmp_path / "out.arrow")
    assert read(tmp_path / "out.arrow").to_pylist() == [{"d": "a"}, {"d": "b"}]


def test_a_column_that_csv_cannot_hold_is_named(tmp_path: Path) -> None:
    """Bytes that are no text."""
    batch = pa.record_batch({"b": pa.array([b"\xff"])})
    with pytest.raises(DataError, match="a column cannot be written") as caught:
        write(iter([batch]), None, tmp_path / "out.csv")
    assert ".arrow" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_device_is_written_as_it_is() -> None:
    """``/dev/null`` is not replaced by a file."""
    assert write(iter([BATCH]), None, "/dev/null", format="csv") == 3
    assert not Path("/dev/null").is_file()


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """What it points to is replaced."""
    (tmp_path / "there.csv").write_text("")
    (tmp_path / "link.csv").symlink_to("there.csv")
    write(iter([BATCH]), None, tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert read(tmp_path / "there.csv").num_rows == 3


@pytest.mark.parametrize(
    ("target", "given", "words"),
    [
        ("out.xlsx", None, "it is not clear how to write this"),
        ("out", None, "let it end in .parquet, .csv"),
        ("out.csv", "xml", "there is no format 'xml'"),
        ("-", "parquet", "Parquet cannot be written to standard output"),
        (".", None, "is a folder"),
        ("no/such/folder/out.csv", None, "there is no folder"),
    ],
)
def test_a_target_is_refused_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, given: str | None, words: str
) -> None:
    """With the reason and a way out."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageProblem) as caught:
        format_of(target, given)
    assert words in str(caught.value)
    assert caught.value.hint


def test_a_format_may_be_given_for_any_name(tmp_path: Path) -> None:
    """It goes before the ending."""
    assert format_of(tmp_path / "out.txt", "parquet") == "parquet"
    assert format_of("-") == "csv"
    assert format_of("-", "arrow") == "arrows"
