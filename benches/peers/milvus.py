"""Servers of Milvus for the neighbor search benchmark, and a plain loop of their own client as a peer.

usage: milvus.py SERVER PROGRAM [ARGUMENT ...]    start SERVER, run the program with MILVUS_URI and MILVUS_TOKEN, stop SERVER
       milvus.py SERVER loop VECTORS NEIGHBORS K  the same with a loop that inserts the vectors and searches all of them with pymilvus

SERVER is lite2 (Milvus Lite 2.5.1, `skerry setup --milvus-lite`), lite3 (Milvus Lite 3.2.2) or standalone (Milvus 2.3.5): the last two
are installed by `cargo xtask ci` into Skerry's cache. With MILVUS_URI set, standalone is the server there. The server listens on all
interfaces, so it is started in a network namespace, in which the program runs, too.

The CPU time is that of the program and the server.
"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque

CACHE = os.environ.get("SKERRY_CACHE") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "skerry"
)
SERVERS = os.path.join(CACHE, "test-servers")
PYTHON = os.path.join(SERVERS, "venv/bin/python")
TOKEN = "root:Milvus"
PORT = 19530
INSIDE = "SKERRY_BENCH_NAMESPACE"


def command_of(server, data):
    """The command that starts a server, and its environment."""
    address = f"127.0.0.1:{PORT}"
    environment = dict(os.environ)
    if server == "lite2":
        lite = os.path.join(CACHE, "milvus-lite/2.5.1")
        environment["LD_LIBRARY_PATH"] = lite
        return [os.path.join(lite, "milvus"), os.path.join(data, "milvus.db"), address, "ERROR"], environment
    binaries = os.path.join(SERVERS, "venv/bin")
    if server == "lite3":
        words = ["server", "--host", "127.0.0.1", "--port", str(PORT), "--data-dir", data]
        return [os.path.join(binaries, "milvus-lite"), *words], environment
    os.symlink(os.path.join(SERVERS, "milvus-2.3.5/bin"), os.path.join(data, "bin"))
    words = ["--data", data, "--proxy-port", str(PORT), "--authorization-enabled", "true"]
    return [os.path.join(binaries, "milvus-server"), *words], environment


def answers():
    script = (
        "from pymilvus import MilvusClient as C; "
        f"C('http://127.0.0.1:{PORT}', token='{TOKEN}', timeout=5).list_collections()"
    )
    return subprocess.run([PYTHON, "-c", script], capture_output=True).returncode == 0


def serve(server, program):
    if server == "standalone" and os.environ.get("MILVUS_URI"):
        return subprocess.call(program)
    if INSIDE not in os.environ:
        words = ["unshare", "--net", "--map-root-user", "--user"] if os.getuid() else ["unshare", "--net"]
        inner = ["sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable, *sys.argv]
        return subprocess.call(words + inner, env={**os.environ, INSIDE: "1"})
    data = tempfile.mkdtemp(prefix="milvus-")
    command, environment = command_of(server, data)
    log = open(os.path.join(data, "server.log"), "w")
    running = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        while not answers():
            if running.poll() is not None:
                sys.exit(open(log.name).read()[-2000:])
            time.sleep(0.2)
        environment = {**os.environ, "MILVUS_URI": f"http://127.0.0.1:{PORT}", "MILVUS_TOKEN": TOKEN}
        return subprocess.call(program, env=environment)
    finally:
        os.killpg(running.pid, signal.SIGTERM)
        try:
            running.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
        shutil.rmtree(data, ignore_errors=True)


def loop(source, target, k):
    """Batches and requests under way as Skerry has them."""
    import numpy as np
    from pymilvus import Collection, CollectionSchema, DataType, FieldSchema, connections, utility

    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import vectors

    rows = vectors.read(source)
    n, d = rows.shape
    connections.connect(uri=os.environ["MILVUS_URI"], token=os.environ["MILVUS_TOKEN"])
    name = "loop"
    if utility.has_collection(name):
        utility.drop_collection(name)
    fields = [
        FieldSchema("id", DataType.INT64, is_primary=True),
        FieldSchema("embedding", DataType.FLOAT_VECTOR, dim=d),
    ]
    collection = Collection(name, CollectionSchema(fields), consistency_level="Strong")
    began = time.perf_counter()
    batch = min(2000, (2 << 20) // (4 * d + 16))
    for first in range(0, n, batch):
        part = rows[first : first + batch]
        collection.insert([list(range(first, first + len(part))), list(part)])
    collection.flush()
    collection.create_index("embedding", {"index_type": "FLAT", "metric_type": "COSINE", "params": {}})
    collection.load()
    inserted = time.perf_counter()
    ids = np.empty((n, k + 1), np.int64)
    scores = np.empty((n, k + 1), np.float32)

    def take(first, future):
        for at, hits in enumerate(future.result()):
            ids[first + at], scores[first + at] = hits.ids, hits.distances

    under_way = deque()
    for first in range(0, n, 1000):
        if len(under_way) == 2:
            take(*under_way.popleft())
        future = collection.search(
            list(rows[first : first + 1000]),
            "embedding",
            {"metric_type": "COSINE", "params": {}},
            k + 1,
            output_fields=["id"],
            _async=True,
        )
        under_way.append((first, future))
    for sent in under_way:
        take(*sent)
    searched = time.perf_counter()
    print(f"inserted in {inserted - began:.1f} s, searched in {searched - inserted:.1f} s", file=sys.stderr)
    keep = ids != np.arange(n)[:, None]
    keep[keep.all(axis=1), -1] = False
    vectors.write(target, ids[keep].reshape(n, k), 1 - scores[keep].reshape(n, k))
    utility.drop_collection(name)


if __name__ == "__main__":
    server, *program = sys.argv[1:]
    if server == "loop":
        loop(program[0], program[1], int(program[2]))
    else:
        own = [PYTHON, os.path.abspath(__file__)] if program[0] == "loop" else []
        sys.exit(serve(server, own + program))
