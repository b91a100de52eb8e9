//! A catalogue of the mistakes that users make, with the messages that they get: the fact with file, row and value, and the
//! remedy. It is compared with the reviewed snapshot: see [`Transcript`].

use std::fs::{create_dir_all, remove_dir_all, remove_file};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array as _, FixedSizeListArray, Float32Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use artifacts::{Footer, Neighbors};
use pipeline_tests::{Transcript, refused, run, set, small_run, succeed, write_texts};
use serde_json::json;

/// A transcript of faulty commands in a directory with the texts and the files that `prepare` adds. A run that begins in `new` is
/// removed after each.
fn mistakes(name: &str, prepare: impl FnOnce(&Path), lines: &[&str]) {
    let dir = tempfile::tempdir().expect("a directory");
    write_texts(dir.path());
    prepare(dir.path());
    let mut transcript = Transcript::new(dir.path());
    for line in lines {
        transcript.mistake(line);
        let _ = remove_dir_all(dir.path().join("new"));
    }
    transcript.assert_snapshot(&format!("errors/{name}"));
}

fn write(dir: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    let path = dir.join(name);
    create_dir_all(path.parent().expect("it has one")).expect("it can be made");
    std::fs::write(path, bytes).expect("it can be written");
}

/// The run `runs/latest`, and `other` of the first 100 texts.
fn two_runs(dir: &Path) {
    small_run(dir, &["--preset", "direct"]);
    small_run(
        dir,
        &["--preset", "direct", "--limit", "100", "--out", "other"],
    );
}

fn one_run(dir: &Path) {
    small_run(dir, &["--preset", "direct"]);
}

/// Vectors of two numbers as another program writes them.
fn foreign_vectors(dir: &Path, name: &str, values: &[f32]) {
    let values = Arc::new(Float32Array::from(values.to_vec()));
    let item = Arc::new(Field::new("item", DataType::Float32, true));
    let lists = FixedSizeListArray::new(item, 2, values, None);
    let field = Field::new("embedding", lists.data_type().clone(), false);
    let schema = Arc::new(Schema::new(vec![field]));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(lists)]).expect("it fits");
    let file = std::fs::File::create(dir.join(name)).expect("it can be made");
    let mut writer = arrow::ipc::writer::FileWriter::try_new(file, &schema).expect("it begins");
    writer.write(&batch).expect("it can be written");
    writer.finish().expect("it ends");
}

/// The `k` nearest neighbors of each of `6 / k` rows as another program writes them.
fn foreign_neighbors(dir: &Path, name: &str, k: usize, ids: [u32; 6], distances: [f32; 6]) {
    let neighbors = Neighbors {
        k,
        ids: ids.to_vec(),
        distances: distances.to_vec(),
    };
    let footer = Footer::new("another program", json!({}), 0);
    let written = neighbors.write(&dir.join(name), &footer);
    written.expect("it can be written");
}

#[test]
fn command_line() {
    let lines = [
        "skerry fly",
        "skerry run --out new",
        "skerry run none.csv --out new",
        "skerry run texts.csv --out texts.csv",
        "skerry run texts.csv --no-such-flag",
        "skerry run texts.csv --preset fast",
        "skerry run texts.csv --threads 0",
        "skerry run texts.csv --threads many",
        "skerry run texts.csv --seed -1",
        "skerry run texts.csv --only knm --out new",
        "skerry run texts.csv --from clusters --out new",
        "skerry run texts.csv --from knn --only viz",
        "skerry run texts.csv --set knn.k --out new",
        "skerry run texts.csv --set kn.k=3 --out new",
        "skerry run texts.csv --set knn.kk=3 --out new",
        "skerry run texts.csv --set knn.k=three --out new",
        "skerry run texts.csv --set knn.files=none --out new",
        "skerry run texts.csv --k 0 --out new",
        "skerry run texts.csv --k many --out new",
        "skerry run texts.csv --min-cluster-size 1 --out new",
        "skerry run texts.csv --components 3 --out new",
        "skerry config --preset fast",
        "skerry verify nowhere",
        "skerry verify texts.csv",
    ];
    mistakes("command-line", |_| {}, &lines);
}

