"""Carrying out the statements about functions, databases and Python, with answers in Doris's columns.

CREATE packages and registers code without running it; everything else reads and removes what is registered. Left out
on purpose: queries and tables, which an engine runs, and everything that `workbench.sql.statements` calls Other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from workbench.errors import AmbiguousFunction, FunctionNotFound, UsageProblem
from workbench.functions import DEFAULT_DATABASE, FunctionSpec, Signature
from workbench.registry import Registered
from workbench.session.function import Function
from workbench.session.pythons import pythons
from workbench.session.sql_define import define_sql
from workbench.session.sql_session import SqlSession
from workbench.session.workbench import Workbench
from workbench.sql.literals import like
from workbench.sql.statements import (
    GLOBAL_DATABASE,
    CreateDatabase,
    CreateFunction,
    DescribeFunction,
    DropDatabase,
    DropFunction,
    FunctionName,
    ShowCreateFunction,
    ShowDatabases,
    ShowFunctions,
    ShowPythonPackages,
    ShowPythonVersions,
    Statement,
    Use,
)
from workbench.types import quote_name
from workbench.worker.words import counted

OUTER: Final = "_outer"
"""A table function f is also there as f_outer, which keeps the rows without output."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``table`` is what a statement shows, one row with a Status if it only does something; ``notes`` are sentences."""

    table: pa.Table
    notes: tuple[str, ...] = ()


def execute(statement: Statement, workbench: Workbench, session: SqlSession) -> Answer:
    """Carry out one statement.

    Raises SqlError with the statement's place, FunctionNotFound, AmbiguousFunction, and PackageError for the file of a
    CREATE. UsageProblem for a statement that is an engine's.
    """
    match statement:
        case CreateFunction():
            return _create(statement, workbench, session)
        case DropFunction():
            return _drop(statement, workbench, session)
        case ShowCreateFunction():
            return _show_create(_one(statement.function, workbench, session))
        case DescribeFunction():
            return _describe(_one(statement.function, workbench, session))
        case ShowFunctions():
            return _show_functions(statement, workbench, session)
        case ShowPythonVersions():
            found = [(p.version, f"python{p.minor}", _kind(p.is_venv), p.prefix, p.path) for p in pythons()]
            return _table(("Version", "EnvName", "EnvType", "BasePath", "ExecutablePath"), found)
        case ShowPythonPackages():
            return _show_packages(statement)
        case ShowDatabases():
            names = [name for name in sorted(_databases(workbench, session)) if _matches(statement.like, name)]
            return _table(("Database",), [(name,) for name in names])
        case CreateDatabase() | DropDatabase() | Use():
            return _database(statement, workbench, session)
    raise UsageProblem("this statement is for an engine", hint="run it with Workbench.sql")


def overloads(workbench: Workbench, session: SqlSession, name: str, database: str | None = None) -> list[Registered]:
    """The latest versions of the functions that a call of ``[database.]name`` may mean, those of one database only.

    A call of ``f_outer`` means the table functions ``f``, unless there is a function of that name.
    """
    for place in session.search_path(database):
        if found := _in(workbench, place, name):
            return found
        if name.casefold().endswith(OUTER):
            found = [one for one in _in(workbench, place, name[: -len(OUTER)]) if one.spec.kind == "udtf"]
            if found:
                return found
    return []


def _in(workbench: Workbench, database: str, name: str | None = None) -> list[Registered]:
    """The functions of a database that SQL can call, or the overloads of one name: a script is none."""
    return [one for one in workbench.registry.functions(database, name) if one.spec.kind != "script"]


def _create(statement: CreateFunction, workbench: Workbench, session: SqlSession) -> Answer:
    signature = statement.signature(session.database)
    if signature.database != GLOBAL_DATABASE:
        need_database(statement, signature.database, workbench, session)
    shown = f"{_shown(signature.database, signature.name)}({signature.argument_types})"
    if not statement.or_replace and _same(workbench, signature, signature.name):
        if statement.if_not_exists:
            return _done(f"{shown} exists already", statement.notes)
        raise statement.error(f"function already exists: {shown}", hint="drop it, or write CREATE OR REPLACE FUNCTION")
    if taken := _clash(statement, signature, workbench):
        raise statement.error(f"function already exists: {taken}", hint="choose another name")
    defined, notes = define_sql(statement, signature, cache=workbench.home / "downloads")
    registered = workbench.registry.register(defined.spec, defined.package, defined.source)
    return _done(f"created {shown} v{registered.version}", (*statement.notes, *notes))


