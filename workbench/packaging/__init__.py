"""From a cell, file or folder to one deterministic zip, and from any zip safely back."""

from workbench.packaging.archive import MANIFEST, Package, extract, read_zip
from workbench.packaging.build import build
from workbench.packaging.collect import add_imports, from_file, from_folder, from_text
from workbench.packaging.definition import strip_ours
from workbench.packaging.fetch import fetch
from workbench.packaging.layout import Entry, keeps_top, resolve_entry

__all__ = [
    "MANIFEST",
    "Entry",
    "Package",
    "add_imports",
    "build",
    "extract",
    "fetch",
    "from_file",
    "from_folder",
    "from_text",
    "keeps_top",
    "read_zip",
    "resolve_entry",
    "strip_ours",
]
