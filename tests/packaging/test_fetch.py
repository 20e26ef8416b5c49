"""Fetching the file of a CREATE FUNCTION, from servers that are real, wrong, slow and endless."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import fsspec
import pytest

from workbench.errors import PackageError
from workbench.packaging import fetch


@contextmanager
def server(answer: bytes, *, again: bytes = b"") -> Iterator[str]:
    """One that answers once and then sends ``again`` every 10 ms until the client goes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.settimeout(0.01)
                connection.sendall(answer)
                while again or not answer:
                    try:
                        if not connection.recv(1):
                            return
                    except TimeoutError:
                        try:
                            connection.sendall(again)
                        except OSError:
                            return
                    except OSError:
                        return

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/u.zip"
        thread.join()


OK = b"HTTP/1.0 200 OK\r\n\r\n"


@pytest.mark.parametrize("write", ["{}", "file://{}", "file://localhost{}", "local://{}"])
def test_files_of_this_machine(tmp_path: Path, write: str) -> None:
    """By path and by URL, also with characters that a URL quotes."""
    path = tmp_path / "a b.zip"
    path.write_bytes(b"data")
    shown = str(path).replace(" ", "%20") if write.startswith("file") else str(path)
    assert fetch(write.format(shown), cache=tmp_path / "cache") == b"data"
    assert not (tmp_path / "cache").exists()


def test_fsspec_has_the_rest(tmp_path: Path) -> None:
    """Any file system that it knows."""
    with fsspec.open("memory://bucket/u.zip", "wb") as file:
        file.write(b"data")
    assert fetch("memory://bucket/u.zip", cache=tmp_path) == b"data"


def test_http(tmp_path: Path) -> None:
    """The whole body."""
    with server(OK + b"data" * 100_000) as url:
        assert fetch(url, cache=tmp_path) == b"data" * 100_000


@pytest.mark.parametrize(
    ("answer", "again"),
    [(OK, b"x"), (b"", b"")],
    ids=["drops", "silence"],
)
def test_slow_servers_are_left(tmp_path: Path, answer: bytes, again: bytes) -> None:
    """Within the deadline, at whatever point they hold us up."""
    with server(answer, again=again) as url:
        began = time.monotonic()
        with pytest.raises(PackageError, match=r"cannot fetch http://127.0.0.1:\d+/u.zip"):
            fetch(url, cache=tmp_path, deadline=0.3)
        assert time.monotonic() - began < 10


def test_a_server_that_breaks_off_is_seen(tmp_path: Path) -> None:
    """Half a file is none."""
    with server(b"HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nx") as url:  # noqa: SIM117 - the server outlives the error
        with pytest.raises(PackageError, match="ended before it was complete"):
            fetch(url, cache=tmp_path)


def test_too_much_is_refused(tmp_path: Path) -> None:
    """While it comes, whatever the server says of its length."""
    with server(OK, again=b"x" * 100_000) as url, pytest.raises(PackageError, match="is larger than 1 MB"):
        fetch(url, cache=tmp_path, most=1 << 20)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("file:///no/such.zip", "cannot fetch file:///no/such.zip: No such file or directory"),
        ("/no/such.zip", "No such file or directory"),
        ("file://host/a.zip", "names the host 'host'"),
        ("nosuch://a/b.zip", "cannot fetch nosuch://a/b.zip: Protocol not known: nosuch"),
        ("http://user:secret@127.0.0.1:1/a", "http://127.0.0.1:1/a names a user"),
        ("http://[", "cannot fetch"),
        ("file:///a\0b", "cannot fetch"),
        ("/", "cannot fetch /: Is a directory"),
    ],
)
def test_what_cannot_be_fetched_is_said(tmp_path: Path, url: str, words: str) -> None:
    """With the reason, and without user and password."""
    with pytest.raises(PackageError) as caught:
        fetch(url, cache=tmp_path)
    assert words in caught.value.message
    assert "secret" not in str(caught.value)


def test_an_md5_that_is_none(tmp_path: Path) -> None:
    """It names no file of the cache: nothing of it becomes a path."""
    with pytest.raises(PackageError, match=r"md5 is '\.\./x'"):
        fetch("/x", cache=tmp_path, md5="../x")
