"""What to install for a module whose name says something else. Left out on purpose: looking anything up."""

from __future__ import annotations

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
    "google": "google-api-python-client",
    "jwt": "pyjwt",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
"""By the name of the module."""


def distribution(module: str) -> str:
    """The name to install a module by."""
    return DISTRIBUTIONS.get(module, module)
