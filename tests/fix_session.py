"""A workbench for the tests of a module: one home, one registry, and after each test no function and no worker left.

A function that many tests run is registered in a fixture of the module's scope, and its workers started there: what
`fix_leaks` counts before a test is then there after it, too.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from workbench import Workbench
from workbench.types import quote_name


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """One workbench for all tests of a module. What is registered in it stays.

    A first function was run and dropped: the process that workers are forked from is there, as it is as long as the
    workbench is open.
    """
    with Workbench(tmp_path_factory.mktemp("home")) as workbench:
        workbench.register("def evaluate():\n    return 1\n", "first() -> INT").call()
        workbench.drop("first")
        yield workbench


@pytest.fixture
def w(shared: Workbench) -> Iterator[Workbench]:
    """The module's workbench; what a test registers in it, and its workers, are gone after it."""
    before = {function.name for function in shared.functions()}
    yield shared
    for function in shared.functions():
        if function.name not in before:
            types = f"({function.signature.argument_types})" if function.signature is not None else ""
            shared.drop(quote_name(function.name) + types if types else function.name)
