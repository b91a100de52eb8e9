"""umap-learn on precomputed neighbors: reads neighbors and vectors, writes the layout.

usage: project.py DIRECTORY N_NEIGHBORS THREADS [seed=SEED]     a seed makes umap-learn use one thread
"""
import os
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import umap

import vectors

directory, n_neighbors, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
seed = int(sys.argv[4].removeprefix("seed=")) if len(sys.argv) > 4 else None
rows = vectors.read(os.path.join(directory, "embeddings.parquet"))
ids, distances = vectors.neighbors(os.path.join(directory, "neighbors.parquet"))
# umap-learn counts the point itself, at distance 0, among its neighbors.
ids = np.column_stack([np.arange(len(ids), dtype=ids.dtype), ids[:, : n_neighbors - 1]]).astype(np.int32)
distances = np.column_stack([np.zeros(len(ids), dtype=np.float32), distances[:, : n_neighbors - 1]])
model = umap.UMAP(
    n_neighbors=n_neighbors, metric="cosine", random_state=seed, n_jobs=threads, precomputed_knn=(ids, distances)
)
layout = model.fit_transform(rows)
table = pa.table({"id": np.arange(len(layout), dtype=np.int64), "x": layout[:, 0], "y": layout[:, 1]})
pq.write_table(table, os.path.join(directory, "projection.parquet"), compression="none", use_dictionary=False)
