"""Whatever a user calls a function becomes a spec and a package: nothing is run, all that is wrong is said at once."""

from __future__ import annotations

import importlib
import io
import linecache
import sys
import types
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import DefinitionError, PackageError, ScriptNotFound, UnsafeArchive, UsageProblem
from workbench.packaging import read_zip
from workbench.session.define import Defined, Wanted, define

RATIO = "def evaluate(a, b):\n    return a / b\n"
SIGNATURE = "ratio(a DOUBLE, b DOUBLE) -> DOUBLE"
SCRIPT = "import sys\nimport pyarrow as pa\nfor batch in pa.ipc.open_stream(sys.stdin.buffer):\n    pass\n"


def made(source: Any, signature: str | None = SIGNATURE, **wanted: Any) -> Defined:
    """`define` with a signature that fits `RATIO`."""
    return define(source, Wanted(signature=signature, **wanted))


def files(defined: Defined) -> set[str]:
    """The paths in the package, without the manifest."""
    return set(read_zip(defined.package).files) - {"workbench.json"}


def tree(folder: Path, contents: Mapping[str, str]) -> Path:
    """These files below the folder."""
    for name, text in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def zipped(path: Path, contents: Mapping[str, str]) -> Path:
    """A zip of these files."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in contents.items():
            archive.writestr(name, text)
    return path


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Write the text of a module and import it; it is forgotten after the test."""
    monkeypatch.syspath_prepend(str(tmp_path))
    known = set(sys.modules)

    def write(text: str, name: str = "my_functions") -> ModuleType:
        (tmp_path / f"{name}.py").write_text(text)
        importlib.invalidate_caches()
        return importlib.import_module(name)

    yield write
    for name in set(sys.modules) - known:
        del sys.modules[name]


# -- text --------------------------------------------------------------------------------------------------------------


def test_text_becomes_a_module_named_like_the_function() -> None:
    """A text is one file, the symbol is ``module.function``, and the same text makes the same bytes."""
    defined = made(RATIO)
    assert files(defined) == {"ratio.py"}
    assert (defined.spec.name, defined.spec.kind, defined.spec.symbol) == ("ratio", "udf", "ratio.evaluate")
    assert defined.source == RATIO
    assert defined.package == made(RATIO).package


def test_a_name_of_the_standard_library_is_no_module_name() -> None:
    """A function called json does not ship as json.py, which nobody could import."""
    defined = made("def evaluate(a):\n    return a\n", "json(a STRING) -> STRING")
    assert files(defined) == {"udf_json.py"}
    assert defined.spec.name == "json"


@pytest.mark.parametrize("name", ["class", "größe", "2nd", "with space"])
def test_any_sql_name_makes_a_module(name: str) -> None:
    """A name that Python or a file system cannot take still ships."""
    defined = made("def evaluate(a):\n    return a\n", f"`{name}`(a INT) -> INT")
    (file,) = files(defined)
    assert file.removesuffix(".py").isidentifier()
    assert defined.spec.name == name


def test_a_script_needs_no_signature() -> None:
    """A text that reads stdin is a script, shipped below a folder as Fungi has it; its name is given, or ``script``."""
    assert made(SCRIPT, None).spec.name == "script"
    defined = made(SCRIPT, None, name="keep")
    assert (defined.spec.kind, defined.spec.signature, defined.spec.entry) == ("script", None, "keep/keep.py")


def test_all_problems_are_reported_at_once_with_their_lines() -> None:
    """The signature's problem, the wrong arity and a name from another cell come in one error."""
    with pytest.raises(DefinitionError) as caught:
        made("def evaluate(a):\n    return a * factor\n")
    assert [problem.line for problem in caught.value.problems] == [1, 2]
    assert "'factor' is not defined in this cell" in str(caught.value)
    assert "takes 1 argument (a) but the signature has 2 (a, b)" in str(caught.value)
    with pytest.raises(DefinitionError) as caught:
        made("def evaluate(a:\n    return a\n", "f(a INTT) -> INT")
    assert [problem.line for problem in caught.value.problems] == [None, 1]
    assert "did you mean INT?" in str(caught.value)


