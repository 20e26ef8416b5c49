"""DDL carried out in a workbench, with real subprocesses where a function is called."""

from __future__ import annotations

import hashlib
import http.server
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench import Workbench
from workbench.errors import (
    AmbiguousFunction,
    FunctionNotFound,
    PackageError,
    RunError,
    SqlError,
    UdfError,
    UsageProblem,
)
from workbench.functions import FunctionSpec
from workbench.packaging import build
from workbench.session.sql_session import SqlSession
from workbench.session.statements import Answer, execute, overloads
from workbench.sql import read_script

VERSION = ".".join(map(str, sys.version_info[:3]))
EVALUATE = "def evaluate(a):\n    return a + 1\n"


def ddl(head: str, body: str = EVALUATE, symbol: str = "evaluate", more: str = "") -> str:
    """A CREATE FUNCTION with code."""
    properties = f'"type"="PYTHON_UDF", "symbol"="{symbol}", "runtime_version"="{VERSION}"{more}'
    return f"CREATE {head} PROPERTIES ({properties}) AS $$\n{body}$$"


@pytest.fixture
def session() -> SqlSession:
    """One that has run nothing."""
    return SqlSession()


def run(w: Workbench, session: SqlSession, text: str) -> list[Answer]:
    """The answers of a script."""
    return [execute(statement, w, session) for statement in read_script(text)]


def rows(w: Workbench, session: SqlSession, text: str) -> list[tuple[str, ...]]:
    """The rows of its last answer."""
    return [tuple(row.values()) for row in run(w, session, text)[-1].table.to_pylist()]


def test_a_function_is_created_called_replaced_and_dropped(w: Workbench, session: SqlSession) -> None:
    """CREATE of what is there is an error as in Doris, unless the statement says what to do then."""
    create = ddl("FUNCTION plus(INT) RETURNS INT")
    assert rows(w, session, create) == [("created plus(INT) v1",)]
    assert w.function("plus").call(1) == 2
    with pytest.raises(SqlError, match=r"line 2, column 1: function already exists: plus\(INT\)"):
        run(w, session, f"\n{create}")
    again = create.replace("FUNCTION", "FUNCTION IF NOT EXISTS")
    assert rows(w, session, again) == [("plus(INT) exists already",)]
    replaced = create.replace("CREATE", "CREATE OR REPLACE").replace("+ 1", "+ 2")
    assert rows(w, session, replaced) == [("created plus(INT) v2",)]
    assert w.function("plus").call(1) == 3
    assert rows(w, session, "DROP FUNCTION PLUS(int)") == [("dropped plus(INT)",)]
    assert rows(w, session, "DROP FUNCTION IF EXISTS plus(INT)") == [("plus(INT) is not there",)]
    with pytest.raises(FunctionNotFound, match=r"plus\(INT\) is not registered"):
        run(w, session, "DROP FUNCTION plus(INT)")


@pytest.mark.parametrize(
    ("body", "symbol", "words"),
    [
        ("def evaluate(a)\n    return a\n", "evaluate", "SyntaxError"),
        ("import no_such_module\n", "evaluate", "No module named 'no_such_module'"),
        (EVALUATE, "other", "'other' not found"),
        ("evaluate = 1\n", "evaluate", "is not a callable"),
        ("\0", "evaluate", ""),
        ("1 / 0\n", "evaluate", "ZeroDivisionError"),
    ],
)
def test_code_is_not_looked_at_before_the_first_call(
    w: Workbench, session: SqlSession, body: str, symbol: str, words: str
) -> None:
    """Whatever is wrong with it shows then, in Doris's words."""
    text = ddl("FUNCTION broken(INT) RETURNS INT", body, symbol)
    if "\0" in body:
        with pytest.raises(SqlError, match="a NUL character cannot stand in SQL"):
            read_script(text)
        return
    run(w, session, text)
    with pytest.raises(RunError, match=words):
        w.function("broken").call(1)


def test_code_that_is_no_python_is_created_with_a_note(w: Workbench, session: SqlSession) -> None:
    """As Doris takes it, so do we; but who wrote it is told at once, with the line."""
    (answer,) = run(w, session, ddl("FUNCTION broken(INT) RETURNS INT", "def evaluate(a):\n    return a +\n"))
    assert answer.table.to_pylist() == [{"Status": "created broken(INT) v1"}]
    assert answer.notes == ("each call will fail: line 2 of broken: SyntaxError: invalid syntax",)
    (answer,) = run(w, session, ddl("FUNCTION whole(INT) RETURNS INT"))
    assert answer.notes == ()


