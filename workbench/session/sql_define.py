"""From CREATE FUNCTION to a spec and a package: code that nobody has read yet, as Doris takes it.

The invariant: whatever the code is, it is packaged as it stands; what is wrong with it shows at the first call, and is
told in a note before if it cannot even be read. What a statement must have is checked when it is read
(`workbench.sql.create`). Left out on purpose: registering.
"""

from __future__ import annotations

import ast
import sys
import warnings
from pathlib import Path
from typing import Final

from workbench.environments import find_python
from workbench.errors import PythonNotFound
from workbench.functions import FunctionSpec, Mode, Signature
from workbench.functions.definitions import definitions
from workbench.functions.mode import ROW, imported, mode_of
from workbench.packaging import Package, build, fetch, from_text, read_zip, resolve_entry
from workbench.session.define import Defined, module_name
from workbench.session.pythons import pythons
from workbench.sql.statements import CreateFunction

_UNREADABLE: Final = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What `ast.parse` raises."""


def define_sql(statement: CreateFunction, signature: Signature, *, cache: Path) -> tuple[Defined, tuple[str, ...]]:
    """The function, and notes on what is different here. ``cache`` is the folder for downloads.

    Raises PackageError for a file that cannot be fetched or read, or in which the symbol's module is missing.
    """
    python, notes = _python(statement.runtime_version)
    package: Package | None = None
    if statement.body is None:
        package = read_zip(fetch(str(statement.file), md5=statement.md5, cache=cache))
        found = resolve_entry(package.files, symbol=statement.symbol)
        entry, symbol = found.path, f"{found.module}.{found.attribute}"
        source = package.read(entry).decode(errors="replace")
    else:
        module = module_name(statement.name)
        entry, symbol, source = f"{module}.py", f"{module}.{statement.symbol.rpartition('.')[2]}", statement.body
    spec = FunctionSpec(
        name=statement.name,
        kind=statement.kind,
        signature=signature,
        symbol=symbol,
        entry=entry,
        batch_size=statement.batch_size,
        always_nullable=statement.always_nullable,
        volatility=statement.volatility,
        requirements=FunctionSpec.from_json(package.manifest).requirements if package and package.manifest else (),
        python=python,
        database=signature.database,
        mode=_mode(statement, signature, source, symbol.rpartition(".")[2]),
    )
    if python is None:  # another Python may read what ours cannot
        notes += _unreadable(source, symbol)
    data = package.data if package is not None else build(from_text(source, entry.removesuffix(".py")), spec)
    return Defined(spec, data, source), notes


def _mode(statement: CreateFunction, signature: Signature, source: str, attribute: str) -> Mode:
    """How it will be called; code that cannot be read never will be."""
    if statement.kind != "udf":
        return ROW
    try:
        tree = _parsed(source)
    except _UNREADABLE:
        return mode_of(None, signature, statement.batch_size, {})
    found = definitions(tree.body).get(attribute)
    return mode_of(found.node if found else None, signature, statement.batch_size, imported(tree))


def _parsed(source: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an odd escape sequence is not the statement's business
        return ast.parse(source)


def _unreadable(source: str, symbol: str) -> tuple[str, ...]:
    """A note on code that is no Python: as in Doris it is taken, and every call of it fails."""
    try:
        _parsed(source)
    except _UNREADABLE as error:
        line = f"line {error.lineno} of " if isinstance(error, SyntaxError) and error.lineno else ""
        said = error.msg if isinstance(error, SyntaxError) else str(error)
        return (f"each call will fail: {line}{symbol.rpartition('.')[0]}: {type(error).__name__}: {said}",)
    return ()


def _python(version: str | None) -> tuple[str | None, tuple[str, ...]]:
    """Which interpreter to run in: one of that version, 3.11 for 3.11.9, else our own, which is said."""
    ours = ".".join(map(str, sys.version_info[:3]))
    if version is None or version.split(".")[:2] == ours.split(".")[:2]:
        return None, ()
    try:
        if pythons([find_python(version)]):
            return version, ()
        missing = "without pyarrow"
    except PythonNotFound:
        missing = "not here"
    return None, (f"Python {version} is {missing}: the function runs in {ours}",)
