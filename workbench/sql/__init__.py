"""What a function looks like in SQL."""

from workbench.sql.ddl import create_function
from workbench.sql.script import read_script

__all__ = ["create_function", "read_script"]
