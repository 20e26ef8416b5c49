"""Where uv finds packages: as uv is configured, else as pip is, so that what `pip install` finds here is found.

Left out on purpose: pip's other options (uv has no variable for ``no-index``), and passing anything on where uv has
variables of its own.
"""

from __future__ import annotations

import configparser
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import platformdirs

_OF_UV: Final = ("UV_INDEX", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_CONFIG_FILE")
_NAMES: Final = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "cert": ("SSL_CERT_FILE", " "),
}
"""pip's option, uv's variable, and what stands there between several values."""


def variables(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables for uv that say what pip's files and variables say; none where ``environ`` configures uv itself."""
    if any(name.startswith(_OF_UV) for name in environ):
        return {}
    found: dict[str, str] = {}
    for file in _files(environ):
        found |= _read(file)
    for option in _NAMES:
        if given := environ.get("PIP_" + option.upper().replace("-", "_")):
            found[option] = given
    made = {_NAMES[option][0]: _NAMES[option][1].join(text.split()) for option, text in found.items() if text.split()}
    if "UV_INDEX" in made:
        made["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # pip looks at all indexes, too
    return {name: text for name, text in made.items() if name not in environ}


def _files(environ: Mapping[str, str]) -> list[Path]:
    """Where pip's configuration may be; a later file wins."""
    files = [Path("/etc/pip.conf"), Path(platformdirs.site_config_dir("pip")) / "pip.conf"]
    files += [Path("~/.pip/pip.conf").expanduser(), Path(platformdirs.user_config_dir("pip")) / "pip.conf"]
    files.append(Path(sys.prefix) / "pip.conf")
    return [*files, Path(environ["PIP_CONFIG_FILE"])] if "PIP_CONFIG_FILE" in environ else files


def _read(file: Path) -> dict[str, str]:
    read = configparser.RawConfigParser()
    try:
        read.read(file, encoding="utf-8")
    except (configparser.Error, OSError, UnicodeDecodeError):
        return {}  # pip complains about its own files
    sections = [read[name] for name in ("global", "install") if read.has_section(name)]
    return {name.replace("_", "-"): text for section in sections for name, text in section.items() if _known(name)}


def _known(name: str) -> bool:
    return name.replace("_", "-") in _NAMES
