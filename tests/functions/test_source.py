"""Source is read without running it: its kind, its symbol, and every problem with the right line."""

from __future__ import annotations

import ast
from textwrap import dedent
from typing import Any

import pytest

from workbench.errors import DefinitionError
from workbench.functions import Analysis, Kind, analyse, undefined_names

ONE = "f(a INT) -> INT"
TWO = "f(a INT, b INT) -> INT"
ROWS = "f(a INT) -> ARRAY<INT>"
AVG = """\
class Avg:
    def __init__(self):
        self.total = 0
    @property
    def aggregate_state(self):
        return self.total
    def accumulate(self, a):
        self.total += a
    def merge(self, other_state):
        self.total += other_state
    def finish(self):
        return self.total
"""
GUIDE_SCRIPT = """\
import pyarrow as pa
import sys

reader = pa.ipc.open_stream(sys.stdin.buffer)
for batch in reader:
    print(batch)
"""


def read(source: str, **options: Any) -> Analysis:
    """Analyse a cell."""
    return analyse(dedent(source), where="cell", **options)


def problems(source: str, **options: Any) -> list[tuple[int | None, str]]:
    """The lines and messages of a cell that is refused; each must quote its line."""
    with pytest.raises(DefinitionError) as caught:
        read(source, **options)
    lines = dedent(source).split("\n")
    for problem in caught.value.problems:
        assert problem.text == ("" if problem.line is None or problem.line > len(lines) else lines[problem.line - 1])
    return [(problem.line, problem.message) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("source", "kind", "symbol", "line"),
    [
        ("def evaluate(a): return a", "udf", "evaluate", 1),
        ("import math\n\ndef evaluate(a):\n    return math.sqrt(a)", "udf", "evaluate", 3),
        ("evaluate = lambda a: a", "udf", "evaluate", 1),
        ("from math import sqrt as evaluate", "udf", "evaluate", None),
        ("import functools\nevaluate = functools.partial(pow, 2)", "udf", "evaluate", None),
        ("def g(a): return a\nevaluate = g", "udf", "evaluate", 1),
        ("try:\n    import re2\nexcept ImportError:\n    def evaluate(a): return a", "udf", "evaluate", 4),
        ("def helper(a): return a\ndef f(a): return helper(a)", "udf", "f", 2),
        ("def helper(a): return a\ndef F(a): return helper(a)", "udf", "F", 2),
        ("def _helper(a): return a\ndef only(a): return _helper(a)", "udf", "only", 2),
        ("def evaluate(a):\n    def g():\n        yield 1\n    return list(g())[0]", "udf", "evaluate", 1),
        ("def evaluate(*args): return sum(args)", "udf", "evaluate", 1),
        ("def evaluate(a, b=1): return a", "udf", "evaluate", 1),
        ("def evaluate(a, *, k=1): return a", "udf", "evaluate", 1),
        ("import functools\n@functools.lru_cache(8)\ndef evaluate(a): return a", "udf", "evaluate", 3),
        ("def deco(g): return lambda a: g()\n@deco\ndef evaluate(): return 1", "udf", "evaluate", 3),
        (AVG, "udaf", "Avg", 1),
        ("def helper(a): return a\n" + AVG, "udaf", "Avg", 2),
        (AVG + "class Sum(Avg):\n    pass\n", "udaf", "Sum", 13),
        ("from base import Base\nclass Avg(Base):\n    def accumulate(self, a): pass", "udaf", "Avg", 2),
    ],
)
def test_kind_and_symbol(source: str, kind: Kind, symbol: str, line: int | None) -> None:
    """The kind follows from the definition, and the definition from its name or from being the only one."""
    named = "Sum(a INT) -> INT" if symbol == "Sum" else ONE
    found = read(source, signature=named)
    assert (found.kind, found.symbol, found.line) == (kind, symbol, line)
    assert str(found.signature) == named


@pytest.mark.parametrize(
    "source",
    [
        "def evaluate(a):\n    yield a",
        "def evaluate(a):\n    yield from [a]",
        "def evaluate(a):\n    for i in [a]:\n        if i:\n            x = yield i",
        "evaluate = lambda a: (yield a)",
    ],
)
def test_generators_are_table_functions(source: str) -> None:
    """A yield of its own makes a function a table function."""
    assert read(source, signature=ROWS).kind == "udtf"


@pytest.mark.parametrize(
    "source",
    [
        GUIDE_SCRIPT,
        "import sys as s\nfor line in s.stdin: pass",
        "from sys import stdin\nfor line in stdin: pass",
        "for line in open(0): pass",
        "import os\nos.read(0, 1)",
        "import sys\ndef evaluate(a): return a\ndef main():\n    sys.stdin.read()",
    ],
)
def test_a_module_that_reads_stdin_is_a_script(source: str) -> None:
    """Asked first, needs no signature, has no symbol."""
    assert read(source) == Analysis("script", None, None, None)


