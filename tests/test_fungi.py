"""Fungi's names: an operator that is fed batch by batch, and the YAML of a pipeline."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from workbench import Workbench, fungi
from workbench.errors import (
    DataError,
    PythonNotFound,
    RestartsExhausted,
    RunClosed,
    ScriptNotFound,
    StdoutPolluted,
    UsageProblem,
)
from workbench.fungi import PythonUdfConfig, PythonUdfStreamingOperator, load_pipeline, pipeline_yaml

DATA = Path(__file__).parent / "data"
HEAD = "import os, sys\nimport pyarrow as pa\nreader = pa.ipc.open_stream(sys.stdin.buffer)\nwriter = None\n"
WRITE = """
def write(batch):
    global writer
    if writer is None:
        writer = pa.ipc.new_stream(sys.stdout.buffer, batch.schema)
    writer.write_batch(batch)
"""


def amounts(*values: int) -> pa.RecordBatch:
    """A batch as the guide's filter wants it."""
    return pa.record_batch({"amount": pa.array(values, pa.int64())})


def script(folder: Path, body: str, name: str = "script.py") -> PythonUdfConfig:
    """A script that reads batches; ``body`` is what it does with them."""
    (folder / name).write_text(HEAD + WRITE + body)
    return PythonUdfConfig.from_file(folder / name)


def values(batches: list[pa.RecordBatch]) -> list[list[int]]:
    """The first column of each batch."""
    return [batch.column(0).to_pylist() for batch in batches]


def test_the_guides_table() -> None:
    """Config, open, an element at a time with a watermark, close: each call returns what belongs to its batch."""
    config = PythonUdfConfig.from_file(DATA / "fungi_transform.py").with_env("THRESHOLD", "100")
    operator = PythonUdfStreamingOperator("my-udf", config)
    operator.open()
    assert values(operator.process_element(amounts(1, 101, 300), 17)) == [[101, 300]]
    assert values(operator.process_element(amounts(5))) == [[]]
    assert values(operator.process_element(amounts(500), watermark=18)) == [[500]]
    assert operator.close() == []
    assert operator.close() == []
    assert repr(operator) == "<PythonUdfStreamingOperator my-udf closed>"


def test_a_script_keeps_its_state_between_elements() -> None:
    """The guide's running average."""
    with PythonUdfStreamingOperator("avg", PythonUdfConfig.from_file(DATA / "fungi_running_average.py")) as operator:
        out = [operator.process_element(pa.record_batch({"value": [value]})) for value in (1, 2, 6)]
    assert [batch.to_pylist() for (batch,) in out] == [[{"avg": 1.0}], [{"avg": 1.5}], [{"avg": 3.0}]]


def test_none_one_or_several_batches_for_one(tmp_path: Path) -> None:
    """And what the script emits after its input belongs to close."""
    body = "for batch in reader:\n    for _ in range(batch.num_rows):\n        write(batch)\nwrite(batch)\n"
    operator = PythonUdfStreamingOperator("repeat", script(tmp_path, body))
    operator.open()
    assert values(operator.process_element(amounts())) == []
    assert values(operator.process_element(amounts(1))) == [[1]]
    assert values(operator.process_element(amounts(1, 2))) == [[1, 2], [1, 2]]
    assert values(operator.close()) == [[1, 2]]


def test_configs_are_immutable() -> None:
    """``with_`` returns a copy; the one it was called on stays as it was."""
    config = PythonUdfConfig.from_zip("my_transform.zip", "main.py")
    changed = config.with_env("A", "1").with_env("B", "2").with_python("3.11")
    assert (config.entry, dict(config.env), config.python) == ("main.py", {}, None)
    assert (changed.entry, dict(changed.env), changed.python) == ("main.py", {"A": "1", "B": "2"}, "3.11")
    with pytest.raises(AttributeError):
        config.entry = "other.py"  # type: ignore[misc]


def test_a_zip_with_an_entry(tmp_path: Path) -> None:
    """The zip's root and its only folder are on the path, and the variables are set."""
    with zipfile.ZipFile(tmp_path / "my_transform.zip", "w") as file:
        file.writestr("my_transform/__init__.py", "")
        file.writestr("my_transform/utils.py", "def keep(x, limit):\n    return x > limit\n")
        file.writestr(
            "my_transform/main.py",
            HEAD
            + WRITE
            + "from my_transform import utils as same\nimport utils\n"
            + "for batch in reader:\n"
            + "    write(batch.filter(pa.array([utils.keep(x, int(os.environ['LIMIT']))"
            + " for x in batch['amount'].to_pylist()])))\n",
        )
    config = PythonUdfConfig.from_zip(tmp_path / "my_transform.zip", "main.py").with_env("LIMIT", "2")
    with PythonUdfStreamingOperator("zip", config) as operator:
        assert values(operator.process_element(amounts(1, 2, 3))) == [[3]]


