"""What Doris's Python server refuses, as data.

Source: ``_FORBIDDEN_MODULE_NAMES`` of ``be/src/udf/python/python_server.py`` in apache/doris (pull 61280). Only the
first part of a dotted name counts: ``safepkg.logging`` is allowed. Left out on purpose: when to refuse and when only
to warn, which depends on where the function is going.
"""

from __future__ import annotations

from typing import Final

FORBIDDEN_MODULES: Final = frozenset(
    {
        "abc",
        "argparse",
        "base64",
        "contextlib",
        "datetime",
        "enum",
        "flight",
        "gc",
        "importlib",
        "inspect",
        "ipaddress",
        "json",
        "logging",
        "os",
        "pa",
        "pandas",
        "pathlib",
        "pd",
        "pickle",
        "pyarrow",
        "sys",
        "threading",
        "time",
        "traceback",
        "typing",
    }
)


def forbidden_module(name: str) -> str | None:
    """Why a module or package of this (dotted) name cannot hold a function on Doris; None if it can."""
    top = name.partition(".")[0]
    if top not in FORBIDDEN_MODULES:
        return None
    return f"module name {top!r} is not allowed for UDFs: Doris's Python server uses a module of that name"
