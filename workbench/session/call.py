"""One call of a function with Python values: a table of one row there, and plain values back.

Left out on purpose: many rows, which are `Function.run`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from workbench.errors import DataError, UsageProblem
from workbench.worker import values
from workbench.worker.words import counted

if TYPE_CHECKING:
    from workbench.session.function import Function


def call(function: Function, arguments: Sequence[Any]) -> Any:
    """See `Function.call`."""
    signature = function.signature
    if signature is None:
        raise UsageProblem(f"{function.name} is a script, which takes batches", hint="use run")
    params, fields = signature.params, signature.output_fields(function.kind)
    wanted = ", ".join(map(str, params))
    if len(arguments) != len(params):
        raise UsageProblem(
            f"{function.name} takes {counted(len(params), 'argument')} ({wanted}), "
            f"{len(arguments)} {'was' if len(arguments) == 1 else 'were'} given",
            hint="give one value for each",
        )
    taken = {name for name, _ in fields}
    table: dict[str, pa.Array] = {}
    for index, (param, value) in enumerate(zip(params, arguments, strict=True)):
        array, misfit = values.writer(param.type.wire, param.type.arrow, str(param))([value])
        if misfit:
            raise DataError(f"{function.name}: argument {index}: {misfit[0]}", hint=f"it takes ({wanted})")
        named = param.name is not None and param.name not in taken
        table[str(param.name) if named else f"argument {index}"] = array
    data = pa.table(table) if table else pa.table({"no argument": pa.nulls(1)})
    with function.run(data, columns=tuple(table)) as run:
        rows = run.to_arrow().select([name for name, _ in fields])
    read = [values.reader(type_.wire)(rows.column(name).combine_chunks()) for name, type_ in fields]
    if function.kind != "udtf":
        return read[0][0]
    return list(zip(*read, strict=True)) if len(fields) > 1 else read[0]
