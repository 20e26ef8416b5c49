"""Plans: what is to be done to have a function in Doris or Fungi, and what the target refuses or does otherwise."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import workbench as wb
from workbench.cli import main
from workbench.errors import PackageError, UsageProblem

SCORE = "import numpy\ndef evaluate(a):\n    return a + 1\n"
SIGNATURE = "score(a INT) -> INT"
SCRIPT = """
import sys
import pyarrow as pa
reader = pa.ipc.open_stream(sys.stdin.buffer)
writer = None
for batch in reader:
    writer = writer or pa.ipc.new_stream(sys.stdout.buffer, batch.schema)
    writer.write_batch(batch)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project of two files, one of which is imported."""
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "score.py").write_text("import near, requests\ndef evaluate(a):\n    return a\n")
    (tmp_path / "project" / "near.py").write_text("")
    return tmp_path / "project"


def said(plan: Any, grade: str) -> list[str]:
    """The differences of one grade."""
    return [one.text for one in plan.differences if one.grade == grade]


def test_one_file_travels_inside_of_the_statement(w: wb.Workbench) -> None:
    """One step, no files; what the cluster must have is noted."""
    plan = w.register(SCORE, SIGNATURE).plan()
    assert plan.ok
    assert [step.title for step in plan.steps] == ["run this in Doris"]
    assert "AS $$" in plan.steps[0].text
    assert plan.files == {}
    version, packages = said(plan, "note")
    assert "SHOW PYTHON VERSIONS" in version
    assert packages.startswith("that Python must have numpy:")


def test_several_files_travel_as_a_zip(w: wb.Workbench, folder: Path, tmp_path: Path) -> None:
    """The very bytes of the package, and a statement with its URL; both are written where one asks for them."""
    f = w.register(folder, SIGNATURE, symbol="score.evaluate")
    plan = f.plan(file="https://example.com/a/score.zip")
    assert [step.title for step in plan.steps] == [
        "copy the package to where every server can read it",
        "run this in Doris",
    ]
    assert said(plan, "note")[1].startswith("that Python must have requests:"), "near is its own"
    written = plan.write(tmp_path / "out")
    assert sorted(path.name for path in written) == ["score.sql", "score.zip"]
    assert (tmp_path / "out" / "score.zip").read_bytes() == f.package(tmp_path / "same.zip").read_bytes()
    assert '"file" = "https://example.com/a/score.zip"' in (tmp_path / "out" / "score.sql").read_text()


def test_the_statement_of_a_plan_registers_the_function_again(w: wb.Workbench, tmp_path: Path) -> None:
    """What is handed over runs: the zip, under the SQL's symbol, gives the same rows."""
    f = w.register(SCORE, SIGNATURE)
    f.plan("doris-proposal", file="score.zip").write(tmp_path / "out")
    with wb.Workbench(tmp_path / "there") as there:
        again = there.register(tmp_path / "out" / "score.zip")
        assert again.run(pd.DataFrame({"a": [1, 2]})).to_pandas()["score"].tolist() == [2, 3]


@pytest.mark.parametrize(
    ("code", "options", "target", "reason"),
    [
        pytest.param(SCRIPT, {"kind": "script", "name": "t"}, "doris", "is a script", id="a-script-in-doris"),
        pytest.param(SCORE, {"signature": SIGNATURE}, "fungi", "an operator of Fungi is a script", id="a-udf-in-fungi"),
        pytest.param(
            SCORE.replace("evaluate", "score"),
            {"signature": SIGNATURE},
            "doris-proposal",
            "the proposal calls",
            id="name",
        ),
    ],
)
def test_what_a_target_refuses(
    w: wb.Workbench, tmp_path: Path, *, code: str, options: Any, target: str, reason: str
) -> None:
    """The reason, and neither steps nor files; writing such a plan is refused."""
    plan = w.register(code, **options).plan(target)
    assert not plan.ok
    assert reason in said(plan, "refused")[0]
    assert (plan.steps, plan.files) == ((), {})
    assert plan.lines()[1] == "it cannot be handed over:"
    with pytest.raises(UsageProblem, match=f"cannot be handed over to {target}"):
        plan.write(tmp_path)


