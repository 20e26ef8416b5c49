"""From the columns of the data to the arguments of the function, and from its answers to the columns of the result.

The invariant: each input row of a batch is sent or is rejected with its reason, and an answer is put together with
exactly the rows that it belongs to. Row numbers count from 0 over the whole input. Left out on purpose: moving batches,
and what happens to failing rows (`workbench.session.run`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from workbench.errors import DataError, UsageProblem
from workbench.functions import FunctionSpec
from workbench.session.data import describe
from workbench.supervisor.isolation import Loss
from workbench.supervisor.refusal import dumped_frames
from workbench.types import DataType, cast_column
from workbench.worker.words import counted


@dataclass(frozen=True, slots=True)
class RowError:
    """Why one row of a batch failed. ``row`` counts within the batch; ``info`` is the plain data of the error."""

    row: int
    info: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch on its way: ``original`` as it came, ``offset`` its first row over the whole input.

    ``sent`` holds the numbers of the rows that were sent, None for all; ``rejected`` the others. ``numbers`` are those
    of its rows in the input, where they do not follow from ``offset``.
    """

    original: pa.RecordBatch
    offset: int
    sent: pa.Array | None
    rejected: tuple[RowError, ...]
    numbers: Sequence[int] | None = None

    def number(self, row: int) -> int:
        """Where one of its rows is in the input."""
        return self.input_rows[row]

    @property
    def input_rows(self) -> Sequence[int]:
        """Where each of its rows is in the input."""
        return range(self.offset, self.offset + self.original.num_rows) if self.numbers is None else self.numbers

    def errors(self, found: Sequence[Mapping[str, Any]], lost: Mapping[int, Loss]) -> list[RowError]:
        """The errors that the worker found, the rows that killed it and those rejected here, in order of the rows."""
        rows = self.rows
        came = [RowError(rows[info["row"]], info) for info in found]
        killed = [
            RowError(
                rows[row],
                {
                    "error_type": loss.error_type,
                    "error": loss.error,
                    "frames": dumped_frames(loss.stack),
                    "attempts": loss.attempts,
                },
            )
            for row, loss in lost.items()
        ]
        return sorted([*came, *killed, *self.rejected], key=lambda error: error.row)

    def without(self, lost: Mapping[int, Loss]) -> Prepared:
        """As if the rows that killed the worker had not been sent: nothing came back for them."""
        return replace(self, sent=pa.array([row for i, row in enumerate(self.rows) if i not in lost], pa.int64()))

    @property
    def rows(self) -> Sequence[int]:
        """The numbers within the batch of the rows that were sent."""
        return range(self.original.num_rows) if self.sent is None else self.sent.to_pylist()


