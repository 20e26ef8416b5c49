"""The registry of one home: which functions there are, in which versions, and where the package of each is.

The key of a function is database, name (in any case) and argument types; a script has none. Versions count from 1. What
is the same as the latest version, in spec and in content, is that version; anything else is the next. Left out on
purpose: running.
"""

from __future__ import annotations

import difflib
import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from workbench.errors import AmbiguousFunction, FunctionNotFound, RegistryError
from workbench.functions import DEFAULT_DATABASE, FunctionSpec, parse_signature
from workbench.packaging import read_zip
from workbench.registry.database import Database
from workbench.registry.packages import PackageFiles
from workbench.registry.runs import RunLog, now

_VERSIONS: Final = """
SELECT versions.id, spec, version, sha256, source, created, content, function_id
FROM versions JOIN functions ON functions.id = versions.function_id
"""

_LATEST: Final = "version = (SELECT max(version) FROM versions AS v WHERE v.function_id = functions.id)"


@dataclass(frozen=True, slots=True)
class Registered:
    """One version of a function: ``id`` is its key for runs, ``sha256`` names its package, ``created`` is ISO text."""

    id: int
    spec: FunctionSpec
    version: int
    sha256: str
    source: str
    created: str


@dataclass(frozen=True, slots=True)
class _Name:
    """What a caller asked for: ``argument_types`` is None if any overload will do."""

    database: str
    name: str
    argument_types: str | None

    def __str__(self) -> str:
        return _shown(self.database, self.name)


