"""Recall of neighbor lists: computes the true neighbors of a sample in 64 bits, and the share of them that a result contains.

usage: score.py truth VECTORS K TRUTH     makes the file TRUTH and prints n and d as JSON
       score.py score VECTORS ANSWER TRUTH    prints n, d, k and recall as JSON
"""
import json
import os
import sys

import numpy as np
import pyarrow.parquet as pq

import vectors

SAMPLE = 500
# Relative tolerance of the distance to the true k-th neighbor, because 32-bit results are rounded.
SLACK = 1e-6


def unit(rows):
    rows = rows.astype(np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def cosine_distances(rows, query):
    """1 - cos between one row and many."""
    return 1.0 - unit(rows) @ query


def truth(path, k, to):
    rows = vectors.read(path)
    k = min(k, len(rows) - 1)
    # The file may have been replaced by one of the same name.
    file = os.stat(path)
    of = f"{os.path.realpath(path)}, {file.st_size} bytes, written {file.st_mtime_ns}, k {k}"
    if not os.path.exists(to) or np.load(to).get("of") != of:
        sample = np.sort(np.random.default_rng(0).choice(len(rows), min(SAMPLE, len(rows)), replace=False))
        queries = unit(rows[sample])
        nearest = np.full((len(sample), k), np.inf)
        for first in range(0, len(rows), 20_000):
            part = 1.0 - queries @ unit(rows[first : first + 20_000]).T
            own = sample - first
            inside = (own >= 0) & (own < part.shape[1])
            part[np.flatnonzero(inside), own[inside]] = np.inf
            both = np.concatenate([nearest, part], axis=1)
            nearest = np.partition(both, k - 1, axis=1)[:, :k]
        np.savez(to, of=of, sample=sample, farthest=nearest.max(axis=1))
    print(json.dumps({"n": len(rows), "d": rows.shape[1]}))


def score(path, answer, truth):
    rows = vectors.read(path)
    known = np.load(truth)
    column = pq.read_table(answer, columns=["neighbor_ids"]).column(0).combine_chunks()
    ids = column.flatten().to_numpy().reshape(len(column), -1)
    if len(ids) != len(rows):
        sys.exit(f"{len(ids)} rows answered, {len(rows)} asked")
    hits = 0
    for row, farthest in zip(known["sample"], known["farthest"]):
        listed = np.unique(ids[row])
        listed = listed[(listed != row) & (listed < len(rows))]
        distances = cosine_distances(rows[listed], unit(rows[row : row + 1])[0])
        hits += int((distances <= farthest + SLACK).sum())
    recall = hits / (len(known["sample"]) * ids.shape[1])
    print(json.dumps({"n": len(rows), "d": rows.shape[1], "k": ids.shape[1], "recall": min(recall, 1.0)}))


if __name__ == "__main__":
    if sys.argv[1] == "truth":
        truth(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    else:
        score(*sys.argv[2:5])