def test_the_body_names_no_file(w: Workbench, session: SqlSession, tmp_path: Path) -> None:
    """A body that looks like a path is code: nothing of this machine is read."""
    secret = tmp_path / "secret.py"
    secret.write_text(EVALUATE)
    run(w, session, ddl("FUNCTION path(INT) RETURNS INT", str(secret)))
    assert w.function("path").source == str(secret)


def test_the_mode_follows_from_the_code(w: Workbench, session: SqlSession) -> None:
    """A column where the annotation asks for one, as in Doris; lists of tuples with batch_size."""
    run(
        w,
        session,
        ddl("FUNCTION c(INT) RETURNS INT", "def evaluate(a: list):\n    return [len(a)] * len(a)\n")
        + ";"
        + ddl(
            "FUNCTION t(INT) RETURNS INT", "def evaluate(a):\n    return [b for b, in a]\n", more=",'batch_size'='2'"
        ),
    )
    assert str(w.function("c").spec.mode) == "columns (list)"
    assert str(w.function("t").spec.mode) == "tuples"
    assert w.function("c").call(5) == 1
    nothing = "def evaluate(a):\n    pass\n"
    run(w, session, ddl("FUNCTION n(INT) RETURNS INT", nothing, more=",always_nullable=false"))
    with pytest.raises(UdfError, match="the result of row 0 is null"):
        w.function("n").call(1)


def test_overloads(w: Workbench, session: SqlSession) -> None:
    """Told apart by their exact types; a name alone is enough where there is one."""
    run(w, session, ddl("FUNCTION o(INT) RETURNS INT") + ";" + ddl("FUNCTION o(DECIMAL(9,2)) RETURNS INT"))
    assert len(overloads(w, session, "O")) == 2
    with pytest.raises(AmbiguousFunction, match=r"o is ambiguous: o\(DECIMAL\(9,2\)\); o\(INT\)"):
        run(w, session, "DROP FUNCTION o")
    with pytest.raises(FunctionNotFound, match=r"o\(BIGINT\) is not registered\n.*there is: o\(DECIMAL"):
        run(w, session, "DROP FUNCTION o(BIGINT)")
    run(w, session, "DROP FUNCTION o(DECIMAL(9, 2))")
    assert rows(w, session, "DROP FUNCTION o") == [("dropped o(INT)",)]


def test_databases_and_global_functions(w: Workbench, session: SqlSession) -> None:
    """A function belongs to the database in use, or named, or to none; each database is listed by itself."""
    with pytest.raises(SqlError, match="Unknown database 'sales'"):
        run(w, session, "USE sales")
    with pytest.raises(SqlError, match="Unknown database 'sales'"):
        run(w, session, ddl("FUNCTION sales.f(INT) RETURNS INT"))
    script = f"""CREATE DATABASE sales; CREATE DATABASE `odd.``db`; {ddl("FUNCTION f(INT) RETURNS INT")};
        USE sales; {ddl("FUNCTION f(INT) RETURNS INT", EVALUATE.replace("1", "10"))};
        {ddl("FUNCTION `odd.``db`.`f(`(INT) RETURNS INT")}; {ddl("GLOBAL FUNCTION g(INT) RETURNS INT")}"""
    run(w, session, script)
    assert rows(w, session, "SHOW DATABASES") == [("default",), ("odd.`db",), ("sales",)]
    assert rows(w, session, "SHOW FUNCTIONS") == [("f",)]
    assert rows(w, session, "SHOW GLOBAL FUNCTIONS") == [("g",)]
    assert rows(w, session, "SHOW FUNCTIONS FROM `odd.``db` LIKE '%('") == [("f(",)]
    assert [one.spec.database for one in overloads(w, session, "f")] == ["sales"]
    assert [one.spec.database for one in overloads(w, session, "f", "default")] == ["default"]
    assert [one.spec.database for one in overloads(w, session, "g")] == ["__global__"]
    assert w.function("sales.f").call(1) == 11
    with pytest.raises(SqlError, match="Can't create database 'sales'; database exists"):
        run(w, session, "CREATE DATABASE sales")
    with pytest.raises(FunctionNotFound):
        run(w, session, "DROP FUNCTION g(INT)")
    run(w, session, "DROP GLOBAL FUNCTION g(INT)")
    assert rows(w, session, "DROP DATABASE sales") == [("dropped sales with 1 function",)]
    assert session.database == "default"
    run(w, session, "DROP FUNCTION `odd.``db`.`f(`(INT); DROP DATABASE `odd.``db`")
    assert rows(w, session, "SHOW FUNCTIONS") == [("f",)]
    with pytest.raises(SqlError, match="cannot be dropped"):
        run(w, session, "DROP DATABASE `default`")


