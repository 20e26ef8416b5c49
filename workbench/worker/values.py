"""Arrow to Python and back: the one definition of what a function gets and what it may return.

A type arrives as its wire description (`workbench.types.base.Wire`): ``"int32"``, ``["list", "string"]`` … `reader`
gives a function from an Arrow array to a list of Python values; `writer` one from a list to an Arrow array and the rows
that do not fit, each with its reason. Arrow alone is too kind for the second: it takes 1.5 for an integer, True for a
float and bytes for text. Left out on purpose: which Arrow types may be cast to the storage, which the parent decides
(`workbench.types`).
"""

from __future__ import annotations

import datetime as dt
import decimal
import math
import numbers
import struct
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

from .kinds import KINDS, Misfit, WrongType, without_zones
from .words import a, counted

Reader = Callable[[Any], List[Any]]
Writer = Callable[[List[Any]], Tuple[Any, Dict[int, str]]]

INTEGERS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64, "largeint": 128}
SHOWN = 120  # characters of a value in a message
_FLOAT, _DOUBLE = struct.Struct("f"), struct.Struct("d")
_FLOAT_MAX = 3.4028235677973366e38  # above this a double rounds to infinity as a FLOAT
# Wide enough for every Decimal that fits, and for the question whether another one does.
_WIDE = decimal.Context(prec=1000, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX, traps=[])


def reader(wire: Any) -> Reader:
    """A function from an Arrow array of the storage type to Python values, NULL as None."""
    fix = _fixer(wire)
    if fix is None:
        return lambda array: array.to_pylist()

    def read(array: Any) -> List[Any]:
        plain = without_zones(array.type)
        items = array.to_pylist() if plain == array.type else array.cast(plain).to_pylist()
        return [None if value is None else fix(value) for value in items]

    return read


def _fixer(wire: Any) -> Optional[Callable[[Any], Any]]:
    """What turns Arrow's idea of a value into ours, None where they agree: a MAP is a dict, a LARGEINT an int."""
    if wire == "largeint":
        return int
    if isinstance(wire, str):
        return KINDS[wire].read if wire in KINDS else None
    if wire[0] == "decimal":
        return None
    if wire[0] == "list":
        one_item = _optional(_fixer(wire[1]))
        return None if one_item is None else lambda value: [one_item(one) for one in value]
    if wire[0] == "map":
        key, item = _optional(_fixer(wire[1])) or _same, _optional(_fixer(wire[2])) or _same
        return lambda value: {key(name): item(one) for name, one in value}
    fields = [(name, _optional(_fixer(inner))) for name, inner in wire[1]]
    changed = [(name, fix) for name, fix in fields if fix is not None]
    if not changed:
        return None
    return lambda value: dict(value, **{name: fix(value[name]) for name, fix in changed})


def _same(value: Any) -> Any:
    return value


def _optional(fix: Optional[Callable[[Any], Any]]) -> Optional[Callable[[Any], Any]]:
    return None if fix is None else lambda value: None if value is None else fix(value)


def writer(wire: Any, arrow: Any, sql: str) -> Writer:
    """A function from Python values to (Arrow array of type ``arrow``, {row: what does not fit}); bad rows are NULL."""
    import pyarrow as pa

    check = checker(wire, sql)
    plain = _PLAIN.get(wire) if isinstance(wire, str) else None
    prepare = _preparer(wire)
    rejected = (pa.ArrowException, ValueError, TypeError, OverflowError)

    def write(values: List[Any]) -> Tuple[Any, Dict[int, str]]:
        if plain is not None and plain.issuperset(map(type, values)):
            try:
                return pa.array(values, arrow), {}
            except rejected:
                pass  # some value does not fit: which, is found below
        bad: Dict[int, str] = {}
        good: List[Any] = []
        for row, value in enumerate(values):
            good.append(None)
            if value is None:
                continue
            try:
                problem = check(value)
                if problem is None:
                    good[row] = prepare(value)
            except BaseException as error:  # a user's class may do anything when it is looked at
                problem = f"{shown(value)} cannot be read as {sql}: {shown(error)}"
            if problem:
                bad[row] = problem
        try:
            return pa.array(good, arrow), bad
        except rejected:
            for row, value in enumerate(good):
                try:
                    pa.array([value], arrow)
                except rejected as error:
                    bad[row] = f"{shown(value)} does not fit {sql}: {error}"
                    good[row] = None
            return pa.array(good, arrow), bad

    return write


