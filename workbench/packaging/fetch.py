"""Bringing the zip that a URL names: file://, http(s)://, a plain path, or whatever fsspec knows.

The invariant: it ends, within the deadline and with no more bytes than a package may have, whatever the other side
does. What has an md5 is kept under it and not fetched again while that file is whole; what has none may have changed,
so it is fetched each time. Left out on purpose: reading the zip (`archive`), and credentials, which belong into the
configuration of fsspec and never into a statement.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path
from threading import Thread
from typing import IO, Any, Final
from urllib.parse import unquote, urlsplit

import fsspec

from workbench.errors import PackageError
from workbench.settings import ZIP_BYTES

FETCH_SECONDS: Final = 30.0
"""For one file in all: a package of 100 MB at 4 MB/s."""

_CHUNK: Final = 1 << 18
_MD5: Final = re.compile(r"[0-9a-fA-F]{32}")
_USER: Final = re.compile(r"//[^/@]*@")


def fetch(
    url: str, *, cache: Path, md5: str | None = None, deadline: float = FETCH_SECONDS, most: int = ZIP_BYTES
) -> bytes:
    """The bytes behind a URL. ``cache`` is a folder, made when it is needed; ``deadline`` is in seconds.

    Raises PackageError for what cannot be fetched, is too slow or too large, and if ``md5`` is not its checksum.
    """
    if md5 is not None and not _MD5.fullmatch(md5):
        raise PackageError(f"md5 is {md5!r}", hint="it is 32 hexadecimal digits, as md5sum prints them")
    kept = cache / f"{md5.lower()}.zip" if md5 is not None else None
    if kept is not None and kept.is_file():
        data = kept.read_bytes()
        if _checksum(data) == kept.stem:
            return data
    data = _within(deadline, url, most)
    if kept is not None:
        if (checksum := _checksum(data)) != kept.stem:
            raise PackageError(
                f"library's checksum is not equal with input, checksum={checksum}: {_shown(url)}",
                hint="correct md5, or upload the file again",
            )
        _keep(kept, data)
    return data


def _within(deadline: float, url: str, most: int) -> bytes:
    """Fetch in a thread: neither a name server nor a server that sends a byte a minute can hold us."""
    end = time.monotonic() + deadline
    found: list[bytes] = []
    failed: list[Exception] = []

    def work() -> None:
        try:
            found.append(_read(url, end, most))
        except urllib.error.HTTPError as error:
            error.close()
            failed.append(error)
        except Exception as error:  # noqa: BLE001 - fsspec's file systems raise what they like; all is told below
            failed.append(error)

    thread = Thread(target=work, name="fetch", daemon=True)
    thread.start()
    thread.join(deadline)
    if failed and isinstance(failed[0], PackageError):
        raise failed[0]
    if failed and not isinstance(failed[0], TimeoutError):
        raise PackageError(f"cannot fetch {_shown(url)}: {_reason(failed[0])}", hint=_hint(url)) from failed[0]
    if not found:
        raise PackageError(f"cannot fetch {_shown(url)} within {deadline:g} s", hint="is the server there?")
    return found[0]


def _read(url: str, end: float, most: int) -> bytes:
    data = bytearray()
    with _opened(url, end - time.monotonic()) as stream:
        # read1 returns what one packet brought; read would wait for a whole chunk, however slow it comes.
        read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
        while chunk := read(_CHUNK):
            data += chunk
            if len(data) > most:
                raise PackageError(f"{_shown(url)} is larger than {most >> 20} MB", hint="leave out data")
            if time.monotonic() > end:
                raise TimeoutError
        if getattr(stream, "length", None):  # read1 does not say that a server broke off
            raise PackageError(f"{_shown(url)} ended before it was complete", hint="try again")
    return bytes(data)


def _opened(url: str, timeout: float) -> AbstractContextManager[IO[bytes]]:
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    if scheme in ("http", "https"):
        if "@" in parts.netloc:
            raise PackageError(
                f"{_shown(url)} names a user", hint="put the file where none is needed, or fetch it first"
            )
        request = urllib.request.Request(url, headers={"User-Agent": "udf-workbench"})  # noqa: S310 - checked above
        return closing(urllib.request.urlopen(request, timeout=timeout))  # noqa: S310
    if scheme == "file":
        if parts.netloc not in ("", "localhost"):
            raise PackageError(f"{_shown(url)} names the host {parts.netloc!r}", hint="write file:///path/of.zip")
        return Path(unquote(parts.path)).open("rb")
    if not scheme:
        return Path(url).expanduser().open("rb")
    opened: Any = fsspec.open(url, "rb")
    return opened  # type: ignore[no-any-return]  # fsspec ships no types


def _keep(path: Path, data: bytes) -> None:
    """Written beside and renamed: a half-written file never has the name."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            try:
                file.write(data)
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise PackageError(f"cannot keep a download in {path.parent}: {os.strerror(error.errno or 0)}") from error


def _checksum(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _shown(url: str) -> str:
    """The URL without user and password."""
    return _USER.sub("//", url, count=1)


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, Exception):
        error = error.reason
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return str(error) or type(error).__name__


def _hint(url: str) -> str:
    if url.lower().startswith(("http://", "https://")):
        return "open the URL in a browser to see what is there"
    return "give file:///path, http(s)://…, or a URL of a file system that fsspec and its extras know"
