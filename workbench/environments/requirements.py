"""What a function asks to have installed, in one spelling: valid, sorted, without options.

The invariant: two ways to write the same set are equal, so that they share an environment. Left out on purpose: whether
there are such packages, which the resolver tells.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from workbench.errors import UsageProblem

DISTRIBUTIONS: Final = {
    "Crypto": "pycryptodome",
    "OpenSSL": "pyopenssl",
    "PIL": "pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "fitz": "pymupdf",
    "jwt": "pyjwt",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
"""What to install for a module whose distribution is called otherwise."""


def normalised(texts: Iterable[str]) -> tuple[str, ...]:
    """The requirements, each once and sorted; raises UsageProblem for an option, a path, or what cannot be read."""
    return tuple(sorted({_one(text) for text in texts}))


def distribution_of(module: str) -> str:
    """What to ask for when ``module`` is missing: its topmost package under the name that it is installed by."""
    top = module.partition(".")[0]
    return DISTRIBUTIONS.get(top, top)


def _one(text: str) -> str:
    if text.lstrip().startswith("-"):
        option = text.split(maxsplit=1)[0]
        raise UsageProblem(
            f"requirements: {option!r} is an option, not a requirement",
            hint="where packages come from is said in the configuration of uv or pip",
        )
    try:
        read = Requirement(text)
    except InvalidRequirement as error:
        reason = str(error).partition("\n")[0]
        raise UsageProblem(
            f"requirements: {text!r} cannot be read: {reason}", hint="as in numpy<2 or emoji==2.14.0"
        ) from error
    if read.url is not None and "@" in urlsplit(read.url).netloc:
        raise UsageProblem(
            f"requirements: the address of {read.name} holds a password, which the registry and the zip would keep",
            hint="put it into the configuration of uv or pip, or into .netrc",
        )
    read.name = canonicalize_name(read.name)
    return str(read)