class Registry(RunLog):
    """The registry below ``home``: the file ``registry.sqlite`` and the folder ``packages``.

    It may be used from several threads, and by several processes at once. A context manager; closing twice is allowed.
    Everything raises RegistryError if the file is damaged, locked for more than 5 s, or of a newer version.
    """

    def __init__(self, home: Path) -> None:
        super().__init__(Database(home / "registry.sqlite"))
        self.home = home
        self._files = PackageFiles(home / "packages")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write what was told, and close the file; may be called twice."""
        try:
            self._ledger.close()
        finally:
            self._database.close()

    def register(self, spec: FunctionSpec, package: bytes, source: str) -> Registered:
        """Enter a function with its package (a zip) and the text it was made from; returns its version, old or new.

        Raises PackageError or UnsafeArchive, before anything is stored, for a zip that cannot be read.
        """
        content = read_zip(package).content
        text = json.dumps(spec.to_json(), sort_keys=True, ensure_ascii=False)
        with self._database.write() as connection:
            key = (spec.database, spec.name.casefold(), _types(spec))
            connection.execute(
                "INSERT OR IGNORE INTO functions (database, folded, argument_types) VALUES (?, ?, ?)", key
            )
            where = f"{_VERSIONS} WHERE functions.database = ? AND folded = ? AND argument_types = ? AND {_LATEST}"
            latest = connection.execute(where, key).fetchone()
            if latest is not None and (latest["spec"], latest["content"]) == (text, content):
                self._repair(connection, latest, package)
            else:
                connection.execute(
                    "INSERT INTO versions (function_id, version, spec, content, sha256, source, created) "
                    "SELECT id, ?, ?, ?, ?, ?, ? FROM functions "
                    "WHERE database = ? AND folded = ? AND argument_types = ?",
                    (
                        latest["version"] + 1 if latest else 1,
                        text,
                        content,
                        self._files.put(package),
                        source,
                        now(),
                        *key,
                    ),
                )
            return _registered(connection.execute(where, key).fetchone())

    def databases(self) -> set[str]:
        """The databases that hold functions."""
        with self._database.read() as connection:
            return {row[0] for row in connection.execute("SELECT DISTINCT database FROM functions")}

    def functions(self, database: str | None = None, name: str | None = None) -> list[Registered]:
        """The latest version of each function, of one database or of all, by name; with ``name`` its overloads."""
        with self._database.read() as connection:
            rows = connection.execute(
                f"{_VERSIONS} WHERE {_LATEST} AND coalesce(functions.database = ?, 1) "
                "AND coalesce(folded = ?, 1) ORDER BY functions.database, folded, argument_types",
                (database, None if name is None else name.casefold()),
            )
            return [_registered(row) for row in rows]

    def versions(
        self, name: str, *, database: str | None = None, argument_types: str | None = None
    ) -> list[Registered]:
        """All versions of one function, oldest first; the arguments and errors are those of `get`."""
        with self._database.read() as connection:
            function = self._find(connection, _named(name, database, argument_types))
            rows = connection.execute(f"{_VERSIONS} WHERE function_id = ? ORDER BY version", (function,))
            return [_registered(row) for row in rows]

    def get(
        self,
        name: str,
        version: int | None = None,
        *,
        database: str | None = None,
        argument_types: str | None = None,
    ) -> Registered:
        """One version of one function, the latest by default.

        ``name`` may hold the rest as well: ``sales.score`` or ``score(INT, INT)``; without a database it is in the
        default one. Raises FunctionNotFound, which suggests names, and AmbiguousFunction, which lists the overloads.
        """
        versions = self.versions(name, database=database, argument_types=argument_types)
        if version is None:
            return versions[-1]
        for registered in versions:
            if registered.version == version:
                return registered
        known = ", ".join(str(registered.version) for registered in versions)
        raise FunctionNotFound(f"{name} has no version {version}", hint=f"it has: {known}")

    def drop(self, name: str, *, database: str | None = None, argument_types: str | None = None) -> int:
        """Remove a function with its versions, its runs, and the packages that nothing else needs.

        Returns how many versions there were. The arguments and errors are those of `get`.
        """
        self.flush()
        with self._database.write() as connection:
            function = self._find(connection, _named(name, database, argument_types))
            count = connection.execute("SELECT count(*) FROM versions WHERE function_id = ?", (function,)).fetchone()[0]
            connection.execute("DELETE FROM functions WHERE id = ?", (function,))
        # Only what is committed may decide on files; the second transaction keeps others from registering meanwhile.
        with self._database.write() as connection:
            self._files.keep_only({row[0] for row in connection.execute("SELECT DISTINCT sha256 FROM versions")})
        return int(count)

    def package_path(self, sha256: str) -> Path:
        """The file of a package, checked against its hash; raises RegistryError if it is missing or was changed."""
        return self._files.path(sha256)

    def _repair(self, connection: sqlite3.Connection, row: sqlite3.Row, package: bytes) -> None:
        """Replace a package file that is damaged: registering again is the way out that its error names."""
        try:
            self._files.path(row["sha256"])
        except RegistryError:
            connection.execute("UPDATE versions SET sha256 = ? WHERE id = ?", (self._files.put(package), row["id"]))

    def _find(self, connection: sqlite3.Connection, wanted: _Name) -> int:
        """The id of the one function that is meant."""
        rows = connection.execute(
            f"{_VERSIONS} WHERE functions.database = ? AND folded = ? AND {_LATEST} ORDER BY argument_types",
            (wanted.database, wanted.name.casefold()),
        ).fetchall()
        if not rows:
            raise FunctionNotFound(f"{wanted} is not registered", hint=self._suggestion(connection, str(wanted)))
        overloads = {int(row["function_id"]): _registered(row).spec for row in rows}
        found = [key for key, spec in overloads.items() if wanted.argument_types in (None, _types(spec))]
        described = [_described(spec) for spec in overloads.values()]
        if not found:
            asked = f"{wanted}({wanted.argument_types})"
            raise FunctionNotFound(f"{asked} is not registered", hint=f"there is: {'; '.join(described)}")
        if len(found) > 1:
            raise AmbiguousFunction(str(wanted), described)
        return found[0]

    @staticmethod
    def _suggestion(connection: sqlite3.Connection, wanted: str) -> str:
        rows = connection.execute("SELECT DISTINCT database, folded FROM functions ORDER BY database, folded")
        known = [_shown(row["database"], row["folded"]) for row in rows]
        if not known:
            return "no function is registered in this home"
        last = wanted.rpartition(".")[2].casefold()
        elsewhere = [name for name in known if name.rpartition(".")[2] == last]
        close = elsewhere or difflib.get_close_matches(wanted.casefold(), known)
        return f"did you mean {' or '.join(close)}?" if close else "there are: " + ", ".join(known[:10])


def _named(name: str, database: str | None, argument_types: str | None) -> _Name:
    """Take ``[database.]name[(types)]`` apart; explicit arguments come first, types are spelled as in the key."""
    if argument_types is not None:
        argument_types = parse_signature(f"f({argument_types}) -> INT").argument_types
    if name.endswith("`"):  # in backticks, as `quote_name` writes what is no plain word
        quoted = parse_signature(f"{name}() -> INT")
        return _Name(database or quoted.database, quoted.name, argument_types)
    if "(" in name:
        signature = parse_signature(f"{name} -> INT")  # what it returns is no part of the key
        return _Name(database or signature.database, signature.name, signature.argument_types)
    if database is None and "." in name:
        database, _, name = name.partition(".")
    return _Name(database or DEFAULT_DATABASE, name, argument_types)


def _shown(database: str, name: str) -> str:
    return name if database == DEFAULT_DATABASE else f"{database}.{name}"


def _types(spec: FunctionSpec) -> str:
    return spec.signature.argument_types if spec.signature else ""


def _described(spec: FunctionSpec) -> str:
    """One overload so that its beginning names it: a script is the one without types."""
    returns = f" -> {spec.signature.returns}" if spec.signature else " -> a script"
    return f"{_shown(spec.database, spec.name)}({_types(spec)}){returns}"


def _registered(row: sqlite3.Row) -> Registered:
    spec = FunctionSpec.from_json(json.loads(row["spec"]))
    return Registered(row["id"], spec, row["version"], row["sha256"], row["source"], row["created"])