_NONE = type(None)
_PLAIN: Dict[str, Set[type]] = {
    "bool": {bool, _NONE},
    "int8": {int, _NONE},
    "int16": {int, _NONE},
    "int32": {int, _NONE},
    "int64": {int, _NONE},
    "float64": {float, int, _NONE},
    "string": {str, _NONE},
    "binary": {bytes, _NONE},
    "date": {dt.date, _NONE},
}


def _preparer(wire: Any) -> Callable[[Any], Any]:
    """What Arrow takes for a value that was checked.

    It wants pairs for a MAP, Decimals for a LARGEINT, and refuses whole numbers above 2**53 for a float, numpy's for a
    decimal, and decimals that are exact but have more zeros than the type.
    """
    if wire == "largeint":
        return lambda value: decimal.Decimal(int(value))
    if wire in ("float32", "float64"):
        return float
    if isinstance(wire, str):
        return KINDS[wire].prepare if wire in KINDS else _same
    if wire[0] == "decimal":
        unit = decimal.Decimal(1).scaleb(-wire[2])
        return lambda value: _decimal(value).quantize(unit, context=_WIDE)
    if wire[0] == "list":
        item = _nullable(_preparer(wire[1]))
        return lambda value: [item(one) for one in value]
    if wire[0] == "map":
        key, item = _nullable(_preparer(wire[1])), _nullable(_preparer(wire[2]))
        return lambda value: [(key(name), item(one)) for name, one in value.items()]
    fields = [(name, _nullable(_preparer(inner))) for name, inner in wire[1]]

    def pack(value: Any) -> Dict[str, Any]:
        if isinstance(value, dict):
            return {name: prepare(value.get(name)) for name, prepare in fields}
        return {name: prepare(one) for (name, prepare), one in zip(fields, value)}

    return pack


def _nullable(prepare: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else prepare(value)


def checker(wire: Any, sql: str) -> Callable[[Any], Optional[str]]:
    """A function that says what is wrong with a value, None if nothing is. The value is not None."""
    if isinstance(wire, str):
        if wire in INTEGERS:
            return _integer_checker(INTEGERS[wire], sql)
        if wire in KINDS:
            return _kind_checker(wire, sql)
        return _SIMPLE[wire](sql)
    kind = wire[0]
    if kind == "decimal":
        return _decimal_checker(wire[1], wire[2], sql)
    if kind == "list":
        return _list_checker(checker(wire[1], "an item of " + sql), sql)
    if kind == "map":
        return _map_checker(checker(wire[1], "a key of " + sql), checker(wire[2], "a value of " + sql), sql)
    return _struct_checker([(name, checker(inner, f"field {name} of {sql}")) for name, inner in wire[1]], sql)


def shown(value: Any) -> str:
    """A short repr that cannot fail."""
    try:
        text = repr(value[:200] if isinstance(value, (str, bytes)) else value)
    except BaseException as error:
        text = f"<{type(value).__name__} whose repr failed: {type(error).__name__}>"
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def _wrong(value: Any, sql: str, wanted: str) -> str:
    return f"{shown(value)} is {a(type(value).__name__)}; {sql} wants {wanted}"


def _integer_checker(bits: int, sql: str) -> Callable[[Any], Optional[str]]:
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1

    def check(value: Any) -> Optional[str]:
        if isinstance(value, bool) or not isinstance(value, numbers.Integral):
            return _wrong(value, sql, "int")
        if not low <= int(value) <= high:
            return f"{shown(value)} does not fit {sql} ({low} to {high})"
        return None

    return check


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool) or type(value).__name__ in ("bool_", "bool")  # numpy's, without importing it


def _bool_checker(sql: str) -> Callable[[Any], Optional[str]]:
    return lambda value: None if _is_bool(value) else _wrong(value, sql, "bool")


def _float_checker(sql: str, layout: struct.Struct = _DOUBLE) -> Callable[[Any], Optional[str]]:
    def check(value: Any) -> Optional[str]:
        if not isinstance(value, numbers.Real) or _is_bool(value):
            return _wrong(value, sql, "float")
        if isinstance(value, numbers.Integral):
            try:
                exact = layout.unpack(layout.pack(int(value)))[0] == value
            except (OverflowError, struct.error):
                exact = False
            return None if exact else f"{shown(value)} does not fit {sql}: as a float it would be another number"
        return None

    return check


def _float32_checker(sql: str) -> Callable[[Any], Optional[str]]:
    is_float = _float_checker(sql, _FLOAT)

    def check(value: Any) -> Optional[str]:
        problem = is_float(value)
        if problem is None and math.isfinite(value) and abs(float(value)) >= _FLOAT_MAX:
            return f"{shown(value)} does not fit {sql} (largest: 3.4e38)"
        return problem

    return check


