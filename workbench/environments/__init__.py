"""Which interpreter a function runs in: the executables of this machine, found by path, name or version."""

from workbench.environments.interpreters import find_python, installed

__all__ = ["find_python", "installed"]
