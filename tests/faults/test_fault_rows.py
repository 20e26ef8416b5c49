"""Rows of the fault table that need many threads, many times or the death of the parent; the others are near the code.

Each test names its row. Left out on purpose: what a single worker can do wrong (`tests/supervisor/test_faults.py`).
"""

from __future__ import annotations

import errno
import io
import random
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fix_processes import alive, batch, ids, until

import workbench as wb
from workbench.errors import RunClosed, WorkbenchError, WorkerStartError

ROOT = Path(__file__).parents[2]


def in_threads(work: Callable[[int], None], count: int) -> list[BaseException]:
    """The errors of so many threads that each do this with their number."""
    errors: list[BaseException] = []

    def one(number: int) -> None:
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001 - the test looks at them
            errors.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return errors


def test_row_34_no_process_fifty_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty starts that the system refuses are fifty errors by name; then everything works as if nothing had been."""
    with wb.Workbench(tmp_path) as w:
        function = w.register("def evaluate(a):\n    return a\n", "same(a BIGINT) -> BIGINT")

        def refuse(*_: Any, **__: Any) -> Any:
            raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

        with monkeypatch.context() as patched:
            patched.setattr("subprocess.Popen", refuse)
            for _ in range(50):
                with pytest.raises(WorkerStartError, match="no process could be started"):
                    function.run(batch([1]))
        function.start(8)
        assert len(function.status["workers"]) == 8
        assert function.call(7) == 7


def test_row_41_close_while_32_threads_call(tmp_path: Path) -> None:
    """Whenever it is closed, each call is right or says that it was closed; none waits for ever."""
    seed = random.SystemRandom().randrange(1 << 32)
    print("seed", seed)
    dice = random.Random(seed)
    for number in range(3):
        w = wb.Workbench(tmp_path / str(number))
        function = w.register("def evaluate(a):\n    return a + 1\n", "next(a BIGINT) -> BIGINT")
        begun, patience = threading.Semaphore(0), dice.randrange(60)

        def call(thread: int, begun: threading.Semaphore = begun, function: wb.Function = function) -> None:
            for count in range(50):
                begun.release()
                assert function.call(thread * count) == thread * count + 1

        def close(w: wb.Workbench = w, begun: threading.Semaphore = begun, patience: int = patience) -> None:
            for _ in range(patience):
                begun.acquire()
            w.close()
            w.close()

        errors = in_threads(lambda thread: close() if thread == 32 else call(thread), 33)
        assert all(isinstance(error, WorkbenchError) for error in errors), (seed, errors)
        with pytest.raises(RunClosed):
            function.call(1)


WRITES = """
import os, pathlib, tempfile
def evaluate(a):
    here, there = pathlib.Path("same name"), pathlib.Path(tempfile.gettempdir()) / "other name"
    known = here.read_text() if here.exists() else str(a)
    here.write_text(known)
    there.write_text(known)
    return known == there.read_text() and os.getcwd() == os.path.dirname(os.path.abspath(here))
"""


def test_row_45_sixteen_workers_one_name(tmp_path: Path) -> None:
    """Workers that write files of the same names do not meet, and nothing of it is left."""
    with wb.Workbench(tmp_path) as w:
        function = w.register(WRITES, "writes(a BIGINT) -> BOOLEAN")
        run = function.run(ids(160, 1), workers=16, batch_rows=1)
        assert run.to_arrow().column("writes").to_pylist() == [True] * 160


HOLDS = """
import sys, pyarrow as pa, workbench as wb
w = wb.Workbench(sys.argv[1])
f = w.register("import time\\ndef evaluate(a):\\n    time.sleep(a)\\n    return a\\n", "holds(a DOUBLE) -> DOUBLE")
run = f.run([pa.record_batch({"a": [0.0] * 50_000}), pa.record_batch({"a": [0.0] * 49_999 + [60.0]})])
answers = run.batches()
next(answers)
print(*[event.pid for event in run.record.all_events if event.kind == "started"], flush=True)
next(answers)
"""


def test_row_48_parent_killed_with_arenas_in_use(tmp_path: Path) -> None:
    """Kill -9 to the parent of a worker that works in shared memory: it is gone, and /dev/shm is as before."""
    before = sorted(Path("/dev/shm").iterdir())
    for number in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", HOLDS, str(tmp_path / str(number))],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as kernel:
            assert kernel.stdout is not None
            (pid,) = (int(text) for text in kernel.stdout.readline().split())
            assert "memfd:workbench" in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")
            kernel.kill()
            until(lambda pid=pid: not alive(pid), 2)  # type: ignore[misc]
    assert sorted(Path("/dev/shm").iterdir()) == before


def test_row_51_registered_anew_during_a_stream(tmp_path: Path) -> None:
    """A run ends on the version that it began with, however often the function changes meanwhile."""
    with wb.Workbench(tmp_path) as w:
        versions = [w.register("def evaluate(a):\n    return 0\n", "v(a BIGINT) -> BIGINT")]
        stream = versions[0].run(ids(51, 10))
        for number, answer in enumerate(stream.batches(), 1):
            assert answer.column("v").to_pylist() == [0] * 10
            if number <= 50:
                versions.append(w.register(f"def evaluate(a):\n    return {number}\n", "v(a BIGINT) -> BIGINT"))
                assert versions[-1].version == number + 1
                if number % 10 == 0:
                    assert versions[-1].call(1) == number
                    versions[-1].stop()
        assert stream.version == 1


def zipped(folder: Path, answer: int) -> Path:
    """A zip with a module ``pkg.mod`` that gives this answer."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("pkg/__init__.py", "")
        archive.writestr("pkg/mod.py", f"ANSWER = {answer}\n\ndef evaluate(a):\n    return a * 10 + ANSWER\n")
    path = folder / f"zip{answer}.zip"
    path.write_bytes(packed.getvalue())
    return path


def test_row_52_one_module_name_in_two_zips(tmp_path: Path) -> None:
    """Two packages with a module of the same name, called 10,000 times by 8 threads: no answer is the other's."""
    with wb.Workbench(tmp_path / "home") as w:
        both = [
            w.register(zipped(tmp_path, answer), f"zip{answer}(a BIGINT) -> BIGINT", symbol="pkg.mod.evaluate")
            for answer in (1, 2)
        ]

        def call(thread: int) -> None:
            answer = thread % 2 + 1
            data = [batch([row]) for row in range(1_250)]
            got = both[thread % 2].run(data, batch_rows=1).to_arrow().column(f"zip{answer}").to_pylist()
            assert got == [row * 10 + answer for row in range(1_250)]

        assert in_threads(call, 8) == []