def test_a_table_function_has_an_outer_form(w: Workbench, session: SqlSession) -> None:
    """f_outer is listed and found with f, goes with it, and nobody else may have its name."""
    body = "def evaluate(s):\n    yield from s.split()\n"
    run(w, session, ddl("TABLES FUNCTION words(STRING) RETURNS ARRAY<STRING>", body))
    assert rows(w, session, "SHOW FUNCTIONS") == [("words",), ("words_outer",)]
    assert [one.spec.name for one in overloads(w, session, "WORDS_OUTER")] == ["words"]
    with pytest.raises(SqlError, match=r"words\(STRING\) has an outer form of this name"):
        run(w, session, ddl("FUNCTION words_outer(STRING) RETURNS STRING"))
    with pytest.raises(FunctionNotFound, match="is made and dropped with its table function"):
        run(w, session, "DROP FUNCTION words_outer(STRING)")
    run(w, session, ddl("FUNCTION a_outer(STRING) RETURNS STRING"))
    with pytest.raises(SqlError, match=r"function already exists: a_outer\(STRING\)"):
        run(w, session, ddl("TABLES FUNCTION a(STRING) RETURNS ARRAY<STRING>", body))
    run(w, session, "DROP FUNCTION words(STRING)")
    assert rows(w, session, "SHOW FUNCTIONS") == [("a_outer",)]


def test_show_create_function_can_be_replayed(w: Workbench, session: SqlSession) -> None:
    """What it shows makes the same function again, from code and from a zip with several files."""
    create = ddl("FUNCTION `select`(INT) RETURNS INT", more=",'volatility'='stable'").replace("$$", "$py$")
    create = create.replace("def", "x = '$$'\ndef")
    run(w, session, create)
    before = w.function("`select`(INT)")
    ((shown, sql),) = rows(w, session, "SHOW CREATE FUNCTION `select`(INT)")
    assert shown.endswith("(INT)")
    run(w, session, f"DROP FUNCTION `select`; {sql}")
    after = w.function("`select`(INT)")
    assert (after.spec, after.source, after.sha256) == (before.spec, before.source, before.sha256)
    ((property_, value), *_) = rows(w, session, "DESC FUNCTION `select`")
    assert (property_, value) == ("Signature", shown)


def test_show_full_functions(w: Workbench, session: SqlSession) -> None:
    """Doris's columns."""
    run(w, session, ddl("FUNCTION full_(INT) RETURNS INT"))
    (answer,) = run(w, session, "SHOW FULL FUNCTIONS LIKE 'FULL\\_'")
    assert answer.table.to_pylist() == [
        {
            "Signature": "full_(INT)",
            "Return Type": "INT",
            "Function Type": "SCALAR/PYTHON_UDF",
            "Intermediate Type": "",
            "Properties": '{"symbol": "full_.evaluate", "always_nullable": "true", "volatility": "volatile"}',
        }
    ]


