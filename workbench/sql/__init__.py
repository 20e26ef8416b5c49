"""What a function looks like in SQL."""

from workbench.sql.ddl import create_function

__all__ = ["create_function"]
