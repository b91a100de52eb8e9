"""Opens every Parquet file of a run with PyArrow, pandas, Polars and DuckDB, and compares what they see.

usage: read_artifacts.py RUN_DIRECTORY
"""

import json
import pathlib
import sys

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq


def check(condition, message):
    if not condition:
        raise SystemExit(f"error: {message}")


def read(path):
    table = pq.read_table(path)
    frame = pd.read_parquet(path)
    polars = pl.read_parquet(path)
    duck = duckdb.sql(f"select * from read_parquet('{path.as_posix()}')")
    names = table.column_names
    for reader, found in [
        ("pandas", list(frame.columns)),
        ("Polars", polars.columns),
        ("DuckDB", duck.columns),
    ]:
        check(found == names, f"{path.name}: {reader} sees the columns {found}, PyArrow {names}")
    rows = duck.aggregate("count(*)").fetchall()[0][0]
    for reader, found in [("pandas", len(frame)), ("Polars", polars.height), ("DuckDB", rows)]:
        check(found == table.num_rows, f"{path.name}: {reader} sees {found} rows, PyArrow {table.num_rows}")
    footer = json.loads(pq.read_metadata(path).metadata[b"skerry"])
    for key in ["kind", "version", "producer", "options", "seed", "inputs"]:
        check(key in footer, f"{path.name}: the footer lacks `{key}`")
    return table, polars, footer


def main():
    run = pathlib.Path(sys.argv[1])
    files = sorted(run.glob("*.parquet"))
    check(len(files) >= 10, f"{run} holds {len(files)} Parquet files")
    seen = {}
    for path in files:
        seen[path.name] = read(path)

    n = seen["documents.parquet"][0].num_rows
    for name in ["embeddings", "neighbors", "clusters", "projection", "map"]:
        table = seen[f"{name}.parquet"][0]
        check(table["id"].to_pylist() == list(range(n)), f"{name}.parquet: ids are not 0..{n}")

    vectors = seen["embeddings.parquet"][1]["embedding"].to_numpy()
    check(vectors.dtype == np.float32 and vectors.shape[0] == n, "embeddings are no n x d matrix of floats")
    neighbors = seen["neighbors.parquet"][1]
    ids = neighbors["neighbor_ids"].to_numpy()
    distances = neighbors["distances"].to_numpy()
    check(ids.shape == distances.shape, "neighbors and distances differ in shape")
    check(bool((np.diff(distances, axis=1) >= 0).all()), "distances are not nearest first")
    check(bool((ids != np.arange(n)[:, None]).all()), "a row lists itself")
    # The distances are those of the vectors: cosine, over the first row.
    unit = vectors[0] / np.linalg.norm(vectors[0])
    other = vectors[ids[0]] / np.linalg.norm(vectors[ids[0]], axis=1, keepdims=True)
    check(bool(np.allclose(1 - other @ unit, distances[0], atol=1e-5)), "distances are not those of the vectors")
    print(f"{len(files)} files read by 4 readers, {n} rows: ok")


main()
