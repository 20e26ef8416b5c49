"""Data goes through live subprocesses and comes back right: each kind against a reference that knows nothing of us."""

from __future__ import annotations

import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import workbench as wb
from workbench.errors import DataError, RunClosed

ROWS = 10_000

MEAN = """
class Mean:
    def __init__(self):
        self.total = 0
        self.count = 0
    def accumulate(self, v):
        if v is not None:
            self.total += v
            self.count += 1
    def merge(self, other):
        self.total += other["total"]
        self.count += other["count"]
    @property
    def aggregate_state(self):
        return {"total": self.total, "count": self.count}
    def finish(self):
        return self.total / self.count if self.count else None
"""

FILTER = """
import sys
import pyarrow as pa
reader = pa.ipc.open_stream(sys.stdin.buffer)
writer = None
for batch in reader:
    result = batch.filter(pa.compute.greater(batch['amount'], 100))
    if writer is None:
        writer = pa.ipc.new_stream(sys.stdout.buffer, result.schema)
    writer.write_batch(result)
"""


@pytest.fixture(scope="module")
def table() -> pa.Table:
    """Whole numbers and text, one in ten of each NULL."""
    random = np.random.default_rng(7)
    numbers = [None if row % 10 == 3 else int(value) for row, value in enumerate(random.integers(-1000, 1000, ROWS))]
    words = [None if row % 10 == 6 else "wörd-" * int(n) for row, n in enumerate(random.integers(0, 4, ROWS))]
    return pa.table({"n": pa.array(numbers, pa.int32()), "s": words, "row": range(ROWS)})


@pytest.mark.parametrize("workers", [1, 2])
def test_a_udf_equals_the_plain_function(w: wb.Workbench, table: pa.Table, workers: int) -> None:
    """Every row has its own result, in input order; the input columns come along."""

    def label(n: int | None, s: str | None) -> str | None:
        return None if n is None or s is None else f"{s}{n}"

    f = w.register(
        'def evaluate(n, s):\n    return None if n is None or s is None else f"{s}{n}"\n',
        "label(n INT, s STRING) -> STRING",
    )
    out = f.run(table, batch_rows=700, workers=workers).to_arrow()
    assert out.drop_columns(["label"]).equals(table)
    assert out["label"].to_pylist() == [
        label(n, s) for n, s in zip(table["n"].to_pylist(), table["s"].to_pylist(), strict=True)
    ]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_udtf_equals_explode(w: wb.Workbench, table: pa.Table, workers: int) -> None:
    """The rows of each input row, in order; an input row without output is not there."""
    f = w.register(
        "def evaluate(s):\n    for n, part in enumerate((s or '').split('-')):\n"
        "        if part:\n            yield part, n\n",
        "words(s STRING) -> ARRAY<STRUCT<part STRING, n2 INT>>",
    )
    out = f.run(table, batch_rows=700, workers=workers).to_pandas()
    frame = table.to_pandas()
    frame["part"] = frame["s"].fillna("").str.split("-")
    expected = frame.explode("part").query("part != ''")
    assert out["row"].tolist() == expected["row"].tolist()
    assert out["part"].tolist() == expected["part"].tolist()
    assert out["n2"].tolist() == expected.groupby("row").cumcount().tolist()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_udaf_equals_group_by(w: wb.Workbench, workers: int) -> None:
    """1 M rows in 1,000 groups, with NULLs: pandas gives the same means, and the state of each group is visible."""
    count = 1_000_000
    numbers = np.random.default_rng(3).integers(0, 1000, count)
    data = pa.table({"g": np.arange(count) % 1000, "v": pa.array(numbers, mask=numbers % 17 == 0)})
    f = w.register(MEAN, "mean(v BIGINT) -> DOUBLE")
    run = f.run(data, group_by="g", workers=workers)
    out = run.to_pandas()
    expected = data.to_pandas().groupby("g", sort=False)["v"].mean()
    assert out["g"].tolist() == expected.index.tolist()
    assert np.allclose(out["mean"], expected)
    last = run.state.drop_duplicates("g", keep="last").set_index("g")
    assert len(last) == 1000
    chosen = data.to_pandas().query("g == 77")["v"]
    assert last.loc[77, "state"] == f'{{"total": {int(chosen.sum())}, "count": {chosen.count()}}}'
    assert float(str(last.loc[77, "result"])) == pytest.approx(chosen.mean())