/// The engines that a build with the default cargo features does not have.
#[test]
fn missing_engines() {
    let lines = [
        "skerry run texts.csv --backend hnsw --out new",
        "skerry run texts.csv --backend faiss --out new",
        "skerry run texts.csv --backend milvus --out new",
        "skerry-knn --run runs/latest --backend milvus --uri http://root:secret@127.0.0.1:1",
        "skerry-knn --run runs/latest --backend milvus --uri http://127.0.0.1:1 --k 16384",
        "skerry run texts.csv --project-engine umap-rs --out new",
        "skerry run texts.csv --where-engine polars --out new",
        "skerry-knn --run runs/latest --backend hnsw",
        "skerry-knn --run runs/latest --backend none",
        "skerry-project --run runs/latest --engine umap-rs",
        "skerry-ingest texts.csv --run new --where-engine polars",
        "skerry-viz --run runs/latest --renderer canvas",
    ];
    mistakes("missing-engines", one_run, &lines);
}

#[test]
fn settings() {
    let prepare = |dir: &Path| {
        for (name, text) in [
            ("broken.toml", "[knn\nk = 3\n"),
            ("key.toml", "[knn]\nkk = 3\n"),
            ("step.toml", "[kmeans]\nk = 3\n"),
            ("table.toml", "knn = 3\n"),
            ("value.toml", "[knn]\nk = \"many\"\n"),
            ("nan.toml", "[project]\nmin_dist = nan\n"),
            ("seed.toml", "[run]\nseed = -1\n"),
            ("run.toml", "[run]\nthreads = 2\n"),
            (
                "stage.toml",
                "[run]\nsteps = [\"again\"]\n\n[again]\nstage = \"kmeans\"\n",
            ),
            ("twice.toml", "[run]\nsteps = [\"ingest\", \"ingest\"]\n"),
            (
                "same.toml",
                "[embed]\nfiles = { embeddings = \"documents.parquet\" }\n",
            ),
            ("up.toml", "[viz]\nfiles = { html = \"../map.html\" }\n"),
            ("backend.toml", "[knn]\nbackend = \"hnsw\"\n"),
            ("command.toml", "[embed]\ncommand = \"no-such-program\"\n"),
        ] {
            write(dir, name, text);
        }
    };
    let lines = [
        "skerry run texts.csv --config none.toml --out new",
        "skerry run texts.csv --config broken.toml --out new",
        "skerry run texts.csv --config key.toml --out new",
        "skerry run texts.csv --config step.toml --out new",
        "skerry run texts.csv --config table.toml --out new",
        "skerry run texts.csv --config value.toml --out new",
        "skerry run texts.csv --config nan.toml --out new",
        "skerry run texts.csv --config seed.toml --out new",
        "skerry run texts.csv --config run.toml --out new",
        "skerry run texts.csv --config stage.toml --out new",
        "skerry run texts.csv --config twice.toml --out new",
        "skerry run texts.csv --config same.toml --out new",
        "skerry run texts.csv --config up.toml --out new",
        "skerry run texts.csv --config backend.toml --out new",
        "skerry run texts.csv --config command.toml --out new",
        "skerry-ingest texts.csv --run new --config value.toml --step other",
        "skerry-ingest texts.csv --run new --step other",
    ];
    mistakes("settings", prepare, &lines);
}

