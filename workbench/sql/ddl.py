"""The CREATE FUNCTION that registers a function in Doris: as shipped, and as it was first proposed (pull 56877).

The invariant: a statement says all that the other side must know, and in comments above it what the other side lacks,
so that nobody finds out at the first query; it reads back (`workbench.sql.script`) to the same function. Left out on
purpose: bringing the zip to where ``file`` points. Sources: Doris's documentation of Python UDFs; string and name
tokens as in its ``DorisLexer.g4``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import quote

from workbench.errors import UsageProblem
from workbench.functions import DEFAULT_DATABASE, FIRST, FunctionSpec, Mode, Signature, forbidden_module
from workbench.sql.literals import write_string
from workbench.sql.statements import GLOBAL_DATABASE
from workbench.types import quote_name

PROPOSED_NAME: Final = "evaluate"
_VERSION: Final = re.compile(r"3\.\d+\.\d+", re.ASCII)
_URL: Final = re.compile(r"(?:file://(?:localhost)?/|https?://[^\s/]+/)\S+|[^\s/:]+\.zip", re.IGNORECASE)
"""Where a cluster fetches a package: a URL that it reads, or the bare name of a file in its folder for functions."""
_WORDS: Final = {"udf": "", "udaf": "AGGREGATE ", "udtf": "TABLES "}


def create_function(
    spec: FunctionSpec, *, source: str | None = None, dialect: str = "doris", file: str | None = None
) -> str:
    """The statement, with a semicolon and a line end.

    ``dialect`` is "doris" or "doris-proposal". ``source`` is the text of the package's only file, None if it has more:
    "doris" puts it into the statement unless ``file``, the URL of the zip, is given. Raises UsageProblem for a script,
    which is no function in SQL, for what the dialect cannot express, and for an unknown dialect.
    """
    return str(write_function(spec, source=source, dialect=dialect, file=file))


def check_url(file: str | None) -> None:
    """Raise UsageProblem for a ``file`` from which no cluster can fetch a package."""
    if file is not None and _URL.fullmatch(file) is None:
        hint = "give file:///path/of.zip on every server, or http(s)://host/of.zip"
        raise UsageProblem(f"file is {file!r}, from which Doris can fetch nothing", hint=hint)


@dataclass(frozen=True, slots=True)
class Written:
    """A statement, what the other side does otherwise, and what it needs: the URL of the zip, a version of Python."""

    statement: str
    notes: tuple[str, ...]
    file: str | None = None
    runtime_version: str | None = None

    def __str__(self) -> str:
        return "".join(f"-- {_one_line(note)}\n" for note in self.notes) + self.statement


def write_function(
    spec: FunctionSpec, *, source: str | None = None, dialect: str = "doris", file: str | None = None
) -> Written:
    """`create_function`, with what it says in comments apart."""
    write = _DIALECTS.get(dialect)
    if write is None:
        raise UsageProblem(f"there is no dialect {dialect!r}", hint=f"choose {' or '.join(_DIALECTS)}")
    if spec.signature is None:
        raise UsageProblem(
            f"{spec.name} is a script, an operator of Fungi; SQL has no statement for it",
            hint="a pipeline names it in its YAML: transform: {type: python, source: …, entry: …}",
        )
    return write(spec, spec.signature, source, file)


def _shipped(spec: FunctionSpec, signature: Signature, source: str | None, file: str | None) -> Written:
    """Doris 4.1: inline code, or a file and the path of the function in it."""
    symbol = spec.symbol or spec.name
    inline = source is not None and file is None
    version = spec.python if spec.python is not None and _VERSION.fullmatch(spec.python) else None
    properties = {
        "type": "PYTHON_UDF",
        "symbol": symbol.rpartition(".")[2] if inline else symbol,
        "runtime_version": version or ".".join(map(str, sys.version_info[:3])),
        "always_nullable": str(spec.always_nullable).lower(),
        "volatility": spec.volatility,
    }
    if spec.batch_size is not None and spec.batch_size > 1:
        properties["batch_size"] = str(spec.batch_size)  # Doris passes over what it does not know; we read it back
    notes = list(_lacks(spec))
    if not inline:
        properties["file"] = file or _placeholder(spec)
        notes += [] if file else [_UPLOAD]
        forbidden = forbidden_module(symbol) if "." in symbol else None
        notes += [forbidden] if forbidden else []
    body = ""
    if inline and source is not None:
        tag = _tag(source)
        if tag != "$$":
            notes.append("the code holds $$, so its quotes carry a tag; give file= where only plain $$ is understood")
        body = f" AS {tag}\n{source}{tag}"
    statement = _statement(spec, signature, properties) + body + ";\n"
    return Written(statement, tuple(notes), properties.get("file"), properties["runtime_version"])


def _proposed(spec: FunctionSpec, signature: Signature, _source: str | None, file: str | None) -> Written:
    """Pull 56877: the symbol is the entry file, its function is always ``evaluate``."""
    if spec.kind == "udaf":
        raise UsageProblem(
            f"{spec.name} is an aggregate, which the proposal does not have",
            hint="dialect 'doris' has AGGREGATE FUNCTION",
        )
    called = (spec.symbol or "").rpartition(".")[2]
    if called != PROPOSED_NAME:
        raise UsageProblem(
            f"{spec.name}: the proposal calls {PROPOSED_NAME!r}, this function is called {called!r}",
            hint=f"rename it to {PROPOSED_NAME}, or use dialect 'doris'",
        )
    properties = {"file": file or _placeholder(spec), "symbol": PurePosixPath(spec.entry).stem, "type": "PYTHON_UDF"}
    if spec.batch_size is not None and spec.batch_size > 1:
        properties["batch_size"] = str(spec.batch_size)
    notes = [] if file else [_UPLOAD]
    if not spec.always_nullable:
        notes.append("always_nullable=False is not part of the proposal: a NULL result is no error there")
    if spec.mode.name in ("columns", "async"):
        notes.append(f"mode {spec.mode} is not part of the proposal: it calls the function row by row")
    notes += _environment(spec)
    return Written(_statement(spec, signature, properties) + ";\n", tuple(notes), properties["file"])


_DIALECTS: Final[dict[str, Callable[[FunctionSpec, Signature, str | None, str | None], Written]]] = {
    "doris": _shipped,
    "doris-proposal": _proposed,
}

_UPLOAD: Final = "upload the zip (package writes it) and put its URL in the place of this file"


def _statement(spec: FunctionSpec, signature: Signature, properties: Mapping[str, str]) -> str:
    if "\0" in spec.database + signature.name + str(signature.returns) + signature.argument_types:
        raise UsageProblem(f"{spec.name!r} has a NUL in a name, which SQL cannot hold", hint="rename it")
    scope = "GLOBAL " if spec.database == GLOBAL_DATABASE else ""
    database = "" if spec.database in (DEFAULT_DATABASE, GLOBAL_DATABASE) else f"{quote_name(spec.database)}."
    listed = ",\n".join(f"    {write_string(key)} = {write_string(value)}" for key, value in properties.items())
    name = f"{database}{quote_name(signature.name)}"
    head = f"CREATE {scope}{_WORDS[spec.kind]}FUNCTION {name}({signature.argument_types})"
    return f"{head}\nRETURNS {signature.returns}\nPROPERTIES (\n{listed}\n)"


def _lacks(spec: FunctionSpec) -> Iterator[str]:
    """What the function relies on here and Doris does not have."""
    if spec.batch_size is not None and spec.batch_size > 1:
        yield (
            f"batch_size={spec.batch_size}: Doris calls the function row by row, not with lists of tuples; "
            "rewrite it with list or pd.Series parameters"
        )
    yield from _unknown_mode(spec.mode)
    if spec.python is not None and not _VERSION.fullmatch(spec.python):
        yield f"runtime_version is that of the workbench; here the function runs in python {spec.python!r}"
    yield from _environment(spec)


def _unknown_mode(mode: Mode) -> Iterator[str]:
    """Where Doris would call the function in another way: it looks for list and pd.Series among the annotations."""
    if mode.name == "async":
        yield "the function is async def, which Doris does not await: write def there"
    elif mode.text:
        yield "the annotations are strings, which Doris does not read: it calls the function row by row; write them out"
    elif mode.name == "row" and mode.forms:
        yield "a parameter that is an ARRAY is annotated list: Doris passes the whole column; take the annotation out"
    unknown = [form for form in dict.fromkeys(mode.forms) if form not in ("list", "pd.Series", FIRST)]
    if unknown:
        yield f"Doris knows list and pd.Series columns, not {', '.join(unknown)}: such a parameter gets one value there"


def _environment(spec: FunctionSpec) -> Iterator[str]:
    if spec.env:
        yield f"there are no variables of a function in Doris: set {', '.join(sorted(spec.env))} for its Python servers"


def _placeholder(spec: FunctionSpec) -> str:
    return f"https://example.com/udf/{quote(spec.name)}.zip"


def _tag(body: str) -> str:
    """Dollar quotes that the body does not end, also not together with its last characters."""
    tag, count = "$$", 0
    while (body + tag).find(tag) < len(body):
        count += 1
        tag = f"$udf{'' if count == 1 else count}$"
    return tag


def _one_line(note: str) -> str:
    """A comment ends with its line, and goes on after a backslash."""
    return " ".join(note.split()).rstrip("\\")
