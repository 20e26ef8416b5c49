"""From whatever a user calls a function (text, file, folder, zip, a Python object) to a spec and a package.

The invariant: what ships is the source as it stands, without our decorators, with its line numbers kept; all that is
wrong with it is reported at once. Nothing is run. Left out on purpose: registering and running.
"""

from __future__ import annotations

import inspect
import keyword
import linecache
import os
import re
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeVar, get_args

from workbench.environments import normalised
from workbench.errors import DefinitionError, PackageError, Problem, UsageProblem
from workbench.functions import (
    DEFAULT_DATABASE,
    FunctionSpec,
    Kind,
    Signature,
    Volatility,
    analyse,
    default_volatility,
    parse_signature,
)
from workbench.packaging import (
    Package,
    add_imports,
    build,
    from_file,
    from_folder,
    from_text,
    keeps_top,
    read_zip,
    resolve_entry,
    strip_ours,
)
from workbench.secrets import Secret, named
from workbench.session.declare import ATTRIBUTE, Declaration
from workbench.session.requirements import in_files, in_text
from workbench.worker.words import a

_US: Final = __name__.partition(".")[0]
Name = TypeVar("Name", bound=str | os.PathLike[str])


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the caller said of the function; None is: read it from the source."""

    signature: Signature | str | None = None
    kind: Kind | None = None
    name: str | None = None
    symbol: str | None = None
    entry: str | None = None
    batch_size: int | None = None
    imports: tuple[str | os.PathLike[str], ...] = ()
    requirements: tuple[str, ...] = ()
    env: Mapping[str, str | Secret] = field(default_factory=dict)
    python: str | None = None
    always_nullable: bool = True
    volatility: Volatility | None = None


@dataclass(frozen=True, slots=True)
class Defined:
    """A function that can be registered: ``package`` is the zip, ``source`` the text of the file that holds it."""

    spec: FunctionSpec
    package: bytes
    source: str


def define(source: Any, wanted: Wanted, *, where: str | None = None) -> Defined:
    """See `Workbench.register` for what ``source`` may be; ``where`` names a text in messages (``%%udf ratio``)."""
    _check_words(wanted)
    wanted = replace(wanted, env=named(wanted.env), requirements=normalised(wanted.requirements))
    _check_env(wanted.env)
    if isinstance(source, str) and not _is_path(source):
        return _from_source(source, wanted, where)
    if isinstance(source, str | os.PathLike):
        path = Path(source).expanduser()
        if not path.exists():
            raise PackageError(
                f"{path} does not exist", hint="give a .py file, a folder, a zip, or the Python text itself"
            )
        if path.is_dir():
            return _from_folder(path.resolve(), wanted)
        if path.suffix.lower() == ".zip":
            return _from_zip(read_zip(path), path.stem, wanted)
        if path.suffix.lower() == ".py":
            return _from_file(path, wanted)
        raise PackageError(f"{path} is no Python file, folder or zip", hint="give one that ends in .py or .zip")
    if callable(source):
        return _from_object(source, wanted)
    raise UsageProblem(
        f"a function cannot be made of {a(type(source).__name__)}",
        hint="give Python text, a path of a .py file, folder or zip, a function or a class",
    )


def _is_path(text: str) -> bool:
    """One line that ends in .py or .zip, or exists."""
    if "\n" in text or not text.strip():
        return False
    try:
        return text.lower().endswith((".py", ".zip")) or Path(text).expanduser().exists()
    except (OSError, ValueError):
        return False  # too long for a path, or with a NUL


def _check_words(wanted: Wanted) -> None:
    if not isinstance(wanted.signature, Signature | str | None):
        raise UsageProblem(
            f"signature is {wanted.signature!r}", hint="give text, as in score(a DOUBLE, b DOUBLE) -> DOUBLE"
        )
    for name, given, words in (
        ("kind", wanted.kind, get_args(Kind)),
        ("volatility", wanted.volatility, get_args(Volatility)),
    ):
        if given is not None and given not in words:
            raise UsageProblem(f"{name} is {given!r}", hint=f"choose one of {', '.join(words)}, or leave it out")


def _check_env(env: Mapping[Any, Any]) -> None:
    for name, value in env.items():
        if not isinstance(name, str) or not name or "=" in name or "\0" in name:
            raise UsageProblem(f"env: {name!r} is no name of a variable", hint="as in env={'THRESHOLD': '100'}")
        if not isinstance(value, str) or "\0" in value:
            raise UsageProblem(f"env: the value of {name} is no text: {value!r}", hint=f"as in env={{{name!r}: '100'}}")


def _stripped(text: str, wanted: Wanted, where: str, ours: Collection[str] = ()) -> str:
    """The source as it ships. What is wrong with it is said together with what is wrong with the signature."""
    try:
        return strip_ours(text, where, ours=ours, target=wanted.symbol and wanted.symbol.rpartition(".")[2])
    except DefinitionError as error:
        if isinstance(wanted.signature, str):
            try:
                parse_signature(wanted.signature)
            except DefinitionError as other:
                more = [Problem(f"signature: {problem.message}") for problem in other.problems]
                raise DefinitionError(where, [*more, *error.problems], hint=error.hint) from error
        raise


def _from_source(text: str, wanted: Wanted, where: str | None) -> Defined:
    shown = where or wanted.name or "the source"
    source = _stripped(text, wanted, shown)
    spec = _spec(source, wanted, where=shown, name=None, module="")
    module = module_name(spec.name)
    return _packed(from_text(source, module), spec, f"{module}.py", wanted, source)


def _from_file(path: Path, wanted: Wanted) -> Defined:
    (name,) = files = from_file(path)
    source = _stripped(_text(files[name], path.name), wanted, path.name)
    spec = _spec(source, wanted, where=path.name, name=path.stem, module="")
    return _packed({name: source.encode()}, spec, name, wanted, source)


def _packed(files: dict[str, bytes], spec: FunctionSpec, entry: str, wanted: Wanted, source: str) -> Defined:
    """One file, and what is imported beside it; a script goes below a folder, as Fungi has it."""
    files = add_imports(files, wanted.imports)
    if spec.kind == "script":
        top = module_name(spec.name)
        files, entry = {f"{top}/{name}": data for name, data in files.items()}, f"{top}/{entry}"
    symbol = None if spec.symbol is None else f"{Path(entry).stem}.{spec.symbol}"
    spec = spec.with_(entry=entry, symbol=symbol)
    return Defined(spec, build(files, spec), source)


def _from_folder(path: Path, wanted: Wanted) -> Defined:
    below = from_folder(path, keep_top=False)
    symbol = wanted.symbol if wanted.entry is None else None
    if symbol is not None and "." not in symbol and f"{symbol}.py" not in below:
        symbol = None  # the name of a function, not of a file as in the proposal
    if symbol is not None and symbol.startswith(f"{path.name}."):
        symbol = _dotted(symbol.removeprefix(f"{path.name}.")) or symbol
    found = resolve_entry(below, entry=wanted.entry, symbol=symbol)
    source = _stripped(_text(below[found.path], found.path), wanted, found.path)
    requirements = (*wanted.requirements, *in_files(below, below.__getitem__))
    inner = replace(wanted, symbol=found.attribute or wanted.symbol, requirements=requirements)
    spec = _spec(source, inner, where=found.path, name=path.name, module="")
    keep_top = keeps_top(path, kind=spec.kind, symbol=wanted.symbol)
    entry = f"{path.name}/{found.path}" if keep_top else found.path
    files = {**from_folder(path, keep_top=keep_top), entry: source.encode()}
    files = add_imports(files, wanted.imports)
    if spec.symbol is not None:
        module = entry.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        spec = spec.with_(symbol=f"{module}.{spec.symbol}")
    spec = spec.with_(entry=entry)
    return Defined(spec, build(files, spec), source)


def _dotted(symbol: str | None) -> str | None:
    return symbol if symbol is not None and "." in symbol else None


def _from_zip(package: Package, stem: str, wanted: Wanted) -> Defined:
    """A zip is handed on as it is; what its manifest says holds unless the caller says otherwise."""
    if wanted.imports:
        raise UsageProblem("imports cannot be added to a zip", hint="put them into the zip, or give the folder instead")
    made = FunctionSpec.from_json(package.manifest) if package.manifest is not None else None
    entry = wanted.entry or (made.entry if made and _dotted(wanted.symbol) is None else None)
    symbol = wanted.symbol or (made.symbol if made else None)
    in_file = symbol if entry is None or _dotted(symbol) or made is not None else None
    found = resolve_entry(package.files, entry=entry, symbol=in_file)
    source = _text(package.read(found.path), found.path)
    declared = made.requirements if made is not None else in_files(package.files, package.read)
    merged = replace(wanted, symbol=found.attribute or wanted.symbol, requirements=(*wanted.requirements, *declared))
    if made is not None:
        merged = replace(
            merged,
            signature=wanted.signature or made.signature,
            kind=wanted.kind or made.kind,
            name=wanted.name or (made.name if wanted.signature is None else None),
            batch_size=wanted.batch_size or made.batch_size,
            always_nullable=wanted.always_nullable and made.always_nullable,
            volatility=wanted.volatility or made.volatility,
        )
    spec = _spec(source, merged, where=found.path, name=stem, module=found.module)
    return Defined(spec.with_(entry=found.path), package.data, source)


def _from_object(target: Any, wanted: Wanted) -> Defined:
    name = getattr(target, "__name__", "")
    if not name.isidentifier() or getattr(target, "__qualname__", name) != name:
        raise DefinitionError(
            getattr(target, "__qualname__", repr(type(target).__name__)),
            [Problem("only a function or class at the top level of a module or cell can ship")],
        )
    text, where = _source_of(target, name)
    declared: Declaration | None = getattr(target, ATTRIBUTE, None)
    wanted = replace(wanted, symbol=name)
    source = _stripped(text, wanted, where, _ours_beside(target))
    if declared is not None:
        wanted = replace(
            wanted,
            signature=wanted.signature or declared.signature,
            kind=wanted.kind or declared.kind,
            batch_size=wanted.batch_size or declared.batch_size,
            always_nullable=wanted.always_nullable and declared.always_nullable,
            volatility=wanted.volatility or declared.volatility,
        )
    spec = _spec(source, wanted, where=where, name=name, module="")
    module = module_name(spec.name)
    return _packed(from_text(source, module), spec, f"{module}.py", wanted, source)


def _ours_beside(target: Any) -> set[str]:
    """The names in its module, or in the notebook, that stand for us: an earlier cell may have imported us."""
    beside = vars(sys.modules[target.__module__]) if target.__module__ in sys.modules else {}
    return {name for name, value in beside.items() if _module_of(value).partition(".")[0] == _US}


def _module_of(value: Any) -> str:
    return value.__name__ if inspect.ismodule(value) else str(getattr(value, "__module__", ""))


def _source_of(target: Any, name: str) -> tuple[str, str]:
    """The text of the module or cell that defines ``target``, and what to call it."""
    # A class has no code of its own: one of its methods knows. Generated ones, such as a dataclass's, do not.
    members = vars(target).values() if inspect.isclass(target) else [inspect.unwrap(target)]
    for file in dict.fromkeys(member.__code__.co_filename for member in members if inspect.isfunction(member)):
        linecache.checkcache(file)  # it may have been edited and imported again
        lines = linecache.getlines(file)
        if lines:
            return "".join(lines), Path(file).name if Path(file).exists() else f"the cell of {name}"
    raise DefinitionError(name, [Problem("its source cannot be found")], hint="write it in a file or a notebook cell")


def _spec(source: str, wanted: Wanted, *, where: str, name: str | None, module: str) -> FunctionSpec:
    """Read the definition; ``entry`` is still to be said. ``module`` is put before a bare symbol."""
    found = analyse(
        source,
        where=where,
        name=wanted.name,
        signature=wanted.signature,
        kind=wanted.kind,
        symbol=wanted.symbol,
        batch_size=wanted.batch_size,
    )
    signature = found.signature
    called = wanted.name or (signature.name if signature else None) or name
    if found.kind == "script":
        signature = None
        called = called or "script"
    symbol = found.symbol.rpartition(".")[2] if found.symbol else None
    return FunctionSpec(
        name=called or symbol or "evaluate",
        kind=found.kind,
        signature=signature,
        symbol=f"{module}.{symbol}" if module and symbol else symbol,
        entry="",
        batch_size=wanted.batch_size,
        mode=found.mode,
        always_nullable=wanted.always_nullable,
        volatility=wanted.volatility or default_volatility(found.kind),
        requirements=normalised([*wanted.requirements, *in_text(source)]),
        env=named(wanted.env),
        python=wanted.python,
        database=signature.database if signature else DEFAULT_DATABASE,
    )


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PackageError(f"{name} is not UTF-8 text: {error.reason} at byte {error.start}") from error


def module_name(name: str) -> str:
    """The name as a module that nothing of Python's hides."""
    safe = re.sub(r"\W", "_", name)
    if not safe.isidentifier() or keyword.iskeyword(safe) or safe in sys.stdlib_module_names:
        return f"udf_{safe}"
    return safe


def names(items: Name | Iterable[Name] | None) -> tuple[Name, ...]:
    """A name (or path) or a list of names as a tuple."""
    if items is None:
        return ()
    return (items,) if isinstance(items, str | os.PathLike) else tuple(items)


def write_package(path: str | os.PathLike[str], name: str, data: bytes) -> Path:
    """Write a zip to ``path``, or as ``name.zip`` into it if it is a folder; returns where it is."""
    target = Path(path).expanduser()
    if target.is_dir():
        target /= f"{name}.zip"
    try:
        target.write_bytes(data)
    except OSError as error:
        raise PackageError(
            f"cannot write {target}: {os.strerror(error.errno or 0)}", hint="name another file"
        ) from error
    return target
