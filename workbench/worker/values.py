"""Arrow to Python and back: the one definition of what a function gets and what it may return.

A type arrives as its wire description (`workbench.types.base.Wire`): ``"int32"``, ``["list", "string"]`` … `reader` gives a function from
an Arrow array to a list of Python values; `writer` one from a list to an Arrow array and the rows that do not fit, each with
its reason. Arrow alone is too kind for the second: it takes 1.5 for an integer, True for a float and bytes for text.
Left out on purpose: which Arrow types may be cast to the storage, which the parent decides (`workbench.types`).
"""

from __future__ import annotations

import datetime
import decimal
import math
import numbers
from typing import Any, Callable, Dict, List, Optional, Tuple

Reader = Callable[[Any], List[Any]]
Writer = Callable[[List[Any]], Tuple[Any, Dict[int, str]]]

INTEGERS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64, "largeint": 128}
_WIDE = decimal.Context(prec=1000)
_FLOAT_MAX = 3.4028235677973366e38  # above this a double rounds to infinity as a FLOAT


def reader(wire: Any) -> Reader:
    """A function from an Arrow array of the storage type to Python values, NULL as None."""
    fix = _fixer(wire)
    if fix is None:
        return lambda array: array.to_pylist()  # type: ignore[no-any-return]
    convert = fix
    return lambda array: [None if value is None else convert(value) for value in array.to_pylist()]


def _fixer(wire: Any) -> Optional[Callable[[Any], Any]]:
    """What turns Arrow's idea of a value into ours, None where they agree: a MAP is a dict, a LARGEINT an int."""
    if wire == "largeint":
        return int
    if isinstance(wire, str) or wire[0] == "decimal":
        return None
    if wire[0] == "list":
        item = _optional(_fixer(wire[1]))
        return None if item is None else lambda value: [item(one) for one in value]
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
            problem = None if value is None else check(value)
            if problem:
                bad[row] = problem
            good.append(None if problem or value is None else prepare(value))
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
_PLAIN = {
    "bool": {bool, _NONE},
    "int8": {int, _NONE},
    "int16": {int, _NONE},
    "int32": {int, _NONE},
    "int64": {int, _NONE},
    "float64": {float, int, _NONE},
    "string": {str, _NONE},
    "date": {datetime.date, _NONE},
}


def _preparer(wire: Any) -> Callable[[Any], Any]:
    """What Arrow takes for a value that was checked: it wants pairs for a MAP, and Decimals for a LARGEINT."""
    if wire == "largeint":
        return lambda value: decimal.Decimal(int(value))
    if isinstance(wire, str) or wire[0] == "decimal":
        return _same
    if wire[0] == "list":
        item = _nullable(_preparer(wire[1]))
        return lambda value: [item(one) for one in value]
    if wire[0] == "map":
        key, item = _nullable(_preparer(wire[1])), _nullable(_preparer(wire[2]))
        return lambda value: [(key(name), item(one)) for name, one in value.items()]
    fields = [(name, _nullable(_preparer(inner))) for name, inner in wire[1]]

    def struct(value: Any) -> Dict[str, Any]:
        if isinstance(value, dict):
            return {name: prepare(value.get(name)) for name, prepare in fields}
        return {name: prepare(one) for (name, prepare), one in zip(fields, value)}

    return struct


def _nullable(prepare: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else prepare(value)


def checker(wire: Any, sql: str) -> Callable[[Any], Optional[str]]:
    """A function that says what is wrong with a value, None if nothing is. The value is not None."""
    if isinstance(wire, str):
        if wire in INTEGERS:
            return _integer_checker(INTEGERS[wire], sql)
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
    except BaseException as error:  # noqa: BLE001 - a user's __repr__ may do anything
        text = f"<{type(value).__name__} whose repr failed: {type(error).__name__}>"
    return text if len(text) <= 120 else text[:117] + "..."


def _wrong(value: Any, sql: str, wanted: str) -> str:
    return f"{shown(value)} is a {type(value).__name__}; {sql} wants {wanted}"


def _integer_checker(bits: int, sql: str) -> Callable[[Any], Optional[str]]:
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1

    def check(value: Any) -> Optional[str]:
        if isinstance(value, bool) or not isinstance(value, numbers.Integral):
            return _wrong(value, sql, "int")
        if not low <= value <= high:
            return "%s does not fit %s (%d to %d)" % (shown(value), sql, low, high)
        return None

    return check


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool) or type(value).__name__ in ("bool_", "bool")  # numpy's, without importing it


def _bool_checker(sql: str) -> Callable[[Any], Optional[str]]:
    return lambda value: None if _is_bool(value) else _wrong(value, sql, "bool")


def _float_checker(sql: str) -> Callable[[Any], Optional[str]]:
    return lambda value: (
        None if isinstance(value, numbers.Real) and not _is_bool(value) else _wrong(value, sql, "float")
    )


def _float32_checker(sql: str) -> Callable[[Any], Optional[str]]:
    is_float = _float_checker(sql)

    def check(value: Any) -> Optional[str]:
        problem = is_float(value)
        if problem is None and math.isfinite(value) and abs(value) >= _FLOAT_MAX:
            return f"{shown(value)} does not fit {sql} (largest: 3.4e38)"
        return problem

    return check


def _string_checker(sql: str) -> Callable[[Any], Optional[str]]:
    return lambda value: None if isinstance(value, str) else _wrong(value, sql, "str")


def _date_checker(sql: str) -> Callable[[Any], Optional[str]]:
    return lambda value: (
        None
        if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime)
        else _wrong(value, sql, "datetime.date")
    )


def _datetime_checker(sql: str) -> Callable[[Any], Optional[str]]:
    def check(value: Any) -> Optional[str]:
        if not isinstance(value, datetime.datetime):
            return _wrong(value, sql, "datetime.datetime")
        if value.tzinfo is not None:
            return f"{shown(value)} has a time zone; {sql} is a wall clock without one"
        return None

    return check


def _decimal_checker(precision: int, scale: int, sql: str) -> Callable[[Any], Optional[str]]:
    def check(value: Any) -> Optional[str]:
        if isinstance(value, bool) or not isinstance(value, (decimal.Decimal, numbers.Integral)):
            return _wrong(value, sql, "decimal.Decimal")
        number = decimal.Decimal(int(value)) if not isinstance(value, decimal.Decimal) else value
        if not number.is_finite():
            return f"{shown(value)} does not fit {sql}"
        places = -int(number.normalize(_WIDE).as_tuple()[2])
        if places > scale:
            return "%s has %d decimal places; %s keeps %d" % (shown(value), places, sql, scale)
        if number and number.adjusted() >= precision - scale:
            return "%s does not fit %s (%d digits before the point)" % (shown(value), sql, precision - scale)
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
                return "{} has no field {} (its fields: {})".format(sql, shown(unknown[0]), ", ".join(names))
            items = [value.get(name) for name in names]
        elif isinstance(value, tuple):
            if len(value) != len(fields):
                return "Struct has %d fields but tuple has %d elements" % (len(fields), len(value))
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
