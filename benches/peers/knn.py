"""The other tools of the neighbor search benchmark: each reads vectors, finds the k nearest neighbors of every row by cosine, and
writes them.

usage: knn.py ENGINE VECTORS NEIGHBORS K THREADS [NAME=VALUE ...]
"""
import sys

import numpy as np

import vectors


def unit(rows):
    """Rows scaled to unit length; usually they already have it."""
    lengths = np.linalg.norm(rows, axis=1)
    return rows if np.allclose(lengths, 1.0, atol=1e-5) else rows / lengths[:, None]


def without_self(ids, distances, k):
    """Remove each row from its own list, or the last neighbor if the list does not contain the row."""
    keep = ids != np.arange(len(ids))[:, None]
    keep[keep.all(axis=1), -1] = False
    return ids[keep].reshape(len(ids), k), distances[keep].reshape(len(ids), k)


def faiss_flat(rows, k, threads):
    import faiss

    faiss.omp_set_num_threads(threads)
    index = faiss.IndexFlatIP(rows.shape[1])
    rows = unit(rows)
    index.add(rows)
    similarities, ids = index.search(rows, k + 1)
    return without_self(ids, 1 - similarities, k)


def faiss_hnsw(rows, k, threads, m, build, breadth):
    import faiss

    faiss.omp_set_num_threads(threads)
    index = faiss.IndexHNSWFlat(rows.shape[1], m, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction, index.hnsw.efSearch = build, breadth
    rows = unit(rows)
    index.add(rows)
    similarities, ids = index.search(rows, k + 1)
    return without_self(ids, 1 - similarities, k)


def faiss_ivf(rows, k, threads, probes):
    import faiss

    faiss.omp_set_num_threads(threads)
    rows = unit(rows)
    cells = int(4 * np.sqrt(len(rows)))
    index = faiss.index_factory(rows.shape[1], f"IVF{cells},Flat", faiss.METRIC_INNER_PRODUCT)
    index.nprobe = probes
    index.train(rows[np.random.default_rng(0).permutation(len(rows))[: 64 * cells]])
    index.add(rows)
    similarities, ids = index.search(rows, k + 1)
    return without_self(ids, 1 - similarities, k)


def hnswlib(rows, k, threads, m, build, breadth):
    import hnswlib

    index = hnswlib.Index(space="cosine", dim=rows.shape[1])
    index.init_index(max_elements=len(rows), ef_construction=build, M=m, random_seed=1)
    index.set_num_threads(threads)
    index.add_items(rows, np.arange(len(rows)))
    index.set_ef(breadth)
    ids, distances = index.knn_query(rows, k + 1)
    return without_self(ids.astype(np.int64), distances, k)


def usearch(rows, k, threads, m, build, breadth, dtype="f32"):
    from usearch.index import Index

    index = Index(
        ndim=rows.shape[1], metric="cos", dtype=dtype, connectivity=m, expansion_add=build, expansion_search=breadth
    )
    index.add(np.arange(len(rows)), rows, threads=threads)
    found = index.search(rows, k + 1, threads=threads)
    return without_self(found.keys.astype(np.int64), found.distances, k)


def pynndescent(rows, k, threads):
    import pynndescent

    index = pynndescent.NNDescent(rows, metric="cosine", n_neighbors=k + 1, random_state=1, n_jobs=threads)
    ids, distances = index.neighbor_graph
    return without_self(ids.astype(np.int64), distances, k)


def sklearn(rows, k, threads):
    from sklearn.neighbors import NearestNeighbors

    index = NearestNeighbors(n_neighbors=k, metric="cosine", algorithm="brute", n_jobs=threads).fit(rows)
    distances, ids = index.kneighbors()
    return ids, distances


ENGINES = {
    "faiss-flat": faiss_flat,
    "faiss-hnsw": faiss_hnsw,
    "faiss-ivf": faiss_ivf,
    "hnswlib": hnswlib,
    "usearch": usearch,
    "pynndescent": pynndescent,
    "sklearn": sklearn,
}

if __name__ == "__main__":
    engine, source, target, k, threads = sys.argv[1:6]
    settings = {}
    for setting in sys.argv[6:]:
        name, value = setting.split("=")
        settings[name] = int(value) if value.isdigit() else value
    rows = vectors.read(source)
    vectors.write(target, *ENGINES[engine](rows, min(int(k), len(rows) - 1), int(threads), **settings))