#[test]
fn ingest_files() {
    let prepare = |dir: &Path| {
        create_dir_all(dir.join("folder")).expect("it can be made");
        for (name, bytes) in [
            ("empty.csv", &b""[..]),
            ("header.csv", b"title,n\n"),
            ("ragged.csv", b"title,n\none,1\ntwo,2,3\n"),
            ("latin.csv", b"title,n\none,1\ncaf\xe9,1\n"),
            ("nul.csv", b"title,n\none\0,1\n"),
            ("open.csv", b"title,n\n\"one,1\ntwo,2\n"),
            ("quoted.csv", b"title,n\n\"one\" and,1\n"),
            ("semicolons.csv", b"title;n\none;1\ntwo;2\nthree;3\n"),
            ("workbook.csv", b"PK\x03\x04 a workbook"),
            ("cut.csv.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03KL"),
            ("texts.xyz", b"title\none\n"),
            ("line.jsonl", b"{\"title\": \"one\"}\n{\"title\": \n"),
            ("number.jsonl", b"{\"title\": \"one\"}\n7\n"),
            ("key.jsonl", b"{\"title\": \"one\", \"title\": \"two\"}\n"),
            ("rows.json", b"{\"rows\": [{\"title\": \"one\"}]}"),
            ("damaged.parquet", b"PAR1 this is no table"),
        ] {
            write(dir, name, bytes);
        }
    };
    let lines = [
        "skerry-ingest texts.csv",
        "skerry-ingest --run new",
        "skerry-ingest none.csv --run new",
        "skerry-ingest 'none*.csv' --run new",
        "skerry-ingest 'none[.csv' --run new",
        "skerry-ingest folder --run new",
        "skerry-ingest texts.csv --documents folder",
        "skerry-ingest - - --run new",
        "skerry-ingest texts.csv texts.csv --run new",
        "skerry-ingest empty.csv --run new",
        "skerry-ingest header.csv --run new",
        "skerry-ingest ragged.csv --run new",
        "skerry-ingest latin.csv --run new",
        "skerry-ingest latin.csv --run new --encoding klingon",
        "skerry-ingest nul.csv --run new",
        "skerry-ingest open.csv --run new",
        "skerry-ingest quoted.csv --run new",
        "skerry-ingest semicolons.csv --run new --delimiter ,",
        "skerry-ingest texts.csv --run new --delimiter ab",
        "skerry-ingest workbook.csv --run new",
        "skerry-ingest cut.csv.gz --run new",
        "skerry-ingest texts.xyz --run new",
        "skerry-ingest line.jsonl --run new",
        "skerry-ingest number.jsonl --run new",
        "skerry-ingest key.jsonl --run new",
        "skerry-ingest rows.json --run new",
        "skerry-ingest damaged.parquet --run new",
    ];
    mistakes("ingest-files", prepare, &lines);
}

#[test]
fn ingest_columns() {
    let prepare = |dir: &Path| {
        write(dir, "numbers.csv", "n,m\n1,2\n3,4\n5,6\n");
        write(dir, "blank.csv", "title,n\n,1\n,2\n,3\n");
        write(dir, "two.csv", "title\none\ntwo\n");
        for (name, cells) in [
            ("ragged.jsonl", ["[1, 2]", "[3, 4]", "[5]"]),
            ("null.jsonl", ["[1, 2]", "[3, null]", "[5, 6]"]),
            ("absent.jsonl", ["[1, 2]", "null", "[5, 6]"]),
            ("words.jsonl", ["\"a\"", "\"b\"", "\"c\""]),
            ("whole.jsonl", ["[1, 2]", "[3, 4]", "[5, 6]"]),
        ] {
            let rows = cells.map(|cell| format!("{{\"title\": \"one\", \"v\": {cell}}}\n"));
            write(dir, name, rows.concat());
        }
        write(
            dir,
            "nan.csv",
            "title,v\none,\"[1, 2]\"\ntwo,\"[NaN, 2]\"\nthree,\"[5, 6]\"\n",
        );
    };
    let lines = [
        "skerry-ingest numbers.csv --run new",
        "skerry-ingest blank.csv --run new",
        "skerry-ingest two.csv --run new",
        "skerry-ingest texts.csv --run new --text story",
        "skerry-ingest texts.csv --run new --text tiitle",
        "skerry-ingest texts.csv --run new --columns topc",
        "skerry-ingest texts.csv --run new --template '{title'",
        "skerry-ingest texts.csv --run new --template '{headline}'",
        "skerry-ingest texts.csv --run new --text title --template '{title}'",
        "skerry-ingest texts.csv --run new --limit 2",
        "skerry-ingest ragged.jsonl --run new --vectors v",
        "skerry-ingest null.jsonl --run new --vectors v",
        "skerry-ingest nan.csv --run new --vectors v",
        "skerry-ingest absent.jsonl --run new --vectors v",
        "skerry-ingest words.jsonl --run new --vectors v",
        "skerry-ingest texts.csv --run new --vectors number",
        "skerry-ingest texts.csv --run new --vectors vector",
        "skerry-ingest whole.jsonl --documents d.parquet --vectors v",
    ];
    mistakes("ingest-columns", prepare, &lines);
}