def test_python_versions_and_packages(
    w: Workbench, session: SqlSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our own Python is listed, with pyarrow; one that does not run is not, and a function of its version runs here."""
    broken = tmp_path / "python3.9"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    versions = run(w, session, "SHOW PYTHON VERSIONS")[0].table
    assert versions.column_names == ["Version", "EnvName", "EnvType", "BasePath", "ExecutablePath"]
    assert versions.to_pylist()[0]["Version"] == VERSION
    assert versions.to_pylist()[0]["ExecutablePath"] == sys.executable
    assert str(broken) not in versions.column("ExecutablePath").to_pylist()
    packages = {row[0] for row in rows(w, session, f"SHOW PYTHON PACKAGES IN '{VERSION}'")}
    assert "pyarrow" in packages
    with pytest.raises(SqlError, match=r"there is no Python '2\.7\.1'"):
        run(w, session, "SHOW PYTHON PACKAGES IN '2.7.1'")
    create = ddl("FUNCTION old(INT) RETURNS INT").replace(VERSION, "3.9.18")
    (answer,) = run(w, session, create)
    assert answer.notes == (f"Python 3.9.18 is without pyarrow: the function runs in {VERSION}",)
    (answer,) = run(w, session, create.replace("old", "older").replace("3.9.18", "3.99.1"))
    assert answer.notes == (f"Python 3.99.1 is not here: the function runs in {VERSION}",)


def test_a_statement_of_the_engine_is_refused(w: Workbench, session: SqlSession) -> None:
    """Queries and tables are not ours to run."""
    with pytest.raises(UsageProblem, match="for an engine"):
        run(w, session, "SELECT 1")


class Files(http.server.BaseHTTPRequestHandler):
    """Serves one zip; counts what it was asked."""

    data = b""
    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        self.send_response(200 if self.path == "/user/udf.zip" else 404)
        self.end_headers()
        if self.path == "/user/udf.zip":
            self.wfile.write(self.data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    """The URL of a server that has the proposal's zip."""
    spec = FunctionSpec(name="get_result", kind="script", signature=None, symbol=None, entry="get_result.py")
    files = {
        "get_result.py": b"from helper import add\ndef evaluate(a):\n    return add(a)\n",
        "helper.py": b"def add(a):\n    return a + 1\n",
        "split.py": b"def evaluate(text, by):\n    yield from text.split(by)\n",
        "pkg/mod.py": b"def double(a):\n    return 2 * a\n",
    }
    Files.data, Files.asked = build(files, spec), 0
    with http.server.HTTPServer(("127.0.0.1", 0), Files) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/user/udf.zip"
        server.shutdown()
        thread.join()


def test_the_statements_of_the_proposal_run(w: Workbench, session: SqlSession, url: str) -> None:
    """The symbol is the file, its function is evaluate; nothing else has to be said. So does Doris's dotted symbol."""
    run(
        w,
        session,
        f"""CREATE FUNCTION my_python_udf(INT) RETURNS INT PROPERTIES (
"file"="{url}",
"symbol"="get_result",
"type"="PYTHON_UDF"
);
CREATE TABLES FUNCTION my_python_udtf(STRING, STRING) RETURNS
ARRAY<STRING> PROPERTIES (
"file"="{url}",
"symbol"="split",
"type"="PYTHON_UDF"
);
CREATE FUNCTION twice(INT) RETURNS INT PROPERTIES ("type"="PYTHON_UDF", "file"="{url}", "symbol"="pkg.mod.double");
""",
    )
    assert w.function("my_python_udf").call(1) == 2
    assert w.function("my_python_udtf").call("a,b", ",") == ["a", "b"]
    assert w.function("twice").call(4) == 8
    answer = run(w, session, "SHOW CREATE FUNCTION my_python_udf(INT)")[0]
    ((_, sql),) = [tuple(row.values()) for row in answer.table.to_pylist()]
    assert answer.notes == ("file is the package in this home; for a cluster upload it and put its URL there",)
    run(w, session, sql.replace("CREATE", "CREATE OR REPLACE"))
    assert w.function("my_python_udf").call(5) == 6


def test_the_checksum_is_checked_and_downloads_are_kept(w: Workbench, session: SqlSession, url: str) -> None:
    """By md5: fetched once, again if the file is gone or was changed, and always without one."""
    md5 = hashlib.md5(Files.data).hexdigest()
    create = (
        'CREATE OR REPLACE FUNCTION f(INT) RETURNS INT PROPERTIES (type=python_udf, symbol=get_result, "file"="{}"{})'
    )
    run(w, session, create.format(url, f', md5="{md5.upper()}"') + ";" + create.format(url, f", md5='{md5}'"))
    assert Files.asked == 1
    kept = w.home / "downloads" / f"{md5}.zip"
    kept.write_bytes(b"changed")
    run(w, session, create.format(url, f", md5='{md5}'"))
    kept.unlink()
    run(w, session, create.format(url, f", md5='{md5}'"))
    assert Files.asked == 3
    assert kept.read_bytes() == Files.data
    run(w, session, create.format(url, "") + ";" + create.format(url, ""))
    assert Files.asked == 5
    with pytest.raises(PackageError, match=f"library's checksum is not equal with input, checksum={md5}"):
        run(w, session, create.format(url, f", md5='{'0' * 32}'"))
    with pytest.raises(PackageError, match="HTTP 404"):
        run(w, session, create.format(url.replace("udf.zip", "none.zip"), ""))
    with pytest.raises(PackageError, match=r"there is no file no_such\.py in the package"):
        run(w, session, create.format(url, "").replace("get_result", "no_such"))
