"""CREATE FUNCTION text."""

from __future__ import annotations

from workbench.functions import FunctionSpec


def create_function(spec: FunctionSpec, *, source: str, dialect: str = "doris", file: str | None = None) -> str:
    raise NotImplementedError