def test_a_syntax_error_names_the_line_and_shows_it() -> None:
    """The line is the one in the text, and ``where`` names the cell."""
    with pytest.raises(DefinitionError, match=r"%%udf ratio: 1 problem\n  line 2: SyntaxError") as caught:
        define("def evaluate(a, b):\n    return a +\n", Wanted(signature=SIGNATURE), where="%%udf ratio")
    assert "2 |     return a +" in str(caught.value)


def test_a_missing_symbol_lists_what_there_is() -> None:
    """The error names the symbol and the functions of the source."""
    with pytest.raises(DefinitionError, match=r"symbol 'score' not found; the source defines evaluate"):
        made(RATIO, symbol="score")


def test_a_definition_without_signature_says_how_one_looks() -> None:
    """Only a script has none."""
    with pytest.raises(DefinitionError, match=r"a signature is needed, as in evaluate\("):
        made(RATIO, None)


def test_what_is_ours_does_not_ship() -> None:
    """Imports of workbench, decorators and calls are blanked; every line keeps its number."""
    text = "import workbench as wb\n\n@wb.udf(input_types=['INT'], return_type='INT')\ndef f(a):\n    return a\n"
    defined = made(text + "w = wb.Workbench()\n", "f(a INT) -> INT")
    assert "workbench" not in defined.source
    assert defined.source.splitlines()[3:5] == ["def f(a):", "    return a"]


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"A": 1}, "the value of A is no text: 1"),
        ({"A=B": "1"}, "'A=B' is no name of a variable"),
        ({"": "1"}, "'' is no name of a variable"),
        ({"A": "x\0y"}, "the value of A is no text"),
    ],
)
def test_variables_are_text(env: dict[str, Any], message: str) -> None:
    """What no process can be given is refused when it is said, not when a worker starts."""
    with pytest.raises(UsageProblem, match=message):
        made(RATIO, env=env)


@pytest.mark.parametrize("source", [None, 3, object(), ["def f(): pass"]])
def test_other_things_are_refused(source: Any) -> None:
    """The error says what may be given."""
    with pytest.raises(UsageProblem, match=r"a function cannot be made of an? \w+\n  give Python text"):
        made(source)


# -- files and folders -------------------------------------------------------------------------------------------------


def test_a_file_keeps_its_name(tmp_path: Path) -> None:
    """A path, as text or Path, is a file; a script's name is the file's."""
    path = tree(tmp_path, {"score.py": RATIO}) / "score.py"
    assert files(made(path)) == files(made(str(path))) == {"score.py"}
    assert made(path).spec.symbol == "score.evaluate"
    script = tree(tmp_path, {"keep_large.py": SCRIPT}) / "keep_large.py"
    assert made(script, None).spec.name == "keep_large"


def test_a_byte_order_mark_is_taken_off(tmp_path: Path) -> None:
    """What an editor on another system put before the text is no part of it."""
    (tmp_path / "bom.py").write_bytes(b"\xef\xbb\xbf" + RATIO.encode())
    assert made(tmp_path / "bom.py").source == RATIO


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.py", "missing.py does not exist"),
        ("missing.zip", "missing.zip does not exist"),
        ("notes.txt", "notes.txt is no Python file, folder or zip"),
        ("latin.py", "latin.py is not UTF-8 text"),
        ("empty", "no Python files in .*empty"),
    ],
)
def test_what_cannot_be_packaged_is_named(tmp_path: Path, name: str, message: str) -> None:
    """Missing file, wrong kind of file, wrong encoding, and a folder without Python files."""
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "latin.py").write_bytes("# coding: latin-1\nname = 'é'\n".encode("latin-1"))
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "data.csv").write_text("a,b\n")
    with pytest.raises(PackageError, match=message):
        made(tmp_path / name)


