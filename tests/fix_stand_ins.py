"""What a system may lack, taken away: ``pytest --without memfd,pdeathsig tests/…`` runs any tests with the stand-ins.

Each capability is taken where it is probed, for this process and the workers that it starts. Left out on purpose:
processes that a test starts by itself, and systems that lack something else.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import fix_processes
import pytest

import workbench.worker
from workbench.session import launch
from workbench.supervisor import template

WORKER: Final = Path(workbench.worker.__file__).parent


def _no_template(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(template, "can_fork", lambda: False)


def _no_parent_death_signal(patch: pytest.MonkeyPatch) -> None:
    """Workers are started from a copy that believes to be on another system, as far as this is concerned."""
    folder = Path(tempfile.mkdtemp(prefix="worker-without-"))
    copy = shutil.copytree(WORKER, folder / "worker", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("host.py", "script.py"):
        text = (copy / name).read_text(encoding="utf-8")
        cut = text.replace('sys.platform.startswith("linux")', 'sys.platform.startswith("other")')
        if cut == text:
            raise pytest.UsageError(f"{name} does not ask any more for the system before it asks for the signal")
        (copy / name).write_text(cut, encoding="utf-8")
    patch.setattr(launch, "WORKER", copy)
    patch.setattr(fix_processes, "WORKER", copy)


CAPABILITIES: Final[Mapping[str, Callable[[pytest.MonkeyPatch], None]]] = {
    "memfd": lambda patch: patch.delattr(os, "memfd_create"),  # batches go through the socket
    "pidfd": lambda patch: patch.delattr(os, "pidfd_open"),  # no template either, which needs it
    "template": _no_template,  # workers are spawned
    "waitid": lambda patch: patch.delattr(os, "waitid"),  # a process is reaped when its end is seen
    "pdeathsig": _no_parent_death_signal,  # a worker ends when it sees its socket closed
}
"""What there is a stand-in for, and how to take it away."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--without``."""
    parser.addoption(
        "--without",
        default="",
        metavar="NAMES",
        help=f"take away what the system has, so that the stand-ins are tested: of {', '.join(CAPABILITIES)}",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Take away what was named, for the whole session."""
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    for name in filter(None, config.getoption("without").split(",")):
        if name not in CAPABILITIES:
            raise pytest.UsageError(f"--without {name}: there is {', '.join(CAPABILITIES)}")
        CAPABILITIES[name](patch)