def test_the_state_is_seen_after_each_batch(w: wb.Workbench) -> None:
    """Batch, result, state and what changed, as on the screens of the design; ours are not hidden by group columns."""
    f = w.register(MEAN, "mean(v INT) -> DOUBLE")
    run = f.run(pd.DataFrame({"v": [10, 20, 30, 60], "state": ["x"] * 4}), group_by="state", batch_rows=2).wait()
    assert run.state.values.tolist() == [
        [0, "x", "15.0", '{"total": 30, "count": 2}', "new"],
        [1, "x", "30.0", '{"total": 120, "count": 4}', "total, count"],
    ]
    assert run.state.columns.tolist() == ["batch", "input_state", "result", "state", "changed"]


def test_no_rows(w: wb.Workbench) -> None:
    """An empty frame: no rows of a udf or udtf, no groups, but one row of an aggregate without groups."""
    empty = pd.DataFrame({"v": pd.Series([], dtype="int64"), "g": pd.Series([], dtype="str")})
    assert w.register("def evaluate(v):\n    return v\n", "same(v INT) -> INT").run(empty).to_pandas().empty
    assert w.register("def evaluate(v):\n    yield v\n", "each(v INT) -> ARRAY<INT>").run(empty).to_pandas().empty
    mean = w.register(MEAN, "mean(v INT) -> DOUBLE")
    assert mean.run(empty, group_by="g").to_arrow().to_pylist() == []
    assert mean.run(empty).to_arrow().to_pylist() == [{"mean": None}]
    only_null = pd.DataFrame({"v": [None, None]})
    assert mean.run(only_null).to_arrow().to_pylist() == [{"mean": None}]
    keep = w.register(FILTER, name="keep")
    assert keep.run(pd.DataFrame({"amount": [1, 2]})).to_arrow().schema.names == ["amount"]
    assert keep.run(pd.DataFrame({"amount": pd.Series([], dtype="int64")})).to_arrow().num_rows == 0


def test_a_script_that_emits_nothing_has_an_empty_result(w: wb.Workbench) -> None:
    """It told no columns, so there are none."""
    f = w.register("import sys\nsys.stdin.buffer.read()\n", name="swallow")
    run = f.run(pd.DataFrame({"a": [1]}))
    assert run.to_arrow().shape == (0, 0)
    assert run.status == "completed"


def test_the_filter_script_of_the_guide(w: wb.Workbench) -> None:
    """As printed, over batches of which some keep nothing."""
    amounts = np.arange(5_000) % 211
    run = w.register(FILTER, name="keep").run(pd.DataFrame({"amount": amounts}), batch_rows=100)
    assert run.to_pandas()["amount"].tolist() == amounts[amounts > 100].tolist()


def test_the_columns_of_a_script_can_be_chosen(w: wb.Workbench) -> None:
    """A script sees the columns that are named, in that order."""
    f = w.register(FILTER, name="keep")
    frame = pd.DataFrame({"x": ["a", "b"], "amount": [1, 200]})
    assert f.run(frame, columns="amount").to_arrow().to_pylist() == [{"amount": 200}]
    with pytest.raises(DataError, match=r"columns: there is no column 'y'\n  the data has x, amount"):
        f.run(frame, columns=["y"])


