"""What a source says of the packages that it needs, beside the ``requirements`` that a caller gives.

A file says it in a comment (PEP 723), a folder in ``requirements.txt`` or ``pyproject.toml`` at its top. Left out on
purpose: guessing from imports; a missing one is told when the worker starts, with what to add.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection
from typing import Any, Final

from workbench.environments import normalised
from workbench.errors import UsageProblem

_BLOCK: Final = re.compile(r"^# /// script[ \t]*\n((?:^#(?:| .*)\n)+?)^# ///[ \t]*$", re.MULTILINE)
"""PEP 723's, of the type ``script``."""


def in_text(source: str) -> tuple[str, ...]:
    """The ``dependencies`` of the comment block ``# /// script``, normalised. Raises UsageProblem."""
    return _texts(_block(source).get("dependencies", []), "# /// script")


def python_in_text(source: str) -> str | None:
    """The ``requires-python`` of that comment block, as in ``>=3.11``. Raises UsageProblem."""
    found = _block(source).get("requires-python")
    if not isinstance(found, str | None):
        raise UsageProblem("# /// script: requires-python is no text", hint="as in requires-python = '>=3.11'")
    return found


def _block(source: str) -> dict[str, Any]:
    found = _BLOCK.search(source.replace("\r\n", "\n"))
    if found is None:
        return {}
    return _toml("\n".join(line[2:] for line in found[1].splitlines()), "# /// script")


def in_files(files: Collection[str], read: Callable[[str], bytes]) -> tuple[str, ...]:
    """Those of ``requirements.txt``, else of ``pyproject.toml``, at the top or in the only folder there, normalised."""
    tops = {name.partition("/")[0] for name in files}
    for folder in ("", f"{min(tops)}/" if len(tops) == 1 else ""):
        if (name := f"{folder}requirements.txt") in files:
            return normalised(_lines(read(name).decode(errors="replace")), where=name)
        if (name := f"{folder}pyproject.toml") in files:
            project = _toml(read(name).decode(errors="replace"), name).get("project", {})
            return _texts(project.get("dependencies", []) if isinstance(project, dict) else [], name)
    return ()


def _lines(text: str) -> list[str]:
    """The lines of a ``requirements.txt`` without comments; a line that ends in a backslash goes on in the next."""
    bare = (re.sub(r"(^|\s)#.*", "", line).strip() for line in text.replace("\\\n", " ").splitlines())
    return [line for line in bare if line]


def _toml(text: str, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageProblem(f"{where}: {error}", hint="write it as TOML, or leave it out") from error


def _texts(found: object, where: str) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise UsageProblem(f"{where}: dependencies are no list of texts", hint="as in dependencies = ['numpy<2']")
    return normalised(found, where=where)
