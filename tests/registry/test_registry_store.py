"""The registry of functions: keys, versions, look-up, packages, and files that are not ours."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.errors import AmbiguousFunction, FunctionNotFound, PackageError, RegistryError
from workbench.functions import FunctionSpec, parse_signature
from workbench.packaging import build, read_zip
from workbench.registry import Registered, Registry

CODE = "def f(a):\n    return a\n"


def spec_of(text: str | None, name: str = "job") -> FunctionSpec:
    """A function from its signature, a script from None."""
    if text is None:
        return FunctionSpec(name, "script", None, None, f"{name}.py")
    signature = parse_signature(text)
    return FunctionSpec(signature.name, "udf", signature, "m.f", "m.py", database=signature.database)


def enter(registry: Registry, text: str | None, code: str = CODE, name: str = "job") -> Registered:
    """Register a function of this signature whose package holds this code."""
    spec = spec_of(text, name)
    return registry.register(spec, build({spec.entry: code.encode()}, spec), code)


@pytest.fixture
def registry(home: Path) -> Iterator[Registry]:
    """An open registry in a home of its own."""
    with Registry(home) as opened:
        yield opened


def test_same_is_same_version(registry: Registry) -> None:
    """The same source and signature again is the same version; a change of either makes the next one."""
    first = enter(registry, "f(a INT) -> INT")
    assert (first.version, first.source, first.spec) == (1, CODE, spec_of("f(a INT) -> INT"))
    assert first.created.endswith("+00:00")
    assert enter(registry, "f(a INT) -> INT") == first
    assert enter(registry, "f(a INT) -> INT", CODE + "\n").version == 2
    assert enter(registry, "f(a INT) -> BIGINT", CODE + "\n").version == 3
    assert (
        enter(registry, "f(a INT) -> INT").version == 4
    )  # what is current again is a new version, so that it is the latest
    assert [known.version for known in registry.versions("f")] == [1, 2, 3, 4]
    assert registry.get("f").version == 4
    assert registry.get("f", 2).source == CODE + "\n"
    with pytest.raises(FunctionNotFound, match=r"f has no version 9\n  it has: 1, 2, 3, 4"):
        registry.get("f", 9)


def test_everything_survives_reopening(home: Path) -> None:
    """What was registered is there for the next process: spec, source and package."""
    with Registry(home) as registry:
        first = enter(registry, "sales.f(a MAP<STRING, ARRAY<INT>>) -> INT")
    with Registry(home) as registry:
        again = registry.get("sales.f")
        assert again == first
        assert read_zip(registry.package_path(again.sha256)).read("m.py") == CODE.encode()


def test_key_is_database_name_and_types(registry: Registry) -> None:
    """Overloads and databases are functions of their own; the case of a name is shown but does not count."""
    one = enter(registry, "Score(a INT) -> INT")
    two = enter(registry, "score(a INT, b INT) -> INT")
    other = enter(registry, "sales.score(a INT) -> INT")
    assert enter(registry, "SCORE(a INT) -> INT").version == 2
    assert [known.spec.name for known in registry.functions()] == ["SCORE", "score", "score"]
    assert registry.functions("sales") == [other]
    assert registry.functions("none") == []
    assert registry.get("sCore(int)", 1) == one
    assert registry.get("score", argument_types="int,  INT") == two
    assert registry.get("sales.score") == registry.get("score", database="sales") == other
    with pytest.raises(AmbiguousFunction) as caught:
        registry.get("score")
    assert caught.value.overloads == ("SCORE(INT) -> INT", "score(INT, INT) -> INT")
    with pytest.raises(
        FunctionNotFound, match=r"score\(STRING\) is not registered\n  there is: SCORE\(INT\) -> INT; sc"
    ):
        registry.get("score(STRING)")


def test_a_quoted_name(registry: Registry) -> None:
    """What `quote_name` writes is found again: reserved words, and what is no word; with types and without."""
    enter(registry, "`order`(a INT) -> INT")
    enter(registry, "sales.`a.b`(a INT) -> INT")
    assert registry.get("`order`").spec.name == registry.get("order").spec.name == "order"
    assert registry.get("`order`", argument_types="INT").version == registry.get("`order`(INT)").version == 1
    assert registry.get("sales.`a.b`").spec.name == "a.b"


def test_scripts(registry: Registry) -> None:
    """A script has no signature; beside a function of its name it is asked for with empty brackets."""
    script = enter(registry, None, name="f")
    assert registry.get("f") == script
    function = enter(registry, "f(a INT) -> INT")
    with pytest.raises(AmbiguousFunction, match=r"f\(\) -> a script; f\(INT\) -> INT\n  name one .* as in f\(\)$"):
        registry.get("f")
    assert (registry.get("f()"), registry.get("f(INT)")) == (script, function)


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("scroe", "did you mean score?"),
        ("sum_all", "did you mean sales.sum_all?"),
        ("sales.score", "did you mean score?"),
        ("zzz", "there are: score, sales.sum_all"),
    ],
)
def test_not_found_suggests(registry: Registry, asked: str, hint: str) -> None:
    """A name that is not there: what may have been meant, also in another database."""
    enter(registry, "score(a INT) -> INT")
    enter(registry, "sales.sum_all(a INT) -> INT")
    with pytest.raises(FunctionNotFound) as caught:
        registry.get(asked)
    assert str(caught.value) == f"{asked} is not registered\n  {hint}"


def test_nothing_registered(registry: Registry) -> None:
    """An empty registry says so."""
    with pytest.raises(FunctionNotFound, match="no function is registered in this home"):
        registry.drop("f")


def test_drop(registry: Registry, home: Path) -> None:
    """Drop removes all versions, and each package that nothing else needs; versions begin again at 1, ids do not."""
    first = enter(registry, "f(a INT) -> INT")
    enter(registry, "f(a INT) -> INT", "x = 1\n")
    kept = enter(registry, "g(a INT) -> INT")
    assert len(list((home / "packages").iterdir())) == 3
    (home / "packages" / "interrupted.part").write_bytes(b"half")
    assert registry.drop("f") == 2
    assert [path.stem for path in (home / "packages").iterdir()] == [kept.sha256]
    assert registry.functions() == [kept]
    again = enter(registry, "f(a INT) -> INT")
    assert again.version == 1
    assert again.id > kept.id > first.id


def test_bad_package_is_not_entered(registry: Registry) -> None:
    """A zip that cannot be read is refused before anything is stored."""
    with pytest.raises(PackageError, match="not a zip"):
        registry.register(spec_of("f(a INT) -> INT"), b"no zip", "")
    assert registry.functions() == []


def test_damaged_package(registry: Registry) -> None:
    """A package that was changed or lost is an error when it is asked for; registering again repairs it."""
    first = enter(registry, "f(a INT) -> INT")
    path = registry.package_path(first.sha256)
    path.write_bytes(b"changed")
    with pytest.raises(RegistryError, match="was changed or damaged\n  register the function again"):
        registry.package_path(first.sha256)
    assert enter(registry, "f(a INT) -> INT") == first
    path.unlink()
    with pytest.raises(RegistryError, match="is missing from"):
        registry.package_path(first.sha256)
    assert enter(registry, "f(a INT) -> INT") == first
    assert registry.package_path(first.sha256) == path


def test_closed(home: Path) -> None:
    """Closing twice is allowed, use afterwards is an error of ours."""
    registry = Registry(home)
    registry.close()
    registry.close()
    with pytest.raises(RegistryError, match="the registry is closed"):
        registry.functions()


def test_newer_schema_refused(home: Path) -> None:
    """A file of a newer version is refused and stays as it is."""
    Registry(home).close()
    path = home / "registry.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 2")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(RegistryError, match=r"was written by a newer version \(schema 2, this one knows 1\)"):
        Registry(home)
    assert path.read_bytes() == before


def test_foreign_database_refused(home: Path) -> None:
    """Another program's database of that name is refused and stays as it is."""
    path = home / "registry.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(RegistryError, match="is a database of something else"):
        Registry(home)
    assert path.read_bytes() == before