class Binding:
    """How a function and the columns of some data fit together. Raises DataError at once if they do not."""

    def __init__(
        self,
        spec: FunctionSpec,
        schema: pa.Schema,
        *,
        columns: Sequence[str] | None = None,
        group_by: Sequence[str] = (),
    ) -> None:
        if spec.signature is None:
            raise UsageProblem(f"{spec.name} has no signature")
        self._spec = spec
        self._params: Sequence[tuple[DataType, str]] = [(param.type, str(param)) for param in spec.signature.params]
        self._input = schema
        self._groups = [_group(schema, name) for name in group_by]
        self._arguments = self._choose(columns)
        self._check_types()
        fields = spec.signature.output_fields(spec.kind)
        self.outputs = pa.schema([pa.field(name, type_.arrow) for name, type_ in fields])
        kept = pa.schema([schema.field(i) for i in self._groups]) if spec.kind == "udaf" else schema
        taken = sorted(set(kept.names) & set(self.outputs.names))
        if taken:
            raise DataError(
                f"the data already has a column {taken[0]!r}, which is where {spec.name} puts its result",
                hint="rename that column, or leave it out",
            )
        self.schema = pa.schema([*kept, *self.outputs])
        groups = [pa.field(schema.field(i).name, _key_type(schema.field(i))) for i in self._groups]
        self.sent_schema = pa.schema(
            [*groups, *(pa.field(f"a{i}", type_.arrow) for i, (type_, _) in enumerate(self._params))]
        )

    @property
    def argument_names(self) -> list[str]:
        """The columns that the arguments are taken from, in their order."""
        return [self._input.field(index).name for index in self._arguments]

    def _choose(self, columns: Sequence[str] | None) -> list[int]:
        names = [param.name for param in self._spec.signature.params] if self._spec.signature else []
        if columns is not None:
            if len(columns) != len(names):
                raise self._misfit(f"columns holds {counted(len(columns), 'name')}")
            missing = [name for name in columns if name not in self._input.names]
            if missing:
                raise self._misfit(f"columns: there is no column {', '.join(missing)}")
            return [self._input.get_field_index(name) for name in columns]
        found = [name for name in names if name is not None and name in self._input.names]
        if names and len(found) == len(names):
            return [self._input.get_field_index(name) for name in found]
        rest = [i for i in range(len(self._input)) if i not in self._groups]
        if not found and len(rest) == len(names):
            return rest
        if not names:
            return []
        missing = [str(name) for name in names if name not in found]
        raise self._misfit(f"there is no column {', '.join(missing)}" if found else "the columns do not fit")

    def _misfit(self, what: str) -> DataError:
        return DataError(
            f"{self._spec.name}: {what}: the signature wants ({', '.join(text for _, text in self._params)}), "
            f"the data has ({describe(self._input)})",
            hint="rename the columns, or name them in the order of the signature with columns",
        )

    def _check_types(self) -> None:
        problems = []
        for index, (wanted, text) in zip(self._arguments, self._params, strict=True):
            field = self._input.field(index)
            if not wanted.accepts(field.type):
                problems.append(f"column {field.name!r} is {field.type}, the signature wants {text}")
        if problems:
            raise DataError(
                f"{self._spec.name}: " + "; ".join(problems), hint="convert the column, or change the signature"
            )

    def prepare(self, batch: pa.RecordBatch, offset: int) -> tuple[pa.RecordBatch, Prepared]:
        """The batch to send, and what is kept here to understand its answer."""
        rejected: dict[int, RowError] = {}
        columns = []
        for index, (wanted, _) in zip(self._arguments, self._params, strict=True):
            column, bad = cast_column(batch.column(index), wanted)
            columns.append(column)
            for row, message in bad.items():
                text = f"column {self._input.field(index).name!r}: {message}"
                rejected.setdefault(row, RowError(row, {"error_type": "ValueMismatch", "error": text, "frames": []}))
        keys = [
            _key(batch.column(index), self.sent_schema.field(position)) for position, index in enumerate(self._groups)
        ]
        if not columns and not keys:  # a batch without columns has no length
            whole = pa.RecordBatch.from_struct_array(pa.array([{}] * batch.num_rows, pa.struct([])))
        else:
            whole = pa.RecordBatch.from_arrays([*keys, *columns], schema=self.sent_schema)
        if not rejected:
            return whole, Prepared(batch, offset, None, ())
        sent = pa.array([row for row in range(batch.num_rows) if row not in rejected], pa.int64())
        return whole.take(sent), Prepared(batch, offset, sent, tuple(rejected.values()))

    def options(self, *, on_error: str, report: int, outer: bool = False) -> dict[str, Any]:
        """What a worker is told when a run is opened."""
        return {"on_error": on_error, "group_width": len(self._groups), "report": report, "outer": outer}

    def scalar_result(
        self, prepared: Prepared, answers: Sequence[pa.RecordBatch], dropped: Sequence[int]
    ) -> pa.RecordBatch:
        """The input columns and the result's, one row for each input row that is not ``dropped``."""
        column = joined(answers, 0, self.outputs.field(0).type)
        if prepared.sent is not None:  # rows that were not sent are NULL, if they are kept at all
            position = pc.index_in(pa.array(range(prepared.original.num_rows), pa.int64()), prepared.sent)
            column = column.take(position)
        whole = pa.RecordBatch.from_arrays([*prepared.original.columns, column], schema=self.schema)
        if not dropped:
            return whole
        out = set(dropped)
        return whole.take(pa.array([row for row in range(whole.num_rows) if row not in out], pa.int64()))

    def table_result(
        self, prepared: Prepared, answers: Sequence[pa.RecordBatch], owners: pa.Array
    ) -> list[pa.RecordBatch]:
        """The input columns, those of the ``owners``, and the output's; one batch for each that came back."""
        out, start = [], 0
        for answer in answers:
            source = prepared.original.take(owners.slice(start, answer.num_rows))
            start += answer.num_rows
            out.append(pa.RecordBatch.from_arrays([*source.columns, *answer.columns], schema=self.schema))
        return out

    def aggregate_result(self, answers: Sequence[pa.RecordBatch]) -> list[pa.RecordBatch]:
        """The group columns with the types that they came with, and the result."""
        return [
            pa.RecordBatch.from_arrays(
                [_restored(column, field.type) for column, field in zip(answer.columns, self.schema, strict=True)],
                schema=self.schema,
            )
            for answer in answers
        ]


def joined(batches: Sequence[pa.RecordBatch], index: int, arrow: pa.DataType) -> pa.Array:
    """One column of several batches; of type ``arrow`` if there are none."""
    if len(batches) == 1:  # which Arrow would copy
        return batches[0].column(index)
    return pa.concat_arrays([batch.column(index) for batch in batches] or [pa.nulls(0, arrow)])


def _group(schema: pa.Schema, name: str) -> int:
    index: int = schema.get_field_index(name)
    if index < 0:
        raise DataError(
            f"group_by: there is no column {name!r}; the data has ({describe(schema)})",
            hint="name columns of the data",
        )
    return index


def _key_type(field: pa.Field) -> pa.DataType:
    """How a group's column is sent: as plain values that Python can tell apart."""
    arrow = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    if pa.types.is_nested(arrow):
        raise DataError(f"group_by: the column {field.name!r} is {field.type}, which cannot tell groups apart")
    return pa.timestamp("us", arrow.tz) if pa.types.is_timestamp(arrow) else arrow


def _key(column: pa.Array, field: pa.Field) -> pa.Array:
    try:
        return column.cast(field.type)
    except pa.ArrowInvalid as error:
        raise DataError(f"group_by: the column {field.name!r} cannot be used: {error}") from error


def _restored(column: pa.Array, arrow: pa.DataType) -> pa.Array:
    """A column as it was before `_key`."""
    if not pa.types.is_dictionary(arrow):
        return column.cast(arrow)
    encoded = column.dictionary_encode()  # Arrow casts nothing but text to a dictionary
    indices = encoded.indices.cast(arrow.index_type)
    values = encoded.dictionary.cast(arrow.value_type)
    return pa.DictionaryArray.from_arrays(indices, values, ordered=arrow.ordered)
