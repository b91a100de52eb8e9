#!/usr/bin/env python3
"""Write the reference data of the tests into the directory of this script.

    python3.11 -m venv venv
    venv/bin/pip install numpy==1.26.4 scikit-learn==1.5.2 hdbscan==0.8.40 pandas==2.2.3 pyarrow==18.1.0
    venv/bin/python make_reference.py                               # digits/ and blobs/
    venv/bin/python make_reference.py --notebook notebook.parquet   # notebook/, from the table with the texts

digits and blobs: hdbscan 0.8.40 on the full matrix of Euclidean distances of the float32 points, computed in float64. No
k-NN graph is involved, hence no error of one. 5 to 10 % of the weights of the minimum spanning tree are tied (the weight
of an edge is often a core distance), so that the labels of two correct programs can differ at tied points. `min_samples`
is counted as hdbscan counts it: without the point itself (the value of scikit-learn is one more). The order of tied edges
depends on the processor as well, so that a second run gives the same points and weights but not the same labels everywhere.
hdbscan 0.8.44 is no reference: it corrupts its tree where the graph has infinite edges.

notebook: embeddings and cluster labels, copied from a table that has the texts as well. Texts are replaced by
`document 0`, `document 1`, ..., as the texts are not ours to distribute.
"""

import argparse
import json
import pathlib
import warnings

import hdbscan
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.datasets import load_digits
from sklearn.metrics import pairwise_distances

HERE = pathlib.Path(__file__).resolve().parent

SETTINGS = {
    "ms3_mcs3_eom": dict(min_samples=3, min_cluster_size=3),
    "ms5_mcs15_eom": dict(min_samples=5, min_cluster_size=15),
    "ms5_mcs15_leaf": dict(min_samples=5, min_cluster_size=15, cluster_selection_method="leaf"),
    "ms5_mcs15_eom_eps": dict(min_samples=5, min_cluster_size=15, cluster_selection_epsilon=0.35),
    "ms5_mcs15_eom_max150": dict(min_samples=5, min_cluster_size=15, max_cluster_size=150),
    "ms5_mcs200_single": dict(min_samples=5, min_cluster_size=200, allow_single_cluster=True),
}


def digits():
    """The handwritten digits of scikit-learn, scaled to unit length: (1797, 64)."""
    x = load_digits().data.astype(np.float64)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return x.astype(np.float32)


def blobs():
    """24 Gaussian blobs of unequal size and width, with 200 background points, shuffled: (3081, 32)."""
    rng = np.random.default_rng(20260101)
    centers = rng.normal(size=(24, 32))
    sizes = (600 / (1 + np.arange(24)) ** 0.9).astype(int) + 12
    rows = [centers[i] + rng.normal(size=(size, 32)) * rng.uniform(0.10, 0.45) for i, size in enumerate(sizes)]
    rows.append(rng.normal(size=(200, 32)) * 1.1)
    x = np.concatenate(rows)
    x = x[rng.permutation(len(x))]
    return x.astype(np.float32)


def write_same(frame, path, written):
    """Write a table that several settings share; all of them must give the same one."""
    if path in written:
        assert frame.equals(written[path]), f"{path} depends on more than its name says"
        return
    written[path] = frame
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path)


def make(name, x):
    out = HERE / name
    out.mkdir(exist_ok=True)
    n, d = x.shape
    embedding = pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), d)
    pq.write_table(pa.table({"id": pa.array(np.arange(n)), "embedding": embedding}), out / "points.parquet")
    distances = pairwise_distances(x.astype(np.float64))
    np.fill_diagonal(distances, 0.0)
    distances = np.minimum(distances, distances.T)
    written = {}
    expected = {"n": n, "d": d, "settings": {}}
    for key, options in SETTINGS.items():
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = hdbscan.HDBSCAN(metric="precomputed", gen_min_span_tree=True, **options).fit(distances.copy())
        # The single linkage tree depends on min_samples alone, the condensed tree on min_cluster_size as well.
        samples, size = key.split("_")[:2]
        linkage = found.single_linkage_tree_.to_pandas()
        write_same(linkage, out / f"{samples}.single_linkage.parquet", written)
        write_same(found.condensed_tree_.to_pandas(), out / f"{samples}_{size}.condensed_tree.parquet", written)
        clusters = {
            "id": np.arange(n),
            "cluster": found.labels_.astype(np.int32),
            "probability": found.probabilities_,
            "outlier_score": found.outlier_scores_,
        }
        pq.write_table(pa.table(clusters), out / f"{key}.clusters.parquet")
        weights = np.sort(linkage["distance"].to_numpy())
        expected["settings"][key] = dict(
            options=options,
            clusters=int(found.labels_.max() + 1),
            noise=float(np.mean(found.labels_ == -1)),
            mst_weight=float(weights.sum()),
            tied_mst_weights=int(n - 1 - len(np.unique(np.round(weights, 10)))),
            persistence=[float(value) for value in found.cluster_persistence_],
        )
    (out / "expected.json").write_text(json.dumps(expected, indent=1))
    print(name, n, d, {key: (s["clusters"], round(s["noise"], 3)) for key, s in expected["settings"].items()})


def strip(source):
    """Copy what the tests need from the table of the notebook run, without its texts."""
    out = HERE / "notebook"
    out.mkdir(exist_ok=True)
    table = pq.read_table(source, columns=["id", "embedding", "notebook_cluster"])
    texts = pa.array([f"document {row}" for row in range(len(table))])
    table = table.add_column(1, "text", texts).replace_schema_metadata()
    pq.write_table(
        table,
        out / "notebook.parquet",
        compression="zstd",
        compression_level=9,
        use_dictionary=["notebook_cluster"],
        column_encoding={"embedding.list.element": "BYTE_STREAM_SPLIT", "text": "DELTA_BYTE_ARRAY"},
    )
    print("notebook", len(table))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--notebook", metavar="FILE", help="write notebook/ from this table instead")
    options = parser.parse_args()
    if options.notebook:
        strip(options.notebook)
    else:
        make("digits", digits())
        make("blobs", blobs())


if __name__ == "__main__":
    main()
