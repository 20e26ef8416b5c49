"""Every mode of a scalar function in a real worker: the same answers, whatever the mode."""

from __future__ import annotations

import math

import pandas as pd
import pyarrow as pa
import pytest

import workbench as wb
from workbench.errors import UdfError, WorkerStartError

FRAME = pd.DataFrame({"a": range(1000), "b": [None if row % 7 == 0 else row / 4 for row in range(1000)]})
EXPECTED = [None if row % 7 == 0 else row + row / 4 for row in range(1000)]
SCORE = "score(a BIGINT, b DOUBLE) -> DOUBLE"
MODES = {
    "row": "def evaluate(a, b):\n    return None if b is None else a + b\n",
    "tuples": "def evaluate(rows):\n    return [None if b is None else a + b for a, b in rows]\n",
    "list": "def evaluate(a: list, b: list):\n    return [None if y is None else x + y for x, y in zip(a, b)]\n",
    "series": "import pandas as pd\ndef evaluate(a: pd.Series, b: pd.Series) -> pd.Series:\n    return a + b\n",
    "mixed": "def evaluate(a: 'pd.Series', b: 'np.ndarray'):\n    return a + b\n",
    "ndarray": "from __future__ import annotations\nimport numpy as np\n"
    "def evaluate(a: np.ndarray, b: np.ndarray):\n    return a + b\n",
    "arrow": "import pyarrow as pa, pyarrow.compute as pc\n"
    "def evaluate(a: pa.Array, b: pa.Array):\n    return pc.add(a, b)\n",
    "async": "import asyncio\nasync def evaluate(a, b):\n    await asyncio.sleep(0.0001)\n"
    "    return None if b is None else a + b\n",
}


@pytest.mark.parametrize("mode", MODES)
def test_each_mode_gives_the_same(w: wb.Workbench, mode: str) -> None:
    """A thousand rows with NULLs, in batches that do not come out even, over two workers."""
    f = w.register(MODES[mode], SCORE, batch_size=32 if mode == "tuples" else None)
    out = f.run(pa.Table.from_pandas(FRAME), batch_rows=300, workers=2).to_arrow()
    assert out["score"].to_pylist() == EXPECTED


def test_a_mode_is_kept_with_the_version(w: wb.Workbench) -> None:
    """The registry knows how a function is called, also for one that was packaged and read again."""
    w.register(MODES["series"], SCORE)
    f = w.function("score")
    assert str(f.spec.mode) == "columns (pd.Series, pd.Series)"
    assert f.call(1, 2.0) == 3.0


def test_errors_of_a_column_call(w: wb.Workbench) -> None:
    """Doris's words under "fail"; else only the row that fails is lost."""
    f = w.register(
        "def evaluate(a: list):\n    return [10 // value for value in a]\n",
        "tenth(a BIGINT) -> BIGINT",
    )
    table = pa.table({"a": [1, 2, 0, 5]})
    with pytest.raises(UdfError, match=r"Error in vectorized UDF at rows 0 to 3.*ZeroDivisionError"):
        f.run(table, on_error="fail").to_arrow()
    run = f.run(table, on_error="null")
    assert run.to_arrow()["tenth"].to_pylist() == [10, 5, None, 2]


def test_errors_of_async_rows(w: wb.Workbench) -> None:
    """Those of rows, in their order."""
    f = w.register("async def evaluate(a):\n    return 10 // a\n", "tenth(a BIGINT) -> BIGINT")
    table = pa.table({"a": [1, 0, 2, 0]})
    with pytest.raises(UdfError, match="Error in scalar UDF execution at row 1"):
        f.run(table, on_error="fail").to_arrow()
    assert f.run(table, on_error="null").to_arrow()["tenth"].to_pylist() == [10, None, 5, None]


def test_no_rows(w: wb.Workbench) -> None:
    """An empty table has a column of the declared type, and the function is not called."""
    f = w.register("def evaluate(a: list):\n    return 1 // 0\n", "never(a BIGINT) -> DOUBLE")
    out = f.run(pa.table({"a": pa.array([], pa.int64())})).to_arrow()
    assert (out.num_rows, out.schema.field("never").type) == (0, pa.float64())


def test_nan_is_a_value_in_arrow_and_null_in_a_series(w: wb.Workbench) -> None:
    """Where NULL has a sign of its own NaN is a number."""
    table = pa.table({"a": [1.0]})
    nan = w.register("def evaluate(a: list):\n    return [float('nan')]\n", "nan(a DOUBLE) -> DOUBLE")
    assert math.isnan(nan.run(table).to_arrow()["nan"].to_pylist()[0])
    null = w.register("def evaluate(a: 'pd.Series'):\n    return a * float('nan')\n", "null1(a DOUBLE) -> DOUBLE")
    assert null.run(table).to_arrow()["null1"].to_pylist() == [None]


def test_without_pandas_the_worker_says_so(w: wb.Workbench) -> None:
    """Loading fails with the module's name and the way out, not at the first batch."""
    source = "import sys\nsys.modules['pandas'] = None\ndef evaluate(a: 'pd.Series'):\n    return a\n"
    f = w.register(source, "lacks(a BIGINT) -> BIGINT")
    with pytest.raises(
        WorkerStartError, match=r"(?s)a parameter is a pd.Series, but this Python has no pandas.*add --requires pandas"
    ):
        f.call(1)