#[test]
fn ingest_where() {
    let table = "title,n,day\none,1,2026-01-01\ntwo,2,2026-01-02\nthree,3,2026-01-03\n";
    let prepare = |dir: &Path| write(dir, "t.csv", table);
    let lines = [
        "skerry-ingest t.csv --run new --where 'n >'",
        "skerry-ingest t.csv --run new --where n",
        "skerry-ingest t.csv --run new --where 'm > 1'",
        "skerry-ingest t.csv --run new --where 'title = \"one\"'",
        "skerry-ingest t.csv --run new --where 'title = 1'",
        "skerry-ingest t.csv --run new --where 'n = NULL'",
        "skerry-ingest t.csv --run new --where 'day > 7'",
        "skerry-ingest t.csv --run new --where 'n > AVG(n)'",
        "skerry-ingest t.csv --run new --where 'n / 0 > 1'",
        "skerry-ingest t.csv --run new --where 'n > 999'",
    ];
    mistakes("ingest-where", prepare, &lines);
}

#[test]
fn embed() {
    let prepare = |dir: &Path| {
        succeed(
            dir,
            "skerry-ingest",
            &["texts.csv", "--run", "run", "--limit", "9", "--quiet"],
        );
        create_dir_all(dir.join("folder/models")).expect("it can be made");
        // The smallest message that is an ONNX model, and one that is none.
        let (graph, pointer) = (
            [8, 8, 0x3a, 0],
            b"version https://git-lfs.github.com/spec/v1\n",
        );
        let words = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nferry\n";
        write(dir, "no-tokenizer/model.onnx", graph);
        write(dir, "two-graphs/a.onnx", graph);
        write(dir, "two-graphs/b.onnx", graph);
        write(dir, "pointer/model.onnx", pointer);
        write(dir, "pointer/vocab.txt", words);
        write(dir, "cut-tokenizer/model.onnx", graph);
        write(dir, "cut-tokenizer/tokenizer.json", "{");
        write(dir, "cut-modules/model.onnx", graph);
        write(dir, "cut-modules/vocab.txt", words);
        write(dir, "cut-modules/modules.json", "[");
        write(dir, "whole/model.onnx", graph);
        write(dir, "whole/vocab.txt", words);
        write(dir, "damaged.parquet", b"PAR1 this is no table");
        foreign_vectors(dir, "vectors.arrow", &[1.0, 0.0, 0.0, 1.0]);
    };
    let lines = [
        "skerry-embed --run nowhere",
        "skerry-embed --embeddings e.parquet",
        "skerry-embed --documents damaged.parquet --embeddings e.parquet --encoder hash",
        "skerry-embed --documents vectors.arrow --embeddings e.parquet --encoder hash",
        "skerry-embed --run run",
        "SKERRY_CACHE=cache skerry-embed --run run",
        "skerry-embed --run run --model all-MiniLM-L6-v2",
        "skerry-embed --run run --model MiniLM",
        "skerry-embed --run run --model BAAI/bge-m3",
        "skerry-embed --run run --endpoint https://api.example.org/v1",
        "skerry-embed --run run --endpoint https://api.example.org/v1/chat --endpoint-model m",
        "skerry-embed --run run --endpoint https://me:hunter2@api.example.org/v1 --endpoint-model m",
        "skerry-embed --run run --endpoint https://api.example.org/v1 --endpoint-model m --model all-MiniLM-L6-v2",
        "skerry-embed --run run --endpoint https://api.example.org/v1 --endpoint-model m --pooling cls",
        "skerry-embed --run run --endpoint-model m",
        "skerry-embed --run run --model folder",
        "skerry-embed --run run --model no-tokenizer",
        "skerry-embed --run run --model two-graphs",
        "skerry-embed --run run --model pointer",
        "skerry-embed --run run --model cut-modules --pooling mean",
        "skerry-embed --run run --model cut-tokenizer --pooling mean",
        "skerry-embed --run run --model whole --pooling mean --onnxruntime none.so",
        "skerry-embed --run run --batch-tokens 0",
        "skerry-embed --run run --encoder hash --hash-dimensions 0",
        "skerry-embed --run run --encoder hash --dimensions 8",
        "skerry-embed --run run --prefix x --prompt-name query",
        "skerry-embed --run run --encoder hash --memory-limit lots",
        "skerry-embed --run run --encoder word2vec",
        "skerry-embed --run run --normalize maybe",
        "skerry models remove BAAI/bge-m3",
        "skerry models remove BAAI/bge-m3@main",
        "skerry models cache BAAI/bge-m3 --clear",
    ];
    mistakes("embed", prepare, &lines);
}