def test_stdin_is_not_asked_where_a_kind_or_symbol_is_given() -> None:
    """What the caller says wins; and mentioning stdin is not reading it."""
    source = "import sys\ndef evaluate(a): return sys.stdin.readline()"
    assert read(source, signature=ONE, kind="udf").kind == "udf"
    assert read(source, signature=ONE, symbol="evaluate").kind == "udf"
    assert read("class P: stdin = 0\ndef evaluate(a): return P.stdin", signature=ONE, name="f").kind == "udf"
    assert read("import sys\nsys.stdin = None\ndef evaluate(a): return a", signature=ONE).kind == "udf"


def test_nothing_is_run() -> None:
    """The source is parsed only: what would end the process does nothing."""
    assert read("import os\nos._exit(3)\ndef evaluate(a): return a", signature=ONE).kind == "udf"


def test_dotted_symbols_and_given_kinds() -> None:
    """The last part of a dotted symbol counts and the whole is kept; udtf without yield is fine if it is asked for."""
    assert read("def f(a): return a", symbol="pkg.mod.f", signature=ONE).symbol == "pkg.mod.f"
    assert read("def evaluate(a): return [a]", kind="udtf", signature=ROWS).kind == "udtf"
    assert read("def evaluate(a): pass\n" + AVG, kind="udaf", signature=ONE).symbol == "Avg"
    assert read("x = 1", kind="script").kind == "script"


@pytest.mark.parametrize(
    ("source", "options", "expected"),
    [
        ("def evaluate(a)\n    return a", {}, [(1, "SyntaxError: expected ':'")]),
        ("x = 1\nreturn x", {}, [(2, "SyntaxError: 'return' outside function")]),
        ("def evaluate(a):\n\treturn a\n        return b", {}, [(3, "SyntaxError: ")]),
        ("x = " + "(" * 5_000, {}, [(1, "SyntaxError: too many nested parentheses")]),
        ("def evaluate(a): return a", {"signature": None}, [(None, "a signature is needed, as in evaluate(")]),
        (
            "def evaluate(a): return a",
            {"signature": "f(a INTT) -> X"},
            [(None, "signature: position 5"), (None, "signature: position 14")],
        ),
        (
            "def evaluate(s): return s",
            {"signature": TWO},
            [(1, "evaluate takes 1 argument (s) but the signature has 2 (a, b)")],
        ),
        (
            "def evaluate(): return 1",
            {"signature": "f(INT) -> INT"},
            [(1, "takes 0 arguments but the signature has 1 (INT)")],
        ),
        (
            "def evaluate(a, b=1): return a",
            {"signature": "f() -> INT"},
            [(1, "takes 1 to 2 arguments (a, b) but the signature has 0")],
        ),
        (
            "def evaluate(a, b, *c): return a",
            {},
            [(1, "takes at least 2 arguments (a, b) but the signature has 1 (a)")],
        ),
        ("evaluate = lambda: 1", {}, [(1, "evaluate takes 0 arguments")]),
        ("def evaluate(a, *, k): return k", {}, [(1, "requires the keyword-only argument 'k'")]),
        ("evaluate = 3", {}, [(1, "'evaluate' is not a callable")]),
        ("import json", {"symbol": "json"}, [(1, "'json' is not a callable")]),
        ("def f(a): return a", {"symbol": "m.g"}, [(None, "symbol 'm.g' not found; the source defines f")]),
        ("", {}, [(None, "or 'f' was found: the source defines no function or class")]),
        ("def g(a): pass\ndef h(a): pass", {}, [(None, "the source defines g, h; name it with symbol")]),
        ("def evaluate(a): return a", {"kind": "udaf"}, [(1, "'evaluate' is not a class")]),
        (AVG, {"kind": "udf"}, [(1, "'Avg' is a class: a udf is a function")]),
        (
            "class Thing:\n    pass",
            {},
            [
                (1, "UDAF class must implement 'accumulate' method"),
                (1, "UDAF class must implement 'merge' method"),
                (1, "UDAF class must implement 'finish' method"),
                (1, "UDAF class must have 'aggregate_state' property"),
            ],
        ),
        (AVG.replace("    @property\n", ""), {}, [(4, "'aggregate_state' must be a @property")]),
        (
            AVG.replace("accumulate(self, a)", "accumulate(self, a, b)"),
            {},
            [(7, "accumulate takes 2 arguments (a, b) but the signature has 1 (a)")],
        ),
        (
            AVG.replace("merge(self, other_state)", "merge(self, a, other_state)"),
            {},
            [(9, "merge takes 2 arguments (a, other_state) but gets 1")],
        ),
        (AVG.replace("finish(self)", "finish(self, x)"), {}, [(11, "finish takes 1 argument (x) but gets none")]),
        (
            AVG.replace("__init__(self)", "__init__(self, x)"),
            {},
            [(2, "created without arguments, but its __init__ takes 1 argument (x)")],
        ),
        (AVG.replace("    def finish", "    async def finish"), {}, [(11, "finish is async def, which only a scalar")]),
        (
            "def evaluate(a): yield a",
            {},
            [(None, "a table function returns an ARRAY of what it yields: ARRAY<INT>, not INT")],
        ),
        ("def evaluate(a): yield a", {"kind": "udf"}, [(1, "evaluate yields")]),
        (
            "async def evaluate(a): yield a",
            {"signature": ROWS},
            [(1, "evaluate is async def, which only a scalar function may be: write def")],
        ),
        ("async def evaluate(a): return a", {"batch_size": 8}, [(1, "run side by side anyway: leave batch_size out")]),
        (
            "import pandas as pd\nasync def evaluate(a: pd.Series): return a",
            {},
            [(2, "async def gets the values of one row, but a is a pd.Series: write def")],
        ),
        (
            "import pandas as pd\ndef evaluate(rows: pd.Series): return rows",
            {"batch_size": 8},
            [(2, "with batch_size rows is a list of tuples, not a pd.Series")],
        ),
        ("def evaluate(a): return a", {"batch_size": 0}, [(None, "batch_size must be at least 1, not 0")]),
        (
            "def evaluate(a, b): return a",
            {"batch_size": 8, "signature": TWO},
            [(1, "batch_size=8 needs exactly one parameter")],
        ),
        (
            "def evaluate(a): yield a",
            {"batch_size": 8, "signature": ROWS},
            [(None, "batch_size is for scalar functions; this is a udtf")],
        ),
        (
            GUIDE_SCRIPT,
            {"kind": "script", "symbol": "main", "signature": None},
            [(None, "a script is run as a whole and has no symbol")],
        ),
        (
            "def evaluate(a):\n    return a + total",
            {},
            [(2, "name 'total' is not defined in this cell; it ships alone")],
        ),
    ],
)
def test_one_problem(source: str, options: dict[str, Any], expected: list[tuple[int | None, str]]) -> None:
    """Each mistake is named in its own words, with its line."""
    found = problems(source, **{"signature": ONE, **options})
    assert len(found) == len(expected)
    for (line, message), (expected_line, part) in zip(found, expected, strict=True):
        assert part in message
        assert line == expected_line


