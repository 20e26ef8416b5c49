"""The words that people look up: each mistake, through real workers, in the words that Doris has for it.

Ours say more: the line, the values of the row, the way out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import DefinitionError, UdfError, WorkerStartError

UDF, TABLE = "f(v BIGINT) -> BIGINT", "f(v BIGINT) -> ARRAY<BIGINT>"
PAIRS = "f(v BIGINT) -> ARRAY<STRUCT<a:BIGINT, b:BIGINT>>"
FRAME = pd.DataFrame({"v": [1, 0]})
TOTAL = """class Total:
    def __init__(self):
        self.sum = 0

    @property
    def aggregate_state(self):
        return self.sum

    def accumulate(self, v):
        self.sum += v

    def merge(self, other):
        self.sum += other

    def finish(self):
        return self.sum
"""


def total(method: str, line: str) -> str:
    """The aggregate with another line in one of its methods."""
    head, _, rest = TOTAL.partition(f"    def {method}(")
    signature, _, body = rest.partition("\n")
    return f"{head}    def {method}({signature}\n        {line}\n{body.partition(chr(10))[2]}"


def without(name: str) -> str:
    """The aggregate without one of its parts."""
    return TOTAL.replace(f"def {name}(", f"def other_{name}(")


PLAIN_STATE = TOTAL.replace("    @property\n", "")

AT_A_ROW: list[tuple[str, str, dict[str, Any], int]] = [
    ("Error in scalar UDF execution at row 1: ZeroDivisionError", "return 1 // v  # here", {}, 1),
    ("Error in UDTF execution at row 1: ZeroDivisionError", "yield 1 // v  # here", {"signature": TABLE}, 1),
    ("Single-field UDTF should yield 1-tuples or scalars", "yield v, v  # here", {"signature": TABLE}, 0),
    ("Multi-field UDTF must yield tuples", "yield v  # here", {"signature": PAIRS}, 0),
    ("Struct has 2 fields but tuple has 3 elements", "yield v, v\n    yield v, v, v  # here", {"signature": PAIRS}, 0),
    ("Error in vectorized UDF at rows 0 to 1: ValueError", "raise ValueError(v)  # here", {"of": ": list"}, 0),
    (
        "the result of row 1 is null, but always_nullable is false",
        "return v or None",
        {"always_nullable": False},
        1,
    ),
]


@pytest.mark.parametrize(("words", "body", "options", "row"), AT_A_ROW)
def test_at_a_row(w: wb.Workbench, words: str, body: str, options: dict[str, Any], row: int) -> None:
    """The words, the line of the cell, the row with its values, and what to do."""
    more = {"signature": UDF, **options}
    source = f"# a cell\ndef evaluate(v{more.pop('of', '')}):\n    {body}\n"
    with pytest.raises(UdfError) as caught:
        w.register(source, **more).run(FRAME).wait()
    error = caught.value
    assert words in error.message
    assert (error.row, error.values) == (row, {"v": str(FRAME["v"][row])})
    here = [number for number, line in enumerate(source.splitlines(), 1) if "# here" in line]
    assert [frame.line for frame in error.frames] == here
    assert "--on-error dead_letter" in error.hint


OF_AN_AGGREGATE = [
    ("Error in accumulate at row 0: ZeroDivisionError", total("accumulate", "1 // 0"), "--on-error dead_letter"),
    ("Error in merge of group 'x': ZeroDivisionError", total("merge", "1 // 0"), "merge gets what"),
    ("Error finalizing state of group 'x': ZeroDivisionError", total("finish", "1 // 0"), "outside of aggregate_state"),
    ("Error serializing state of group 'x': 'aggregate_state' failed", total("aggregate_state", "1 // 0"), ""),
    (
        "Error serializing state of group 'x': aggregate_state['all'][1]: TypeError: cannot pickle",
        total("aggregate_state", "return {'all': [1, iter('a').__class__ and (i for i in 'a')]}"),
        "locks, files, connections",
    ),
    ("Error creating the aggregate: ZeroDivisionError", total("__init__", "1 // 0"), "without arguments"),
    ("finish() returned a wrong value for group 'x': 'a' is a str", total("finish", "return 'a'"), ""),
    (
        "the result of row 0 is null, but always_nullable is false (group 'x')",
        total("finish", "return"),
        "allow NULL",
    ),
]


@pytest.mark.parametrize(("words", "source", "hint"), OF_AN_AGGREGATE)
def test_of_an_aggregate(w: wb.Workbench, words: str, source: str, hint: str) -> None:
    """The step, the group, the line where there is one, and what to do."""
    f = w.register(source, UDF, always_nullable=False)
    with pytest.raises(UdfError) as caught:
        f.run(FRAME.assign(g="x"), group_by="g").wait()
    assert words in caught.value.message
    assert hint in caught.value.hint
    here = [number for number, line in enumerate(source.splitlines(), 1) if "1 // 0" in line]
    assert [frame.line for frame in caught.value.frames] == here


OF_A_DEFINITION = [
    ("UDAF class must implement 'accumulate' method", without("accumulate"), 1),
    ("UDAF class must implement 'merge' method", without("merge"), 1),
    ("UDAF class must implement 'finish' method", without("finish"), 1),
    ("UDAF class must have 'aggregate_state' property", without("aggregate_state"), 1),
    ("'aggregate_state' must be a @property", PLAIN_STATE, 5),
    ("'Total' is not a class", "def Total(v):\n    return v\n", 1),
    ("'Total' is not a callable", "Total = 5\n", 1),
    ("symbol 'Total' not found", "class Other: ...\n", None),
]


@pytest.mark.parametrize(("words", "source", "line"), OF_A_DEFINITION)
def test_of_a_definition(w: wb.Workbench, words: str, source: str, line: int | None) -> None:
    """What the source shows is said at once, with its line."""
    with pytest.raises(DefinitionError) as caught:
        w.register(source, UDF, kind="udaf", symbol="Total")
    (problem,) = caught.value.problems
    assert words in problem.message
    assert problem.line == line


ONLY_WHEN_LOADED = [
    *((words, source) for words, source, _ in OF_A_DEFINITION[:5]),
    ("'Total' in module 'total' is not a class", "import functools\nTotal = functools.partial(print)\n"),
    ("'Total' in module 'total' is not a callable", "Total = int('5')\n"),
    ("'Total' not found in module 'total'", TOTAL + "del Total\n"),
]


@pytest.mark.parametrize(("words", "source"), ONLY_WHEN_LOADED)
def test_only_when_loaded(w: wb.Workbench, tmp_path: Path, words: str, source: str) -> None:
    """What the source of the entry does not show is said by the worker in the same words, before any row."""
    entry, parts = tmp_path / "total.py", tmp_path / "parts.py"
    parts.write_text(source)
    hidden = "class" in source and "del" not in source
    entry.write_text("from parts import Total\n" if hidden else source)
    f = w.register(entry, UDF, kind="udaf", symbol="Total", imports=parts)
    with pytest.raises(WorkerStartError) as caught:
        f.run(FRAME).wait()
    assert words in caught.value.message
    assert caught.value.message.startswith("f cannot be loaded: ")


def test_a_module_name_that_doris_forbids(w: wb.Workbench, tmp_path: Path) -> None:
    """A warning here, where it runs if Python has no such module loaded; below another package it is fine."""
    path = tmp_path / "pd.py"
    path.write_text("def evaluate(v):\n    return v\n")
    with pytest.warns(UserWarning, match="module name 'pd' is not allowed for UDFs: .*; rename the file"):
        f = w.register(path, UDF)
    assert f.call(5) == 5
