"""The rows of the engines' own tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ._batch import FLOAT, INTEGER, INTEGERS, STRING
from ._rows import Rows


def on_ray(
    dataset: Any, rows: Rows, *, workers: int = 1, batch_size: int = 64, **options: Any
) -> Any:
    """Returns a dataset of Ray Data with the results, computed by ``workers`` actors. Options are
    those of ``Dataset.map_batches``."""
    import ray.data

    options = {"num_cpus": rows.threads or 1} | options
    return dataset.map_batches(
        _RayWorker,
        fn_constructor_args=(rows,),
        batch_size=batch_size,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=workers),
        **options,
    )


class _RayWorker:
    """An actor, which has the model before the first batch arrives."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        rows.load()

    def __call__(self, batch: Any) -> Any:
        return self._rows(batch)


def on_spark(frame: Any, rows: Rows, *, batch_size: int = 64) -> Any:
    """Returns a DataFrame of Spark with the results, computed by its Python workers."""
    from pyspark.sql import types

    type_of = {
        STRING: types.StringType(),
        INTEGER: types.LongType(),
        FLOAT: types.DoubleType(),
        INTEGERS: types.ArrayType(types.IntegerType()),
    }
    kept = [frame.schema[name] for name in rows.kept(frame.columns)]
    added = [types.StructField(name, type_of[type]) for name, type in rows.columns.items()]

    def results(batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            for start in range(0, batch.num_rows, batch_size):
                yield rows(batch.slice(start, batch_size))

    return frame.mapInArrow(results, types.StructType(kept + added))


def on_dask(frame: Any, rows: Rows, *, batch_size: int = 64) -> Any:
    """Returns a DataFrame of Dask with the results, computed by its workers."""
    return frame.map_partitions(_partition, rows, batch_size, meta=rows(frame._meta))


def _partition(frame: Any, rows: Rows, batch_size: int) -> Any:
    import pandas

    starts = range(0, max(len(frame), 1), batch_size)
    return pandas.concat([rows(frame.iloc[start : start + batch_size]) for start in starts])