def test_a_crash_is_repaired(tmp_path: Path) -> None:
    """The batch is sent again to a new process; the crash and the restart are in the events."""
    body = (
        "for batch in reader:\n"
        "    if batch['amount'][0].as_py() == 2 and not os.path.exists(os.environ['MARK']):\n"
        "        open(os.environ['MARK'], 'w').close()\n"
        "        os.abort()\n"
        "    write(batch)\n"
    )
    config = script(tmp_path, body).with_env("MARK", str(tmp_path / "mark"))
    with PythonUdfStreamingOperator("crash", config) as operator:
        assert [values(operator.process_element(amounts(n))) for n in (1, 2, 3)] == [[[1]], [[2]], [[3]]]
        assert operator.record.restarts == 1
        events = operator.events
        assert list(events[events.kind == "crashed"].signal) == ["SIGABRT"]


def test_a_script_that_always_dies_gives_up(tmp_path: Path) -> None:
    """After as many restarts as it may have; the error stays, and closing is quiet."""
    config = script(tmp_path, "for batch in reader:\n    os._exit(7)\n")
    operator = PythonUdfStreamingOperator("dies", PythonUdfConfig(config.source, max_restarts=1))
    operator.open()
    for _ in range(2):
        with pytest.raises(RestartsExhausted, match="after 1 restart"):
            operator.process_element(amounts(1))
    assert operator.close() == []


def test_invalid_output_is_logged_and_skipped(tmp_path: Path) -> None:
    """An empty list for that batch; the others are as they should be."""
    body = (
        "for batch in reader:\n"
        "    if batch['amount'][0].as_py() == 2:\n"
        "        print('oops')\n"
        "    else:\n"
        "        write(batch)\n"
    )
    with PythonUdfStreamingOperator("prints", script(tmp_path, body)) as operator:
        assert [values(operator.process_element(amounts(n))) for n in (1, 2, 3)] == [[[1]], [], [[3]]]
        assert (operator.record.skipped, operator.record.skipped_rows) == (1, 1)
        skipped = operator.events.query("kind == 'skipped'")
        assert list(skipped.batch) == [1]
        assert "oops" in skipped.detail.iloc[0]


def test_invalid_output_may_fail(tmp_path: Path) -> None:
    """Under on_invalid="fail" it is the error that it is."""
    config = script(tmp_path, "for batch in reader:\n    print('oops')\n")
    operator = PythonUdfStreamingOperator("prints", PythonUdfConfig(config.source, on_invalid="fail"))
    with operator, pytest.raises(StdoutPolluted):
        operator.process_element(amounts(1))


def test_what_is_missing_fails_fast(tmp_path: Path) -> None:
    """Script, entry and interpreter, when the operator is opened."""
    config = PythonUdfConfig.from_file(DATA / "fungi_transform.py")
    with pytest.raises(ScriptNotFound, match=r"nope\.py does not exist; no worker was started"):
        PythonUdfStreamingOperator("s", PythonUdfConfig.from_file(tmp_path / "nope.py")).open()
    with pytest.raises(PythonNotFound, match=r"python3\.77"):
        PythonUdfStreamingOperator("p", config.with_python("python3.77")).open()
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as file:
        file.writestr("main.py", HEAD)
    with pytest.raises(ScriptNotFound, match=r"other\.py"):
        PythonUdfStreamingOperator("z", PythonUdfConfig.from_zip(tmp_path / "z.zip", "other.py")).open()


def test_an_operator_is_open_once() -> None:
    """Before open, after close and a second open: each says what to do."""
    operator = PythonUdfStreamingOperator("once", PythonUdfConfig.from_file(DATA / "fungi_transform.py"))
    with pytest.raises(RunClosed, match="is not open"):
        operator.process_element(amounts(1))
    operator.open()
    with pytest.raises(RunClosed, match="was opened before"):
        operator.open()
    operator.close()
    with pytest.raises(RunClosed):
        operator.process_element(amounts(1))
    with pytest.raises(RunClosed):
        operator.open()


def test_all_batches_have_the_columns_of_the_first() -> None:
    """The error lists both, and the operator goes on."""
    with PythonUdfStreamingOperator("s", PythonUdfConfig.from_file(DATA / "fungi_transform.py")) as operator:
        operator.process_element(amounts(1))
        with pytest.raises(DataError, match="other columns than the first: x int64\n  the first has amount int64"):
            operator.process_element(pa.record_batch({"x": [1]}))
        assert values(operator.process_element(amounts(200))) == [[200]]


def test_what_is_no_batch_is_refused() -> None:
    """A table is not a batch; the operator goes on."""
    config = PythonUdfConfig.from_file(DATA / "fungi_transform.py")
    with PythonUdfStreamingOperator("op", config) as op:
        with pytest.raises(DataError, match=r"op: a Table is no batch\n  give a pyarrow.RecordBatch"):
            op.process_element(pa.table({"amount": [1]}))
        assert [b.num_rows for b in op.process_element(pa.record_batch({"amount": [1, 200]}))] == [1]


