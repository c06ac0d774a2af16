"""Texts and scores for the rows of a table, on Ray Data, Spark, Dask, or in a loop.

:class:`Rows` is a function of a batch of rows that can be pickled. The engine divides the rows,
starts the workers and repeats failed work; the result of a row depends only on the row, the model,
the options and the seed of the run::

    >>> from wolfgang import bulk
    >>> rows = bulk.Rows("faust", seed=7, max_new_tokens=8)
    >>> (row,) = rows([{"id": "a", "prompt": "Habe nun, ach!"}])
    >>> row["seed"] == bulk.row_seed(7, "a"), row["generated_tokens"], row["error"]
    (True, 8, '')

``docs/bulk.md`` describes the columns, the seeds, and how an interrupted run is continued.
"""

from ._engines import on_dask, on_ray, on_spark
from ._rows import RowKeyError, Rows
from ._seed import row_seed

__all__ = ["RowKeyError", "Rows", "on_dask", "on_ray", "on_spark", "row_seed"]
