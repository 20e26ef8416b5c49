"""Each cell of (type x kind x mode) in a real worker: what the function gets, and that it comes back, NULLs included.

What is expected is written down as Python objects and as what Arrow stores; nothing of it is computed by the workbench.
The rows go in two batches, one without and one with a NULL, since pandas and NumPy have other types for the second.
Left out on purpose: extremes and every value that is refused (`test_session_types`, `tests/types`).
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final, NamedTuple
from uuid import UUID

import pandas as pd
import pyarrow as pa
import pytest

import workbench as wb

D = Decimal
ID: Final = UUID("123e4567-e89b-12d3-a456-426614174000")
STR: Final = str(pd.Series(["text"]).dtype)
"""``object`` or ``str``, as this pandas has it."""


class Type(NamedTuple):
    """Two values as Arrow stores them and as a function gets them; dtypes of columns without and with a NULL."""

    arrow: pa.DataType
    stored: tuple[Any, Any]
    seen: tuple[Any, Any]
    series: tuple[str, str] = ("object", "object")
    ndarray: tuple[str, str] = ("object", "object")


def same(arrow: pa.DataType, one: Any, other: Any, *dtypes: tuple[str, str]) -> Type:
    """A type of which functions get what Arrow stores."""
    return Type(arrow, (one, other), (one, other), *dtypes)


def number(bits: int) -> tuple[tuple[str, str], tuple[str, str]]:
    """The dtypes of whole numbers: with NULLs floats in pandas, as in Doris, and objects in NumPy."""
    return (f"int{bits}", "float64"), (f"int{bits}", "object")


TEXT: Final = (STR, STR)
CLOCK: Final = ("datetime64[us]", "datetime64[us]")
ZONED: Final = ("datetime64[us, UTC]", "datetime64[us, UTC]")
DAYS: Final = ("datetime64[D]", "datetime64[D]")
FLOATS: Final = ("float64", "float64")
NOON: Final = datetime(2024, 3, 31, 2, 30, 0, 123456)  # noqa: DTZ001 - a wall clock
INSTANT: Final = datetime(2024, 3, 31, 1, 30, tzinfo=UTC)

TYPES: Final[dict[str, Type]] = {
    "BOOLEAN": same(pa.bool_(), True, False, ("bool", "object"), ("bool", "object")),
    "TINYINT": same(pa.int8(), -128, 127, *number(8)),
    "SMALLINT": same(pa.int16(), -(2**15), 2**15 - 1, *number(16)),
    "INT": same(pa.int32(), -(2**31), 2**31 - 1, *number(32)),
    "BIGINT": same(pa.int64(), -(2**53), 2**53, *number(64)),
    "LARGEINT": Type(pa.decimal256(39, 0), (D(2**127 - 1), D(-1)), (2**127 - 1, -1)),
    "FLOAT": same(pa.float32(), 0.5, -(2.0**100), ("float32", "float32"), ("float32", "float32")),
    "DOUBLE": same(pa.float64(), 0.1, -1.5e300, FLOATS, FLOATS),
    "DECIMAL(10,2)": same(pa.decimal128(10, 2), D("12345678.90"), D("-0.01")),
    "DECIMAL(50,20)": same(pa.decimal256(50, 20), D("1E-20"), D("-" + "9" * 30 + "." + "9" * 20)),
    "CHAR(3)": same(pa.string(), "", "äöü", TEXT),
    "VARCHAR(10)": same(pa.string(), "", "a\0b", TEXT),
    "STRING": same(pa.string(), "", "𐍈" * 20, TEXT),
    "JSON": same(pa.string(), '{"a": [1, null]}', '"x"'),
    "VARIANT": same(pa.string(), "[1.50]", "{}"),
    "DATE": same(pa.date32(), date(1, 1, 1), date(2024, 2, 29), ("object", "object"), DAYS),
    "DATETIME(6)": same(pa.timestamp("us"), NOON, datetime.max, CLOCK, CLOCK),  # noqa: DTZ901 - a wall clock
    "TIMESTAMPTZ(6)": same(pa.timestamp("us", "UTC"), INSTANT, INSTANT.replace(year=1900), ZONED),
    "TIME(6)": same(pa.float64(), -1.0, 3_020_399_999_999.0, FLOATS),
    "IPV4": Type(pa.string(), ("1.2.3.4", "0.0.0.0"), (IPv4Address("1.2.3.4"), IPv4Address("0.0.0.0"))),
    "IPV6": Type(pa.string(), ("::1", "2001:db8::"), (IPv6Address("::1"), IPv6Address("2001:db8::"))),
    "UUID": Type(pa.string(), (str(ID), str(UUID(int=0))), (ID, UUID(int=0))),
    "VARBINARY": same(pa.binary(), b"", b"\0\xff"),
    "ARRAY<INT>": same(pa.list_(pa.int32()), [], [1, None]),
    "ARRAY<ARRAY<UUID>>": Type(
        pa.list_(pa.list_(pa.string())), ([[str(ID), None]], [None, []]), ([[ID, None]], [None, []])
    ),
    "MAP<STRING, LARGEINT>": Type(
        pa.map_(pa.string(), pa.decimal256(39, 0)), ([("k", D(1)), ("l", None)], []), ({"k": 1, "l": None}, {})
    ),
    "MAP<INT, MAP<STRING, BOOLEAN>>": Type(
        pa.map_(pa.int32(), pa.map_(pa.string(), pa.bool_())),
        ([(1, [("x", True)])], [(2, None)]),
        ({1: {"x": True}}, {2: None}),
    ),
    "STRUCT<a:INT, b:STRING>": same(
        pa.struct([("a", pa.int32()), ("b", pa.string())]), {"a": 1, "b": ""}, {"a": None, "b": None}
    ),
    "STRUCT<a:ARRAY<STRUCT<d:DATE>>, m:MAP<UUID, DECIMAL(5,1)>>": Type(
        pa.struct([("a", pa.list_(pa.struct([("d", pa.date32())]))), ("m", pa.map_(pa.string(), pa.decimal128(5, 1)))]),
        ({"a": [{"d": date(2024, 1, 1)}, None], "m": [(str(ID), D("1.5"))]}, {"a": None, "m": []}),
        ({"a": [{"d": date(2024, 1, 1)}, None], "m": {ID: D("1.5")}}, {"a": None, "m": {}}),
    ),
}

OBJECTS: Final = {
    "row": "def evaluate(v):\n    return v, repr(v)\n",
    "batch_size": "def evaluate(rows):\n    return [(v, repr(v)) for (v,) in rows]\n",
    "list": "def evaluate(v: list):\n    return [(x, repr(x)) for x in v]\n",
    "async": "import asyncio\nasync def evaluate(v):\n    await asyncio.sleep(0)\n    return v, repr(v)\n",
}
"""The modes in which a function gets Python objects; each gives the value back and tells what it was."""

COLUMNS: Final = {
    "pd.Series": "import pandas as pd\ndef evaluate(v: pd.Series):\n    return {}\n",
    "pa.Array": "import pyarrow as pa\ndef evaluate(v: pa.Array):\n    return {}\n",
    "np.ndarray": "import numpy as np\ndef evaluate(v: np.ndarray):\n    return {}\n",
}
"""The modes in which it gets a column."""

COLLECT: Final = """class Collect:
    def __init__(self):
        self.found = []
    def accumulate(self, v):
        self.found.append(v)
    def merge(self, other):
        self.found += other
    @property
    def aggregate_state(self):
        return self.found
    def finish(self):
        return self.found, [repr(v) for v in self.found]
