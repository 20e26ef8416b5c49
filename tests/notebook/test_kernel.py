"""Real kernels: what is stored in a notebook, and the tutorials as they are committed."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

TUTORIALS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))

CELLS = (
    "%load_ext workbench\nimport pandas as pd\ndf = pd.DataFrame({'a': [1, 0]})",
    "%%udf inverse(a BIGINT) -> DOUBLE --sample df\ndef evaluate(a):\n    return 1 / a\n",
    "%%udf inverse(a BIGINT) -> DOUBLE --sampel df\ndef evaluate(a):\n    return 1 / a\n",
    "%%udf inverse",
    "%udf run inverse df --on-error null",
    "%reload_ext workbench\n%udf list",
)


@pytest.mark.usefixtures("home")
def test_a_failing_cell_counts_as_failed_and_stores_its_short_view() -> None:
    """In a kernel, too, an error of ours is an error output, deterministic, and no UsageError of IPython's."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in CELLS])  # type: ignore[no-untyped-call]
    client = NotebookClient(notebook, timeout=60, kernel_name="python3", allow_errors=True)
    asyncio.run(client.async_execute())  # execute() would leave its event loop open
    loaded, failed, mistaken, empty, run, listed = (cell.outputs for cell in notebook.cells)
    assert loaded == []
    assert [output.output_type for output in (*failed, *mistaken, *empty)] == ["error"] * 3
    assert failed[0].ename == "UdfError"
    assert failed[0].traceback[1:3] == [
        "  %%udf inverse v1, line 3, in evaluate",
        "    > 3 | return 1 / a          a=0",
    ]
    assert mistaken[0].ename == empty[0].ename == "UsageProblem"
    assert "did you mean --sample?" in mistaken[0].evalue
    assert set(run[0].data) == {"text/plain", "text/html"}
    assert "| inverse " in listed[0].data["text/plain"]


def test_importing_the_package_does_not_import_a_notebook() -> None:
    """IPython and the widgets are loaded by ``%load_ext``, not by ``import workbench``."""
    code = "import sys, workbench; print({'IPython', 'ipywidgets', 'traitlets'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.name)
def test_a_tutorial_is_committed_executed_and_clean(path: Path) -> None:
    """Every tagged cell holds a stored error and no other does; there is no UsageError, no trace of a machine."""
    notebook: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    for cell in code:
        errors = [output for output in cell.outputs if output.output_type == "error"]
        assert len(errors) == ("raises-exception" in cell.metadata.get("tags", []))
    text = path.read_text(encoding="utf-8")
    assert "UsageError" not in text
    assert "widget-view" not in text
    assert "/tmp" not in text
    assert "widgets" not in notebook.metadata


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.name)
def test_what_a_tutorial_links_to_is_there(path: Path) -> None:
    """Other tutorials and pictures are named relative to it; a picture says in words what is seen, and is small."""
    notebook: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for picture, words, target in re.findall(r"(!?)\[([^]]*)\]\(([^)]+)\)", text):
        if "://" not in target:
            assert (path.parent / target).is_file(), target
        if picture:
            assert len(words.split()) > 5
            assert (path.parent / target).stat().st_size < 120_000
