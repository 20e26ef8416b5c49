"""What is stored in a notebook: harmless, small, the same each time, and readable."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from workbench.errors import UdfError
from workbench.notebook import html, style
from workbench.notebook.cells import Cell, cell
from workbench.notebook.grid import Column, Grid, Limits, Row, history_grid, letters_grid, state_grid
from workbench.notebook.text import table
from workbench.notebook.views import MOST_BYTES, ErrorView, FunctionView, RunView
from workbench.session import Run, Workbench

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    '"><script>alert(1)</script>',
    "'><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "' onfocus='alert(1)' autofocus='",
    "<a href=javascript:alert(1)>x</a>",
    "<a href='java\nscript:alert(1)'>x</a>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<body onload=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<math><mtext></mtext><script>alert(1)</script></math>",
    "<style>*{background:url(javascript:alert(1))}</style>",
    "</style><script>alert(1)</script>",
    "</pre></details></td></table><script>alert(1)</script>",
    "<!--><script>alert(1)</script-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)",
    "<scr\0ipt>alert(1)</scr\0ipt>",
    "\u202e<script>alert(1)</script>",
    "<object data=javascript:alert(1)>",
    "<form action=javascript:alert(1)><button>x</button></form>",
    "${alert(1)} {{alert(1)}} `alert(1)`",
)

ALLOWED = {*"div style b code span p details summary small table thead tbody tr th td br i pre mark".split()}  # noqa: SIM905


TOTAL = """class Total:
    def __init__(self):
        self.total = 0
    def accumulate(self, a):
        self.total += a
    def merge(self, other):
        self.total += other
    @property
    def aggregate_state(self):
        return self.total
    def finish(self):
        return self.total
"""


class Page(HTMLParser):
    """Everything in a page that could do something, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def check_harmless(text: str) -> Page:
    """Only our elements, with our attributes."""
    page = Page(text)
    assert page.tags <= ALLOWED
    assert {name for name, _ in page.attributes} <= {"class", "scope", "open"}
    assert not [value for _, value in page.attributes if "javascript" in value or "<" in value]
    assert text.count("<style>") <= 1
    assert "url(" not in style.STYLE
    return page


@pytest.fixture
def bench(home: Path) -> Iterator[Workbench]:
    """A workbench that is closed at the end."""
    with Workbench(home) as workbench:
        yield workbench


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_markup_anywhere_in_a_grid(text: str) -> None:
    """Column names, types, labels, cells, titles, lines and errors are text and stay text."""
    grid = Grid(
        [Column(text, text, output=True)], [Row([Cell(text)], text), Row([Cell(text, "null")])], 2, labelled=True
    )
    page = check_harmless(
        html.document(html.section(text, text, html.table(grid), html.lines([text])), html.tag("p", text))
    )
    error = UdfError(text, function=text, error=text, values={text: text}, logs=[text], hint=text)
    check_harmless(ErrorView(error).html())
    assert "alert(1)" in "".join(page.texts)


def test_a_run_over_hostile_data_is_harmless(bench: Workbench) -> None:
    """Names of functions and columns, values, errors and logs of a real run are all text."""
    source = (
        "def evaluate(a):\n    print(a)\n    if len(a) % 2:\n        raise ValueError(a)\n    return a\n"
        "# </pre></style><script>alert(1)</script>\n"
    )
    function = bench.register(source, "`<script>alert(1)</script>`(`<img src=x onerror=alert(1)>` STRING) -> STRING")
    frame = pd.DataFrame({"<img src=x onerror=alert(1)>": HOSTILE, "\"'><script>": "</td><script>"})
    run = function.run(frame, on_error="dead_letter").wait()
    page = check_harmless(RunView(run, rows=50).html())
    assert run.record.dead > 3
    assert {"Output", "History", "Dead letters", "Log"} <= set(page.texts)
    check_harmless(FunctionView(function).html())
    failed = function.run(frame)
    with pytest.raises(UdfError):
        failed.wait()
    check_harmless(RunView(failed).html())


def test_a_very_wide_run_stays_small_and_shows_the_result(bench: Workbench) -> None:
    """1,000 columns of wide cells that double when escaped fit into 50 KB, and the function's column is among them."""
    columns = {f"column_{number}": ["&" * 500] * 30 for number in range(1_000)}
    function = bench.register(
        "def evaluate(v):\n    print('<' * 4000)\n    return v\n", "last(column_999 STRING) -> STRING"
    )
    run = function.run(pd.DataFrame(columns)).wait()
    view = RunView(run)
    page = view.html()
    assert len(page.encode()) <= MOST_BYTES
    texts = Page(page).texts
    assert "last" in texts
    assert "column_999" in texts
    assert all(len(line) <= 200 for line in view.lines())
    assert "last STRING" in repr(view)