"""


def table(sql: str) -> pa.Table:
    """A batch without and a batch with a NULL."""
    one, other = TYPES[sql].stored
    return pa.table({"v": pa.array([one, other, None, other], TYPES[sql].arrow)})


def stored(sql: str) -> list[Any]:
    """What should come back, as Arrow tells it."""
    one, other = TYPES[sql].stored
    return [one, other, None, other]


def seen(sql: str) -> list[str]:
    """What the function should have seen."""
    one, other = TYPES[sql].seen
    return [repr(one), repr(other), "None", repr(other)]


@pytest.mark.parametrize("mode", OBJECTS)
@pytest.mark.parametrize("sql", TYPES)
def test_scalar_with_objects(w: wb.Workbench, sql: str, mode: str) -> None:
    """Row by row, by tuples, by lists and side by side: Python objects in and out, None for NULL."""
    source = OBJECTS[mode]
    if mode == "list" and sql.startswith("ARRAY"):
        source = "def evaluate(v: list):\n    return v, repr(v)\n"  # at an ARRAY it is the value of a row
    signature = f"f(v {sql}) -> STRUCT<v:{sql}, seen:STRING>"
    f = w.register(source, signature, batch_size=2 if mode == "batch_size" else None)
    out = f.run(table(sql), batch_rows=2).to_arrow()["f"].to_pylist()
    assert [row["v"] for row in out] == stored(sql)
    assert [row["seen"] for row in out] == seen(sql)


@pytest.mark.parametrize("mode", COLUMNS)
@pytest.mark.parametrize("sql", TYPES)
def test_scalar_with_columns(w: wb.Workbench, sql: str, mode: str) -> None:
    """A column that is given back as it came is the same column, with the same NULLs."""
    f = w.register(COLUMNS[mode].format("v"), f"f(v {sql}) -> {sql}")
    out = f.run(table(sql), batch_rows=2).to_arrow()["f"]
    assert out.type == TYPES[sql].arrow
    assert out.to_pylist() == stored(sql)


@pytest.mark.parametrize("mode", COLUMNS)
@pytest.mark.parametrize("sql", TYPES)
def test_what_columns_are(w: wb.Workbench, sql: str, mode: str) -> None:
    """The type of the column without and with a NULL; Arrow's is the storage; objects are those of the contract."""
    type_, name = TYPES[sql], "type" if mode == "pa.Array" else "dtype"
    f = w.register(
        COLUMNS[mode].format(f"[str(v.{name}) + chr(10) + repr(list(v)[1])] * len(v)"), f"f(v {sql}) -> STRING"
    )
    out = [text.split("\n") for text in f.run(table(sql), batch_rows=2).to_arrow()["f"].to_pylist()]
    expected = {"pa.Array": (str(type_.arrow),) * 2, "pd.Series": type_.series, "np.ndarray": type_.ndarray}[mode]
    assert [out[0][0], out[2][0]] == list(expected)
    for index, dtype in enumerate(expected):
        if dtype == "object" and mode != "pa.Array":
            assert out[2 * index][1] == repr(type_.seen[1])


