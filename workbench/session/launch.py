"""From a function's version to what the supervisor starts: argv, environment, channel, and the setup of the worker.

The invariant: a worker sees the variables that it needs to run at all, those of the function, and no others. Left out
on purpose: how environments are built (`workbench.environments`).
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from workbench.environments import Environments, check_python, find_python
from workbench.errors import ScriptNotFound
from workbench.functions import FunctionSpec
from workbench.packaging import resolve_entry
from workbench.secrets import blotter, revealed
from workbench.session.requirements import python_in_text
from workbench.supervisor.worker import Launch
from workbench.transport.framed import FramedChannel
from workbench.transport.raw import RawChannel

WORKER: Final = Path(__file__).parents[1] / "worker"

ALLOWED: Final = ("PATH", "HOME", "USER", "LANG", "LANGUAGE", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Variables of ours that a worker gets, besides LC_*: they lead to interpreters, libraries and locales."""


@dataclass(frozen=True, slots=True, repr=False)
class Surroundings:
    """What a launch depends on that may change from run to run: our variables, those of the function, its secrets."""

    base: dict[str, str]
    own: dict[str, str]
    secrets: tuple[str, ...]


def surroundings(spec: FunctionSpec) -> Surroundings:
    """As they are now. Raises WorkerStartError for a secret that is missing."""
    return Surroundings(environment(), *revealed(spec.env))


def launch(
    spec: FunctionSpec, folder: Path, around: Surroundings, *, python: str | None, start_timeout: float
) -> Launch:
    """How to start a worker of ``spec``, whose package is unpacked in ``folder``.

    Raises PythonNotFound and ScriptNotFound.
    """
    interpreter = find_python(spec.python or python)
    base = around.base
    env, blot = {**base, **around.own}, blotter(around.secrets)
    found = resolve_entry(_files(folder), entry=spec.entry, symbol=spec.symbol)
    roots = [str(folder / root) if root else str(folder) for root in found.roots]
    if spec.kind == "script":
        script = folder / found.path
        if not script.is_file():
            raise ScriptNotFound(f"{spec.name}: the entry {spec.entry!r} is not in the package")
        return Launch(
            spec.name,
            (interpreter, str(WORKER / "script.py"), str(script)),
            {**env, "PYTHONPATH": os.pathsep.join([*roots, env["PYTHONPATH"]] if "PYTHONPATH" in env else roots)},
            RawChannel,
            start_timeout=start_timeout,
            reusable=False,
            blot=blot,
        )
    _make_package(folder / found.path, found.module)
    setup = _setup(spec, roots, found.module)
    argv = (interpreter, str(WORKER))
    key = hashlib.sha256(json.dumps([argv, setup, sorted(env.items())]).encode()).hexdigest()
    return Launch(
        spec.name,
        argv,
        env,
        FramedChannel,
        setup=setup,
        key=key,
        template=base,
        start_timeout=start_timeout,
        keeps_state=spec.kind == "udaf",
        blot=blot,
    )


def check_required(spec: FunctionSpec, folder: Path, python: str | None) -> None:
    """Raise WorkerStartError if the source, in ``folder``, requires another Python than the one that it would run in.

    Raises PythonNotFound, and UsageProblem for what it says and cannot be read.
    """
    entry = folder / spec.entry
    wanted = python_in_text(entry.read_text(encoding="utf-8", errors="replace")) if entry.is_file() else None
    if wanted is not None:
        check_python(spec.name, wanted, find_python(spec.python or python))


def with_environment(
    spec: FunctionSpec, python: str | None, environments: Environments, tell: Callable[[str], None]
) -> FunctionSpec:
    """The spec with an interpreter that has its requirements; as it is if there are none.

    Raises PythonNotFound and EnvironmentBuildError.
    """
    if not spec.requirements:
        return spec
    base = find_python(spec.python or python)
    built = environments.python(base, spec.requirements, tell=lambda text: tell(f"{spec.name}: {text}"))
    return spec.with_(python=built)


def tell(text: str) -> None:
    """A line on standard error."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def environment() -> dict[str, str]:
    """The variables that every worker gets."""
    kept = {name: os.environ[name] for name in os.environ if name in ALLOWED or name.startswith("LC_")}
    # A package is unpacked once and read by many; caches written into it would be no part of it.
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8:backslashreplace"}


def _make_package(file: Path, module: str) -> None:
    """Give the topmost folder of a dotted module its ``__init__.py`` if it has none, as Doris does.

    Without it an installed package of that name would be found instead, wherever it is on the path.
    """
    inside = file.parent if file.name == "__init__.py" else file
    folders = list(inside.parents)[: module.count(".")]
    if folders and not (folders[-1] / "__init__.py").exists():
        (folders[-1] / "__init__.py").touch()


def _setup(spec: FunctionSpec, roots: list[str], module: str) -> dict[str, Any]:
    if spec.signature is None or spec.symbol is None:
        raise ValueError(f"{spec.name} has no signature")
    fields = spec.signature.output_fields(spec.kind)
    schema = pa.schema([pa.field(name, type_.arrow) for name, type_ in fields])
    return {
        "roots": roots,
        "module": module,
        "attribute": spec.symbol.rpartition(".")[2],
        "kind": spec.kind,
        "mode": spec.mode.name,
        "forms": list(spec.mode.forms),
        "batch_size": spec.batch_size,
        "always_nullable": spec.always_nullable,
        "arguments": [param.type.wire for param in spec.signature.params],
        "outputs": [{"name": name, "wire": type_.wire, "sql": str(type_)} for name, type_ in fields],
        "output_schema": schema.serialize().to_pybytes().hex(),
    }


def _files(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]
