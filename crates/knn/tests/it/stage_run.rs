//! From file to file: the stage itself.

use artifacts::{Embeddings, Footer, Neighbors};
use knn::{BackendKind, Error, Knn, Local, Options};
use stage::{Files, Hint, Seed, Silent, Stage};

use crate::data::topics;

/// A directory with `values` as embeddings, and the standard names in it.
fn directory(d: usize, values: Vec<f32>) -> (tempfile::TempDir, Files) {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::standard(dir.path(), Knn::INPUTS.iter().chain(Knn::OUTPUTS));
    Embeddings::new(d, values)
        .write(files.input("embeddings"), &Footer::default())
        .unwrap();
    (dir, files)
}

#[test]
fn the_footer_describes_the_file() {
    let (_dir, files) = directory(16, topics(200, 16, 4, 1));
    let options = Options {
        k: 7,
        backend: BackendKind::Ivf,
        list_size: 50,
        ..Options::default()
    };
    let report = Knn::run(&files, &options, &Local::default(), Seed(3), &Silent).unwrap();
    let stored = Neighbors::read(files.output("neighbors").unwrap()).unwrap();
    assert_eq!((stored.len(), stored.k), (200, 7));
    let footer = stored.footer.unwrap();
    assert_eq!(
        (footer.kind.as_str(), footer.metric.as_deref(), footer.seed),
        ("neighbors", Some("cosine"), 3)
    );
    assert_eq!(footer.options["k"], 7);
    let facts = footer.facts::<artifacts::NeighborsFacts>();
    let recall = facts.recall.unwrap();
    assert_eq!(recall.sample, 200);
    assert_eq!(facts.certified, Some(false));
    assert_eq!(footer.inputs.keys().collect::<Vec<_>>(), ["embeddings"]);
    assert!((report.recall.unwrap().recall - recall.recall).abs() < 1e-12);
}

#[test]
fn the_same_bytes_at_any_number_of_threads() {
    let (dir, files) = directory(16, topics(600, 16, 6, 5));
    for backend in [BackendKind::BruteForce, BackendKind::Ivf] {
        let options = Options {
            k: 10,
            backend,
            list_size: 100,
            ..Options::default()
        };
        let bytes = |threads: usize| {
            let files = files
                .clone()
                .with("neighbors", dir.path().join(format!("{threads}.parquet")));
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| Knn::run(&files, &options, &Local::default(), Seed(3), &Silent))
                .unwrap();
            std::fs::read(files.output("neighbors").unwrap()).unwrap()
        };
        assert!(bytes(1) == bytes(3), "{backend:?}");
    }
}

#[test]
fn a_zero_row_is_an_error_with_file_and_row() {
    let mut values = topics(20, 4, 2, 1);
    values[8..12].fill(0.0);
    let (_dir, files) = directory(4, values);
    let error = Knn::run(
        &files,
        &Options {
            k: 3,
            ..Options::default()
        },
        &Local::default(),
        Seed(0),
        &Silent,
    )
    .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("embeddings.parquet") && text.contains("row 2"),
        "{text}"
    );
    assert!(error.hint().unwrap().contains("--bad-rows isolate"));
    assert!(!files.output("neighbors").unwrap().exists());
}

#[test]
fn too_little_memory_is_an_error_before_anything_is_written() {
    let (_dir, files) = directory(16, topics(200, 16, 4, 1));
    let local = Local {
        memory_limit: Some("1MB".parse().unwrap()),
        ..Local::default()
    };
    let error = Knn::run(
        &files,
        &Options {
            k: 5,
            ..Options::default()
        },
        &local,
        Seed(0),
        &Silent,
    )
    .unwrap_err();
    assert!(matches!(error, Error::Memory { .. }), "{error}");
    assert!(!files.output("neighbors").unwrap().exists());
}

/// Runs the program with a given kernel: its standard error, and the file that it wrote.
fn program(dir: &std::path::Path, kernel: &str, backend: &str) -> (String, Option<Vec<u8>>) {
    let to = dir.join(format!("{kernel}-{backend}.parquet"));
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_skerry-knn"))
        .env("SKERRY_KERNEL", kernel)
        .arg("--embeddings")
        .arg(dir.join("embeddings.parquet"))
        .arg("--neighbors")
        .arg(&to)
        .args(["--backend", backend, "--k", "12", "--list-size", "150"])
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.success(), to.exists(), "{stderr}");
    (stderr, std::fs::read(to).ok())
}

#[test]
fn every_kernel_of_this_machine_writes_the_same_file() {
    let (dir, _) = directory(70, topics(1100, 70, 9, 8));
    for backend in ["flat", "partitioned"] {
        let (_, expected) = program(dir.path(), "portable", backend);
        assert!(expected.is_some());
        for kernel in exact_knn::Kernel::ALL {
            let (stderr, found) = program(dir.path(), kernel.name(), backend);
            if kernel.is_available() {
                assert!(found == expected, "{backend} with {kernel}: {stderr}");
            } else {
                assert!(
                    stderr.contains("SKERRY_KERNEL") && stderr.contains(kernel.name()),
                    "{stderr}"
                );
            }
        }
    }
}

#[test]
fn an_unknown_kernel_is_an_error_that_names_the_variable() {
    let (dir, _) = directory(16, topics(200, 16, 4, 1));
    let (stderr, written) = program(dir.path(), "sse9", "flat");
    assert!(written.is_none());
    assert!(
        stderr.contains("SKERRY_KERNEL") && stderr.contains("sse9"),
        "{stderr}"
    );
    assert!(!stderr.contains("embeddings.parquet"), "{stderr}");
}
