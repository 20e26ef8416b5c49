"""Blotting secrets out of what a worker answers, before anyone sees it.

The invariant: every text of an answer but the data itself went through ``blot``. Left out on purpose: what a secret is;
that is for whoever launches the worker to say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from workbench.errors import WorkbenchError
from workbench.transport.base import Answer, Invalid, Refused, Reply


def blotted(reply: Reply, blot: Callable[[str], str]) -> Reply:
    """The reply without secrets."""
    if isinstance(reply, Refused):
        return replace(reply, info=_plain(reply.info, blot))
    if isinstance(reply, Answer):
        return replace(reply, meta=_plain(reply.meta, blot))
    if isinstance(reply, Invalid) and isinstance(reply.error, WorkbenchError):
        error = reply.error
        error.message, error.args = blot(error.message), tuple(map(blot, error.args))
    return reply


def _plain(value: Any, blot: Callable[[str], str]) -> Any:
    """Plain data with each of its texts blotted."""
    if isinstance(value, str):
        return blot(value)
    if isinstance(value, dict):
        return {_plain(key, blot): _plain(one, blot) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one, blot) for one in value]
    return value
