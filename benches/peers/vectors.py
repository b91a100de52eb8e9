"""Read and write the files of the benchmarks, with the columns of docs/artifacts.md."""
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def read(path):
    """The vectors as one (n, d) matrix, without a copy if the file has one chunk."""
    column = pq.read_table(path, columns=["embedding"]).column(0).combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0)
    values = column.flatten().to_numpy(zero_copy_only=True)
    return values.reshape(len(column), -1)


def neighbors(path):
    """Ids and distances of neighbors as two (n, k) matrices."""
    table = pq.read_table(path, columns=["neighbor_ids", "distances"])
    flat = (column.combine_chunks().flatten().to_numpy() for column in table.columns)
    return tuple(values.reshape(table.num_rows, -1) for values in flat)


def lists(matrix):
    """A matrix as a column of lists of equal length."""
    return pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), matrix.shape[1])


def write(path, ids, distances):
    """Write neighbors, uncompressed."""
    table = pa.table(
        {
            "id": np.arange(len(ids), dtype=np.int64),
            "neighbor_ids": lists(np.ascontiguousarray(ids, dtype=np.uint32)),
            "distances": lists(np.ascontiguousarray(distances, dtype=np.float32)),
        }
    )
    pq.write_table(table, path, compression="none", use_dictionary=False)


def write_clusters(path, labels):
    """Write clusters; noise is -1."""
    table = pa.table({"id": np.arange(len(labels), dtype=np.int64), "cluster": np.asarray(labels, dtype=np.int32)})
    pq.write_table(table, path, compression="none", use_dictionary=False)