def test_long_texts_are_cut(bench: Workbench) -> None:
    """A signature of a thousand fields, or an error that quotes a megabyte, does not make a large notebook."""
    fields = ", ".join(f"field_{number}:STRING" for number in range(1_000))
    function = bench.register(
        "def evaluate(a):\n    raise ValueError('<' * 1_000_000)\n", f"f(a BIGINT) -> STRUCT<{fields}>"
    )
    run = function.run(pd.DataFrame({"a": [1]}), on_error="dead_letter").wait()
    failed = function.run(pd.DataFrame({"a": [1]}))
    with pytest.raises(UdfError) as caught:
        failed.wait()
    for view in (FunctionView(function), RunView(run), RunView(failed), ErrorView(caught.value)):
        assert len(view.html().encode()) <= MOST_BYTES
        assert max(map(len, view.lines())) <= 400


def test_the_same_run_gives_the_same_bytes(bench: Workbench, tmp_path: Path) -> None:
    """Also with a crash, whose dump has addresses, and two workers; no pid, time or temporary path is in it."""
    mark = tmp_path / "mark"
    function = bench.register(
        "import ctypes, os\n\ndef evaluate(a):\n    print('row', a)\n"
        "    if a == 5 and not os.path.exists(os.environ['MARK']):\n"
        "        open(os.environ['MARK'], 'w').close()\n        ctypes.string_at(0)\n    return a\n",
        "fragile(a BIGINT) -> BIGINT",
        env={"MARK": str(mark)},
    )
    frame = pd.DataFrame({"a": range(8)})
    pages, texts = [], []
    for _ in range(2):
        mark.unlink(missing_ok=True)
        run = function.run(frame, batch_rows=2).wait()
        pages.append(RunView(run).html())
        texts.append(repr(RunView(run)))
        function.stop()
    assert pages[0] == pages[1]
    assert texts[0] == texts[1]
    assert "✕ crashed: fragile died of SIGSEGV in batch 2; restarted 1/3" in texts[0]
    for secret in (str(os.getpid()), "/tmp", "0x", str(mark)):
        assert secret not in pages[0].replace("#", "")


def test_failed_rows_stand_in_their_places(bench: Workbench) -> None:
    """A row that was set aside is shown between its neighbours with its values and its error, marked by a sign."""
    function = bench.register("def evaluate(a, b):\n    return a / b\n", "ratio(a BIGINT, b BIGINT) -> DOUBLE")
    run = function.run(pd.DataFrame({"a": [1, 2, 3], "b": [2, 0, 4]}), on_error="dead_letter").wait()
    assert repr(RunView(run)).splitlines()[3:] == [
        "| row | a BIGINT | b BIGINT |      ratio DOUBLE |",
        "|   0 |        1 |        2 |               0.5 |",
        "| 1 ✕ |        2 |        0 | ZeroDivisionError |",
        "|   2 |        3 |        4 |              0.75 |",
        "3 rows",
    ]


def test_output_rows_of_one_input_row_share_a_stripe(bench: Workbench) -> None:
    """Every other input row of a table function has a stripe over all its output rows, also beside an equal one."""
    function = bench.register("def evaluate(s):\n    yield from s\n", "letters(s STRING) -> ARRAY<STRING>")
    run = function.run(pd.DataFrame({"s": ["ab", "", "ab", "e"]})).wait()
    page = RunView(run).html()
    assert page.count('<tr class="s">') == 2
    assert "(fan-out 1.2, max 2, empty 1)" in page


def test_the_state_of_an_aggregate_is_shown_as_it_grows(bench: Workbench) -> None:
    """Each batch that changed a group is a row, and whole groups are shown before more of them."""
    function = bench.register(TOTAL, "total(a BIGINT) -> BIGINT")
    frame = pd.DataFrame({"a": range(8), "g": list("xyxyxyxy")})
    run = function.run(frame, group_by="g", batch_rows=2).wait()
    assert [line for line in RunView(run, rows=5).lines() if line.startswith("batch")] == [
        "batch 0   group g=x   result 0    state 0    changed new",
        "batch 1   group g=x   result 2    state 2    changed state",
        "batch 2   group g=x   result 6    state 6    changed state",
        "batch 3   group g=x   result 12   state 12   changed state",
    ]
    assert "State" in Page(RunView(run).html()).texts