def _string_checker(sql: str) -> Callable[[Any], Optional[str]]:
    return lambda value: None if isinstance(value, str) else _wrong(value, sql, "str")


def _date_checker(sql: str) -> Callable[[Any], Optional[str]]:
    return lambda value: (
        None
        if isinstance(value, dt.date) and not isinstance(value, dt.datetime)
        else _wrong(value, sql, "datetime.date")
    )


def _datetime_checker(sql: str) -> Callable[[Any], Optional[str]]:
    def check(value: Any) -> Optional[str]:
        if not isinstance(value, dt.datetime):
            return _wrong(value, sql, "datetime.datetime")
        if value != value:
            return f"{shown(value)} is no point in time; return None for NULL"
        if value.tzinfo is not None:
            return f"{shown(value)} has a time zone; {sql} is a wall clock without one"
        if getattr(value, "nanosecond", 0):  # pandas' Timestamp, of which Arrow would cut them off
            return f"{shown(value)} has nanoseconds; {sql} keeps microseconds"
        return None

    return check


def _kind_checker(wire: str, sql: str) -> Callable[[Any], Optional[str]]:
    kind = KINDS[wire]

    def check(value: Any) -> Optional[str]:
        try:
            kind.store(value)
        except WrongType:
            return _wrong(value, sql, kind.wants)
        except Misfit as error:
            return f"{shown(value)} does not fit {sql} ({error})"
        return None

    return check


def _decimal(value: Any) -> decimal.Decimal:
    return value if isinstance(value, decimal.Decimal) else decimal.Decimal(int(value))


def _decimal_checker(precision: int, scale: int, sql: str) -> Callable[[Any], Optional[str]]:
    def check(value: Any) -> Optional[str]:
        if isinstance(value, bool) or not isinstance(value, (decimal.Decimal, numbers.Integral)):
            return _wrong(value, sql, "decimal.Decimal")
        number = _decimal(value)
        if not number.is_finite():
            return f"{shown(value)} does not fit {sql}"
        places = -int(number.normalize(_WIDE).as_tuple()[2])
        if places > scale:
            return f"{shown(value)} has {places} decimal places; {sql} keeps {scale}"
        if number and number.adjusted() >= precision - scale:
            return f"{shown(value)} does not fit {sql} ({precision - scale} digits before the point)"
        return None

    return check


def _list_checker(item: Callable[[Any], Optional[str]], sql: str) -> Callable[[Any], Optional[str]]:
    def check(value: Any) -> Optional[str]:
        if not isinstance(value, (list, tuple)) and type(value).__name__ != "ndarray":
            return _wrong(value, sql, "list")
        return next(filter(None, (item(one) for one in value if one is not None)), None)

    return check


def _map_checker(
    key: Callable[[Any], Optional[str]], item: Callable[[Any], Optional[str]], sql: str
) -> Callable[[Any], Optional[str]]:
    def check(value: Any) -> Optional[str]:
        if not isinstance(value, dict):
            return _wrong(value, sql, "dict")
        if None in value:
            return f"a key of {sql} is None; keys cannot be NULL"
        keys = filter(None, map(key, value))
        return next(keys, None) or next(filter(None, (item(one) for one in value.values() if one is not None)), None)

    return check


def _struct_checker(
    fields: List[Tuple[str, Callable[[Any], Optional[str]]]], sql: str
) -> Callable[[Any], Optional[str]]:
    names = [name for name, _ in fields]

    def check(value: Any) -> Optional[str]:
        if isinstance(value, dict):
            unknown = [name for name in value if name not in names]
            if unknown:
                return f"{sql} has no field {shown(unknown[0])} (its fields: {', '.join(names)})"
            items = [value.get(name) for name in names]
        elif isinstance(value, tuple):
            if len(value) != len(fields):
                return f"Struct has {counted(len(fields), 'field')} but tuple has {counted(len(value), 'element')}"
            items = list(value)
        else:
            return _wrong(value, sql, "dict or tuple")
        pairs = zip(fields, items)
        return next(filter(None, (one(item) for (_, one), item in pairs if item is not None)), None)

    return check


_SIMPLE = {
    "bool": _bool_checker,
    "float32": _float32_checker,
    "float64": _float_checker,
    "string": _string_checker,
    "date": _date_checker,
    "datetime": _datetime_checker,
}
