"""The watch over leaks sees what it must see: without this test it could be blind and every other test would pass."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest
from fix_leaks import PROC, children, descriptors, leaked, threads

pytestmark = pytest.mark.skipif(not PROC.exists(), reason="leaks are counted in /proc")


def test_a_child_is_seen_until_it_is_reaped() -> None:
    """A running child and a zombie are leaks; a child that was waited for is none."""
    before = children(), descriptors(), threads()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
    try:
        assert any(leak.startswith(f"child {child.pid} ") for leak in leaked(*before))
    finally:
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        zombies = leaked(*before)
        child.communicate()
    assert any("zombie" in leak for leak in zombies)
    assert leaked(*before) == []


def test_a_pipe_is_seen_until_it_is_closed() -> None:
    """Both ends of a pipe count."""
    before = children(), descriptors(), threads()
    ends = os.pipe()
    assert leaked(*before) == ["2 x pipe"]
    for end in ends:
        os.close(end)
    assert leaked(*before) == []


def test_a_thread_is_seen_until_it_ends() -> None:
    """Only a thread that Python would wait for counts."""
    before = children(), descriptors(), threads()
    end = threading.Event()
    both = [threading.Thread(target=end.wait, name=name, daemon=name == "idle") for name in ("busy", "idle")]
    for thread in both:
        thread.start()
    seen = leaked(*before)
    end.set()
    for thread in both:
        thread.join()
    assert seen == ["thread busy"]
    assert leaked(*before) == []
