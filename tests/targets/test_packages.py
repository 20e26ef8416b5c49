"""What a cluster has installed, as Doris or a client of it prints that, against what a function needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import workbench as wb
from workbench.cli import main
from workbench.errors import UsageProblem
from workbench.targets.packages import lacking, read_packages

CODE = "import numpy, requests, yaml\ndef f(a):\n    return a\n"
SIGNATURE = "f(a INT) -> INT"
REQUIRED = ("emoji", "NumPy<2", "requests[socks]>=2.30", "tomli; python_version < '3.11'")
THERE = pd.DataFrame({"Package": ["numpy", "Requests", "PyYAML"], "Version": ["2.1.0", "2.31.0", "6.0"]})

DRAWN = """+----------+---------+
| Package  | Version |
+----------+---------+
| numpy    | 2.1.0   |
| Requests | 2.31.0  |
| PyYAML   | 6.0     |
+----------+---------+
3 rows in set (0.01 sec)
"""


@pytest.mark.parametrize(
    "text",
    [
        "Package\tVersion\nnumpy\t2.1.0\nRequests\t2.31.0\nPyYAML\t6.0\n",
        '"Package","Version"\r\n"numpy","2.1.0"\r\n"Requests","2.31.0"\r\n"PyYAML","6.0"\r\n',
        "\ufeffVersion,Package\n2.1.0,numpy\n2.31.0,Requests\n6.0,PyYAML\n",
        DRAWN,
    ],
    ids=["tabs", "commas", "columns-turned", "drawn"],
)
def test_a_file_is_read_as_clients_write_it(tmp_path: Path, text: str) -> None:
    """Which is what the frame says."""
    (tmp_path / "there.txt").write_text(text, encoding="utf-8")
    assert read_packages(tmp_path / "there.txt") == read_packages(THERE)
    assert read_packages(THERE) == {"numpy": "2.1.0", "requests": "2.31.0", "pyyaml": "6.0"}


def test_what_is_no_such_answer_is_refused(tmp_path: Path) -> None:
    """With what to give instead."""
    empty, binary = tmp_path / "empty", tmp_path / "binary"
    empty.write_text("")
    binary.write_bytes(b"\xff")
    with pytest.raises(UsageProblem, match="empty has no columns Package and Version"):
        read_packages(empty)
    with pytest.raises(UsageProblem, match="the frame has no columns Package and Version"):
        read_packages(THERE[["Package"]])
    with pytest.raises(UsageProblem, match="the dict has no columns"):
        read_packages({"numpy": "2"})  # type: ignore[arg-type]
    with pytest.raises(UsageProblem, match="binary: it is not UTF-8"):
        read_packages(binary)
    with pytest.raises(UsageProblem, match="gone: No such file or directory"):
        read_packages(tmp_path / "gone")


@pytest.mark.parametrize(
    ("needed", "version", "said"),
    [
        ("numpy", "1.26.4", []),
        ("numpy", "of the vendor", []),
        ("numpy<2", "of the vendor", ["numpy<2 is needed, and of the vendor is there"]),
        ("numpy>=2", "2.1rc1", []),
        ("Num.Py~=1.26", "1.26.4", ["Num.Py~=1.26 is not there"]),
        ("numpy==2.*", "1.26.4", ["numpy==2.* is needed, and 1.26.4 is there"]),
        ("numpy>2; python_version < '3.9'", "1.26.4", []),
        ("numpy>2; python_full_version >= '3.10.2'", "1.26.4", ["numpy>2 is needed, and 1.26.4 is there"]),
    ],
)
def test_a_requirement_is_read_as_pip_reads_it(needed: str, version: str, said: list[str]) -> None:
    """Its specifier against what is there, release candidates too; its marker for the Python of the cluster."""
    assert lacking([needed], {"numpy": version}, "3.10.2") == said


def told(f: wb.Function, **options: Any) -> list[str]:
    """What the plan says of packages."""
    return [one.text for one in f.plan(**options).differences if "that Python " in one.text]


def test_a_plan_names_what_the_cluster_lacks(w: wb.Workbench) -> None:
    """Each with what is there, imports by the names of their packages; it may be handed over all the same."""
    f = w.register(CODE, SIGNATURE, requirements=REQUIRED)
    assert f.plan(packages=THERE).ok
    assert told(f, packages=THERE) == [
        "that Python of the cluster: emoji is not there",
        "that Python of the cluster: numpy<2 is needed, and 2.1.0 is there",
    ]
    more = pd.concat([THERE.iloc[1:], pd.DataFrame({"Package": ["numpy", "emoji"], "Version": ["1.26.4", "2.0"]})])
    (line,) = told(f, packages=more)
    assert line.startswith("that Python has what is needed: emoji, numpy<2, pyyaml, requests")
    (line,) = told(f)
    assert line.startswith("that Python must have emoji, numpy<2, pyyaml, requests[socks]>=2.30, tomli")


def test_our_own_answer_does(w: wb.Workbench) -> None:
    """What SHOW PYTHON PACKAGES says here has the columns that Doris gives."""
    version = w.sql("SHOW PYTHON VERSIONS").to_pandas()["Version"][0]
    packages = w.sql(f"SHOW PYTHON PACKAGES IN '{version}'").to_pandas()
    f = w.register("import pyarrow\n" + CODE.partition("\n")[2], SIGNATURE)
    assert told(f, packages=packages) == ["that Python has what is needed: pyarrow"]


def test_from_the_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a file; for Fungi there is no such answer."""
    home, there = ["--home", str(tmp_path / "home")], tmp_path / "there.tsv"
    there.write_text(THERE.to_csv(sep="\t", index=False))
    with wb.Workbench(tmp_path / "home") as w:
        w.register(CODE, SIGNATURE)
    assert main(["deploy", "f", *home, "--packages", str(there)]) == 0
    assert "note: that Python has what is needed: numpy, pyyaml, requests\n" in capsys.readouterr().out
    assert main(["deploy", "f", *home, "--target", "fungi", "--packages", str(there)]) == 1
    assert "packages are those of a Doris cluster" in capsys.readouterr().err
