"""The annotations of a scalar function choose its mode, however they are spelled."""

from __future__ import annotations

import json

import pytest

from workbench.functions import FunctionSpec, Mode, analyse, parse_signature

TWO = "f(a INT, b INT) -> INT"
IMPORTS = """\
import numpy, numpy as np, pandas, pandas as pd, pyarrow, pyarrow as pa, typing, typing as t
import pandas as frames
from numpy.typing import NDArray
from pandas import Series, Series as Column
from typing import List, Optional
"""


def mode(source: str, signature: str = TWO, batch_size: int | None = None) -> Mode:
    """The mode of the function in a cell."""
    return analyse(source, where="cell", signature=signature, batch_size=batch_size).mode


@pytest.mark.parametrize(
    ("annotation", "form"),
    [
        ("list", "list"),
        ("list[int]", "list"),
        ("List", "list"),
        ("List[int]", "list"),
        ("typing.List[int]", "list"),
        ("t.List", "list"),
        ("pd.Series", "pd.Series"),
        ("pandas.Series", "pd.Series"),
        ("Series", "pd.Series"),
        ("Series[int]", "pd.Series"),
        ("Column", "pd.Series"),
        ("frames.Series", "pd.Series"),
        ("pa.Array", "pa.Array"),
        ("pyarrow.Array", "pa.Array"),
        ("pa.Int64Array", "pa.Array"),
        ("pa.lib.DoubleArray", "pa.Array"),
        ("pa.ChunkedArray", "pa.ChunkedArray"),
        ("np.ndarray", "np.ndarray"),
        ("numpy.ndarray[int, np.float64]", "np.ndarray"),
        ("NDArray[np.float64]", "np.ndarray"),
        ("np.typing.NDArray", "np.ndarray"),
    ],
)
@pytest.mark.parametrize("style", ["plain", "string", "lazy"])
def test_columns(annotation: str, form: str, style: str) -> None:
    """Each spelling, as a name, as a string and under lazy annotations; the other parameter gets the first value."""
    head = "from __future__ import annotations\n" if style == "lazy" else ""
    shown = f"'{annotation}'" if style == "string" else annotation
    found = mode(f"{head}{IMPORTS}def evaluate(a: {shown}, b): return a")
    assert found == Mode("columns", (form, "first"), text=style != "plain")
    assert str(found) == f"columns ({form}, first value)"


@pytest.mark.parametrize("annotation", ["'pd.Series'", "'pa.Array'", "'List[int]'", "'np.ndarray'", "' Series '"])
def test_text_needs_no_import(annotation: str) -> None:
    """In a string the usual names mean what they usually mean."""
    assert mode(f"def evaluate(a: {annotation}, b): return a").name == "columns"


@pytest.mark.parametrize(
    "parameters",
    [
        "a, b",
        "a: int, b: float",
        "a: 'no type at all', b: dict",
        "a: Optional[Series], b: 'pd.Series | None'",
        "a: pd.DataFrame, b: tuple",
        "a: Mine, b: mine.Series",
        "a, b, c: list = ()",
        "*values",
        "a, b, *, options: list = ()",
    ],
)
def test_rows(parameters: str) -> None:
    """Other annotations, and those of parameters that get no value, ask for nothing."""
    source = f"{IMPORTS}import mine\nfrom mine import List as Mine\ndef evaluate({parameters}): return 1"
    assert mode(source) == Mode()


def test_a_name_that_is_imported_from_elsewhere() -> None:
    """``Series`` is pandas' only where it is not another's."""
    assert mode("from mine import Series\ndef evaluate(a: Series, b): return a") == Mode()


def test_the_rest_is_columns_too() -> None:
    """An annotation of ``*columns`` holds for each of them."""
    assert mode(f"{IMPORTS}def evaluate(a, *rest: Series): return a").forms == ("first", "pd.Series")


def test_list_at_an_array() -> None:
    """It is the value of the row there, unless another parameter asks for columns; then it is one as in Doris."""
    signature = "f(a ARRAY<INT>, b INT) -> INT"
    assert mode("def evaluate(a: list, b: int): return b", signature) == Mode("row", ("list", "first"))
    assert mode("def evaluate(a: list, b: list): return b", signature) == Mode("columns", ("list", "list"))
    assert mode("import pandas as pd\ndef evaluate(a: pd.Series, b): return b", signature).name == "columns"


def test_tuples_and_async() -> None:
    """A batch size above 1 makes tuples, whose one parameter may be annotated list; ``async def`` runs by rows."""
    assert mode("def evaluate(rows: list): return rows", batch_size=32) == Mode("tuples")
    assert mode("def evaluate(a: list, b): return a", batch_size=1).name == "columns"
    assert mode("async def evaluate(a, b): return a") == Mode("async")
    assert mode("async def evaluate(a: list, b): return a", "f(a ARRAY<INT>, b INT) -> INT") == Mode("async")


def test_unknown_definitions_are_called_by_rows() -> None:
    """Of what is imported or made nothing is known; a name for another function is that function."""
    assert mode("from math import atan2 as evaluate") == Mode()
    assert mode("def g(a: list, b): return a\nevaluate = g").name == "columns"
    assert mode("class Avg: pass\ndef evaluate(a, b): yield a", "f(a INT, b INT) -> ARRAY<INT>") == Mode()


def test_json() -> None:
    """The mode travels with the spec; a spec of before has rows or tuples, as its batch size says."""
    spec = FunctionSpec(
        "f", "udf", parse_signature(TWO), "f", "f.py", mode=Mode("columns", ("list", "first"), text=True)
    )
    data = json.loads(json.dumps(spec.to_json()))
    assert FunctionSpec.from_json(data) == spec
    del data["mode"]
    assert FunctionSpec.from_json(data).mode == Mode()
    assert FunctionSpec.from_json({**data, "batch_size": 8}).mode == Mode("tuples")
