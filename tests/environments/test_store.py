"""Environments are built whole or not at all, once for a set, by whoever comes first, and kept while they are used."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from fix_index import Publish

from workbench.environments import Environments, normalised, store
from workbench.errors import EnvironmentBuildError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environments(tmp_path: Path, index: Publish) -> Iterator[Environments]:
    """No environments yet, in a home of their own."""
    found = Environments(tmp_path)
    yield found
    found.close()


def ignore(text: str) -> None:
    """Nobody wants to know."""


def versions(python: str, *names: str) -> list[str]:
    """What is installed in an environment, as it says itself."""
    code = "import importlib, sys; print(*(importlib.import_module(n).__version__ for n in sys.argv[1:]))"
    done = subprocess.run([python, "-I", "-c", code, *names], check=True, capture_output=True, text=True)
    return done.stdout.split()


def left(environments: Environments) -> set[str]:
    """What is in the folder besides locks."""
    return {path.name for path in environments.folder.iterdir() if path.suffix != ".lock"}


def test_a_set_is_built_once_however_it_is_written(environments: Environments, index: Publish) -> None:
    """With pyarrow, told once, by the base's Python; another session finds it; its bytecode is there."""
    index("emoji", "2.0")
    index("emoji", "3.0")
    told: list[str] = []
    first = environments.python(sys.executable, normalised(["Emoji < 3"]), tell=told.append)
    assert told == ["building an environment with emoji<3; this is done once"]
    assert versions(first, "emoji", "pyarrow") == ["2.0", "30.0"]
    other = Environments(environments.folder.parent)
    assert other.python(sys.executable, normalised(["emoji<3", "emoji<3"]), tell=pytest.fail) == first
    other.close()
    (found,) = environments.list()
    assert found.requirements == ("emoji<3", "pyarrow")
    assert found.packages == ("emoji==2.0", "pyarrow==30.0")
    assert found.python == ".".join(map(str, sys.version_info[:3]))
    assert list(found.folder.rglob("emoji/__pycache__/__init__.*.pyc"))
    assert environments.python(sys.executable, ("emoji",), tell=ignore) != first


def test_what_does_not_fit_is_told_in_the_words_of_uv(environments: Environments, index: Publish) -> None:
    """And nothing is left; what fits can be built after it."""
    index("emoji", "2.0")
    with pytest.raises(EnvironmentBuildError) as caught:
        environments.python(sys.executable, ("emoji>=5",), tell=ignore)
    assert str(caught.value).startswith(
        "no environment with emoji>=5, pyarrow can be built:\n  error: No solution found"
    )
    assert "only emoji==2.0 is available" in str(caught.value)
    assert caught.value.logs
    assert left(environments) == set()
    environments.python(sys.executable, ("emoji",), tell=ignore)


def test_known_pairs_that_do_not_fit_are_kept_apart(environments: Environments, index: Publish) -> None:
    """Numpy below 2 gets the pyarrow that can be imported with it, even where another package asks for that numpy."""
    broken = "import numpy\nif numpy.__version__ < '2': raise ImportError('needs numpy 2')\n"
    for version, code in (("25.0", ""), ("26.0", broken)):
        index("pyarrow", version, code=code)
    index("numpy", "1.26.4")
    index("numpy", "2.1.0")
    index("old", "1.0", "numpy<2")
    python = environments.python(sys.executable, normalised(["old", "pyarrow<30"]), tell=ignore)
    assert versions(python, "numpy", "pyarrow") == ["1.26.4", "25.0"]


def test_what_cannot_be_imported_is_no_environment(environments: Environments, index: Publish) -> None:
    """The resolver was content, the interpreter is not."""
    index("numpy", "3.0", code="raise ImportError('libfoo.so: cannot open')\n")
    with pytest.raises(EnvironmentBuildError, match=r"libfoo\.so: cannot open"):
        environments.python(sys.executable, ("numpy",), tell=ignore)
    assert left(environments) == set()


def test_only_cpython_from_3_8_on(environments: Environments, tmp_path: Path) -> None:
    """Another Python is refused by name, whatever it is called on disk."""
    python = tmp_path / "python3.12"
    python.write_text("""#!/bin/sh\necho '["PyPy", "3.10.2", [3, 10]]'\n""")
    python.chmod(0o755)
    with pytest.raises(EnvironmentBuildError, match=r"python3.12 is PyPy 3.10.2"):
        environments.python(str(python), ("emoji",), tell=ignore)


def test_an_environment_whose_python_is_gone_is_built_again(environments: Environments, index: Publish) -> None:
    """Its interpreter is a link to the one that it was made with."""
    python = Path(environments.python(sys.executable, (), tell=ignore))
    python.unlink()
    assert Path(environments.python(sys.executable, (), tell=ignore)).exists()


