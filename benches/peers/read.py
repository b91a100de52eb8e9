"""The file reading benchmark.

usage: read.py matrix VECTORS SEEN    reads a file of vectors into one matrix, and writes its shape and the sum of its last row
       read.py packed VECTORS TO      writes the vectors as other programs do by default: compressed, with a dictionary
"""
import json
import sys

import pyarrow.parquet as pq

import vectors


def say(rows, to):
    """The shape, and the sum of the last row."""
    with open(to, "w") as file:
        json.dump({"n": rows.shape[0], "d": rows.shape[1], "last": float(rows[-1].sum(dtype="float64"))}, file)


if __name__ == "__main__":
    what, source, to = sys.argv[1:]
    if what == "packed":
        pq.write_table(pq.read_table(source), to, compression="zstd")
    else:
        say(vectors.read(source), to)