def test_tables_of_states_and_failing_rows_read_as_the_output_does(bench: Workbench) -> None:
    """Numbers stand to the right, with as many digits; a detail is cut where the line ends and not before."""
    before, _, finish = TOTAL.rpartition("self.total")
    mean = f"{before}self.total / 3{finish}"
    function = bench.register(mean, "mean(a BIGINT) -> DOUBLE")
    grid = state_grid(function.run(pd.DataFrame({"a": [1, 9]}), batch_rows=1).wait(), Limits())
    assert [row.cells[1].text for row in grid.rows] == ["0.33333333", "3.3333333"]
    assert [column.number for column in grid.columns] == [True, True, False, False]
    inverse = bench.register("def evaluate(a):\n    return 1 / a\n", "inverse(a BIGINT) -> DOUBLE")
    run = inverse.run(pd.DataFrame({"a": [0, None], "s": ["0", ""]}), on_error="dead_letter").wait()
    letters = letters_grid(run.record.letters, run.input_schema.names, run.record.dead, Limits())
    assert [column.number for column in letters.columns] == [True, True, True, False, False]
    history = table(history_grid(run, Limits()))
    assert any("2 rows set aside; row 0: ZeroDivisionError: division by zero" in line for line in history)


def test_a_view_moves_nothing(bench: Workbench) -> None:
    """A run that was only started is shown as running; one whose results were streamed says so."""
    function = bench.register("def evaluate(a):\n    return a\n", "same(a BIGINT) -> BIGINT")
    frame = pd.DataFrame({"a": [1, 2]})
    with function.run(frame) as run:
        assert "running: to_pandas() finishes it" in repr(RunView(run))
        assert run.record.rows_in == 0
        assert sum(batch.num_rows for batch in run.batches()) == 2
        assert "the results were streamed, not kept" in RunView(run).html()


@pytest.mark.parametrize(
    ("value", "shown", "kind"),
    [
        (None, "NULL", "null"),
        ("", "''", "empty"),
        ("NULL", "NULL", "text"),
        (True, "true", "text"),
        (0.1, "0.1", "number"),
        (1 / 3, "0.33333333", "number"),
        (float("nan"), "nan", "number"),
        (b"\x00\xff", "0x00ff", "text"),
        ("a\nb\x1b[31m\u202e", r"a\nb\x1b[31m\u202e", "text"),
        ("\ud800", r"\ud800", "text"),
        ([1, None, "ä"], '[1, null, "ä"]', "text"),
        ({"a": [1]}, '{"a": [1]}', "text"),
        ("x" * 100, "x" * 79 + "…", "text"),
        ("x" * 10_000_000, "x" * 79 + "…", "text"),
    ],
)
def test_a_value_is_shown_as_what_it_is(value: Any, shown: str, kind: str) -> None:
    """NULL, the empty string and a text that reads NULL differ; nothing invisible is shown as it is."""
    assert cell(value) == (shown, kind)


def test_null_and_its_text_differ_in_plain_text_too() -> None:
    """Where there are no italics the text is quoted."""
    assert table(Grid([Column("s")], [Row([cell("NULL")]), Row([cell(None)])], 2))[1:3] == ["| 'NULL' |", "| NULL   |"]


def test_wide_characters_are_aligned() -> None:
    """A character that takes two columns counts as two."""
    lines = table(Grid([Column("s")], [Row([cell("東京")]), Row([cell("ab")])], 2))
    assert lines[1:3] == ["| 東京 |", "| ab   |"]


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("palette", [style.LIGHT, style.DARK], ids=["light", "dark"])
@pytest.mark.parametrize("text", ["fg", "dim", "good", "bad", "warn"])
@pytest.mark.parametrize("below", ["bg", "bar", "tint"])
def test_contrast_is_enough(palette: dict[str, str], text: str, below: str) -> None:
    """Every text colour reads on every background, as WCAG's AA asks."""
    high, low = sorted([luminance(palette[text]), luminance(palette[below])], reverse=True)
    assert (high + 0.05) / (low + 0.05) >= 4.5


def test_what_a_cell_of_the_notebook_stores(bench: Workbench) -> None:
    """Both forms are there, so that a reader without HTML sees the same."""
    function = bench.register("def evaluate(a):\n    return a\n", "same(a BIGINT) -> BIGINT")
    views: list[Callable[[], Any]] = [lambda: FunctionView(function), lambda: RunView(run)]
    run: Run = function.run(pd.DataFrame({"a": [1]})).wait()
    for view in views:
        assert set(view()._repr_mimebundle_()) == {"text/plain", "text/html"}
