"""Generate vectors distributed like sentence embeddings: topics of uneven size within themes, with most of the variance in few
directions, a common offset, rows without a topic, near duplicates. Unit length, 32 bits.

usage: make_vectors.py ROWS DIMENSIONS FILE
"""
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vectors import lists

TOPICS, THEMES = 300, 30
STRAY, COPIES = 0.1, 0.01


def decaying(d, flat, power):
    """Standard deviations along d axes that decay as a power law; their squares sum to 1."""
    deviation = (np.arange(d) + flat) ** (-power / 2)
    return (deviation / np.sqrt((deviation**2).sum())).astype(np.float32)


def make(n, d, seed=1):
    rng = np.random.default_rng(seed)
    normal = lambda *shape: rng.standard_normal(shape, dtype=np.float32)
    turn, _ = np.linalg.qr(normal(d, d))
    wide, narrow = decaying(d, 30, 0.7), decaying(d, 8, 0.9)
    offset = normal(d)
    offset *= 0.25 / np.linalg.norm(offset)
    themes = normal(THEMES, d) * wide
    topics = 0.75 * themes[rng.integers(0, THEMES, TOPICS)] + 0.66 * normal(TOPICS, d) * wide
    share = 1.0 / (np.arange(TOPICS) + 4.0)
    topic = rng.choice(TOPICS, size=n, p=share / share.sum())
    spread = rng.uniform(0.45, 1.0, TOPICS).astype(np.float32)
    rows = np.empty((n, d), np.float32)
    for first in range(0, n, 20_000):
        part = slice(first, min(n, first + 20_000))
        own = topic[part]
        noise = normal(len(own), d)
        rows[part] = topics[own] + noise * narrow * spread[own, None]
        stray = rng.random(len(own)) < STRAY
        rows[part][stray] = 1.2 * noise[stray] * wide
        rows[part] = (rows[part] + offset) @ turn
    copied, copy = (rng.integers(0, n, int(n * COPIES)) for _ in range(2))
    rows[copy] = rows[copied] + normal(len(copy), d) * np.float32(0.02 / np.sqrt(d))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


if __name__ == "__main__":
    n, d, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    table = pa.table({"id": np.arange(n, dtype=np.int64), "embedding": lists(make(n, d))})
    pq.write_table(table, path, compression="none", use_dictionary=False, row_group_size=25_000)