@pytest.mark.parametrize("mode", COLUMNS)
def test_no_column_rounds_a_whole_number(w: wb.Workbench, mode: str) -> None:
    """A BIGINT that no float holds comes back exactly, also beside a NULL, where pandas would make floats."""
    column = [2**63 - 1, None, -(2**53) - 1]
    f = w.register(COLUMNS[mode].format("v"), "f(v BIGINT) -> BIGINT")
    assert f.run(pa.table({"v": column})).to_arrow()["f"].to_pylist() == column


@pytest.mark.parametrize("sql", TYPES)
def test_table_function(w: wb.Workbench, sql: str) -> None:
    """Each row twice, NULL included, in a column of its type."""
    source = "def evaluate(v):\n    yield v, repr(v)\n    yield v, None\n"
    f = w.register(source, f"f(v {sql}) -> ARRAY<STRUCT<same:{sql}, seen:STRING>>")
    out = f.run(table(sql), batch_rows=2).to_arrow()
    assert out["same"].type == TYPES[sql].arrow
    assert out["same"].to_pylist() == [value for value in stored(sql) for _ in range(2)]
    assert out["seen"].to_pylist() == [text for value in seen(sql) for text in (value, None)]


@pytest.mark.parametrize("sql", TYPES)
def test_aggregate(w: wb.Workbench, sql: str) -> None:
    """All values of a group through a state that travels, NULL included; one batch holds both groups."""
    f = w.register(COLLECT, f"f(v {sql}) -> STRUCT<found:ARRAY<{sql}>, seen:ARRAY<STRING>>")
    data = table(sql).append_column("g", pa.array(["x", "y", "x", "x"]))
    out = f.run(data, columns="v", group_by="g", batch_rows=2).to_arrow()
    one, other, null, _ = range(4)
    values, texts = stored(sql), seen(sql)
    assert out["g"].to_pylist() == ["x", "y"]
    assert out["f"].to_pylist() == [
        {"found": [values[at] for at in group], "seen": [texts[at] for at in group]}
        for group in ((one, null, other), (other,))
    ]
