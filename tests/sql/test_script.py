"""Statements of the Doris dialect, good and bad, as they are read."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.errors import SqlError, SqlSyntaxError
from workbench.sql import read_script
from workbench.sql import statements as s
from workbench.sql.statements import Other, Statement

P = "PROPERTIES ('type'='PYTHON_UDF', 'symbol'='f', 'runtime_version'='3.11.9')"
P_JSON, P_NONE = P.replace("'f'", "'json'"), P.replace("'f'", "''")
BODY = "AS $$\ndef f(*a):\n    return a\n$$"


def one(text: str) -> Any:
    """The only statement of a script."""
    (statement,) = read_script(text)
    return statement


def without_place(statement: Statement) -> dict[str, Any]:
    """Its fields, of which those that are None or False say nothing."""
    names = {name for kind in type(statement).__mro__ for name in getattr(kind, "__slots__", ())}
    return {name: getattr(statement, name) for name in names - {"text", "place"} if getattr(statement, name)}


CREATED: list[tuple[str, dict[str, Any]]] = [
    (f"CREATE FUNCTION f(INT) RETURNS INT {P} {BODY}", {"kind": "udf", "name": "f", "volatility": "volatile"}),
    (f"create function F(int) returns int {P} {BODY}", {"name": "F"}),
    (f"CREATE GLOBAL FUNCTION f(INT) RETURNS INT {P} {BODY}", {"is_global": True}),
    (f"CREATE SESSION FUNCTION f(INT) RETURNS INT {P} {BODY}", {"is_global": False}),
    (f"CREATE AGGREGATE FUNCTION f(INT) RETURNS INT {P} {BODY}", {"kind": "udaf", "volatility": "immutable"}),
    (f"CREATE TABLES FUNCTION f(INT) RETURNS ARRAY<INT> {P} {BODY}", {"kind": "udtf", "volatility": "immutable"}),
    (f"CREATE FUNCTION IF NOT EXISTS f(INT) RETURNS INT {P} {BODY}", {"if_not_exists": True, "name": "f"}),
    (f"CREATE OR REPLACE FUNCTION f(INT) RETURNS INT {P} {BODY}", {"or_replace": True}),
    (
        f"CREATE OR REPLACE GLOBAL TABLES FUNCTION IF NOT EXISTS f() RETURNS ARRAY<INT> {P} {BODY}",
        {"or_replace": True, "is_global": True, "kind": "udtf", "if_not_exists": True, "params": ()},
    ),
    (f"CREATE FUNCTION db.f(INT) RETURNS INT {P} {BODY}", {"database": "db", "name": "f"}),
    (f"CREATE FUNCTION `d b`.`od``d`(INT) RETURNS INT {P} {BODY}", {"database": "d b", "name": "od`d"}),
    (f"CREATE FUNCTION `f(INT); DROP TABLE t; --`() RETURNS INT {P} {BODY}", {"name": "f(INT); DROP TABLE t; --"}),
    (f"CREATE FUNCTION f/* ; */(INT -- ; one\n , # ; two\n INT) RETURNS INT {P} {BODY}", {"name": "f"}),
    (f"CREATE FUNCTION f(INT) RETURNS INT {P} AS $$x$$", {"body": "x"}),
    (f"CREATE FUNCTION f(INT) RETURNS INT {P} AS $$\r\nx\r\n$$", {"body": "x\r\n"}),
    (f"CREATE FUNCTION f(INT) RETURNS INT {P} AS $$\n\nx$$", {"body": "\nx", "body_line": 2}),
    (f"CREATE FUNCTION f(INT) RETURNS INT {P} AS $py$\nx = '$$;'\n$py$", {"body": "x = '$$;'\n"}),
    (f"CREATE FUNCTION f(INT) RETURNS INT {P} AS $$\n'it''s \" ` /* -- #\n$$", {"body": "'it''s \" ` /* -- #\n"}),
    (
        (
            "CREATE FUNCTION my_python_udf(INT) RETURNS INT PROPERTIES (\n"
            '"file"="https://tos.byted.org/user/udf.zip",\n"symbol"="get_result",\n"type"="PYTHON_UDF"\n);'
        ),
        {"file": "https://tos.byted.org/user/udf.zip", "symbol": "get_result", "body": None, "runtime_version": None},
    ),
    (
        (
            "CREATE TABLES FUNCTION my_python_udtf(STRING, STRING) RETURNS\nARRAY<STRING> PROPERTIES (\n"
            '"file"="https://tos.byted.org/user/udf.zip",\n"symbol"="get_result",\n"type"="PYTHON_UDF"\n);'
        ),
        {"kind": "udtf"},
    ),
    (
        (
            "CREATE FUNCTION batch_process(STRING, FLOAT) RETURNS INT PROPERTIES (\n"
            '"file"="https://tosv.byted.org/obj/flow-byte-rag/pyudf.zip",\n"symbol"="batch_process",\n'
            '"type"="PYTHON_UDF",\n"batch_size"="32" -- Triggers batch execution when value > 1\n);'
        ),
        {"batch_size": 32},
    ),
    ("CREATE FUNCTION f() RETURNS INT PROPERTIES (TYPE=python_udf, Symbol=a, FILE='x')", {"symbol": "a", "file": "x"}),
    ("CREATE FUNCTION f() RETURNS INT PROPERTIES ('type'='PYTHON_UDF','symbol'='f','object_file'='x')", {"file": "x"}),
    (
        "CREATE FUNCTION f() RETURNS INT PROPERTIES ('type'='PYTHON_UDF','symbol'='f','file'='x','md5'='AB')",
        {"md5": "AB"},
    ),
    (f"CREATE FUNCTION f() RETURNS INT {P[:-1]}, 'file'='x') {BODY}", {"file": None}),
    (
        f"CREATE FUNCTION f() RETURNS INT {P[:-1]}, 'always_nullable'='FALSE', 'volatility'='Stable') {BODY}",
        {"always_nullable": False, "volatility": "stable"},
    ),
    (f"CREATE FUNCTION f() RETURNS INT {P[:-1]}, batch_size=1) {BODY}", {"batch_size": 1}),
    (f"CREATE FUNCTION f() RETURNS INT {P[:-1]}, 'x'='1') {BODY}", {"notes": ("property 'x' has no meaning here",)}),
    (
        f"CREATE FUNCTION f() RETURNS INT PROPERTIES ('type'='PYTHON_UDF','symbol'='f') {BODY}",
        {"notes": ("runtime_version is missing: Doris asks for it, as in 3.11.9",), "runtime_version": None},
    ),
    (f"CREATE FUNCTION f() RETURNS INT {P_JSON} {BODY}", {"symbol": "json"}),
    (f'CREATE FUNCTION f() RETURNS INT {P[:-1]}, "file"=\'a\\n\\\'"b\\\\\\0\', "q"="a""b") AS $$$$', {"body": ""}),
    (f"CREATE FUNCTION f(a INT, `b c` ARRAY<INT>) RETURNS INT {P} {BODY}", {"name": "f"}),
]


@pytest.mark.parametrize(("text", "fields"), CREATED)
def test_create_function(text: str, fields: dict[str, Any]) -> None:
    """Each of these statements is read, with these values."""
    statement = one(text)
    assert isinstance(statement, s.CreateFunction)
    assert {name: getattr(statement, name) for name in fields} == fields


TYPES = (
    "TINYINT, LARGEINT, DECIMAL(76,10), VARCHAR(20), CHAR(3), DATE, DATETIME(3), TIMESTAMPTZ(6), TIME(3), IPV4, IPV6, "
    "UUID, VARBINARY(16), JSON, VARIANT, MAP<UUID, ARRAY<IPV6>>, STRUCT<a:INT, `b c`:ARRAY<ARRAY<INT>>>"
)


def test_types_are_those_of_signatures() -> None:
    """In any case, over several lines, with `>>` and comments between."""
    spread = TYPES.lower().replace(", ", " /* , */\n,").replace("`b c`", "`b c`")
    created = one(f"CREATE FUNCTION f({spread}) RETURNS STRUCT<a:INT> {P} {BODY}")
    assert created.signature("db").argument_types == TYPES
    assert str(created.signature("db")).startswith("db.f(TINYINT, ")
    assert str(created.signature()).startswith("f(TINYINT, ")


F, FT = s.FunctionName(database=None, name="f"), s.FunctionName(database=None, name="f", argument_types="INT, STRING")
OTHERS: list[tuple[str, type[Statement], dict[str, Any]]] = [
    ("DROP FUNCTION f(INT, STRING)", s.DropFunction, {"function": FT}),
    ("drop function if exists f ( int , string )", s.DropFunction, {"function": FT, "if_exists": True}),
    ("DROP FUNCTION f", s.DropFunction, {"function": F}),
    (
        "DROP GLOBAL FUNCTION f()",
        s.DropFunction,
        {"function": s.FunctionName(database=None, name="f", argument_types="", is_global=True)},
    ),
    (
        "DROP FUNCTION db.`f g`(DECIMAL(10, 2))",
        s.DropFunction,
        {"function": s.FunctionName(database="db", name="f g", argument_types="DECIMAL(10,2)")},
    ),
    ("SHOW CREATE FUNCTION f(INT, STRING)", s.ShowCreateFunction, {"function": FT}),
    (
        "SHOW CREATE GLOBAL FUNCTION f",
        s.ShowCreateFunction,
        {"function": s.FunctionName(database=None, name="f", is_global=True)},
    ),
    ("DESCRIBE FUNCTION f", s.DescribeFunction, {"function": F}),
    ("DESC FUNCTION EXTENDED f(INT, STRING)", s.DescribeFunction, {"function": FT}),
    ("SHOW FUNCTIONS", s.ShowFunctions, {}),
    ("SHOW FULL FUNCTIONS IN db LIKE 'a%'", s.ShowFunctions, {"full": True, "database": "db", "like": "a%"}),
    ("SHOW FUNCTIONS FROM `d b`", s.ShowFunctions, {"database": "d b"}),
    (
        "SHOW GLOBAL FULL FUNCTIONS LIKE 'it''s\\_'",
        s.ShowFunctions,
        {"is_global": True, "full": True, "like": "it's\\_"},
    ),
    ("SHOW PYTHON VERSIONS", s.ShowPythonVersions, {}),
    ("show python packages in '3.11.9'", s.ShowPythonPackages, {"version": "3.11.9"}),
    ("CREATE DATABASE d", s.CreateDatabase, {"database": "d"}),
    (
        "CREATE SCHEMA IF NOT EXISTS `d` PROPERTIES ('replication_num'='1')",
        s.CreateDatabase,
        {"database": "d", "if_not_exists": True},
    ),
    ("DROP DATABASE IF EXISTS d FORCE", s.DropDatabase, {"database": "d", "if_exists": True}),
    ("DROP SCHEMA d", s.DropDatabase, {"database": "d"}),
    ("USE d", s.Use, {"database": "d"}),
    ("use internal.`d`", s.Use, {"database": "d"}),
    ("SHOW DATABASES", s.ShowDatabases, {}),
    ("SHOW SCHEMAS LIKE 'x'", s.ShowDatabases, {"like": "x"}),
    ("SHOW TABLES FROM d LIKE 'x'", s.ShowTables, {"database": "d", "like": "x"}),
    *[
        (text, Other, {})
        for text in (
            "SELECT f(1)",
            "CREATE TABLE function (a INT)",
            "CREATE VIEW functions AS SELECT 1",
            "DROP TABLE function",
            "DESC t",
            "SHOW CREATE TABLE functions",
            "SHOW FULL TABLES",
            "INSERT INTO t VALUES ('a;b', \"c;\", `d;`) -- ;",
            "WITH x AS (SELECT 1) SELECT * FROM x",
            "created",
        )
    ],
]


@pytest.mark.parametrize(("text", "kind", "fields"), OTHERS)
def test_other_statements(text: str, kind: type[Statement], fields: dict[str, Any]) -> None:
    """Each is read as that kind with these values; what an engine runs is handed on as text."""
    statement = one(text)
    assert type(statement) is kind
    assert without_place(statement) == fields
    assert statement.text == text.partition(" --")[0]


BAD: list[tuple[str, int, int, str]] = [
    ("SELECT 'a", 1, 8, "a string is never closed"),
    ('SELECT 1;\n  SELECT "a\\"', 2, 10, "a string is never closed"),
    ("SELECT `a", 1, 8, "a name in backticks is never closed"),
    ("SELECT ``", 1, 8, "a name is empty"),
    ("SELECT 1 /* ; ", 1, 10, "a comment is never closed"),
    (f"CREATE FUNCTION f() RETURNS INT\n{P} AS $$ x", 2, len(P) + 5, "a body that $$ opens is never closed"),
    ("SELECT $a$ $b$ $$", 1, 8, "a body that $a$ opens is never closed"),
    ("SELECT 'a\0b'", 1, 10, "a NUL character cannot stand in SQL"),
    ("CREATE FUNCTION", 1, 16, "expected the function's name, found the end of the statement"),
    ("CREATE FUNCTION 'f'() RETURNS INT", 1, 17, "expected the function's name, found a string"),
    ("CREATE FUNCTION f", 1, 18, "expected '(' and the types of the arguments"),
    ("CREATE FUNCTION a.b.c() RETURNS INT", 1, 20, "expected '('"),
    ("CREATE FUNCTION f(INT", 1, 22, "expected ',' or ')'"),
    ("CREATE FUNCTION f(INT,) RETURNS INT", 1, 23, "expected a type, found ')'"),
    ("CREATE FUNCTION f(INTT) RETURNS INT", 1, 19, "unknown type 'INTT'; did you mean INT?"),
    ("CREATE FUNCTION f(INT, ...) RETURNS INT", 1, 24, "variable arguments ('...') are not supported"),
    ("CREATE FUNCTION f(a INT, a INT) RETURNS INT", 1, 26, "a second parameter 'a'"),
    ("CREATE FUNCTION f(a INT, INT) RETURNS INT", 1, 26, "some parameters have names"),
    ("CREATE FUNCTION f(DECIMAL(99,2)) RETURNS INT", 1, 19, "DECIMAL"),
    ("CREATE FUNCTION f(BITMAP) RETURNS INT", 1, 19, "BITMAP cannot be an argument or a result"),
    ("CREATE FUNCTION f(INT) RETURNS HLL", 1, 32, "HLL cannot be"),
    ("CREATE FUNCTION f(INT) RETURNS ARRAY<QUANTILE_STATE>", 1, 38, "QUANTILE_STATE cannot be"),
    ("CREATE FUNCTION f(INT) INT", 1, 24, "expected RETURNS"),
    (f"CREATE TABLES FUNCTION f(INT) RETURNS INT {P} {BODY}", 1, 39, "return type must be array type"),
    (f"CREATE AGGREGATE FUNCTION f(INT) RETURNS INT INTERMEDIATE INT {P}", 1, 46, "INTERMEDIATE is not supported"),
    ("CREATE ALIAS FUNCTION f(INT) WITH PARAMETER(a) AS a", 1, 8, "an ALIAS function is not written in Python"),
    ("CREATE GLOBAL FUNCTION d.f() RETURNS INT", 1, 24, "a GLOBAL function is in no database"),
    ("CREATE FUNCTION f() RETURNS INT", 1, 32, "No 'type' in properties"),
    ("CREATE FUNCTION f() RETURNS INT PROPERTIES ()", 1, 33, "No 'type' in properties"),
    (f"CREATE FUNCTION f() RETURNS INT {P.replace('PYTHON', 'JAVA')}", 1, 52, "Unknown function type: 'JAVA_UDF'"),
    ("CREATE FUNCTION f() RETURNS INT PROPERTIES ('type'='PYTHON_UDF')", 1, 33, "No 'symbol' in properties"),
    (f"CREATE FUNCTION f() RETURNS INT {P_NONE}", 1, 75, "No 'symbol' in properties"),
    (f"CREATE FUNCTION f() RETURNS INT {P}", 1, 33, "No 'file' in properties"),
    (f"CREATE FUNCTION f() RETURNS INT {P.replace('3.11.9', '3.11')} {BODY}", 1, 98, "runtime_version is '3.11'"),
    (f"CREATE FUNCTION f() RETURNS INT {P.replace('3.11.9', '2.7.1')} {BODY}", 1, 98, "runtime_version is '2.7.1'"),
    (f"CREATE FUNCTION f() RETURNS INT {P[:-1]}, 'always_nullable'='no') {BODY}", 1, 126, "always_nullable is 'no'"),
    (f"CREATE FUNCTION f() RETURNS INT {P[:-1]}, 'volatility'='never') {BODY}", 1, 121, "volatility is 'never'"),
    (f"CREATE FUNCTION f() RETURNS INT {P[:-1]}, 'batch_size'='0') {BODY}", 1, 121, "batch_size is '0'"),
    (f"CREATE FUNCTION f() RETURNS INT {P[:-1]}, 'batch_size'='1e3') {BODY}", 1, 121, "batch_size is '1e3'"),
    (
        f"CREATE AGGREGATE FUNCTION f() RETURNS INT {P[:-1]}, 'batch_size'='2') {BODY}",
        1,
        131,
        "batch_size is for scalar",
    ),
    (f"CREATE FUNCTION f() RETURNS INT {P[:-1]}, 'TYPE'='x') {BODY}", 1, 108, "property 'type' is given twice"),
    (f"CREATE FUNCTION f() RETURNS INT {P[:-1]}, 'x') {BODY}", 1, 111, "expected '=', found ')'"),
    (f"CREATE FUNCTION f() RETURNS INT {P[:-1]} 'x'='y') {BODY}", 1, 107, "expected ',' or ')'"),
    ("CREATE FUNCTION f() RETURNS INT PROPERTIES ('a'='b'", 1, 52, "expected ',' or ')'"),
    (f"CREATE FUNCTION f() RETURNS INT {P} AS 'x'", 1, 111, "expected $$, the code, and $$, found a string"),
    (f"CREATE FUNCTION f() RETURNS INT {P} AS $$x$$ $$y$$", 1, 117, "expected the end of the statement, found a body"),
    (f"CREATE FUNCTION f() RETURNS INT COMMENT 'x' {P}", 1, 33, "expected PROPERTIES"),
    (
        "CREATE FUNCTION f() RETURNS INT PROPERTIES ('type'='PYTHON_UDF','symbol'='json.f','file'='x')",
        1,
        74,
        "module name 'json' is not allowed for UDFs",
    ),
    (
        "CREATE FUNCTION f() RETURNS INT PROPERTIES ('type'='PYTHON_UDF','symbol'='pandas','file'='x')",
        1,
        74,
        "module name 'pandas' is not allowed for UDFs",
    ),
    ("DROP FUNCTION", 1, 14, "expected the function's name"),
    ("DROP FUNCTION f(INT) CASCADE", 1, 22, "expected the end of the statement, found 'CASCADE'"),
    ("DROP GLOBAL FUNCTION d.f(INT)", 1, 22, "a GLOBAL function is in no database"),
    ("SHOW FUNCTIONS WHERE x", 1, 16, "expected the end of the statement, found 'WHERE'"),
    ("SHOW FUNCTIONS LIKE x", 1, 21, "expected a pattern in quotes"),
    ("SHOW BUILTIN FUNCTIONS", 1, 6, "BUILTIN is not supported"),
    ("SHOW PYTHON", 1, 12, "expected VERSIONS or PACKAGES"),
    ("SHOW PYTHON PACKAGES", 1, 21, "expected IN"),
    ("SHOW PYTHON PACKAGES IN 3", 1, 25, "expected a version such as 3.11.9 in quotes, found '3'"),
    ("USE {database_name}", 1, 5, "expected a database, found '{'"),
    ("USE hive.d", 1, 5, "there is no catalog 'hive'"),
    ("CREATE DATABASE `__global__`", 1, 17, "__global__ is where GLOBAL functions are"),
    ("CREATE DATABASE a.b", 1, 18, "expected the end of the statement, found '.'"),
]


@pytest.mark.parametrize(("text", "line", "column", "words"), BAD)
def test_what_is_wrong_is_said_with_its_place(text: str, line: int, column: int, words: str) -> None:
    """Line, column, the words that Doris has for it, and a caret below the place."""
    with pytest.raises(SqlError) as caught:
        read_script(f"SELECT 1;\n{text}")
    error = caught.value
    assert words in error.message
    assert (error.line, error.column) == (line + 1, column)
    shown, caret = error.snippet.split("\n")
    assert caret.strip() == "^"
    printable = text.split("\n")[line - 1].replace("\0", " ")
    assert shown[len(caret) - 1 :] == printable[column - 1 : column + 59].rstrip()


SCRIPT = """-- a comment; with a semicolon
use sales ;