#[test]
fn knn() {
    let prepare = |dir: &Path| {
        one_run(dir);
        create_dir_all(dir.join("folder")).expect("it can be made");
        write(dir, "damaged.parquet", b"PAR1 this is no table");
        for (name, values) in [
            ("one.arrow", &[1.0, 2.0][..]),
            ("nan.arrow", &[1.0, 2.0, 3.0, f32::NAN, 5.0, 6.0]),
            ("zeros.arrow", &[1.0, 2.0, 0.0, 0.0, 5.0, 6.0]),
            ("long.arrow", &[1.0, 2.0, 3e38, 3e38, 5.0, 6.0]),
        ] {
            foreign_vectors(dir, name, values);
        }
    };
    let lines = [
        "skerry-knn --run nowhere",
        "skerry-knn --run folder",
        "skerry-knn --neighbors n.parquet",
        "skerry-knn --embeddings runs/latest/embeddings.parquet",
        "skerry-knn --embeddings runs/latest/embeddings.parquet --neighbors folder",
        "skerry-knn --embeddings runs/latest/embeddings.parquet --neighbors runs/latest/embeddings.parquet",
        "skerry-knn --run runs/latest --embeddings none.parquet",
        "skerry-knn --run runs/latest --embeddings texts.csv",
        "skerry-knn --run runs/latest --embeddings damaged.parquet",
        "skerry-knn --run runs/latest --embeddings runs/latest/documents.parquet",
        "skerry-knn --embeddings one.arrow --neighbors n.parquet",
        "skerry-knn --embeddings nan.arrow --neighbors n.parquet",
        "skerry-knn --embeddings zeros.arrow --neighbors n.parquet",
        "skerry-knn --embeddings long.arrow --neighbors n.parquet --metric l2",
        "skerry-knn --run runs/latest --k 0",
        "skerry-knn --run runs/latest --metric manhattan",
        "skerry-knn --run runs/latest --backend partitioned --list-size 2",
        "skerry-knn --run runs/latest --backend partitioned --target-recall 1",
        "skerry-knn --run runs/latest --memory-limit 1MB",
        "SKERRY_KERNEL=neon skerry-knn --run runs/latest",
    ];
    mistakes("knn", prepare, &lines);
}

#[test]
fn cluster() {
    let prepare = |dir: &Path| {
        two_runs(dir);
        let vectors = [1.0, 0.0, 1.0, 0.1, 0.0, 1.0, 0.1, 1.0, -1.0, 0.0, -1.0, 0.1];
        foreign_vectors(dir, "vectors.arrow", &vectors);
        let ids = [1, 2, 0, 2, 0, 1];
        let near = [0.1, 0.2, 0.1, 0.3, 0.2, 0.3];
        foreign_neighbors(dir, "self.parquet", 2, [0, 2, 0, 2, 0, 1], near);
        foreign_neighbors(dir, "twice.parquet", 2, [1, 1, 0, 2, 0, 1], near);
        foreign_neighbors(dir, "nowhere.parquet", 2, [1, 7, 0, 2, 0, 1], near);
        foreign_neighbors(
            dir,
            "unsorted.parquet",
            2,
            ids,
            [0.2, 0.1, 0.1, 0.3, 0.2, 0.3],
        );
        foreign_neighbors(
            dir,
            "negative.parquet",
            2,
            ids,
            [-0.5, 0.2, -0.5, 0.3, 0.2, 0.3],
        );
        foreign_neighbors(dir, "pairs.parquet", 1, [1, 0, 3, 2, 5, 4], [0.5; 6]);
    };
    let lines = [
        "skerry-cluster --run runs/latest --use-k 900",
        "skerry-cluster --run runs/latest --min-samples 900",
        "skerry-cluster --run runs/latest --min-cluster-size 1",
        "skerry-cluster --run runs/latest --selection-epsilon -1",
        "skerry-cluster --run runs/latest --bootstrap 3",
        "skerry-cluster --run runs/latest --metric l2",
        "skerry-cluster --run runs/latest --engine hdbscan --membership 3",
        "skerry-cluster --run runs/latest --step other",
        "skerry-cluster --neighbors none.parquet --clusters c.parquet",
        "skerry-cluster --neighbors self.parquet --clusters c.parquet",
        "skerry-cluster --neighbors twice.parquet --clusters c.parquet",
        "skerry-cluster --neighbors nowhere.parquet --clusters c.parquet",
        "skerry-cluster --neighbors unsorted.parquet --clusters c.parquet",
        "skerry-cluster --neighbors negative.parquet --clusters c.parquet --min-samples 1",
        "skerry-cluster --neighbors pairs.parquet --clusters c.parquet --min-samples 1",
        "skerry-cluster --neighbors pairs.parquet --clusters c.parquet --min-samples 1 --embeddings vectors.arrow",
        "skerry-cluster --neighbors pairs.parquet --clusters c.parquet --min-samples 1 --embeddings vectors.arrow --metric l2",
        "skerry-cluster --neighbors runs/latest/neighbors.parquet --clusters c.parquet --tree exact",
        "skerry-cluster --neighbors other/neighbors.parquet --embeddings runs/latest/embeddings.parquet --clusters c.parquet",
        "skerry-cluster --neighbors other/neighbors.parquet --embeddings runs/latest/embeddings.parquet --clusters c.parquet --tree exact --allow-mismatch",
    ];
    mistakes("cluster", prepare, &lines);
}

