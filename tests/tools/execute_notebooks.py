"""Execute the tutorials and write them back as they are committed: with outputs, without what differs from run to run.

Run it after changing a tutorial, or what one shows: ``python tests/tools/execute_notebooks.py [NOTEBOOK …]``. A cell
that raises stops it, unless it is tagged ``raises-exception``. Timestamps and widget state are left out, so that the
same notebook gives the same file.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[2] / "notebooks"
SECONDS = 120


def execute(path: Path) -> None:
    """Execute one notebook in its own folder and write it back."""
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    NotebookClient(
        notebook, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    ).execute()
    clean(notebook)
    nbformat.validate(notebook)
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]


def clean(notebook: Any) -> None:
    """Take out what an execution adds besides outputs; ids count the cells."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(notebook.cells):
        tags = cell.metadata.get("tags")
        cell.metadata = {"tags": tags} if tags else {}
        cell.id = f"cell-{number}"


def main(paths: Sequence[str]) -> None:
    """Execute the named notebooks, or all tutorials."""
    for path in [Path(name) for name in paths] or sorted(FOLDER.glob("*.ipynb")):
        execute(path)
        print(f"{path.name} executed")


if __name__ == "__main__":
    main(sys.argv[1:])
