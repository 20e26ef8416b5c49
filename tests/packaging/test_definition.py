"""What ships: the cell without what speaks to us, each line under its old number."""

from __future__ import annotations

import ast

import pytest

from workbench.errors import DefinitionError
from workbench.packaging import strip_ours


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import numpy as np\nx = 1\n", "import numpy as np\nx = 1\n"),
        (
            "import workbench as wb\n\n@wb.udf(\n    input_types=[],\n)\ndef f(a):\n    return a\n",
            "\n\n\n\n\ndef f(a):\n    return a\n",
        ),
        ("from workbench import udf as u\n@u\n@keep\ndef f(a): ...\n", "\n\n@keep\ndef f(a): ...\n"),
        ("import workbench.fungi\nworkbench.fungi.run()\nx = 1\n", "\n\nx = 1\n"),
        ("import os, workbench as wb, re\n", "import os, re\n"),
        ("from .workbench import x\nx()\n", "from .workbench import x\nx()\n"),
        ("import workbench as wb\nw = wb.Workbench()\nf = w.register(g)\nf.run(df)\ny = 2\n", "\n\n\n\ny = 2\n"),
        ("import workbench as wb\nwith wb.Workbench() as w:\n    r = w.run()\nprint(r)\nx = 1", "\n\n\n\nx = 1"),
        (
            "try:\n    import workbench as wb\nexcept ImportError:\n    wb = None\nif wb:\n    wb.x()\nx = 1\n",
            "\n" * 6 + "x = 1\n",
        ),
        ("import workbench as w\nw = 3\nx = w + 1\n", "\nw = 3\nx = w + 1\n"),
        (
            "import workbench as w\ny = [w for w in z]\nk = lambda w: w + 1\n",
            "\ny = [w for w in z]\nk = lambda w: w + 1\n",
        ),
        ("import workbench as w\ny = [w.x(a) for a in z]\n", "\n\n"),
        ("import workbench as w\ndef f(w):\n    return w.strip()\n", "\ndef f(w):\n    return w.strip()\n"),
        (
            "import workbench as wb\n@wb.udf()\ndef f(a): ...\nf.run(df)\ng = [f(1)]\n",
            "\n\ndef f(a): ...\n\ng = [f(1)]\n",
        ),
        ("import workbench as wb; w = wb.Workbench()\nx = 1\n", "\nx = 1\n"),
        ("%load_ext workbench\n!pip list \\\n   -v\nx = 5 \\\n  % 3\n", "\n\n\nx = 5 \\\n  % 3\n"),
        (
            "%timeit it's\n!echo 'x\nif x:\n    %time y\ns = '''\n%no magic\n'''\n",
            "\n\nif x:\n    pass\ns = '''\n%no magic\n'''\n",
        ),
        ("x = '\x0c\u2028'\r\nimport workbench\r\ny = 1\r\n", "x = '\x0c\u2028'\r\n\r\ny = 1\r\n"),
        (
            "import workbench as wb\n@wb.x\n@y\ndef main():\n    def g(): ...\n    wb.x\nmain()\nx = 1\n",
            "\n" * 7 + "x = 1\n",
        ),
        ("import workbench as wb\ndef b():\n    a()\ndef a():\n    wb.x\nif x:\n    b()\n", "\n" * 7),
        ("", ""),
    ],
)
def test_stripped(source: str, expected: str) -> None:
    """Ours goes, the rest stays letter by letter, and Python can read what is left."""
    assert strip_ours(source) == expected
    ast.parse(expected)
    assert strip_ours(expected) == expected


def test_beside_the_function_that_ships_whatever_uses_us_goes() -> None:
    """Where it is known, other functions may have parameters; a class stays, and so does what the function needs."""
    source = "import workbench as wb\ndef f(a): ...\ndef show(run):\n    wb.x(run)\n"
    assert strip_ours(source, target="f") == "\ndef f(a): ...\n\n\n"
    for more, line in (("class C:\n    x = wb\n", 6), ("def g():\n    f(show)\n    import sys\n    sys.stdin\n", 6)):
        with pytest.raises(DefinitionError) as caught:
            strip_ours(source + more, target="f")
        assert [problem.line for problem in caught.value.problems] == [line]


@pytest.mark.parametrize(
    ("source", "problems"),
    [
        ("import workbench as wb\ndef f(a):\n    return wb.x(a)\n", [(3, "f uses 'wb', which comes from workbench")]),
        (
            "def f(a):\n    import workbench\n    return a\n",
            [(2, "f imports workbench, which is not there when it runs")],
        ),
        (
            "def f(a):\n    return w.x\nimport workbench as wb\nw = wb.Workbench()\n",
            [(2, "f uses 'w', which comes from workbench")],
        ),
        ("import workbench as wb\ndef f(a=wb.x): ...\n", [(2, "f uses 'wb', which comes from workbench")]),
        (
            "import workbench as wb\nclass C(wb.Base):\n    def m(self):\n        return [wb for _ in 'a']\n",
            [(2, "C uses 'wb'"), (4, "C uses 'wb'")],
        ),
        ("import workbench as wb\ndef f(a):\n    global wb\n    return lambda: wb.y\n", [(4, "f uses 'wb'")]),
        (
            "import workbench as wb\nwith wb.x():\n    def f(a): ...\n",
            [(3, "f is defined inside a statement that uses workbench")],
        ),
        ("import workbench as wb; x = 1\n", [(1, "put what uses workbench on a line of its own")]),
        ("from workbench import *\n", [(1, "name what you import from workbench")]),
        ("def f(:\n", [(1, "SyntaxError: invalid syntax")]),
        ("x = 1\n%magic\ndef f(\n", [(3, "SyntaxError: '(' was never closed")]),
        ("x = '\ud800'", [(None, "surrogates not allowed")]),
    ],
)
def test_refused(source: str, problems: list[tuple[int | None, str]]) -> None:
    """What cannot ship is named, all at once, with its line and the line's text."""
    with pytest.raises(DefinitionError) as caught:
        strip_ours(source, "cell 3")
    found = caught.value.problems
    assert [problem.line for problem in found] == [line for line, _ in problems]
    for problem, (line, text) in zip(found, problems, strict=True):
        assert text in problem.message
        assert line is None or problem.text.strip() == source.splitlines()[line - 1].strip()
    assert str(caught.value).startswith("cell 3: ")