#[test]
fn sweep_and_predict() {
    let prepare = |dir: &Path| {
        two_runs(dir);
        foreign_vectors(dir, "vectors.arrow", &[1.0, 0.0, 0.0, 1.0]);
        let more = ["--preset", "direct", "--hash-dimensions", "64"];
        let more = [&more[..], &["--limit", "100", "--out", "short"]].concat();
        small_run(dir, &more);
    };
    let lines = [
        "skerry sweep --run runs/latest --min-cluster-sizes 1",
        "skerry sweep --run runs/latest --min-cluster-sizes few",
        "skerry sweep --run runs/latest --min-cluster-sizes 9:5:3",
        "skerry sweep --run runs/latest --min-samples 900",
        "skerry predict --run runs/latest",
        "skerry predict --run runs/latest a.parquet b.parquet",
        "skerry predict --run runs/latest none.parquet",
        "skerry predict --run runs/latest other/documents.parquet",
        "skerry predict --run runs/latest vectors.arrow",
        "skerry predict --run runs/latest short/embeddings.parquet",
        "skerry predict --run runs/latest other/embeddings.parquet --clusters other/clusters.parquet",
        "skerry predict --run runs/latest other/embeddings.parquet --clusters other/clusters.parquet --allow-mismatch",
    ];
    mistakes("sweep-and-predict", prepare, &lines);
}

#[test]
fn project() {
    let prepare = |dir: &Path| {
        two_runs(dir);
        foreign_vectors(dir, "pair.arrow", &[1.0, 0.0, 0.0, 1.0]);
        let words = ["--embeddings", "pair.arrow", "--neighbors", "pair.parquet"];
        succeed(dir, "skerry-knn", &words);
    };
    let lines = [
        "skerry-project --run runs/latest --n-neighbors 1",
        "skerry-project --run runs/latest --components 1",
        "skerry-project --run runs/latest --min-dist nan",
        "skerry-project --run runs/latest --min-dist 3",
        "skerry-project --run runs/latest --spread 0",
        "skerry-project --run runs/latest --init circle",
        "skerry-project --neighbors pair.parquet --projection p.parquet",
        "skerry-project --neighbors runs/latest/neighbors.parquet --projection p.parquet --init pca",
        "skerry-project --neighbors runs/latest/neighbors.parquet --embeddings other/embeddings.parquet --projection p.parquet",
        "skerry-project --neighbors runs/latest/neighbors.parquet --embeddings other/embeddings.parquet --projection p.parquet --allow-mismatch",
    ];
    mistakes("project", prepare, &lines);
}

#[test]
fn label() {
    let lines = [
        "skerry-label --run runs/latest --language klingon",
        "skerry-label --run runs/latest --max-ngram 4",
        "skerry-label --run runs/latest --diversity 2",
        "skerry-label --run runs/latest --phrases 0",
        "skerry-label --run runs/latest --clusters runs/latest/projection.parquet",
        "skerry-label --documents other/documents.parquet --clusters runs/latest/clusters.parquet --topics t.parquet",
        "skerry-label --documents other/documents.parquet --clusters runs/latest/clusters.parquet --topics t.parquet --allow-mismatch",
    ];
    mistakes("label", two_runs, &lines);
}

