"""The data of each type: valid, varied, and the same for the same seed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import configuration
from hypothesis import strategies as st

from workbench.checking.code import literal
from workbench.checking.generate import Generator
from workbench.checking.shrink import shrink, simpler
from workbench.checking.trial import Row, table_of
from workbench.functions import FunctionSpec, parse_signature
from workbench.types.base import FAMILIES

TYPES = [
    *sorted(set(FAMILIES) - {"ARRAY", "MAP", "STRUCT"}),
    "DECIMAL(5,2)",
    "DECIMAL(76,10)",
    "VARCHAR(3)",
    "DATETIME(6)",
    "ARRAY<INT>",
    "ARRAY<ARRAY<STRING>>",
    "MAP<STRING, ARRAY<DOUBLE>>",
    "MAP<IPV4, UUID>",
    "STRUCT<a:INT, b:ARRAY<DATE>>",
]


def generator(type_: str, *, seed: int = 0, nulls: bool = True) -> Generator:
    """Rows for a function of one argument."""
    return Generator(spec(type_), seed=seed, nulls=nulls, values={})


def spec(type_: str) -> FunctionSpec:
    """A function of one argument."""
    return FunctionSpec("f", "udf", parse_signature(f"f(a {type_}) -> INT"), "f.f", "f.py")


@pytest.mark.parametrize("type_", TYPES)
def test_every_value_is_one_of_its_type(type_: str) -> None:
    """What is drawn, each extreme, and what a value may shrink to, fits the storage; NULL occurs unless it may not."""
    rows = generator(type_).wild() + generator(type_).modest()
    assert table_of(spec(type_), rows).num_rows == len(rows)
    assert (None,) in rows
    sure = generator(type_, nulls=False).wild()
    assert not table_of(spec(type_), sure).column(0).null_count
    assert "None" not in "".join(literal(value) for (value,) in sure).replace("NULL", "")
    if type_ not in ("JSON", "JSONB", "VARIANT"):  # half a document is none
        table_of(spec(type_), [(one,) for (value,) in rows[:40] for one in simpler(value)])


@pytest.mark.parametrize("type_", ["DOUBLE", "MAP<STRING, ARRAY<DOUBLE>>", "JSON"])
def test_the_same_seed_draws_the_same(type_: str) -> None:
    """By their text, as NaN is not itself; and another seed draws something else."""
    assert repr(generator(type_).wild()) == repr(generator(type_).wild())
    assert repr(generator(type_).wild()) != repr(generator(type_, seed=1).wild())


def test_nothing_is_left_in_the_current_folder() -> None:
    """What Hypothesis stores while it draws goes elsewhere, and its own place is what it was."""
    before = configuration.storage_directory(intent_to_write=False).path
    seen: set[Path] = set()

    def place(value: int) -> int:
        seen.add(configuration.storage_directory(intent_to_write=False).path)
        return value

    Generator(spec("INT"), seed=0, nulls=False, values={"a": st.integers(0, 9).map(place)}).modest()
    assert seen
    assert not any(path.is_relative_to(Path.cwd()) or path.exists() for path in seen)
    assert configuration.storage_directory(intent_to_write=False).path == before


def test_rows_and_values_shrink() -> None:
    """To the fewest rows and the simplest values that fail; with no time to what there is."""
    rows: list[Row] = [(number, "some text", None) for number in range(-500, 500)]

    def fails(tried: list[Row]) -> bool:
        return any(row[0] > 123 and "e" in row[1] for row in tried)

    assert shrink(rows, fails, lambda _: simpler, lambda: True) == [(124, "e", None)]
    assert shrink(rows, fails, lambda _: simpler, lambda: False) == rows
