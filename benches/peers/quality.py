"""The other tools of the quality benchmark: each reads vectors and writes one cluster per row, -1 for noise.

usage: quality.py METHOD EMBEDDINGS CLUSTERS THREADS [NAME=VALUE ...]
"""
import sys

import numpy as np

import vectors


def unit(rows):
    """Rows scaled to unit length: Euclidean distance then orders pairs like cosine distance."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def hdbscan(rows, threads, min_cluster_size, min_samples=5):
    import hdbscan

    model = hdbscan.HDBSCAN(min_cluster_size=min_cluster_size, min_samples=min_samples, core_dist_n_jobs=threads)
    return model.fit_predict(unit(rows).astype(np.float64))


def dense(rows, threads, min_cluster_size, min_samples):
    """The method of the notebook: a matrix of all Euclidean distances; here no entry is infinite."""
    import hdbscan
    from sklearn.metrics import pairwise_distances

    distances = pairwise_distances(rows.astype(np.float64), n_jobs=threads)
    model = hdbscan.HDBSCAN(metric="precomputed", min_cluster_size=min_cluster_size, min_samples=min_samples)
    return model.fit_predict(distances)


def fast_hdbscan(rows, threads, min_cluster_size, min_samples=5):
    import fast_hdbscan

    model = fast_hdbscan.HDBSCAN(min_cluster_size=min_cluster_size, min_samples=min_samples)
    return model.fit_predict(unit(rows))


def evoc(rows, threads):
    import evoc

    return evoc.EVoC(random_state=42).fit_predict(np.ascontiguousarray(rows))


def umap_hdbscan(rows, threads, min_cluster_size):
    """The method of BERTopic, with a seed, which makes umap-learn use one thread."""
    import hdbscan
    import umap

    reducer = umap.UMAP(n_components=5, n_neighbors=15, min_dist=0.0, metric="cosine", random_state=42)
    reduced = reducer.fit_transform(rows)
    # BERTopic leaves min_samples to hdbscan, which takes min_cluster_size.
    model = hdbscan.HDBSCAN(min_cluster_size=min_cluster_size, core_dist_n_jobs=threads)
    return model.fit_predict(reduced.astype(np.float64))


METHODS = {"hdbscan": hdbscan, "dense": dense, "fast_hdbscan": fast_hdbscan, "evoc": evoc, "umap_hdbscan": umap_hdbscan}

if __name__ == "__main__":
    method, source, target, threads = sys.argv[1:5]
    settings = {name: int(value) for name, value in (setting.split("=") for setting in sys.argv[5:])}
    labels = METHODS[method](vectors.read(source), int(threads), **settings)
    vectors.write_clusters(target, labels)