def test_a_forbidden_module_name_is_refused_for_doris(w: wb.Workbench, tmp_path: Path) -> None:
    """It would shadow what Doris's own server imports."""
    (tmp_path / "json.py").write_text(SCORE)
    with pytest.warns(UserWarning, match="is not allowed for UDFs"):
        f = w.register(tmp_path / "json.py", SIGNATURE)
    assert said(f.plan(file="https://example.com/json.zip"), "refused") == [
        (
            "module name 'json' is not allowed for UDFs: Doris's Python server uses a module of that name; "
            "rename the file or folder"
        )
    ]


def test_what_doris_does_otherwise_is_told(w: wb.Workbench) -> None:
    """Modes and variables that it does not have."""
    f = w.register("async def evaluate(a):\n    return a\n", SIGNATURE, env={"KEY": "v"})
    async_def, variables = said(f.plan(), "different")
    assert "async def" in async_def
    assert "KEY" in variables


def test_a_script_goes_to_fungi_with_its_pipeline(w: wb.Workbench, tmp_path: Path) -> None:
    """A zip with one top folder, and a YAML that names zip and entry; the pair runs here as it stands."""
    plan = w.register(SCRIPT, kind="script", name="echo", env={"A": "1"}).plan("fungi")
    assert plan.ok
    written = {path.name: path for path in plan.write(tmp_path / "out")}
    assert zipfile.ZipFile(io.BytesIO(written["echo.zip"].read_bytes())).namelist() == [
        "echo/echo.py",
        "workbench.json",
    ]
    assert written["echo.yaml"].read_text() == (
        "transform:\n  type: python\n  source: echo.zip\n  entry: echo.py\n  env:\n    A: '1'\n"
    )
    (tmp_path / "in.csv").write_text("a\n1\n2\n")
    home = ["--home", str(tmp_path / "home")]
    command = ["run", "--config", str(written["echo.yaml"]), "--input", str(tmp_path / "in.csv"), "--quiet", *home]
    assert main([*command, "--output", str(tmp_path / "out.csv")]) == 0
    assert (tmp_path / "out.csv").read_text() == '"a"\n1\n2\n'


def test_from_the_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The plan on standard output, the files where they are asked for; status 1 where the target refuses."""
    home = ["--home", str(tmp_path / "home")]
    with wb.Workbench(tmp_path / "home") as there:
        there.register(SCORE, SIGNATURE)
    assert main(["deploy", "score", *home, "-o", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.startswith("score(a INT) -> INT  UDF  v1  for doris\nnothing has been applied")
    assert (tmp_path / "out" / "score.sql").is_file()
    assert main(["deploy", "score", *home, "--target", "fungi"]) == 1
    assert main(["deploy", "score", *home, "--target", "nowhere"]) == 1
    assert "choose one of doris, doris-proposal, fungi" in capsys.readouterr().err


@pytest.mark.parametrize("file", ["not a url", "", "https://", "ftp://a/b.zip", "score.txt", "file://there/x.zip"])
def test_what_no_cluster_can_fetch_is_named(w: wb.Workbench, file: str) -> None:
    """For a plan as for the statement alone; a pipeline of Fungi names a path."""
    f = w.register(SCORE, SIGNATURE)
    for made in (lambda: f.plan(file=file), lambda: f.plan("doris-proposal", file=file), lambda: f.ddl(file=file)):
        with pytest.raises(UsageProblem, match=re.escape(f"file is {file!r}, from which Doris can fetch nothing")):
            made()
    assert not f.plan("fungi", file=file).ok  # it is no script, and that is all


def test_a_folder_that_cannot_be_written_is_named(w: wb.Workbench, tmp_path: Path) -> None:
    """With the way out."""
    (tmp_path / "file").write_text("")
    with pytest.raises(PackageError, match="file: File exists"):
        w.register(SCORE, SIGNATURE).plan().write(tmp_path / "file")
