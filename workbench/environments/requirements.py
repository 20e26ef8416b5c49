"""What a function asks to have installed, in one spelling: valid, sorted, without options.

The invariant: two ways to write the same set are equal, so that they share an environment. Left out on purpose: whether
there are such packages, which the resolver tells.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from workbench.errors import UsageProblem


def normalised(texts: Iterable[str], *, where: str = "requirements") -> tuple[str, ...]:
    """The requirements, each once and sorted; ``where`` they were given is named in errors.

    Raises UsageProblem for an option, a path, or what cannot be read.
    """
    return tuple(sorted({_one(text, where) for text in texts}))


def _one(text: str, where: str) -> str:
    if text.lstrip().startswith("-"):
        option = text.split(maxsplit=1)[0]
        raise UsageProblem(
            f"{where}: {option!r} is an option, not a requirement",
            hint="where packages come from is said in the configuration of uv or pip",
        )
    try:
        read = Requirement(text)
    except InvalidRequirement as error:
        reason = str(error).partition("\n")[0]
        raise UsageProblem(
            f"{where}: {text!r} cannot be read: {reason}", hint="as in numpy<2 or emoji==2.14.0"
        ) from error
    if read.url is not None and "@" in urlsplit(read.url).netloc:
        raise UsageProblem(
            f"{where}: the address of {read.name} holds a password, which the registry and the zip would keep",
            hint="put it into the configuration of uv or pip, or into .netrc",
        )
    read.name = canonicalize_name(read.name)
    return str(read)
