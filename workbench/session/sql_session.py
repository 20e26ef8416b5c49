"""What one SQL session remembers between statements: the database in use, and those that were created in it.

Left out on purpose: tables and settings of the engine, and functions, which the registry keeps for all sessions.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from workbench.functions import DEFAULT_DATABASE
from workbench.sql.statements import GLOBAL_DATABASE


@dataclass(slots=True)
class SqlSession:
    """``databases`` are those that CREATE DATABASE made; those that hold functions are there besides."""

    database: str = DEFAULT_DATABASE
    databases: set[str] = field(default_factory=lambda: {DEFAULT_DATABASE})

    def search_path(self, database: str | None = None) -> tuple[str, ...]:
        """Where a function is looked for, in this order: the database named, or in use; GLOBAL; the default one."""
        if database is not None:
            return (database,)
        return tuple(dict.fromkeys((self.database, GLOBAL_DATABASE, DEFAULT_DATABASE)))