def _same(workbench: Workbench, signature: Signature, name: str) -> list[Registered]:
    """The function of another name with the same arguments, if there is one."""
    found = _in(workbench, signature.database, name)
    return [one for one in found if _types(one.spec) == signature.argument_types]


def _clash(statement: CreateFunction, signature: Signature, workbench: Workbench) -> str | None:
    """What the f_outer of a table function would hide, or be hidden by."""
    name = signature.name
    if statement.kind == "udtf" and (found := _same(workbench, signature, name + OUTER)):
        return _signature(found[0].spec)
    if name.casefold().endswith(OUTER):
        plain = [one for one in _same(workbench, signature, name[: -len(OUTER)]) if one.spec.kind == "udtf"]
        return f"{_signature(plain[0].spec)} has an outer form of this name" if plain else None
    return None


def _drop(statement: DropFunction, workbench: Workbench, session: SqlSession) -> Answer:
    wanted = statement.function
    places = (GLOBAL_DATABASE if wanted.is_global else wanted.database or session.database,)
    try:
        function = _one(wanted, workbench, session, places)
    except FunctionNotFound:
        if not statement.if_exists:
            raise
        return _done(f"{_asked(wanted)} is not there")
    workbench.drop(_exactly(function.spec))
    return _done(f"dropped {_signature(function.spec)}")


def _one(
    wanted: FunctionName, workbench: Workbench, session: SqlSession, places: tuple[str, ...] | None = None
) -> Function:
    """The function that is meant. Raises FunctionNotFound and AmbiguousFunction."""
    if places is None:
        places = (GLOBAL_DATABASE,) if wanted.is_global else session.search_path(wanted.database)
    named: list[Registered] = []
    for place in places:
        same = _in(workbench, place, wanted.name)
        found = [one for one in same if wanted.argument_types in (None, _types(one.spec))]
        if len(found) == 1:
            return workbench.function(_exactly(found[0].spec))
        if found:
            raise AmbiguousFunction(_asked(wanted), [_signature(one.spec) for one in found])
        named += same
    outer = wanted.name.casefold().endswith(OUTER)
    there = f"there is: {'; '.join(_signature(one.spec) for one in named)}" if named else ""
    goes = f"{wanted.name} is made and dropped with its table function" if outer else "SHOW FUNCTIONS lists them"
    raise FunctionNotFound(f"{_asked(wanted)} is not registered", hint=there or goes)


def _show_create(function: Function) -> Answer:
    notes: tuple[str, ...] = ()
    sql = function.ddl()
    if function.source not in sql:  # more than one file: what can be replayed here is the package of this home
        sql = function.ddl(file=function.registry.package_path(function.sha256).as_uri())
        notes = ("file is the package in this home; for a cluster upload it and put its URL there",)
    table = _table(("Function Signature", "Create Function"), [(_signature(function.spec), sql)]).table
    return Answer(table, notes)


def _describe(function: Function) -> Answer:
    spec = function.spec
    rows = [
        ("Signature", _signature(spec)),
        ("Return Type", str(spec.signature.returns) if spec.signature else ""),
        ("Function Type", _type(spec)),
        *((key, value) for key, value in _properties(spec).items()),
        ("mode", str(spec.mode)),
        ("version", str(function.version)),
    ]
    return _table(("Property", "Value"), rows)


def _show_functions(statement: ShowFunctions, workbench: Workbench, session: SqlSession) -> Answer:
    database = GLOBAL_DATABASE if statement.is_global else statement.database or session.database
    if not statement.is_global:
        need_database(statement, database, workbench, session)
    specs = [
        named
        for function in _in(workbench, database)
        for named in _both(function.spec)
        if _matches(statement.like, named.name)
    ]
    if not statement.full:
        return _table(("Function Name",), [(name,) for name in sorted({spec.name for spec in specs})])
    rows = [
        (_signature(spec), str(spec.signature.returns) if spec.signature else "", _type(spec), "", _json(spec))
        for spec in specs
    ]
    return _table(("Signature", "Return Type", "Function Type", "Intermediate Type", "Properties"), sorted(rows))


