"""Which interpreter a function runs in: one of this machine, or one that is built for its requirements with uv."""

from workbench.environments.interpreters import find_python, installed
from workbench.environments.requirements import normalised
from workbench.environments.requires import check_python
from workbench.environments.store import Environment, Environments

__all__ = ["Environment", "Environments", "check_python", "find_python", "installed", "normalised"]