def test_imports_lie_beside_the_function(tmp_path: Path) -> None:
    """A file and a folder are shipped under their own names, beside a script in its folder; twice is an error."""
    tree(tmp_path, {"helpers.py": "X = 1\n", "data/words.txt": "a\n", "data/__init__.py": ""})
    imports = (tmp_path / "helpers.py", tmp_path / "data")
    assert files(made(RATIO, imports=imports)) == {"ratio.py", "helpers.py", "data/words.txt", "data/__init__.py"}
    assert "keep/helpers.py" in files(made(SCRIPT, None, name="keep", imports=imports))
    with pytest.raises(PackageError, match=r"'helpers.py' is there twice"):
        made(RATIO, imports=(*imports, tmp_path / "helpers.py"))


def test_one_import_may_stand_alone(tmp_path: Path, w: wb.Workbench) -> None:
    """A single path, as text or Path, is one import."""
    helpers = tree(tmp_path, {"helpers.py": "X = 1\n"}) / "helpers.py"
    code = "import helpers\ndef evaluate(a):\n    return a + helpers.X\n"
    for given in (helpers, str(helpers)):
        assert w.register(code, "plus_x(a INT) -> INT", imports=given).call(1) == 2


@pytest.mark.parametrize(
    ("contents", "options", "entry", "symbol"),
    [
        ({"main.py": RATIO, "util.py": ""}, {}, "main.py", "main.evaluate"),
        ({"__init__.py": "", "main.py": RATIO}, {}, "proj/main.py", "proj.main.evaluate"),
        ({"a.py": "", "b.py": RATIO}, {"entry": "b.py"}, "b.py", "b.evaluate"),
        ({"a.py": "", "b.py": RATIO}, {"symbol": "b.evaluate"}, "b.py", "b.evaluate"),
        ({"a.py": "", "get_result.py": RATIO}, {"symbol": "get_result"}, "get_result.py", "get_result.evaluate"),
        ({"only.py": "def score(a, b): return a"}, {"symbol": "score"}, "only.py", "only.score"),
        (
            {"pkg/__init__.py": "", "pkg/mod.py": RATIO},
            {"symbol": "pkg.mod.evaluate"},
            "pkg/mod.py",
            "pkg.mod.evaluate",
        ),
        ({"pkg/__init__.py": RATIO}, {"symbol": "pkg.evaluate"}, "pkg/__init__.py", "pkg.evaluate"),
        ({"mod.py": RATIO}, {"symbol": "proj.mod.evaluate"}, "proj/mod.py", "proj.mod.evaluate"),
    ],
)
def test_a_folder_is_read_in_every_layout(
    tmp_path: Path, contents: dict[str, str], options: dict[str, Any], entry: str, symbol: str
) -> None:
    """With and without ``__init__``, by entry, by ``module.func``, by ``pkg.mod.func``, by the proposal's file name."""
    folder = tree(tmp_path / "proj", contents)
    spec = made(folder, **options).spec
    assert (spec.entry, spec.symbol) == (entry, symbol)


def test_a_script_folder_keeps_its_top(tmp_path: Path) -> None:
    """As in Fungi's guide: the zip of a folder holds the folder; the name is the folder's."""
    folder = tree(tmp_path / "my_transform", {"__init__.py": "", "main.py": SCRIPT, "utils.py": ""})
    defined = made(folder, None, entry="main.py")
    assert files(defined) == {"my_transform/__init__.py", "my_transform/main.py", "my_transform/utils.py"}
    assert (defined.spec.name, defined.spec.entry) == ("my_transform", "my_transform/main.py")


def test_the_entry_of_a_folder_ships_without_us(tmp_path: Path) -> None:
    """A decorator in a folder's module is taken out as in a cell: it runs where workbench is not installed."""
    decorated = f"import workbench as wb\n@wb.udf(input_types=['DOUBLE'] * 2, return_type='DOUBLE')\n{RATIO}"
    defined = made(tree(tmp_path / "proj", {"main.py": decorated}))
    assert b"workbench" not in read_zip(defined.package).read("main.py")


# -- zips --------------------------------------------------------------------------------------------------------------


