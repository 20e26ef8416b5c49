"""The tabs Code and SQL: exact texts in colours that can be read, true marks on lines, statements that run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest

from workbench.errors import BatchTimeout, UdfError
from workbench.notebook.panel import sources
from workbench.notebook.panel.assets import sheet
from workbench.notebook.panel.highlight import Language, Line, highlight
from workbench.notebook.style import DARK, LIGHT
from workbench.session import Function, Workbench
from workbench.session.limits import OnError

pytest_plugins = ("fix_session",)

CODE = """import os, signal, time

def evaluate(a, b):
    if a == 7:
        os.kill(os.getpid(), signal.SIGSEGV)
    if a == 8:
        time.sleep(60)
    return a / b
"""
SUM = """class Sum:
    def __init__(self):
        self.sum = 0
    def accumulate(self, a):
        self.sum += a
    def merge(self, other):
        self.sum += other
    @property
    def aggregate_state(self):
        return self.sum
    def finish(self):
        return self.sum
"""
ROWS = pa.table({"a": [1, 2, 3, 4], "b": [1, 0, 1, 0]})


@pytest.fixture
def ratio(w: Workbench) -> Function:
    """A function that fails where b is 0."""
    return w.register(CODE, "ratio(a BIGINT, b BIGINT) -> DOUBLE")


def joined(lines: Sequence[Line]) -> str:
    """The text that is drawn and copied."""
    return "\n".join("".join(run if isinstance(run, str) else run[1] for run in line) for line in lines)


def classes(lines: Sequence[Line]) -> dict[str, str]:
    """The class of each coloured run."""
    return {run[1]: run[0] for line in lines for run in line if not isinstance(run, str)}


@pytest.mark.parametrize("language", ["python", "sql", "yaml"])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "def f(a):\n\treturn '''\n two\n''' # \u202e\n",
        "a = 1\r\nb = '\x0c\x00'\r\n",
        "'''never closed\n\"",
        "CREATE FUNCTION f(INT) AS $$\nx = '$$' AS $$\n$$;\n",
        "- é: ['\U0001f600', &x *y]\n  %",
        "\ufeff\\\n`\x85\u2028`",
    ],
)
def test_colours_lose_nothing(text: str, language: Language) -> None:
    """Whatever it is and whatever it is taken for, the runs of all lines are the text."""
    assert joined(highlight(text, language)) == text


def test_each_class_is_what_a_reader_looks_for() -> None:
    """Also in a statement that brings its Python along, which is coloured as such."""
    python = "@once\ndef f(a: int):\n    '''doc'''\n    return None if not a else 12  # why"
    assert classes(highlight(python, "python")) == {
        "@once": "d",
        "f": "d",
        **dict.fromkeys(("def", "return", "if", "not", "else"), "k"),
        **dict.fromkeys(("int", "None"), "b"),
        "12": "n",
        "'''doc'''": "s",
        "# why": "c",
    }
    found = classes(highlight(f"CREATE FUNCTION f(STRING)\nRETURNS INT AS $$\n{python}\n$$;", "sql"))
    assert found.items() >= {"CREATE": "k", "STRING": "b", "INT": "b", "def": "k", "# why": "c"}.items()


def test_a_diff_makes_the_new_version_of_the_old_one(w: Workbench) -> None:
    """Version by version, the newest first; the oldest has none; the source is there to the last character."""
    texts = [CODE, CODE.replace("a / b", "b / a"), "# two lines\n" + CODE.replace("60", "600")]
    for text in texts:
        function = w.register(text, "ratio(a BIGINT, b BIGINT) -> DOUBLE")
    found = sources.code(function.versions)
    assert [one["version"] for one in found["versions"]] == [3, 2, 1]
    assert [joined(one["lines"]) + "\n" for one in found["versions"]] == texts[::-1]
    assert found["versions"][-1]["diff"] is None
    for one, before in zip(found["versions"], found["versions"][1:], strict=False):
        new, at = [], 0
        for tag, *(first, last, start, end) in (step for group in one["diff"] for step in group):
            new += before["lines"][at:first]
            new += before["lines"][first:last] if tag == "equal" else one["lines"][start:end]
            at = last
        assert new + before["lines"][at:] == one["lines"]


def test_much_code_is_cut_and_counted(w: Workbench) -> None:
    """The newest version from its beginning; older ones are left out whole."""
    for number in range(3):
        long = f"'{number}{'x' * 100}'\n" * 600 + CODE
        function = w.register(long, "ratio(a BIGINT, b BIGINT) -> DOUBLE")
    (one,) = sources.code(function.versions)["versions"]
    assert sources.code(function.versions)["older"] == 2
    assert len(joined(one["lines"])) <= sources.CODE
    assert len(one["lines"]) + one["cut"] == long.count("\n")


@pytest.mark.parametrize(
    ("on_error", "mark"),
    [
        ("dead_letter", [8, "▲", "warn", "ZeroDivisionError, 2 rows", "Dead letters"]),
        ("null", [8, "▲", "warn", "ZeroDivisionError, 2 rows", "History"]),
        ("fail", [8, "✕", "bad", "ZeroDivisionError, row 1", "Dead letters"]),
    ],
)
def test_a_line_says_which_rows_failed_on_it(ratio: Function, on_error: OnError, mark: list[Any]) -> None:
    """How many, or which one, and where more is told."""
    run = ratio.run(ROWS, on_error=on_error)
    assert sources.places(run) == {"version": 1, "marks": []}
    try:
        run.wait()
    except UdfError:
        assert on_error == "fail"
    assert sources.places(run) == {"version": 1, "marks": [mark]}


def test_a_line_says_who_died_on_it(ratio: Function) -> None:
    """Each time; the row that did it is counted apart."""
    run = ratio.run(pa.table({"a": [1, 7], "b": [1, 1]}), on_error="dead_letter").wait()
    deaths = int((run.events["kind"] == "crashed").sum())
    assert sources.places(run)["marks"] == [
        [5, "✕", "bad", f"SIGSEGV, batch 0, {deaths} times", "History"],
        [5, "▲", "warn", "WorkerCrashed, row 1", "Dead letters"],
    ]


def test_a_line_says_what_hung_in_it(ratio: Function) -> None:
    """A batch that is out of time ends the run on the line where it was."""
    run = ratio.run(pa.table({"a": [8], "b": [1]}), timeout=0.3)
    with pytest.raises(BatchTimeout):
        run.wait()
    assert sources.places(run)["marks"] == [[7, "✕", "bad", "BatchTimeout, batch 0", "History"]]


@pytest.mark.parametrize(
    ("source", "signature", "groups", "expected"),
    [
        (CODE, "ratio(a BIGINT, `b c` BIGINT) -> DOUBLE", (), ("SELECT ratio(a, `b c`)\nFROM t;", 1)),
        (
            "def evaluate(a):\n    yield a\n    yield a\n",
            "twice(a BIGINT) -> ARRAY<BIGINT>",
            (),
            ("SELECT t.*, twice\nFROM t\nLATERAL VIEW twice(a) made AS twice;", 3),
        ),
        (
            "def evaluate(a):\n    yield a, 1\n",
            "pair(a BIGINT) -> ARRAY<STRUCT<x:BIGINT, y:INT>>",
            (),
            ("SELECT t.*, x, y\nFROM t\nLATERAL VIEW pair(a) made AS x, y;", 4),
        ),
        (SUM, "total(a BIGINT) -> BIGINT", (), ("SELECT total(a)\nFROM t;", 1)),
        (SUM, "total(a BIGINT) -> BIGINT", ("b c",), ("SELECT `b c`, total(a)\nFROM t\nGROUP BY `b c`;", 2)),
    ],
)
def test_the_call_that_is_shown_runs(
    w: Workbench, source: str, signature: str, groups: tuple[str, ...], expected: tuple[str, int]
) -> None:
    """For each kind, over a table of that name with the columns that the arguments are named after."""
    card = sources.sql(w.register(source, signature), groups)[0]
    assert card["title"] == "In a query"
    text = joined(card["lines"])
    table = pa.table({"a": [1, 2], "b c": [1, 1]})
    assert (text, w.sql(text, tables={"t": table}).to_arrow().num_columns) == expected


def test_each_target_has_its_text_or_its_reason(w: Workbench, ratio: Function) -> None:
    """What is copied is what the plan says, whole; what is refused stands last and has nothing to copy."""
    _, doris, proposed, fungi = sources.sql(ratio)
    assert joined(doris["lines"]) == ratio.plan("doris").steps[0].text
    assert joined(proposed["lines"]) == ratio.plan("doris-proposal").steps[1].text
    assert proposed["notes"][0].startswith("copy the package to where every server can read it: ratio.zip")
    assert doris["command"] == "%udf deploy ratio --target doris"
    assert fungi == {"title": "Fungi", "refused": "ratio is a udf; an operator of Fungi is a script that reads stdin"}
    script = w.register("import sys\nimport pyarrow as pa\n", name="echo", kind="script")
    pipeline, *others = sources.sql(script)
    assert joined(pipeline["lines"]) == "transform:\n  type: python\n  source: echo.zip\n  entry: echo.py"
    assert [one["title"] for one in others if one["refused"]] == ["Doris", "Doris, as first proposed"]


def luminance(colour: str) -> float:
    """As WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(("palette", "head"), [(LIGHT, ".udf-panel"), (DARK, "body.vscode-dark .udf-panel")])
def test_code_can_be_read_on_each_background(palette: dict[str, str], head: str) -> None:
    """A contrast of at least 4.5 : 1 for each class on plain, added, removed and marked lines, in both themes."""
    (block,) = re.findall(rf"^{re.escape(head)} \{{ (--t-k.*) \}}$", sheet(), re.MULTILINE)
    colours = palette | dict(re.findall(r"--([\w-]+): (#\w{6});", block))
    for below in ("bg", "bar", "added", "removed", "hit", "warned"):
        for name in ("fg", "dim", "bad", "warn", *(name for name in colours if name.startswith("t-"))):
            light, dark = sorted((luminance(colours[name]), luminance(colours[below])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (name, below)