def _show_packages(statement: ShowPythonPackages) -> Answer:
    found = pythons()
    for python in found:
        if statement.version in (python.version, python.minor):
            packages = sorted(python.packages.items(), key=lambda item: item[0].lower())
            return _table(("Package", "Version"), packages)
    known = ", ".join(python.version for python in found)
    raise statement.error(f"there is no Python {statement.version!r} that can run functions", hint=f"there is: {known}")


def _database(statement: CreateDatabase | DropDatabase | Use, workbench: Workbench, session: SqlSession) -> Answer:
    name = statement.database
    known = name in _databases(workbench, session)
    match statement:
        case CreateDatabase():
            if known and not statement.if_not_exists:
                raise statement.error(f"Can't create database '{name}'; database exists", hint="write IF NOT EXISTS")
            session.databases.add(name)
            return _done(f"{name} exists already" if known else f"created {name}")
        case DropDatabase():
            if not known and statement.if_exists:
                return _done(f"{name} is not there")
            need_database(statement, name, workbench, session)
            if name == DEFAULT_DATABASE:
                raise statement.error(f"the database {name} cannot be dropped", hint="drop the functions in it")
            functions = _in(workbench, name)
            for function in functions:
                workbench.drop(_exactly(function.spec))
            session.databases.discard(name)
            if session.database == name:
                session.database = DEFAULT_DATABASE
            return _done(f"dropped {name} with {counted(len(functions), 'function')}")
    need_database(statement, name, workbench, session)
    session.database = name
    return _done(f"using {name}")


def _databases(workbench: Workbench, session: SqlSession) -> set[str]:
    return (session.databases | workbench.registry.databases()) - {GLOBAL_DATABASE}


def need_database(statement: Statement, name: str, workbench: Workbench, session: SqlSession) -> None:
    """Raise SqlError for a database that is not there."""
    if name not in _databases(workbench, session):
        raise statement.error(f"Unknown database '{name}'", hint=f"CREATE DATABASE {quote_name(name)} makes it")


def _both(spec: FunctionSpec) -> Iterable[FunctionSpec]:
    yield spec
    if spec.kind == "udtf":
        yield spec.with_(name=spec.name + OUTER)


def _exactly(spec: FunctionSpec) -> str:
    """The name that the registry finds this function by, and no other."""
    return f"{quote_name(spec.database)}.{quote_name(spec.name)}({_types(spec)})"


def _types(spec: FunctionSpec) -> str:
    return spec.signature.argument_types if spec.signature else ""


def _shown(database: str, name: str) -> str:
    bare = database in (DEFAULT_DATABASE, GLOBAL_DATABASE)
    return quote_name(name) if bare else f"{quote_name(database)}.{quote_name(name)}"


def _asked(wanted: FunctionName) -> str:
    name = _shown(wanted.database or DEFAULT_DATABASE, wanted.name)
    return name if wanted.argument_types is None else f"{name}({wanted.argument_types})"


def _signature(spec: FunctionSpec) -> str:
    return f"{_shown(spec.database, spec.name)}({_types(spec)})"


def _type(spec: FunctionSpec) -> str:
    return {"udf": "SCALAR", "udaf": "AGGREGATE", "udtf": "TABLE"}[spec.kind] + "/PYTHON_UDF"


def _properties(spec: FunctionSpec) -> dict[str, str]:
    found = {"symbol": spec.symbol or "", "always_nullable": str(spec.always_nullable).lower()}
    found["volatility"] = spec.volatility
    if spec.python is not None:
        found["runtime_version"] = spec.python
    if spec.batch_size is not None:
        found["batch_size"] = str(spec.batch_size)
    return found


def _json(spec: FunctionSpec) -> str:
    return json.dumps(_properties(spec), ensure_ascii=False)


def _kind(is_venv: bool) -> str:  # noqa: FBT001 - one word for one column
    return "venv" if is_venv else "system"


def _matches(pattern: str | None, name: str) -> bool:
    return pattern is None or like(pattern).fullmatch(name) is not None


def _done(status: str, notes: tuple[str, ...] = ()) -> Answer:
    return Answer(pa.table({"Status": [status]}), notes)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Answer:
    arrays = [pa.array([row[index] for row in rows], pa.string()) for index in range(len(columns))]
    return Answer(pa.table(arrays, list(columns)))
