"""Quality of a layout: on 500 random rows, the share of the 15 nearest neighbors by cosine that are among the 15 nearest in the
layout, and trustworthiness (Venna and Kaski, 2001), in 64 bits.

usage: score_layout.py DIRECTORY     prints n, kept and trustworthiness as JSON
"""
import json
import os
import sys

import numpy as np
import pyarrow.parquet as pq

import vectors
from score import unit

SAMPLE, K = 500, 15

directory = sys.argv[1]
rows = unit(vectors.read(os.path.join(directory, "embeddings.parquet")))
table = pq.read_table(os.path.join(directory, "projection.parquet"), columns=["x", "y"])
layout = np.column_stack([column.to_numpy() for column in table.columns]).astype(np.float64)
if len(layout) != len(rows):
    sys.exit(f"{len(layout)} rows laid out, {len(rows)} asked")
if not np.isfinite(layout).all():
    sys.exit("the layout is not finite everywhere")
n = len(rows)
kept, penalty = 0, 0
sample = np.sort(np.random.default_rng(0).choice(n, min(SAMPLE, n), replace=False))
for row in sample:
    far = -rows @ rows[row]
    off = ((layout - layout[row]) ** 2).sum(axis=1)
    far[row], off[row] = np.inf, np.inf
    ranks = np.empty(n, dtype=np.int64)
    ranks[np.argsort(far, kind="stable")] = np.arange(1, n + 1)
    shown = ranks[np.argpartition(off, K)[:K]]
    kept += int((shown <= K).sum())
    penalty += int(np.maximum(shown - K, 0).sum())
trust = 1 - 2 * penalty / (len(sample) * K * (2 * n - 3 * K - 1))
print(json.dumps({"n": n, "kept": kept / (len(sample) * K), "trustworthiness": trust}))
