//! A damaged file is an error that names it, never a panic.

use artifacts::{Embeddings, Footer, Neighbors};
use serde_json::json;

fn fault<T>(result: Result<T, artifacts::Error>) -> String {
    result.err().expect("it is refused").to_string()
}

#[test]
fn wrong_kinds_and_versions_are_distinguished() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("some.parquet");
    Embeddings::new(2, vec![0.5; 6])
        .write(&path, &Footer::new("test", json!({}), 0))
        .unwrap();
    assert!(fault(Neighbors::read(&path)).contains("some.parquet holds embeddings, not neighbors"));
    assert!(fault(Neighbors::read(&dir.path().join("none.parquet"))).contains("cannot read"));
    assert!(fault(Neighbors::read(dir.path())).contains("cannot read"));
}

#[test]
fn truncated_or_corrupted_files_do_not_panic() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("neighbors.parquet");
    let neighbors = Neighbors {
        k: 2,
        ids: vec![1, 2, 0, 2, 0, 1],
        distances: vec![0.1, 0.2, 0.1, 0.3, 0.2, 0.3],
    };
    neighbors
        .write(&path, &Footer::new("test", json!({}), 0))
        .unwrap();
    let whole = std::fs::read(&path).unwrap();
    for length in (0..whole.len()).step_by(7) {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(
            Neighbors::read(&path).is_err(),
            "{length} of {} bytes passed for a file",
            whole.len()
        );
    }
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        std::fs::write(&path, &damaged).unwrap();
        // Some flips are harmless or unseen; none may panic.
        let _ = Neighbors::read(&path);
    }
}
