"""What to install for a module that is missing: the way out of a ModuleNotFoundError.

Left out on purpose: looking anything up; the few whose distribution is called otherwise are listed here.
"""

from __future__ import annotations

import re
from typing import Final

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
"""By the name of the module."""


_MISSING: Final = re.compile(r"No module named '(?P<top>[^'.]+)|.*this Python has no (?P<ours>\w+)")
"""As Python says it, and as the worker does of what it needs for the function's mode."""


def hint(text: str) -> str:
    """The way out, given the text of the error; "" if that does not name a module."""
    found = _MISSING.match(text)
    if found is None:
        return ""
    module = found["top"] or found["ours"]
    wanted = DISTRIBUTIONS.get(module, module)
    return f"`{module}` is not installed in this function's environment: add --requires {wanted}"
