"""``workbench lab``: JupyterLab on a writable copy of the tutorials.

The invariant: what a reader wrote into a copy is never written over; tutorials that are not there yet are added. The
server runs in this process, so whatever ends the command ends it. Root may run it, as in a container there is often
nobody else; that is said. Left out on purpose: options of Jupyter's own, which
are handed on as they are.
"""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path
from typing import Any, Final

from workbench.cli.arguments import Add, say
from workbench.errors import UsageProblem

FOLDER: Final = "workbench-tutorials"
_EXAMPLES: Final = """examples:
  workbench lab
  workbench lab --dir ~/udf --no-browser --port 8890
  workbench lab --no-browser -- --ip 0.0.0.0     in a container whose port is published"""


def add(command: Add) -> None:
    """Enter the command."""
    lab = command("lab", _lab, "open the tutorials in JupyterLab", _EXAMPLES, home=False)
    lab.add_argument("--dir", metavar="DIR", help=f"where your copy of the tutorials is (default: {FOLDER})")
    lab.add_argument("--port", metavar="N", type=int, help="default: 8888, or the next that is free")
    lab.add_argument("--no-browser", action="store_true", help="only print the URL")
    lab.add_argument("jupyter", metavar="-- OPTION", nargs="*", help="options for JupyterLab, after --")


def _lab(options: argparse.Namespace) -> int:
    folder = Path(options.dir or FOLDER).expanduser().absolute()
    added = copy_tutorials(tutorials(), folder)
    say(f"tutorials: {folder}" + (f" ({added} added)" if added else ""))
    if "BINDER_SERVICE_HOST" in os.environ or "JUPYTERHUB_SERVICE_PREFIX" in os.environ:
        say("this Jupyter is running already: open the folder in its file browser")
        return 0
    _serve(folder, options)
    return 0


def tutorials() -> Path:
    """The folder of the shipped tutorials: inside an installed package, beside the package in a clone."""
    package = Path(__file__).parents[1]
    for folder in (package / "tutorials", package.parent / "notebooks"):
        if any(folder.glob("*.ipynb")):
            return folder
    raise UsageProblem("the tutorials are not installed", hint="install the workbench again")


def copy_tutorials(source: Path, target: Path) -> int:
    """Copy what ``target`` does not have; how many notebooks that were.

    Raises UsageProblem where nothing can be written.
    """
    try:
        target.mkdir(parents=True, exist_ok=True)
        added = 0
        for path in sorted(source.rglob("*")):
            place = target / path.relative_to(source)
            hidden = any(part.startswith(".") for part in path.relative_to(source).parts)
            if hidden or path.is_dir() or place.exists():
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
            added += path.suffix == ".ipynb"
    except OSError as error:
        raise UsageProblem(f"{target}: {error.strerror}", hint="name another folder with --dir") from error
    return added


def _ready(server: Any) -> None:
    print(server.display_url.split()[0], flush=True)
    say("stop it with Ctrl-C")


def _serve(folder: Path, options: argparse.Namespace) -> None:
    """Run JupyterLab until it is interrupted."""
    from jupyterlab.labapp import LabApp

    given = [f"--port={options.port}"] if options.port else []
    if os.geteuid() == 0:
        given.append("--ServerApp.allow_root=True")
        say("running as root: so do the notebooks, which may change all of this system")
    server = LabApp.initialize_server(
        argv=[
            f"--ServerApp.root_dir={folder}",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",  # nothing leaves the machine unasked
            "--Application.log_level=WARN",
            *(["--no-browser"] if options.no_browser else []),
            *given,
            *options.jupyter,
        ]
    )
    server.log.addFilter(lambda record: "To access the server" not in record.getMessage())  # we say it, in one line
    server.io_loop.add_callback(_ready, server)  # once it listens
    server.start()
