"""Types whose values travel as something else: addresses, UUIDs and JSON as text, instants in UTC, TIME as a float.

A `Kind` says of one of them what a function gets and what is stored of what it returns; the parent checks columns by
the same rules, so that both sides agree on what an address is. What is stored is the same on every version of Python.
Left out on purpose: messages about rows, and types that hold types (`workbench.worker.values`).
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import numbers
import re
import uuid
from typing import Any, Callable, Dict, NoReturn, Optional

TIME_MAX = 3_020_399_999_999
"""Doris's largest TIME, 838:59:59.999999, in the microseconds that it counts."""

_UUID = re.compile(r"[0-9a-fA-F]{8}(-?)[0-9a-fA-F]{4}(\1[0-9a-fA-F]{4}){2}\1[0-9a-fA-F]{12}")


class WrongType(Exception):
    """The value is of a Python type that is not taken."""


class Misfit(Exception):
    """The value is of a type that is taken, and is no value of the SQL type; the message says why."""


class Kind:
    """One such type. ``store`` turns what a function returned into what is stored, or raises WrongType or Misfit."""

    def __init__(
        self, wants: str, store: Callable[[Any], Any], read: Optional[Callable[[Any], Any]], *, same: bool = False
    ) -> None:
        self.wants = wants
        self.store = store
        self.read = read  # from Arrow's idea of a value to what a function gets; None where they agree
        self.prepare = _unchanged if same else store  # what is stored of a value that `store` has taken before


def _unchanged(value: Any) -> Any:
    return value


def _address(make: Any, what: str) -> Callable[[Any], str]:
    def store(value: Any) -> str:
        """As Doris prints it: an IPv4 address within IPv6 with dots, as Python does from 3.13 on only."""
        if isinstance(value, str):
            try:
                address = make(str(value))
            except ValueError:
                raise Misfit(f"no {what} address") from None
        elif isinstance(value, make) and not isinstance(value, (ipaddress.IPv4Interface, ipaddress.IPv6Interface)):
            address = value
        else:
            raise WrongType
        if getattr(address, "scope_id", None):
            raise Misfit("an address with a zone")
        inner = getattr(address, "ipv4_mapped", None)
        return str(address) if inner is None else f"::ffff:{inner}"

    return store


def _uuid(value: Any) -> str:
    if isinstance(value, uuid.UUID):
        return str(value)
    if not isinstance(value, str):
        raise WrongType
    if not _UUID.fullmatch(value):
        raise Misfit("32 hexadecimal digits, as in 123e4567-e89b-12d3-a456-426614174000")
    return str(uuid.UUID(value))


def _no_json(constant: str) -> NoReturn:
    raise Misfit(f"JSON has no {constant}")


# Numbers stay text: they may have any number of digits, and nobody looks at them here.
_JSON = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_no_json)


def _json(value: Any) -> str:
    if not isinstance(value, str):
        raise WrongType
    try:
        _JSON.decode(value)
    except RecursionError:
        raise Misfit("nested too deep") from None
    except json.JSONDecodeError as error:
        raise Misfit(f"no valid JSON: {error}") from None
    return value


def _bytes(value: Any) -> bytes:
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise WrongType
    return bytes(value)


def _instant(value: Any) -> dt.datetime:
    if not isinstance(value, dt.datetime):
        raise WrongType
    if value != value:
        raise Misfit("no point in time; return None for NULL")
    if value.utcoffset() is None:
        raise Misfit("it has no time zone")
    if getattr(value, "nanosecond", 0):  # pandas' Timestamp, of which Arrow would cut them off
        raise Misfit("it has nanoseconds, and microseconds are kept")
    try:
        return value.astimezone(dt.timezone.utc)
    except OverflowError:
        raise Misfit("years 1 to 9999 in UTC") from None


def _time(value: Any) -> float:
    if not isinstance(value, numbers.Real) or type(value).__name__ in ("bool", "bool_"):  # numpy's, too
        raise WrongType
    number: Any = value
    if not -TIME_MAX <= number <= TIME_MAX:
        raise Misfit(f"-{TIME_MAX} to {TIME_MAX} microseconds")
    if number != int(number):
        raise Misfit("no whole number of microseconds; round it")
    return float(number)


KINDS: Dict[str, Kind] = {
    "ipv4": Kind("ipaddress.IPv4Address", _address(ipaddress.IPv4Address, "IPv4"), ipaddress.IPv4Address),
    "ipv6": Kind("ipaddress.IPv6Address", _address(ipaddress.IPv6Address, "IPv6"), ipaddress.IPv6Address),
    "uuid": Kind("uuid.UUID", _uuid, uuid.UUID),
    "json": Kind("str: text as json.dumps makes it", _json, None, same=True),
    "binary": Kind("bytes", _bytes, None),
    "instant": Kind("datetime.datetime", _instant, lambda value: value.replace(tzinfo=dt.timezone.utc)),
    "time": Kind("float", _time, None),
}


def without_zones(arrow: Any) -> Any:
    """The Arrow type with wall clocks for its instants, which are all in UTC.

    Arrow makes Python values of a zone by pytz or zoneinfo, whichever is installed; by neither on a plain Python 3.8.
    """
    import pyarrow as pa

    if pa.types.is_timestamp(arrow):
        return pa.timestamp(arrow.unit)
    if pa.types.is_map(arrow):
        return pa.map_(without_zones(arrow.key_type), without_zones(arrow.item_type))
    if pa.types.is_list(arrow):
        return pa.list_(without_zones(arrow.value_type))
    if pa.types.is_struct(arrow):
        return pa.struct([field.with_type(without_zones(field.type)) for field in arrow])
    return arrow
