"""Formats of batches: each is read by column, and the result has the format of the input."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import OptionError

STRING, INTEGER, FLOAT, INTEGERS = "string", "int64", "double", "list<int32>"
"""Types of result columns, by their names in Arrow."""

_NUMPY: dict[str, Any] = {STRING: object, INTEGER: "int64", FLOAT: "float64", INTEGERS: object}


@dataclass(frozen=True)
class Column:
    """A result column: its name, its type, and a value for each row of the result."""

    name: str
    type: str
    values: list[Any]


def column(batch: Any, name: str) -> list[Any]:
    """The values of a column as objects of Python."""
    if isinstance(batch, list):
        return [_plain(row.get(name)) for row in batch]
    names = column_names(batch)
    if name not in names:
        message = f"the batch has no column {name!r}; its columns are {names}"
        raise OptionError(message, option="columns", value=name)
    if _is_arrow(batch):
        values: list[Any] = batch.column(name).to_pylist()
        return values
    found = batch[name]
    if hasattr(found, "tolist"):
        found = found.tolist()
    return [_plain(one) for one in found]


def _plain(value: Any) -> Any:
    """A value without types of numpy and pandas. A missing value is ``None`` in each format."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    is_missing = type(value).__name__ == "NAType" or (isinstance(value, float) and value != value)
    return None if is_missing else value


def column_names(batch: Any) -> list[str]:
    """The names of the columns, in their order."""
    if isinstance(batch, list):
        return list(dict.fromkeys(name for row in batch for name in row))
    if isinstance(batch, Mapping):
        return list(batch)
    if _is_arrow(batch):
        return list(batch.schema.names)
    if _is_pandas(batch):
        return list(batch.columns)
    raise TypeError(
        "a batch must be a pyarrow Table or RecordBatch, a pandas DataFrame, a dictionary of "
        f"columns or a list of dictionaries, not {type(batch).__name__}"
    )


def with_columns(batch: Any, keep: list[str], repeat: int, columns: list[Column]) -> Any:
    """The columns ``keep`` of a batch, with each row ``repeat`` times, and the result columns."""
    if isinstance(batch, list):
        return [
            {name: row.get(name) for name in keep}
            | {one.name: one.values[i * repeat + j] for one in columns}
            for i, row in enumerate(batch)
            for j in range(repeat)
        ]
    if _is_arrow(batch):
        return _arrow(batch, keep, repeat, columns)
    if _is_pandas(batch):
        return _pandas(batch, keep, repeat, columns)
    arrays = any(hasattr(values, "dtype") for values in batch.values())
    result = {name: _repeated(batch[name], repeat) for name in keep}
    for one in columns:
        result[one.name] = _array(one) if arrays else one.values
    return result


def _is_arrow(batch: Any) -> bool:
    pyarrow = sys.modules.get("pyarrow")
    return pyarrow is not None and isinstance(batch, (pyarrow.Table, pyarrow.RecordBatch))


def _is_pandas(batch: Any) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(batch, pandas.DataFrame)


def _arrow(batch: Any, keep: list[str], repeat: int, columns: list[Column]) -> Any:
    import pyarrow

    kept = batch.select(keep)
    if repeat > 1:
        rows = [i for i in range(batch.num_rows) for _ in range(repeat)]
        # The type of an empty list would be null.
        kept = kept.take(pyarrow.array(rows, pyarrow.int64()))
    arrays = [kept.column(i) for i in range(len(keep))]
    fields = [kept.schema.field(i) for i in range(len(keep))]
    types = {INTEGERS: pyarrow.list_(pyarrow.int32())}
    for one in columns:
        arrow_type = types.get(one.type) or pyarrow.type_for_alias(one.type)
        arrays.append(pyarrow.array(one.values, arrow_type))
        fields.append(pyarrow.field(one.name, arrow_type))
    schema = pyarrow.schema(fields, batch.schema.metadata)
    return type(batch).from_arrays(arrays, schema=schema)


def _pandas(batch: Any, keep: list[str], repeat: int, columns: list[Column]) -> Any:
    import pandas

    result = batch[keep].iloc[[i for i in range(len(batch)) for _ in range(repeat)]].copy()
    for one in columns:
        result[one.name] = pandas.Series(one.values, result.index, dtype=_NUMPY[one.type])
    return result


def _repeated(values: Any, repeat: int) -> Any:
    if repeat == 1:
        return values
    if hasattr(values, "repeat"):
        return values.repeat(repeat, 0)
    return [value for value in values for _ in range(repeat)]


def _array(one: Column) -> Any:
    import numpy

    array = numpy.empty(len(one.values), dtype=_NUMPY[one.type])
    # An assignment of the whole list would make one array of lists of equal lengths.
    for i, value in enumerate(one.values):
        array[i] = value
    return array