def test_a_zip_is_handed_on_as_it_is(tmp_path: Path) -> None:
    """Fungi's layout, with the guide's ``entry: main.py``: not a byte is changed."""
    path = zipped(tmp_path / "my_transform.zip", {"my_transform/__init__.py": "", "my_transform/main.py": SCRIPT})
    defined = made(path, None, entry="main.py")
    assert defined.package == path.read_bytes()
    assert (defined.spec.name, defined.spec.kind, defined.spec.entry) == (
        "my_transform",
        "script",
        "my_transform/main.py",
    )


@pytest.mark.parametrize(
    ("contents", "options", "entry", "symbol"),
    [
        ({"mod.py": RATIO}, {"symbol": "mod.evaluate"}, "mod.py", "mod.evaluate"),
        ({"pkg/sub/mod.py": RATIO}, {"symbol": "pkg.sub.mod.evaluate"}, "pkg/sub/mod.py", "pkg.sub.mod.evaluate"),
        ({"get_result.py": RATIO}, {"symbol": "get_result"}, "get_result.py", "get_result.evaluate"),
        ({"top/get_result.py": RATIO}, {"symbol": "get_result"}, "top/get_result.py", "top.get_result.evaluate"),
        ({"mod.py": RATIO, "other.py": ""}, {"entry": "mod.py"}, "mod.py", "mod.evaluate"),
    ],
)
def test_a_foreign_zip_is_read_without_a_manifest(
    tmp_path: Path, contents: dict[str, str], options: dict[str, Any], entry: str, symbol: str
) -> None:
    """Doris's layouts, as shipped and as proposed."""
    spec = made(zipped(tmp_path / "udf.zip", contents), **options).spec
    assert (spec.entry, spec.symbol) == (entry, symbol)


def test_our_zip_says_everything_itself(tmp_path: Path, w: wb.Workbench) -> None:
    """A package that `package` wrote needs no options, and what the caller says comes before the manifest."""
    path = w.package(RATIO, tmp_path, signature=SIGNATURE, volatility="stable")
    assert path == tmp_path / "ratio.zip"
    spec = made(path, None).spec
    assert (str(spec.signature), spec.symbol, spec.volatility) == (SIGNATURE, "ratio.evaluate", "stable")
    other = made(path, "other(a FLOAT, b FLOAT) -> FLOAT").spec
    assert (other.name, other.symbol) == ("other", "ratio.evaluate")


def test_the_symbol_of_the_caller_comes_before_the_manifest(tmp_path: Path, w: wb.Workbench) -> None:
    """A dotted symbol names its own file, whatever entry the manifest has."""
    folder = tree(tmp_path / "proj", {"main.py": RATIO, "other.py": "def score(a, b):\n    return a\n"})
    path = w.package(folder, tmp_path / "x.zip", signature=SIGNATURE)
    spec = made(path, None, symbol="other.score").spec
    assert (spec.entry, spec.symbol) == ("other.py", "other.score")


@pytest.mark.parametrize(
    ("contents", "options", "error", "message"),
    [
        ({"mod.py": RATIO}, {"entry": "main.py"}, ScriptNotFound, r"entry 'main.py' is not in the package\n .*mod.py"),
        ({"mod.py": RATIO}, {"symbol": "other.f"}, PackageError, r"there is no other.py in the package\n .*mod.py"),
        ({"mod.py": RATIO}, {"symbol": "mod.f"}, DefinitionError, "symbol 'f' not found; the source defines evaluate"),
        ({"a.py": "", "b.py": ""}, {}, PackageError, "name it as the entry"),
        ({"readme.txt": ""}, {}, PackageError, r"it holds none"),
        ({"../evil.py": ""}, {"entry": "main.py"}, UnsafeArchive, r"'../evil.py' leads out of its folder"),
        ({"/evil.py": ""}, {"entry": "main.py"}, UnsafeArchive, "is an absolute path"),
    ],
)
def test_a_zip_that_does_not_fit_is_refused_by_name(
    tmp_path: Path, contents: dict[str, str], options: dict[str, Any], error: type[Exception], message: str
) -> None:
    """The error names what is missing and what there is instead; an unsafe zip names its entry."""
    with pytest.raises(error, match=message):
        made(zipped(tmp_path / "x.zip", contents), **options)