def test_the_zip_of_the_guide(w: wb.Workbench, tmp_path: Path) -> None:
    """``entry: main.py`` of my_transform.zip; both ways to import its utils work, and data files lie beside them."""
    main = FILTER.replace("import sys", "import sys\nimport utils\nfrom my_transform import utils as same").replace(
        "100", "utils.LIMIT"
    )
    path = tmp_path / "my_transform.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("my_transform/__init__.py", "")
        archive.writestr("my_transform/main.py", main)
        archive.writestr(
            "my_transform/utils.py", "import os\nLIMIT = int(open(os.path.join(os.path.dirname(__file__), 'n')).read())"
        )
        archive.writestr("my_transform/n", "150")
    f = w.register(path, entry="main.py")
    assert f.run(pd.DataFrame({"amount": [120, 160]})).to_arrow().to_pylist() == [{"amount": 160}]


@pytest.mark.parametrize("layout", ["root", "nested", "proposal", "folder"])
def test_packages_of_doris_run(w: wb.Workbench, tmp_path: Path, layout: str) -> None:
    """``mod.func``, ``pkg.sub.mod.func`` with a relative import and no ``__init__``, the proposal's file, a folder."""
    code = "def {name}(a):\n    return a + 1\n"
    contents, symbol = {
        "root": ({"mod.py": code.format(name="func")}, "mod.func"),
        "nested": ({"pkg/sub/mod.py": "from .other import func\ndef go(a):\n    return func(a)\n"}, "pkg.sub.mod.go"),
        "proposal": ({"get_result.py": code.format(name="evaluate")}, "get_result"),
        "folder": ({"get_result.py": code.format(name="evaluate"), "x.py": ""}, "get_result"),
    }[layout]
    if layout == "nested":
        contents["pkg/sub/other.py"] = code.format(name="func")
    path = tmp_path / "udf.zip"
    if layout == "folder":
        path = tmp_path / "udf"
        path.mkdir()
        for name, text in contents.items():
            (path / name).write_text(text)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in contents.items():
                archive.writestr(name, text)
    assert w.register(path, "inc(a INT) -> INT", symbol=symbol).call(1) == 2


# -- the examples of the proposal --------------------------------------------------------------------------------------


def test_the_scalar_example_of_the_proposal(w: wb.Workbench) -> None:
    """With a body for "User-defined processing logic"."""
    f = w.register(
        "def evaluate(arg1, arg2):\n    # User-defined processing logic\n    processed_result = arg1 * arg2\n"
        "    return processed_result\n",
        "my_python_udf(INT, INT) RETURNS INT",
    )
    assert f.run(pd.DataFrame({"x": [2, 3], "y": [5, 7]})).to_pandas()["my_python_udf"].tolist() == [10, 21]


def test_the_table_example_of_the_proposal(w: wb.Workbench) -> None:
    """Split a text by a delimiter, one row each."""
    f = w.register(
        "def evaluate(text, delimiter):\n    # Split string by delimiter and return multiple results\n"
        "    for item in text.split(delimiter):\n        yield item\n",
        "my_python_udtf(STRING, STRING) RETURNS ARRAY<STRING>",
    )
    frame = pd.DataFrame({"t": ["a,b", "c"], "d": [",", ","]})
    assert f.run(frame).to_pandas()["my_python_udtf"].tolist() == ["a", "b", "c"]


def test_the_batch_example_of_the_proposal(w: wb.Workbench) -> None:
    """``batch_size`` 32 and a pool of 32 threads: the rows of one call wait together, not one after the other."""
    f = w.register(
        "import time\nfrom concurrent.futures import ThreadPoolExecutor\n\ndef handle(arg1, arg2):\n"
        "    time.sleep(0.02)\n    return len(arg1) + int(arg2)\n\n"
        "def evaluate(batch_args) -> list[int]:\n    # Multi-threaded processing example for batch inputs\n"
        "    with ThreadPoolExecutor(max_workers=32) as executor:\n"
        "        # Process each row in batch_args using thread pool\n"
        "        futures = [executor.submit(handle, arg1, arg2) for (arg1, arg2) in batch_args]\n"
        "        return [f.result() for f in futures]\n",
        "batch_process(STRING, FLOAT) RETURNS INT",
        batch_size=32,
    )
    frame = pd.DataFrame({"s": ["x" * n for n in range(200)], "f": np.arange(200, dtype="float32")})
    began = time.monotonic()
    assert f.run(frame).to_pandas()["batch_process"].tolist() == [2 * n for n in range(200)]
    assert time.monotonic() - began < 200 * 0.02, "row by row it would take 4 s"