#[test]
fn viz() {
    let prepare = |dir: &Path| {
        two_runs(dir);
        write(dir, "font.ttf", "no font");
    };
    let of = "skerry-viz --documents runs/latest/documents.parquet --clusters runs/latest/clusters.parquet --map m.parquet";
    let other = format!("{of} --projection other/projection.parquet");
    let unnamed = format!(
        "{of} --projection runs/latest/projection.parquet --topics other/topics.parquet --allow-mismatch"
    );
    let lines = [
        "skerry-viz --run runs/latest --columns nothing",
        "skerry-viz --run runs/latest --font none.ttf",
        "skerry-viz --run runs/latest --font font.ttf",
        "skerry-viz --run runs/latest --picture-width 9",
        "skerry-viz --run runs/latest --picture-width 20000 --picture-height 20000",
        "skerry-viz --run runs/latest --map-neighbors 11",
        "skerry-viz --run runs/latest --html runs/latest/clusters.parquet",
        &other,
        &format!("{other} --allow-mismatch"),
        &unnamed,
    ];
    mistakes("viz", prepare, &lines);
}

#[test]
fn an_export_does_not_replace_a_source() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    one_run(dir);
    let path = dir.join("texts.csv");
    let source = std::fs::read(&path).expect("it reads");
    let export = |out: &str| {
        let more = ["--run", "runs/latest", "--out", out];
        run(
            dir,
            "skerry",
            &[&["export", "--as", "milvus"], &more[..]].concat(),
        )
    };
    for out in [
        "texts.csv",
        "runs/../texts.csv",
        path.to_str().expect("UTF-8"),
    ] {
        let fragments = ["would write over", "a source of the run", "`--out`"];
        refused(&export(out), 2, &fragments);
    }
    let embed = ["--run", "runs/latest", "--embeddings", "texts.csv"];
    let fragments = ["`--embeddings` would write over texts.csv, a source of the run"];
    refused(&run(dir, "skerry-embed", &embed), 2, &fragments);
    assert_eq!(std::fs::read(&path).expect("it reads"), source);
    assert!(export("new.parquet").status.success());
}

/// Files of a run that are damaged, missing, locked, or untrusted.
#[test]
fn run_directory() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    one_run(dir);
    let run = dir.join("runs/latest");
    let mut transcript = Transcript::new(dir);
    let lock = std::fs::File::options()
        .append(true)
        .open(run.join(".lock"));
    let lock = lock.expect("a run leaves it");
    lock.lock().expect("nobody else holds it");
    transcript.mistake("skerry-label --run runs/latest");
    transcript.mistake("skerry run");
    drop(lock);

    let path = run.join("neighbors.parquet");
    let whole = std::fs::read(&path).expect("it reads");
    let mut bytes = whole.clone();
    bytes[whole.len() / 3] ^= 0xff;
    std::fs::write(&path, &bytes).expect("it can be written");
    transcript.mistake("skerry-cluster --run runs/latest");
    transcript.mistake("skerry verify");
    std::fs::write(&path, &whole[..whole.len() / 2]).expect("it can be written");
    transcript.mistake("skerry-cluster --run runs/latest");
    remove_file(&path).expect("it is there");
    write(&run, "map.svg", "changed");
    transcript.mistake("skerry-cluster --run runs/latest");
    transcript.mistake("skerry verify");
    transcript.mistake("skerry verify --json");
    write(&run, "manifest.json", "{");
    transcript.mistake("skerry verify");

    std::os::unix::fs::symlink(dir.join("texts.csv"), &path).expect("a link");
    transcript.mistake("skerry-cluster --run runs/latest");
    transcript.mistake("skerry run");
    remove_file(&path).expect("it is there");
    set(dir, "embed", "model = \"/a/model\"");
    set(dir, "knn", "command = \"touch harmless\"");
    transcript.mistake("skerry-embed --run runs/latest");
    transcript.mistake("skerry run");
    assert!(!dir.join("harmless").exists());
    transcript.assert_snapshot("errors/run-directory");
}
