"""What a worker refused, as plain data, turned into our errors and their texts.

Left out on purpose: which error it is; that depends on when it came.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.errors import Frame, RunError, UdfError


def frames_of(info: Mapping[str, Any]) -> tuple[Frame, ...]:
    """The user's frames out of an error's plain data."""
    return tuple(
        Frame(frame["file"], frame["line"], frame["function"], frame.get("text", ""), frame.get("locals", {}))
        for frame in info.get("frames", ())
    )


def error_text(info: Mapping[str, Any]) -> str:
    """``prefix: Type: message`` of an error's plain data."""
    text = f"{info['error_type']}: {info['error']}" if info["error"] else str(info["error_type"])
    return f"{info['prefix']}: {text}" if info.get("prefix") else text


def as_udf_error(info: Mapping[str, Any]) -> RunError:
    return UdfError(error_text(info), error_type=info["error_type"], error=info["error"], frames=frames_of(info))


def start_text(label: str, info: Mapping[str, Any]) -> str:
    if info["error_type"] == "NotLoaded":
        return f"{label} cannot be loaded: {info['error']}"
    return f"{label} cannot be loaded: {info['error_type']}: {info['error']}"


def start_hint(info: Mapping[str, Any]) -> str:
    if info["error_type"] == "ModuleNotFoundError":
        return "install the module in the interpreter of the function, or give --python another; workbench doctor lists them"
    return ""