def test_an_error_in_the_with_block_ends_the_script(tmp_path: Path) -> None:
    """At once; the process does not outlive it, whatever it is doing."""
    config = script(tmp_path, "import time\nfor batch in reader:\n    write(batch)\ntime.sleep(600)\n")
    with pytest.raises(KeyError), PythonUdfStreamingOperator("s", config) as operator:  # noqa: PT012
        operator.process_element(amounts(1))
        pid = int(operator.events.pid.dropna().iloc[0])
        raise KeyError
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


# -- pipelines ---------------------------------------------------------------------------------------------------------


def pipeline(folder: Path, text: str) -> Path:
    """A YAML file."""
    path = folder / "pipeline.yaml"
    path.write_text(text)
    return path


def test_a_pipeline_is_read(tmp_path: Path) -> None:
    """Source relative to the YAML; variables as text; other sections of the pipeline are passed over."""
    config = load_pipeline(
        pipeline(
            tmp_path,
            "source: {type: kafka}\n"
            "transform:\n  type: python\n  source: sub/my_transform.zip\n  entry: main.py\n  python: python3\n"
            "  env:\n    THRESHOLD: 100\n    RATE: 0.5\n    DEBUG: true\n    'ON': 'x'\n",
        )
    )
    assert config == PythonUdfConfig(
        tmp_path / "sub/my_transform.zip",
        "main.py",
        "python3",
        {"THRESHOLD": "100", "RATE": "0.5", "DEBUG": "true", "ON": "x"},
    )


def test_the_shortest_pipeline(tmp_path: Path) -> None:
    """Type and source are enough; an absolute source stays as it is."""
    path = pipeline(tmp_path, "transform: {type: python, source: /srv/t.py}")
    assert load_pipeline(path) == PythonUdfConfig(Path("/srv/t.py"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there is no section 'transform'"),
        ("[1, 2]", "there is no section 'transform'"),
        ("transform: x", "there is no section 'transform'"),
        ("transform: {source: t.py}", "the type of the transform is None"),
        ("transform: {type: sql, source: t.py}", "the type of the transform is 'sql'"),
        ("transform: {type: python}", "source must be text"),
        ("transform: {type: python, source: 7}", "source must be text"),
        ("transform: {type: python, source: t.zip, entry: [a]}", "entry must be text"),
        ("transform: {type: python, source: t.py, python: 3.11}", "python must be text"),
        ("transform: {type: python, source: t.py, evn: {}}", "unknown key 'evn'; did you mean env?"),
        ("transform: {type: python, source: t.py, 7: 1}", "unknown key 7"),
        ("transform: {type: python, source: t.py, env: [A]}", "env must hold one KEY: value a line"),
        ("transform: {type: python, source: t.py, env: {A: [1]}}", "env: A must be text or a number"),
        ("transform: {type: python, source: t.py, env: {A: }}", "env: A must be text or a number"),
        ("transform: {type: python, source: t.py, env: {ON: 1}}", "a name is read as True; put it in quotes"),
        ("transform: {type: python", "is not YAML"),
        ("a: !!python/object/apply:os.getpid []", "is not YAML"),
    ],
)
def test_a_pipeline_that_is_wrong_is_an_error_with_a_way_out(tmp_path: Path, text: str, words: str) -> None:
    """The key, what is wrong with it, and what a right one looks like."""
    with pytest.raises(UsageProblem) as caught:
        load_pipeline(pipeline(tmp_path, text))
    assert words in str(caught.value)
    assert "pipeline.yaml" in str(caught.value)


def test_a_missing_pipeline_is_an_error(tmp_path: Path) -> None:
    """Named."""
    with pytest.raises(UsageProblem, match=r"nope\.yaml does not exist"):
        load_pipeline(tmp_path / "nope.yaml")


def test_what_is_written_reads_back(w: Workbench, tmp_path: Path) -> None:
    """A script's YAML runs its own package: entry below the top folder, variables and interpreter."""
    function = w.register(DATA / "fungi_transform.py", env={"B": "2", "A": "1"}, python="3.11")
    function.package(tmp_path / "t.zip")
    text = pipeline_yaml(function, "t.zip")
    assert yaml.safe_load(text)["transform"]["entry"] == "fungi_transform.py"
    config = load_pipeline(pipeline(tmp_path, text))
    assert config == PythonUdfConfig(tmp_path / "t.zip", "fungi_transform.py", "3.11", {"A": "1", "B": "2"})
    with PythonUdfStreamingOperator("t", config) as operator:
        assert values(operator.process_element(amounts(1, 1000))) == [[1000]]


def test_only_scripts_are_operators(w: Workbench) -> None:
    """A function goes to Doris."""
    function = w.register("def evaluate(a):\n    return a\n", "same(a INT) -> INT")
    with pytest.raises(UsageProblem, match="same is a udf"):
        pipeline_yaml(function, "same.zip")


def test_the_public_names() -> None:
    """``wb.fungi`` offers what the guide names, and the two sides of the YAML."""
    assert sorted(fungi.__all__) == [
        "PythonUdfConfig",
        "PythonUdfStreamingOperator",
        "load_pipeline",
        "pipeline_yaml",
    ]