@pytest.mark.parametrize("damage", ["text", "cut", "overwritten"])
def test_corrupt_file_refused(home: Path, damage: str) -> None:
    """A damaged file is an error that names it and the way out, at the latest when used; it is not overwritten."""
    with Registry(home) as registry:
        for number in range(30):
            enter(registry, f"f{number}(a INT) -> INT")
    path = home / "registry.sqlite"
    raw = path.read_bytes()
    damaged = {
        "text": b"this is no database, although it is longer than the header of one would be" * 20,
        "cut": raw[: len(raw) // 3],
        "overwritten": raw[:4096] + b"\xff" * (len(raw) - 4096),
    }[damage]
    path.write_bytes(damaged)
    with pytest.raises(RegistryError, match=r"registry\.sqlite is damaged: .*\n  it was not changed; move it away"):
        use(home)
    assert path.read_bytes() == damaged


def use(home: Path) -> None:
    """Open, write, read."""
    with Registry(home) as registry:
        enter(registry, "f(a INT) -> INT")
        registry.functions()


def test_home_that_cannot_be(tmp_path: Path) -> None:
    """A home below a file is an error that names the folder."""
    (tmp_path / "file").write_text("")
    with pytest.raises(RegistryError, match=r"cannot create .*file.home: Not a directory"):
        Registry(tmp_path / "file" / "home")
