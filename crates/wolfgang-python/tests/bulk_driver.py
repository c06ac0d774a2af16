"""Processes rows on an engine, writes them in the order of their keys, and prints the SHA-256 of the
output. The tests of the engines run and kill it.

    python bulk_driver.py ENGINE OUTPUT --rows 400 --workers 2 --batch-size 64
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

from wolfgang import bulk

PROMPTS = ["Habe nun, ach!", "Wer reitet so spät", "Über allen Gipfeln", "Es war einmal"]


def input_rows(n: int, poisoned: bool) -> list[dict[str, Any]]:
    """Every twentieth row is invalid if ``poisoned``."""
    prompts = [PROMPTS[i % 4] + f" {i}" for i in range(n)]
    return [
        {"id": i, "prompt": None if poisoned and i % 20 == 7 else prompt}
        for i, prompt in enumerate(prompts)
    ]


def run_loop(rows: bulk.Rows, table: list[Any], options: argparse.Namespace) -> list[Any]:
    starts = range(0, len(table), options.batch_size)
    batches = [table[start : start + options.batch_size] for start in starts]
    return [row for batch in batches for row in rows(batch)]


def run_ray(rows: bulk.Rows, table: list[Any], options: argparse.Namespace) -> list[Any]:
    import pyarrow
    import ray
    import ray.data

    ray.init(num_cpus=8, include_dashboard=False, log_to_driver=False, logging_level="error")
    ray.data.DataContext.get_current().enable_progress_bars = False
    blocks = [pyarrow.Table.from_pylist(part) for part in parts(table, 4 * options.workers)]
    dataset = bulk.on_ray(
        ray.data.from_arrow(blocks), rows, workers=options.workers, batch_size=options.batch_size
    )
    results: list[Any] = dataset.take_all()
    ray.shutdown()
    return results


def run_spark(rows: bulk.Rows, table: list[Any], options: argparse.Namespace) -> list[Any]:
    from pyspark.sql import SparkSession

    # The workers need the packages of this interpreter.
    os.environ["PYSPARK_PYTHON"] = sys.executable
    # With local[N], the first failure of a task would end the job.
    session = (
        SparkSession.builder.master(f"local[{options.workers},4]")
        .config("spark.ui.enabled", "false")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )
    frame = session.createDataFrame(
        [(row["id"], row["prompt"]) for row in table], "id long, prompt string"
    ).repartition(4 * options.workers)
    results = bulk.on_spark(frame, rows, batch_size=options.batch_size).collect()
    session.stop()
    return [row.asDict() for row in results]


def run_dask(rows: bulk.Rows, table: list[Any], options: argparse.Namespace) -> list[Any]:
    import dask.dataframe
    import pandas
    from distributed import Client, LocalCluster

    frame = dask.dataframe.from_pandas(pandas.DataFrame(table), npartitions=4 * options.workers)
    with (
        LocalCluster(
            n_workers=options.workers, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        Client(cluster),
    ):
        results = bulk.on_dask(frame, rows, batch_size=options.batch_size).compute()
    records: list[Any] = results.to_dict("records")
    return records


def parts(table: list[Any], n: int) -> list[list[Any]]:
    size = -(-len(table) // n)
    return [table[start : start + size] for start in range(0, len(table), size)]


ENGINES = {"loop": run_loop, "ray": run_ray, "spark": run_spark, "dask": run_dask}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("output", type=Path)
    parser.add_argument("--rows", type=int, default=24)
    parser.add_argument("--new-tokens", type=int, default=6)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=5)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--shuffle", type=int, default=0)
    parser.add_argument("--poisoned", action="store_true")
    parser.add_argument("--journal", type=Path)
    options = parser.parse_args()

    rows = bulk.Rows(
        seed=options.seed, max_new_tokens=options.new_tokens, journal=options.journal
    )
    table = input_rows(options.rows, options.poisoned)
    random.Random(options.shuffle).shuffle(table)
    started = time.monotonic()
    results = ENGINES[options.engine](rows, table, options)
    seconds = time.monotonic() - started
    for row in results:
        # pandas has NaN for a missing text.
        row["prompt"] = row["prompt"] if isinstance(row["prompt"], str) else None
    results.sort(key=lambda row: row["id"])
    text = "".join(json.dumps(row, sort_keys=True) + "\n" for row in results)
    options.output.write_text(text)
    digest = sha256(text.encode()).hexdigest()
    print(json.dumps({"sha256": digest, "rows": len(results), "seconds": round(seconds, 1)}))


if __name__ == "__main__":
    main()