@pytest.mark.parametrize("source", ["x = '\0'", "x = " + "-" * 100_000 + "1", "x = '\ud800'"])
def test_hostile_source_is_a_problem_too(source: str) -> None:
    """Null bytes, endless nesting and half characters are problems of the definition, not crashes."""
    assert len(problems(source, signature=ONE)) == 1


def test_all_problems_come_at_once_in_the_order_of_their_lines() -> None:
    """A definition with six mistakes is one error with six problems."""
    source = """\
        import math

        def evaluate(a, *, key):
            yield a + offset

        def other():
            return lost
        """
    found = problems(source, signature=TWO, kind="udf", batch_size=-1)
    assert [line for line, _ in found] == [None, 3, 3, 3, 4, 7]
    assert "batch_size must be at least 1" in found[0][1]
    assert {"offset", "lost"} == {message.split("'")[1] for _, message in found[-2:]}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a = b\nb = a", []),
        ("print(len(x))\ny = x", [("x", 1)]),
        ("def f(n):\n    return [i * k for i in range(n)]", [("k", 2)]),
        ("import os.path\nfrom math import pi as p\nprint(os, p, pi)", [("pi", 3)]),
        ("from math import *\nsqrt(x)", []),
        ("try:\n    unicode\nexcept NameError:\n    unicode = str", []),
        ("try:\n    maybe\nexcept (ImportError, NameError):\n    pass", []),
        ("try:\n    lost\nexcept ValueError as e:\n    print(e)", [("lost", 2)]),
        ("def f():\n    global g\n    g = 1\nprint(g, __name__, __file__)", []),
        (
            "match 1:\n    case [a, *b] if a: print(a, b)\n    case {'k': v, **kw}: (v, kw)\n    case _ as w: w",
            [],
        ),
        ("if (n := 3): print(n)\nwith open('x') as f: f\nfor i, (j, *k) in []: print(i, j, k)", []),
        ("class A:\n    x = 1\n    def m(self): return __class__, self.x", []),
        ("lambda q, *a, r=1, **k: (q, a, r, k)", []),
        ("def f(x: pd.Series): pass", [("pd", 1)]),
        ("from __future__ import annotations\ndef f(x: pd.Series) -> np.x:\n    y: foo = 1", []),
        ("display(1)\nget_ipython()", [("display", 1), ("get_ipython", 2)]),
    ],
)
def test_undefined_names(source: str, expected: list[tuple[str, int]]) -> None:
    """Names of other cells are found with their first line, and nothing that is bound or guarded is blamed."""
    assert undefined_names(ast.parse(source)) == expected