# -- streaming ---------------------------------------------------------------------------------------------------------


def test_10_mb_texts_come_back(w: wb.Workbench) -> None:
    """50 of them are cut into batches by their bytes; each has its own result."""
    texts = [chr(65 + row % 26) * (10 << 20) for row in range(50)]
    f = w.register("def evaluate(s):\n    return s[:1] + str(len(s))\n", "head(s STRING) -> STRING")
    run = f.run(pa.record_batch({"s": texts}))
    heads = [value for batch in run.batches() for value in batch["head"].to_pylist()]
    assert heads == [f"{text[0]}{10 << 20}" for text in texts]
    assert run.record.batches_in > 10
    echo = w.register("def evaluate(s):\n    return s\n", "echo(s STRING) -> STRING")
    assert echo.call(texts[0]) == texts[0]


@pytest.mark.parametrize("kind", ["udf", "script"])
def test_an_answer_comes_before_the_next_batch_is_made(
    w: wb.Workbench, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The source waits for the output of a batch before it makes the next; nothing is buffered on the way."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    arrived = threading.Semaphore(0)

    def source() -> Iterator[pa.RecordBatch]:
        for number in range(5):
            yield pa.record_batch({"amount": [1000 + number]})
            assert arrived.acquire(timeout=20), "the answer did not arrive"

    code = FILTER if kind == "script" else "def evaluate(amount):\n    return amount\n"
    f = w.register(code, None if kind == "script" else "same(amount BIGINT) -> BIGINT", name="same")
    got = []
    for batch in f.run(source()).batches():
        got += batch["amount"].to_pylist()
        arrived.release()
    assert got == [1000, 1001, 1002, 1003, 1004]


def test_an_endless_source_is_read_no_further_than_a_window(w: wb.Workbench) -> None:
    """Who takes three batches makes the source produce a handful, and closing keeps the worker for the next run."""
    made: list[int] = []

    def endless() -> Iterator[pa.RecordBatch]:
        while True:
            made.append(len(made))
            yield pa.record_batch({"a": [len(made)]})

    f = w.register("import os\ndef evaluate(a):\n    return os.getpid()\n", "pid(a BIGINT) -> BIGINT")
    with f.run(endless()) as run:
        stream = run.batches()
        pids = {next(stream)["pid"][0].as_py() for _ in range(3)}
        assert run.status == "running"
    assert run.status == "closed"
    assert len(made) < 12
    assert f.run(pd.DataFrame({"a": [1]})).to_pandas()["pid"].tolist() == list(pids)


def test_results_come_in_order_whoever_is_slow(w: wb.Workbench) -> None:
    """Two workers of uneven speed: the result is in input order, and both worked."""
    f = w.register(
        "import os, time\ndef evaluate(a):\n    time.sleep(0.02 if a % 3 == 0 else 0)\n    return os.getpid()\n",
        "pid(a INT) -> BIGINT",
    )
    f.start(2)
    out = f.run(pd.DataFrame({"a": range(30)}), batch_rows=1, workers=2).to_pandas()
    assert out["a"].tolist() == list(range(30))
    assert out["pid"].nunique() == 2


def test_results_may_be_asked_for_again(w: wb.Workbench) -> None:
    """`to_arrow` may be repeated, `batches` after it too; what was streamed is gone, and says so."""
    f = w.register("def evaluate(a):\n    return a\n", "same(a INT) -> INT")
    frame = pd.DataFrame({"a": [1, 2]})
    run = f.run(frame)
    assert run.to_arrow() is run.to_arrow()
    assert run.wait() is run
    assert [batch.num_rows for batch in run.batches()] == [2]
    streamed = f.run(frame)
    assert sum(batch.num_rows for batch in streamed.batches()) == 2
    with pytest.raises(RunClosed, match="same: the results of this run were streamed, not kept"):
        streamed.to_arrow()
    with pytest.raises(RunClosed, match="same: the results of this run were streamed already"):
        next(streamed.batches())


def test_metrics_and_logs_tell_of_each_batch(w: wb.Workbench) -> None:
    """Rows in and out, seconds; what was printed stands in the log with its batch, in order."""
    f = w.register(
        "import sys\ndef evaluate(a):\n    print('row', a)\n    print('bad', a, file=sys.stderr)\n    return a\n",
        "loud(a INT) -> INT",
    )
    run = f.run(pd.DataFrame({"a": range(4)}), batch_rows=2).wait()
    assert run.metrics[["batch", "rows_in", "rows_out"]].values.tolist() == [[0, 2, 2], [1, 2, 2]]
    assert (run.metrics["latency"] >= run.metrics["seconds"]).all()
    out = run.logs[run.logs["stream"] == "stdout"]
    assert out["text"].tolist() == [f"row {n}" for n in range(4)]
    assert set(run.logs["stream"]) == {"stdout", "stderr"}
    assert f.logs.equals(run.logs)


def test_a_worker_has_no_variable_that_it_was_not_given(w: wb.Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the function's env says, what an interpreter needs, and nothing else of ours."""
    monkeypatch.setenv("SECRET_TOKEN", "do not tell")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    code = "import os, json\ndef evaluate():\n    return json.dumps(dict(os.environ))\n"
    seen = w.register(code, "seen() -> STRING", env={"THRESHOLD": "100"}).call()
    script = w.register(
        "import sys, os, json, pyarrow as pa\nsys.stdin.buffer.read()\n"
        "out = pa.record_batch({'env': [json.dumps(dict(os.environ))]})\n"
        "pa.ipc.new_stream(sys.stdout.buffer, out.schema).write_batch(out)\n",
        name="environ",
        env={"THRESHOLD": "100"},
    )
    for text in (seen, script.run(pd.DataFrame({"a": [1]})).to_arrow()["env"][0].as_py()):
        assert '"THRESHOLD": "100"' in text
        assert "SECRET_TOKEN" not in text
        assert "/nowhere" not in text
        assert "WORKBENCH" not in text


def test_a_listener_is_told_of_each_batch(w: wb.Workbench) -> None:
    """Whoever draws a run hears of it while it goes on."""
    f = w.register("def evaluate(a):\n    return a\n", "same(a INT) -> INT")
    run = f.run(pd.DataFrame({"a": range(6)}), batch_rows=2)
    heard: list[Any] = []
    run.listeners.append(lambda told: heard.append(told.record.rows_in))
    run.wait()
    assert sorted(set(heard)) == [2, 4, 6]


def test_arrow_arrays_may_be_kept(w: wb.Workbench) -> None:
    """What a function keeps of a batch stays what it was, also when the batch came through shared memory."""
    code = "import pyarrow as pa\nKEPT = []\ndef evaluate(a: pa.Array):\n    KEPT.append(a)\n    return KEPT[0]\n"
    f = w.register(code, "first(a BIGINT) -> BIGINT")
    rows = 20_000
    batches = [pa.RecordBatch.from_pydict({"a": pa.array(range(n, n + rows), pa.int64())}) for n in range(5)]
    out = f.run(batches).to_arrow()
    assert out["first"].to_pylist() == list(range(rows)) * 5
