"""Collecting: everything that belongs to the code gets in, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from workbench.errors import PackageError, ScriptNotFound
from workbench.packaging import add_imports, from_file, from_folder, from_text


def write(folder: Path, *names: str) -> Path:
    """Make files that hold their own names."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


def test_text_and_file(tmp_path: Path) -> None:
    """A cell becomes a module of the given name, a file keeps its own."""
    assert from_text("x = 'é'\n", "score") == {"score.py": "x = 'é'\n".encode()}
    with pytest.raises(PackageError, match="line 2 of score has a character that is no Unicode text"):
        from_text("\nx = '\ud800'", "score")
    assert from_file(write(tmp_path, "f.py") / "f.py") == {"f.py": b"f.py"}
    with pytest.raises(ScriptNotFound, match=r"file not found: .*g\.py\n  looked in"):
        from_file(tmp_path / "g.py")


def test_folder(tmp_path: Path) -> None:
    """All files, below the folder's name or not; caches, hidden files, environments and our own manifest stay out."""
    kept = ["main.py", "data/t.csv", "sub/__init__.py"]
    left = ["__pycache__/main.pyc", "old.pyc", ".env", ".git/config", "x.egg-info/PKG-INFO", "workbench.json"]
    folder = write(tmp_path / "my_transform", *kept, *left, "env/pyvenv.cfg", "env/lib/a.py")
    assert sorted(from_folder(folder, keep_top=False)) == sorted(kept)
    assert sorted(from_folder(folder, keep_top=True)) == sorted(f"my_transform/{name}" for name in kept)


def test_folder_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder goes by its real name."""
    monkeypatch.chdir(write(tmp_path / "job", "main.py"))
    assert from_folder(Path(), keep_top=True) == {"job/main.py": b"main.py"}


def test_folder_refused(tmp_path: Path) -> None:
    """No folder, no Python in it, links that lead out, links to folders, pipes: each an error that names it."""
    with pytest.raises(ScriptNotFound, match=r"folder not found: .*none"):
        from_folder(tmp_path / "none", keep_top=False)
    folder = write(tmp_path / "job", "notes.txt")
    with pytest.raises(PackageError, match=r"no Python files in .*job"):
        from_folder(folder, keep_top=False)
    write(folder, "main.py", "sub/x.py")
    (folder / "same.py").symlink_to("main.py")
    assert from_folder(folder, keep_top=False)["same.py"] == b"main.py"
    (folder / "out.py").symlink_to("/etc/hostname")
    with pytest.raises(PackageError, match=r"out\.py is a link that leads out of"):
        from_folder(folder, keep_top=False)
    (folder / "out.py").unlink()
    (folder / "loop").symlink_to(".")
    with pytest.raises(PackageError, match="loop is a link to a folder"):
        from_folder(folder, keep_top=False)
    (folder / "loop").unlink()
    os.mkfifo(folder / "pipe")
    with pytest.raises(PackageError, match="pipe is no regular file"):
        from_folder(folder, keep_top=False)


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many files, or too large ones, are refused where it is noticed."""
    folder = write(tmp_path / "job", "a.py", "b.py", "c.py")
    monkeypatch.setattr("workbench.packaging.collect.ZIP_BYTES", 9)
    with pytest.raises(PackageError, match=r"more than 0 MB, with .*c\.py"):
        from_folder(folder, keep_top=False)
    monkeypatch.setattr("workbench.packaging.collect.ZIP_FILES", 2)
    with pytest.raises(PackageError, match="holds more than 2 files"):
        from_folder(folder, keep_top=False)


def test_imports(tmp_path: Path) -> None:
    """Files and folders, also without Python in them, are put beside the code; a name twice is an error with both."""
    write(tmp_path, "helper.py", "lib/a.py", "tables/t.csv", "other/helper.py")
    files = add_imports({"f.py": b""}, [tmp_path / "helper.py", str(tmp_path / "lib"), tmp_path / "tables"])
    assert sorted(files) == ["f.py", "helper.py", "lib/a.py", "tables/t.csv"]
    with pytest.raises(PackageError, match=r"'helper\.py' is there twice: .*helper\.py and .*other.helper\.py"):
        add_imports({}, [tmp_path / "helper.py", tmp_path / "other" / "helper.py"])
    with pytest.raises(PackageError, match=r"'helper\.py' is there twice: the function's own and"):
        add_imports({"helper.py": b""}, [tmp_path / "helper.py"])
