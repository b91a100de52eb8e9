"""Open every Parquet file of a run with PyArrow, pandas, Polars and DuckDB, and compare their values.

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


def plain(value):
    """Python lists and values from the types of any reader; missing values are None."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple, np.ndarray, pl.Series)):
        return [plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if value is pd.NaT or value is pd.NA or value != value else value


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
    rows = plain(table.to_pylist())
    check(rows, f"{path.name} has no rows")
    for reader, found in [
        ("pandas", plain(frame.to_dict("records"))),
        ("Polars", plain(polars.to_dicts())),
        ("DuckDB", [dict(zip(names, plain(row))) for row in duck.fetchall()]),
    ]:
        check(len(found) == len(rows), f"{path.name}: {reader} sees {len(found)} rows, PyArrow {len(rows)}")
        for at, (ours, other) in enumerate(zip(rows, found)):
            check(ours == other, f"{path.name}, row {at}: {reader} sees {other}, PyArrow {ours}")
    footer = json.loads(pq.read_metadata(path).metadata[b"skerry"])
    for key in ["kind", "version", "producer", "options", "seed", "inputs"]:
        check(key in footer, f"{path.name}: the footer lacks `{key}`")
    return table, polars, footer


def main():
    run = pathlib.Path(sys.argv[1])
    files = sorted(run.glob("*.parquet"))
    kinds = (
        "clusters cluster_info condensed_tree documents duplicates embeddings labels map membership mst neighbors "
        "predictions projection single_linkage sweep topics"
    ).split()
    absent = [kind for kind in kinds if run / f"{kind}.parquet" not in files]
    check(not absent, f"{run} lacks {', '.join(absent)}")
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
    # The distances of the first row are the cosine distances of the vectors.
    unit = vectors[0] / np.linalg.norm(vectors[0])
    other = vectors[ids[0]] / np.linalg.norm(vectors[ids[0]], axis=1, keepdims=True)
    check(bool(np.allclose(1 - other @ unit, distances[0], atol=1e-5)), "distances are not those of the vectors")

    # Each collapsed row refers to an existing document, which counts its copies.
    duplicates = seen["duplicates.parquet"][1]
    copies = seen["documents.parquet"][1]["copies"]
    counted = duplicates.group_by("id").len()
    check(all(copies[row["id"]] == row["len"] + 1 for row in counted.to_dicts()), "copies are not those of the duplicates")
    check(int(copies.sum()) == n + duplicates.height, "copies do not add up")
    clusters = seen["clusters.parquet"][1]["cluster"]
    membership = seen["membership.parquet"][1]
    for row in membership.to_dicts():
        shares = row["memberships"]
        check(len(row["clusters"]) == len(shares) and sum(shares) <= 1 + 1e-5, f"membership of {row['id']}: {shares}")
        check(shares == sorted(shares, reverse=True), f"membership of {row['id']} is not likeliest first")
    # Training rows are predicted into their own cluster.
    predictions = seen["predictions.parquet"][1]
    check(predictions.height == n, f"{predictions.height} predictions")
    known = clusters.to_numpy() >= 0
    same = (predictions["cluster"].to_numpy() == clusters.to_numpy())[known].mean()
    check(same > 0.9, f"{same:.1%} of the old rows are predicted their own cluster")
    sweep = seen["sweep.parquet"][1]
    check(sweep["min_cluster_size"].n_unique() > 1, "the sweep tried one size")
    check(bool(((sweep["noise"] >= 0) & (sweep["noise"] <= 1)).all()), "shares of noise are not shares")
    print(f"{len(files)} files read by 4 readers, {n} rows: ok")


main()