def test_what_is_no_zip_is_refused(tmp_path: Path) -> None:
    """Whatever its name says; and a zip with a file that is no text."""
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04 and nothing")
    with pytest.raises(PackageError, match="not a zip"):
        made(tmp_path / "x.zip")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("main.py", "name = 'é'".encode("latin-1"))
    (tmp_path / "y.zip").write_bytes(packed.getvalue())
    with pytest.raises(PackageError, match=r"main.py is not UTF-8 text"):
        made(tmp_path / "y.zip")


def test_imports_cannot_be_added_to_a_zip(tmp_path: Path) -> None:
    """A zip ships as it is."""
    with pytest.raises(UsageProblem, match="imports cannot be added to a zip"):
        made(zipped(tmp_path / "x.zip", {"mod.py": RATIO}), imports=(tmp_path,))


# -- functions and classes ---------------------------------------------------------------------------------------------

DECORATED = """
import math
import workbench as wb
from workbench import udaf

SCALE = 2

@wb.udf(input_types=["DOUBLE", "DOUBLE"], return_type="DOUBLE")
def hypot(a, b):
    return SCALE * math.hypot(a, b)

@udaf(input_types=["BIGINT"], return_type="BIGINT", name="total")
class Total:
    def __init__(self):
        self.sum = 0
    def accumulate(self, v):
        self.sum += v or 0
    def merge(self, other):
        self.sum += other
    @property
    def aggregate_state(self):
        return self.sum
    def finish(self):
        return self.sum

@wb.udtf(input_types=["STRING"], return_type="ARRAY<STRING>")
def letters(s):
    yield from s

def plain(a):
    return a
"""


def test_decorated_objects_run_without_workbench(module: Any, w: wb.Workbench) -> None:
    """The decorator gives kind and signature and stays behind: in the worker nothing is called workbench."""
    own = module(DECORATED.replace("return SCALE", "import sys; assert 'workbench' not in sys.modules; return SCALE"))
    hypot, total, letters = w.register(own.hypot), w.register(own.Total), w.register(own.letters)
    assert "workbench" not in hypot.source.replace("'workbench'", "")
    assert [str(f.signature) for f in (hypot, total, letters)] == [
        "hypot(a DOUBLE, b DOUBLE) -> DOUBLE",
        "total(v BIGINT) -> BIGINT",
        "letters(s STRING) -> ARRAY<STRING>",
    ]
    assert hypot.call(3.0, 4.0) == 10.0
    assert total.run(pd.DataFrame({"v": [1, 2, 3]})).to_pandas()["total"].tolist() == [6]
    assert letters.call("ab") == ["a", "b"]
    assert list(own.letters("ab")) == ["a", "b"], "a decorated function can be called as ever"


@pytest.mark.parametrize(("name", "value"), [("kind", "scalar"), ("volatility", "random")])
def test_a_word_that_does_not_exist_is_told(name: str, value: str) -> None:
    """The words that there are are listed."""
    with pytest.raises(UsageProblem, match=f"{name} is '{value}'\n  choose one of "):
        made(RATIO, **{name: value})


