"""Values and calls as Python text that can be pasted: what shows a finding again.

``pd``, ``datetime``, ``decimal``, ``ipaddress`` and ``uuid`` are what everybody calls those modules. Left out on
purpose: running it.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import math
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from workbench.checking.trial import Row, Setup, column_names, group_column
from workbench.functions import FunctionSpec
from workbench.types import LargeInt

SHOWN_ROWS: Final = 20
"""Rows of a result in a finding."""


def literal(value: Any) -> str:
    """A value as an expression."""
    match value:
        case float() if not math.isfinite(value):
            return f'float("{value}")'
        case str() | bytes() if len(value) > 40 and len(set(value)) == 1:  # noqa: PLR2004 - longer than its short form
            return f"{value[:1]!r} * {len(value)}"
        case Decimal():
            return f'decimal.Decimal("{value}")'
        case dt.datetime() if value.tzinfo is not None:
            return repr(value.astimezone(dt.UTC)).replace("datetime.UTC", "datetime.timezone.utc")
        case ipaddress.IPv4Address() | ipaddress.IPv6Address():
            return f"ipaddress.{value!r}"
        case uuid.UUID():
            return f"uuid.{value!r}"
        case list():
            return f"[{', '.join(map(literal, value))}]"
        case dict():
            return "{" + ", ".join(f"{literal(key)}: {literal(item)}" for key, item in value.items()) + "}"
    return repr(value)


def shown(values: Sequence[Any]) -> str:
    """Some results as text; one alone without brackets."""
    if len(values) == 1:
        return literal(values[0])
    more = ", …" if len(values) > SHOWN_ROWS else ""
    return f"[{', '.join(map(literal, values[:SHOWN_ROWS]))}{more}]"


def call(spec: FunctionSpec, rows: Sequence[Row], setup: Setup) -> str:
    """The call that runs the function on these rows in this way."""
    name = spec.name if spec.name.isidentifier() else f"w.function({spec.name!r})"
    options = [f"batch_rows={setup.batch_rows}"] if setup.batch_rows and not setup.alone else []
    options += [f"workers={setup.workers}"] if setup.workers > 1 else []
    options += [f"group_by={group_column(spec)!r}"] if setup.groups else []
    after = "  # and kill its worker after the first batch" if setup.kill else ""
    after = "  # and again in another worker" if setup.anew else after
    after = "  # with each merged state merged once more" if setup.nested else after
    if len(rows) == 1 and not options and not after:
        return f"{name}.call({', '.join(map(literal, rows[0]))})"
    if not column_names(spec):
        data = f"pd.DataFrame(index=range({len(rows)})).assign(row=0)"
    else:
        params = spec.signature.params if spec.signature is not None else ()
        columns = [
            f"{name!r}: [{', '.join(_in_frame(row[at], large=isinstance(param.type, LargeInt)) for row in rows)}]"
            for at, (name, param) in enumerate(zip(column_names(spec), params, strict=True))
        ]
        data = f"pd.DataFrame({{{', '.join(columns)}}}, dtype=object)"
    if setup.groups:
        data += f".assign({group_column(spec)}={[row % 2 for row in range(len(rows))]})"
    return f"{name}.run({', '.join([data, *options])}).to_pandas(){after}"


def _in_frame(value: Any, *, large: bool) -> str:
    """A value that Arrow can read out of a frame: addresses and UUIDs as text, wide integers as decimals."""
    if isinstance(value, ipaddress.IPv4Address | ipaddress.IPv6Address | uuid.UUID):
        return repr(str(value))
    if large and value is not None:
        return literal(Decimal(value))
    return literal(value)