CREATE FUNCTION f(INT) RETURNS INT PROPERTIES ("type" = "PYTHON_UDF", "symbol" = "f") AS $$
def f(a):   # it's "x"; -- `and` /* so on
    return ';' if a else '$'
$$;;
# another; \\
SELECT /*+ SET_VAR(x = ';') */ 'a;''b\\';', "c;\\";" /* ; ' */
FROM t -- goes on \\
; this is still the comment
; /* the end; */
"""


def test_a_script_is_cut_at_its_semicolons_only() -> None:
    """Not at those in strings, names, comments, hints and bodies; places are those in the script."""
    use, create, select = read_script(SCRIPT)
    assert (use.text, use.place) == ("use sales", (31, 2, 1))
    assert isinstance(create, s.CreateFunction)
    assert create.body is not None
    assert create.body.startswith("def f(a):")
    assert (create.place.line, create.body_line) == (4, 5)
    assert select.text == SCRIPT[SCRIPT.index("SELECT") : SCRIPT.index(" -- goes")]
    assert (select.place.line, select.place.column) == (9, 1)
    assert SCRIPT[create.place.offset :].startswith(create.text)
    assert read_script(" ; ;; -- x\n /* y */ # z") == []


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("SELECT 1; " * 50_000, 50_000),
        ("SELECT '" + "a''" * 3_300_000 + "'", 1),
        (f"CREATE FUNCTION f() RETURNS INT {P} AS $$" + "$ " * 5_000_000 + "$$", 1),
        ("--\\\n" * 2_500_000, 0),
        ("INSERT INTO t VALUES " + "(1, 'a')," * 100_000, 1),
    ],
    ids=["statements", "quotes", "body", "comment", "values"],
)
def test_large_scripts_are_read(text: str, count: int) -> None:
    """Up to 10 MB; the test's time limit is what a reader that goes back and forth would break."""
    assert len(read_script(text)) == count


@pytest.mark.parametrize(
    "text",
    [
        "'" * 10_000_001,
        "/* " * 3_300_000,
        "`" * 10_000_001,
        "CREATE FUNCTION f(" + "ARRAY<" * 1_600_000,
        "CREATE FUNCTION f(" + "INT," * 2_500_000,
        "USE " + "x" * 10_000_000 + " y",
    ],
    ids=["quotes", "comments", "backticks", "types", "arguments", "name"],
)
def test_large_scripts_that_end_nowhere_are_refused(text: str) -> None:
    """In time, by a message that is short whatever the script is."""
    with pytest.raises(SqlSyntaxError) as caught:
        read_script(text)
    assert len(caught.value.snippet) < 250