def test_prune_removes_what_was_not_used_for_long(environments: Environments, index: Publish) -> None:
    """Never what a session uses, in this process or another; what a killed builder left goes too."""
    index("emoji", "2.0")
    python = environments.python(sys.executable, ("emoji",), tell=ignore)
    place = Path(python).parents[1]
    (environments.folder / f"{place.name}.building-1234").mkdir()
    assert Environments(environments.folder.parent).prune(0) == 0
    assert left(environments) == {place.name, f"{place.name}.building-1234"}
    environments.close()
    assert environments.prune() == 0
    assert left(environments) == {place.name}
    long_ago = time.time() - 31 * 86_400
    os.utime(place / store.MARKER, (long_ago, long_ago))
    assert environments.prune() == 1
    assert left(environments) == set()
    assert environments.python(sys.executable, ("emoji",), tell=ignore) == python


def test_waiting_for_another_builder_has_an_end(environments: Environments, index: Publish) -> None:
    """It may hang: whoever waits is told, and can go on when it is gone."""
    environments.python(sys.executable, (), tell=ignore)
    place = environments.list()[0].folder
    (place / store.MARKER).unlink()
    other = Environments(environments.folder.parent)
    with pytest.raises(EnvironmentBuildError, match="another process builds the same environment"):
        other.python(sys.executable, (), tell=ignore, seconds=0.1)
    environments.close()
    assert other.python(sys.executable, (), tell=ignore, seconds=30)
    other.close()


def test_a_build_has_a_deadline(environments: Environments, tmp_path: Path) -> None:
    """Whatever hangs is killed, and nothing is left."""
    python = tmp_path / "python3.12"
    python.write_text("#!/bin/sh\nsleep 60\n")
    python.chmod(0o755)
    with pytest.raises(EnvironmentBuildError, match="was not built in time"):
        environments.python(str(python), (), tell=ignore, seconds=0.3)
    assert left(environments) == set()


def test_ctrl_c_leaves_nothing_half_made(environments: Environments, tmp_path: Path) -> None:
    """Neither a folder nor a process."""
    python, ready = tmp_path / "python3.12", tmp_path / "ready"
    python.write_text(f"#!/bin/sh\necho $$ > {ready}.new && mv {ready}.new {ready}\nexec sleep 60\n")
    python.chmod(0o755)

    def interrupt() -> None:
        while not ready.exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        environments.python(str(python), (), tell=ignore)
    thread.join()
    assert left(environments) == set()
    with pytest.raises(ProcessLookupError):
        os.kill(int(ready.read_text()), 0)


def test_a_home_that_cannot_be_written_is_told(environments: Environments) -> None:
    """As any other reason for which no worker can start."""
    environments.folder.write_text("in the way")
    with pytest.raises(EnvironmentBuildError, match="no environment can be made here: File exists"):
        environments.python(sys.executable, (), tell=ignore)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Not on our standard error."""


def test_without_a_network_the_cache_is_enough(
    environments: Environments, index: Publish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was installed once can be installed again in another home, when the index is gone."""
    index("emoji", "2.0")
    served = tmp_path / "served"
    for wheel in (tmp_path / "index").iterdir():
        folder = served / "simple" / wheel.name.partition("-")[0]
        folder.mkdir(parents=True)
        (folder / wheel.name).write_bytes(wheel.read_bytes())
        (folder / "index.html").write_text(f"<a href='{wheel.name}'>{wheel.name}</a>")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(served))) as server:
        config = Path(os.environ["UV_CONFIG_FILE"])
        config.write_text(f"[pip]\nindex-url = 'http://127.0.0.1:{server.server_port}/simple'\n")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        environments.python(sys.executable, ("emoji",), tell=ignore)
        server.shutdown()
        thread.join()
    other = Environments(tmp_path / "other")
    assert versions(other.python(sys.executable, ("emoji",), tell=ignore), "emoji") == ["2.0"]
    other.close()
    with pytest.raises(EnvironmentBuildError, match="emoji>=5"):
        other.python(sys.executable, ("emoji>=5",), tell=ignore)


BUILDER = """
import json, sys
from pathlib import Path
from workbench.environments import Environments
environments = Environments(Path(sys.argv[1]))
print(environments.python(sys.executable, ("emoji",), tell=lambda text: print("building", flush=True)), flush=True)
"""


def builder(folder: Path) -> subprocess.Popen[str]:
    """A process that wants the same environment as others."""
    return subprocess.Popen(
        [sys.executable, "-c", BUILDER, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_eight_builders_of_which_some_are_killed(environments: Environments, index: Publish) -> None:
    """At random points: the others build one environment, and it is good."""
    index("emoji", "2.0")
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    builders = [builder(environments.folder.parent) for _ in range(8)]
    for victim in rng.sample(builders, 3):
        time.sleep(rng.random() * 0.3)
        victim.kill()
    outputs = [one.communicate(timeout=60)[0].split() for one in builders]
    finished = [output[-1] for one, output in zip(builders, outputs, strict=True) if one.returncode == 0]
    assert len(finished) >= 5
    assert len(set(finished)) == 1
    assert versions(finished[0], "emoji") == ["2.0"]
    environments.prune()
    assert left(environments) == {Path(finished[0]).parents[1].name}
    assert json.loads((Path(finished[0]).parents[1] / store.MARKER).read_text())["packages"][0] == "emoji==2.0"
