"""How a scalar function is called: row by row, with lists of tuples, once per batch with columns, or as async rows.

The annotations of its parameters choose, as in Doris, and are read from the syntax tree in any usual spelling:
``pd.Series``, ``"pandas.Series"``, ``List[int]``, lazy ones, and what an import renamed. One exception is ours:
``list`` on a parameter that is an ARRAY in SQL is the value of its row. Left out on purpose: annotations of which a
column is only a part (``pd.Series | None``), which ask for nothing here either.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from workbench.functions.definitions import Function
from workbench.functions.signature import Signature
from workbench.types import Array

ModeName = Literal["row", "tuples", "columns", "async"]

FIRST: Final = "first"
"""The form of a parameter without a column's annotation where others have one: it gets the batch's first value."""

FORMS: Final = ("list", "pd.Series", "pa.Array", "pa.ChunkedArray", "np.ndarray", FIRST)

_COLUMNS: Final = {
    "list": "list",
    "typing.List": "list",
    "pandas.Series": "pd.Series",
    "pyarrow.ChunkedArray": "pa.ChunkedArray",
    "numpy.ndarray": "np.ndarray",
    "numpy.typing.NDArray": "np.ndarray",
}
"""Form by the full name of the annotation; besides these every ``pyarrow.…Array`` is a pa.Array."""

_USUAL: Final = {
    "List": "typing.List",
    "Series": "pandas.Series",
    "Array": "pyarrow.Array",
    "ChunkedArray": "pyarrow.ChunkedArray",
    "ndarray": "numpy.ndarray",
    "NDArray": "numpy.typing.NDArray",
    "np": "numpy",
    "pa": "pyarrow",
    "pd": "pandas",
}
"""What these names mean where the source does not bind them, as in an annotation that is text."""


@dataclass(frozen=True, slots=True)
class Mode:
    """How the function is called. ``forms`` has one of `FORMS` for each parameter, if any asks for a column.

    In row mode a form is ``list`` at an ARRAY: Doris would pass the whole column there. ``text``: some of these
    annotations are strings when the code runs, which Doris does not read.
    """

    name: ModeName = "row"
    forms: tuple[str, ...] = ()
    text: bool = False

    def __str__(self) -> str:
        if self.name != "columns":
            return self.name
        return f"columns ({', '.join('first value' if form == FIRST else form for form in self.forms)})"

    def to_json(self) -> dict[str, Any]:
        """Plain data; `from_json` reads it back."""
        return {"name": self.name, "forms": list(self.forms), "text": self.text}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Mode:
        """The inverse of `to_json`, for data that `is_mode`."""
        return cls(data["name"], tuple(data["forms"]), data["text"])


ROW: Final = Mode()
"""What holds where the source says nothing."""


def is_mode(data: object) -> bool:
    """Whether this is a mode as JSON."""
    return (
        isinstance(data, Mapping)
        and data.get("name") in get_args(ModeName)
        and isinstance(data.get("forms"), (list, tuple))
        and all(form in FORMS for form in data["forms"])
        and isinstance(data.get("text"), bool)
    )


def mode_of(
    node: ast.AST | None, signature: Signature | None, batch_size: int | None, imports: Mapping[str, str]
) -> Mode:
    """The mode of a scalar function. ``imports`` as `imported` tells them; an unknown definition is called by rows."""
    if batch_size is not None and batch_size > 1:
        return Mode("tuples")
    if isinstance(node, ast.AsyncFunctionDef):
        return Mode("async")
    found = list(asked_forms(node, signature, imports))
    asked = [form for _, form in found]
    forms = tuple(form or FIRST for form in asked) if any(asked) else ()
    lazy = imports.get("annotations") == "__future__.annotations"
    text = any(form and (lazy or isinstance(argument.annotation, ast.Constant)) for argument, form in found)
    types = [param.type for param in signature.params] if signature is not None else []
    for position, form in enumerate(asked):
        is_array = position < len(types) and isinstance(types[position], Array)
        if form is not None and not (form == "list" and is_array):
            return Mode("columns", forms, text)
    return Mode("row", forms, text)


def check_mode(
    node: ast.AST | None, mode: Mode, signature: Signature | None, imports: Mapping[str, str]
) -> Iterator[tuple[str, int | None]]:
    """What is wrong with the definition of a scalar function because of its mode: messages, with their lines."""
    if mode.name == "tuples":
        if isinstance(node, ast.AsyncFunctionDef):
            yield f"{node.name} is async def, whose rows run side by side anyway: leave batch_size out", node.lineno
        for argument, form in asked_forms(node, signature, imports):
            if form not in (None, "list"):
                yield f"with batch_size {argument.arg} is a list of tuples, not a {form}", argument.lineno
    elif mode.name == "async":
        for argument, form in asked_forms(node, signature, imports):
            if form not in (None, "list"):
                yield (
                    f"async def gets the values of one row, but {argument.arg} is a {form}: write def",
                    argument.lineno,
                )


def imported(tree: ast.AST) -> dict[str, str]:
    """The full name of everything that the module imports, by the name that it has there."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                found[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                found[alias.asname or alias.name] = f"{'.' * node.level}{node.module or ''}.{alias.name}"
    return found


def asked_forms(
    node: ast.AST | None, signature: Signature | None, imports: Mapping[str, str]
) -> Iterator[tuple[ast.arg, str | None]]:
    """Each parameter that gets a value, in order, with the form of a column that it asks for, if any."""
    if not isinstance(node, Function):
        return
    named = [*node.args.posonlyargs, *node.args.args]
    count = len(named) if signature is None else len(signature.params)
    rest = [node.args.vararg] * (count - len(named)) if node.args.vararg is not None else []
    for argument in (*named[:count], *rest):
        yield argument, _form(argument.annotation, imports)


def _form(annotation: ast.expr | None, imports: Mapping[str, str]) -> str | None:
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            annotation = ast.parse(annotation.value.strip(), mode="eval").body
        except SyntaxError:
            return None  # text that is no type asks for nothing
    if isinstance(annotation, ast.Subscript):
        annotation = annotation.value
    parts: list[str] = []
    while isinstance(annotation, ast.Attribute):
        parts.insert(0, annotation.attr)
        annotation = annotation.value
    if not isinstance(annotation, ast.Name):
        return None
    first = annotation.id
    name = ".".join([imports[first] if first in imports else _USUAL.get(first, first), *parts])
    if name.startswith("pyarrow.") and name.endswith("Array") and name not in _COLUMNS:
        return "pa.Array"
    return _COLUMNS.get(name)
