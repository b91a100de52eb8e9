"""How far vectors are from those of a reference, and how well they group texts by their labels.

usage: score_embeddings.py REFERENCE VECTORS DOCUMENTS LABELS
"""
import json
import sys

import numpy as np
import pyarrow.parquet as pq
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_mutual_info_score

import vectors

NEIGHBORS = 15
# Texts whose neighbors are compared.
SAMPLE = 1_000
# k-means runs with so many seeds, because its result depends on the seed.
SEEDS = 10


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def neighbors(rows, sample):
    similarity = rows[sample] @ rows.T
    similarity[np.arange(len(sample)), sample] = -np.inf
    return np.argpartition(-similarity, NEIGHBORS, axis=1)[:, :NEIGHBORS]


def ami(rows, labels):
    """The mean over the seeds, for as many clusters as there are labels."""
    clusters = len(set(labels))
    found = (KMeans(clusters, n_init=1, random_state=seed).fit_predict(rows) for seed in range(SEEDS))
    return float(np.mean([adjusted_mutual_info_score(labels, one) for one in found]))


reference, rows = (unit(vectors.read(path).astype(np.float32)) for path in sys.argv[1:3])
if len(rows) != len(reference):
    sys.exit(f"{len(rows)} vectors instead of {len(reference)}")
table = pq.read_table(sys.argv[3])
name = next(name for name in [sys.argv[4], "source_" + sys.argv[4]] if name in table.column_names)
labels = [str(label) for label in table.column(name).to_pylist()]
result = {"ami": ami(rows, labels)}
if rows.shape == reference.shape:
    cosines = np.einsum("ij,ij->i", rows.astype(np.float64), reference.astype(np.float64))
    result["cosine_mean"] = float(cosines.mean())
    result["cosine_p1"] = float(np.quantile(cosines, 0.01))
    result["largest_difference"] = float(np.abs(rows - reference).max())
sample = np.sort(np.random.default_rng(0).choice(len(rows), min(SAMPLE, len(rows)), replace=False))
both = zip(neighbors(rows, sample), neighbors(reference, sample))
result["overlap"] = float(np.mean([len(set(one) & set(other)) / NEIGHBORS for one, other in both]))
print(json.dumps(result))