def test_a_decorator_may_be_imported_in_an_earlier_cell(w: wb.Workbench) -> None:
    """As in a notebook, where the import is in the first cell; what else comes from other cells is refused still."""
    notebook = types.ModuleType("notebook_of_cells")
    sys.modules["notebook_of_cells"] = notebook
    cells = [
        "import workbench as wb\nfrom workbench import udf\nSCALE = 2\n",
        "@wb.udf(input_types=['INT'], return_type='INT')\ndef plus(a):\n    return a + 1\n",
        "@udf(input_types=['INT'], return_type='INT')\ndef twice(a):\n    return a * SCALE\n",
        "@udf(input_types=['INT'], return_type='INT')\ndef uses(a):\n    return wb.x(a)\n",
    ]
    try:
        for number, cell in enumerate(cells):
            linecache.cache[f"<cell {number}>"] = (len(cell), None, cell.splitlines(keepends=True), f"<cell {number}>")
            exec(compile(cell, f"<cell {number}>", "exec"), vars(notebook))
        plus = w.register(notebook.plus)
        assert plus.source == "\ndef plus(a):\n    return a + 1\n"
        assert plus.call(1) == 2
        with pytest.raises(DefinitionError, match=r"the cell of twice: 1 problem\n  line 3: name 'SCALE'"):
            w.register(notebook.twice)
        with pytest.raises(DefinitionError, match=r"line 3: uses uses 'wb', which comes from workbench"):
            w.register(notebook.uses)
    finally:
        del sys.modules["notebook_of_cells"]
        for number in range(len(cells)):
            del linecache.cache[f"<cell {number}>"]


def test_a_plain_function_takes_its_signature_from_the_caller(module: Any) -> None:
    """An undecorated function is found by its name in its module."""
    defined = made(module(DECORATED).plain, "plain(a INT) -> INT")
    assert (defined.spec.symbol, defined.spec.name) == ("plain.plain", "plain")


def test_an_edited_module_ships_as_it_is_now(module: Any, tmp_path: Path) -> None:
    """After a reload the new text ships, not the one that Python's line cache remembers."""
    own = module("def f(a):\n    return 1\n", "edited")
    assert "return 1" in made(own.f, "f(a INT) -> INT").source
    (tmp_path / "edited.py").write_text("def f(a):\n    return 1000\n")
    own = importlib.reload(own)
    assert "return 1000" in made(own.f, "f(a INT) -> INT").source


def test_a_dataclass_is_found_by_its_own_methods(module: Any) -> None:
    """Methods that a decorator generated have no source; the class's own have."""
    text = "from dataclasses import dataclass\n@dataclass\nclass Total:\n    sum: int = 0\n" + "".join(
        DECORATED[DECORATED.index("    def accumulate") : DECORATED.index("@wb.udtf")].splitlines(keepends=True)
    )
    assert made(module(text, "with_dataclass").Total, "total(v BIGINT) -> BIGINT").spec.kind == "udaf"


def _outer() -> Any:
    def inner(a: int) -> int:
        return a

    return inner


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (lambda a: a, "only a function or class at the top level"),
        (_outer(), "only a function or class at the top level"),
        (len, "its source cannot be found"),
        (dict, "its source cannot be found"),
        (io.StringIO().write, "only a function or class at the top level"),
    ],
    ids=["lambda", "nested", "builtin", "class in C", "method"],
)
def test_what_cannot_ship_is_refused(target: Any, message: str) -> None:
    """Lambdas, nested functions and what has no source in Python."""
    with pytest.raises(DefinitionError, match=message):
        made(target, "f(a INT) -> INT")


def test_a_function_that_needs_another_cell_is_refused(module: Any) -> None:
    """A name that is not defined in its module does not ship with it; the line is named."""
    own = module("def f(a):\n    return a * SCALE\n", "needs_other")
    with pytest.raises(DefinitionError, match=r"needs_other.py: 1 problem\n  line 2: name 'SCALE' is not defined"):
        made(own.f, "f(a INT) -> INT")


def test_a_decorator_with_the_wrong_number_of_types_is_told(module: Any) -> None:
    """The arity is compared with the source when the function is registered."""
    own = module(
        "import workbench as wb\n@wb.udf(input_types=['INT'], return_type='INT')\ndef f(a, b):\n    return a\n", "arity"
    )
    with pytest.raises(DefinitionError, match=r"f takes 2 arguments \(a, b\) but the signature has 1"):
        made(own.f, None)


def test_package_says_where_it_cannot_write(tmp_path: Path, w: wb.Workbench) -> None:
    """A missing folder is an error of ours."""
    with pytest.raises(PackageError, match=r"cannot write .*: No such file or directory"):
        w.package(RATIO, tmp_path / "no" / "x.zip", signature=SIGNATURE)
