"""The other tools of the clustering benchmark: each reads a neighbor graph and writes one cluster per row, -1 for noise.

usage: cluster.py METHOD DIRECTORY THREADS MIN_CLUSTER_SIZE MIN_SAMPLES

A row of the matrix does not contain the point itself, so min_samples counts only other points in all three.
"""
import os
import sys

import numpy as np
import scipy.sparse

import vectors


def graph(path):
    """The lists as a sparse matrix, row by row; an edge exists where a row lists a neighbor."""
    ids, distances = vectors.neighbors(path)
    n, k = ids.shape
    starts = np.arange(0, (n + 1) * k, k)
    return scipy.sparse.csr_matrix((distances.ravel().astype(np.float64), ids.ravel().astype(np.int32), starts), shape=(n, n))


def union(directed):
    """An edge where either end lists the other: distances agree in both directions, so the maximum is the distance."""
    return directed.maximum(directed.T).tocsr()


def fast_hdbscan(directed, threads, min_cluster_size, min_samples):
    import fast_hdbscan

    # It symmetrizes the matrix itself.
    model = fast_hdbscan.HDBSCAN(metric="precomputed", min_cluster_size=min_cluster_size, min_samples=min_samples)
    return model.fit_predict(directed)


def hdbscan(directed, threads, min_cluster_size, min_samples):
    import hdbscan

    model = hdbscan.HDBSCAN(metric="precomputed", min_cluster_size=min_cluster_size, min_samples=min_samples)
    return model.fit_predict(union(directed))


def sklearn(directed, threads, min_cluster_size, min_samples):
    from sklearn.cluster import HDBSCAN

    model = HDBSCAN(
        metric="precomputed", min_cluster_size=min_cluster_size, min_samples=min_samples, n_jobs=threads, copy=False
    )
    return model.fit_predict(union(directed))


METHODS = {"fast_hdbscan": fast_hdbscan, "hdbscan": hdbscan, "sklearn": sklearn}

if __name__ == "__main__":
    method, directory = sys.argv[1:3]
    directed = graph(os.path.join(directory, "neighbors.parquet"))
    labels = METHODS[method](directed, *map(int, sys.argv[3:6]))
    vectors.write_clusters(os.path.join(directory, "clusters.parquet"), labels)
