//! Damage is detected: if any byte of a file changes, the file is refused, or it is read as it was written.

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Float64Array, LargeStringArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use artifacts::{
    ClusterInfo, ClusterRow, Clusters, CondensedTree, Documents, Duplicates, Embeddings, Error,
    Footer, Label, Labels, Map, Membership, Mst, Neighbors, NeighborsFacts, Predictions,
    Projection, SingleLinkage, Stored, Sweep, SweepRow, Topic, Topics,
};
use serde_json::json;

fn footer() -> Footer {
    let mut footer = Footer::new("test 1.0", json!({"k": 2, "name": "x"}), 7);
    footer.set_facts(&NeighborsFacts {
        certified: Some(true),
        ..NeighborsFacts::default()
    });
    footer
}

/// How a file of `whole` is damaged for the `at`-th time.
fn damaged(whole: &[u8], at: usize, place: usize) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    match at % 4 {
        0 => bytes[place] ^= 1,
        1 => bytes[place] ^= 0x55,
        2 => bytes[place] = !bytes[place],
        _ => {
            let end = (place + 40).min(bytes.len());
            bytes[place..end].fill(0);
        }
    }
    bytes
}

/// Damages the file at `path` at every `step`-th byte; how often it was refused, and how often it read the same.
fn hit<T>(
    path: &Path,
    step: usize,
    read: impl Fn(&Path) -> Result<T, Error>,
    same: impl Fn(&T, &T) -> bool,
) -> (usize, usize) {
    let whole = std::fs::read(path).unwrap();
    let first = read(path).unwrap();
    let (mut refused, mut equal) = (0, 0);
    for (at, place) in (0..whole.len()).step_by(step).enumerate() {
        let bytes = damaged(&whole, at, place);
        std::fs::write(path, &bytes).unwrap();
        match read(path) {
            Err(error) => {
                assert!(error.to_string().contains(".parquet"), "{error}");
                refused += 1;
            }
            Ok(now) => {
                assert!(
                    same(&first, &now),
                    "byte {place} of {} reads another value",
                    path.display()
                );
                equal += 1;
            }
        }
    }
    std::fs::write(path, &whole).unwrap();
    (refused, equal)
}

/// Like [`hit`], for files that are small enough to be compared by what they print.
fn hit_all<T: Debug>(path: &Path, read: impl Fn(&Path) -> Result<Stored<T>, Error>) {
    let (refused, equal) = hit(path, 3, read, |a, b| format!("{a:?}") == format!("{b:?}"));
    assert!(
        refused > 20 * equal,
        "{}: {refused} refused, {equal} equal",
        path.display()
    );
}

macro_rules! no_damage_passes {
    ($name:ident, $type:ident, $value:expr) => {
        #[test]
        fn $name() {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join(concat!(stringify!($name), ".parquet"));
            let value: $type = $value;
            value.write(&path, &footer()).unwrap();
            hit_all(&path, $type::read);
        }
    };
}

fn some<T>(of: impl Fn(usize) -> T) -> Vec<T> {
    (0..12).map(of).collect()
}

no_damage_passes!(
    duplicates,
    Duplicates,
    Duplicates {
        source_row: some(|i| 3 * i as i64),
        id: some(|i| i as i64 / 2),
    }
);
no_damage_passes!(
    neighbors,
    Neighbors,
    Neighbors {
        k: 2,
        ids: some(|i| [1, 2, 0, 2, 0, 1, 4, 5, 3, 5, 3, 4][i]),
        distances: some(|i| [0.1, 0.2][i % 2]),
    }
);
no_damage_passes!(
    embeddings,
    Embeddings,
    Embeddings::new(3, some(|i| i as f32 * 0.5))
);
no_damage_passes!(
    clusters,
    Clusters,
    Clusters {
        cluster: some(|i| i as i32 % 3 - 1),
        probability: some(|i| i as f32 / 12.0),
        outlier_score: some(|i| 1.0 - i as f32 / 12.0),
        assigned: Some(some(|i| i as i32 % 2)),
        layers: vec![some(|i| i as i32 % 2), some(|_| 0)],
    }
);
no_damage_passes!(
    cluster_info,
    ClusterInfo,
    ClusterInfo {
        rows: some(|i| ClusterRow {
            layer: -1,
            cluster: i as i32,
            parent: -1,
            size: 4,
            persistence: 0.5,
            stability: (i % 2 == 0).then_some(0.25),
            exemplar_ids: vec![i as i64, 7],
        }),
    }
);
no_damage_passes!(
    condensed_tree,
    CondensedTree,
    CondensedTree {
        parent: some(|_| 12),
        child: some(|i| i as i64),
        lambda: some(|i| 0.5 * i as f64),
        child_size: some(|_| 1),
    }
);
no_damage_passes!(
    single_linkage,
    SingleLinkage,
    SingleLinkage {
        left: some(|i| i as i64),
        right: some(|i| 13 + i as i64),
        distance: some(|i| 0.1 * i as f64),
        size: some(|i| 2 + i as i64),
    }
);
no_damage_passes!(
    mst,
    Mst,
    Mst {
        from: some(|i| i as i64),
        to: some(|i| 1 + i as i64),
        distance: some(|i| i as f64 / 3.0),
    }
);
no_damage_passes!(
    membership,
    Membership,
    Membership {
        clusters: some(|i| vec![i as i32, 1]),
        memberships: some(|_| vec![0.75, 0.25]),
    }
);
no_damage_passes!(
    sweep,
    Sweep,
    Sweep {
        rows: some(|i| SweepRow {
            min_samples: 5,
            min_cluster_size: i as i32,
            clusters: 3,
            noise: 0.1 * i as f64,
            largest: 9,
            validity: (i > 3).then_some(0.5),
            cliff: i == 4,
        }),
    }
);
no_damage_passes!(
    predictions,
    Predictions,
    Predictions {
        cluster: some(|i| i as i32 - 1),
        probability: some(|i| i as f32 / 12.0),
        neighbor: some(|i| i as i64),
        nearest_cluster: some(|i| i as i32),
        nearest_distance: some(|i| (i > 2).then_some(0.5)),
    }
);
no_damage_passes!(
    projection,
    Projection,
    Projection {
        x: some(|i| i as f32),
        y: some(|i| -(i as f32)),
        preserved: Some(some(|i| i as f32 / 12.0)),
    }
);
no_damage_passes!(
    topics,
    Topics,
    Topics {
        rows: some(|i| Topic {
            layer: -1,
            cluster: i as i32,
            parent: -1,
            name: format!("topic {i}"),
            keywords: vec![format!("word {i}"), "words".to_owned()],
            size: 2,
            exemplar_ids: vec![1],
        }),
    }
);
no_damage_passes!(
    labels,
    Labels,
    Labels {
        rows: some(|i| Label {
            x: 0.5,
            y: i as f32,
            text: format!("label {i}"),
            level: 1,
            priority: i as i32,
        }),
    }
);

fn documents() -> Documents {
    let schema = Schema::new(vec![Field::new("price", DataType::Float64, true)]);
    let price = Float64Array::from(some(|i| (i != 5).then_some(i as f64)));
    Documents {
        text: LargeStringArray::from(some(|i| format!("text number {i}"))),
        source_row: some(|i| 2 * i as i64),
        copies: Some(some(|i| i as i32)),
        columns: RecordBatch::try_new(Arc::new(schema), vec![Arc::new(price)]).unwrap(),
    }
}

#[test]
fn documents_are_readable_as_plain_parquet() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("documents.parquet");
    documents().write(&path, &footer()).unwrap();
    hit_all(&path, Documents::read);
}

/// Over many pages and row groups, by the quick way and by Arrow's.
#[test]
fn all_pages_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("embeddings.parquet");
    let (n, d) = (50_001, 8);
    let values = (0..n * d).map(|at| (at as f32 * 0.37).sin()).collect();
    Embeddings::new(d, values).write(&path, &footer()).unwrap();
    let same = |a: &Stored<Embeddings>, b: &Stored<Embeddings>| {
        a.footer == b.footer && a.values() == b.values()
    };
    let (refused, equal) = hit(&path, 9_973, Embeddings::read, same);
    assert!(
        refused > 150 && equal < 3,
        "{refused} refused, {equal} equal"
    );

    let path = dir.path().join("clusters.parquet");
    let clusters = Clusters {
        cluster: (0..n as i32).map(|i| i % 1000 - 1).collect(),
        probability: (0..n).map(|i| (i as f32).sin().abs()).collect(),
        outlier_score: (0..n).map(|i| (i as f32).cos().abs()).collect(),
        assigned: None,
        layers: Vec::new(),
    };
    clusters.write(&path, &footer()).unwrap();
    let same =
        |a: &Stored<Clusters>, b: &Stored<Clusters>| a.footer == b.footer && a.value == b.value;
    let (refused, equal) = hit(&path, 2_971, Clusters::read, same);
    assert!(
        refused > 50 && equal < 3,
        "{refused} refused, {equal} equal"
    );
}

/// What we never read ourselves can be looked at whole.
#[test]
fn a_file_is_verified_without_being_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("map.parquet");
    let (documents, ones) = (documents(), some(|_| 1.0));
    Map {
        x: &ones,
        y: &ones,
        text: &documents.text,
        cluster: &some(|_| 0),
        name: some(|_| "name"),
        probability: &ones,
        outlier_score: &ones,
        neighbors: None,
        columns: &documents.columns,
    }
    .write(&path, &footer())
    .unwrap();
    artifacts::verify(&path).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let covered = covered(&whole);
    for place in 0..whole.len() {
        std::fs::write(&path, damaged(&whole, place % 3, place)).unwrap();
        let found = artifacts::verify(&path);
        // Without their last word they are no checksums.
        assert!(found.is_err() || place >= covered.1 - 8, "byte {place}");
        if let Err(error) = found
            && place < covered.0
        {
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert!(cause.contains("fail their checksum"), "{cause}");
        }
    }
}

/// Where the checksums begin and end.
fn covered(whole: &[u8]) -> (usize, usize) {
    let number = |at: usize| u32::from_le_bytes(whole[at..at + 4].try_into().unwrap()) as usize;
    let end = whole.len() - 8 - number(whole.len() - 8);
    assert_eq!(&whole[end - 8..end], b"SKCHECKS");
    (number(end - 24), end)
}

#[test]
fn a_file_without_checksums_is_read_like_any_other() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("clusters.parquet");
    let clusters = Clusters {
        cluster: some(|i| i as i32),
        probability: some(|_| 0.5),
        outlier_score: some(|_| 0.25),
        ..Clusters::default()
    };
    clusters.write(&path, &footer()).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let (begin, end) = covered(&whole);
    std::fs::write(&path, [&whole[..begin], &whole[end..]].concat()).unwrap();
    let read = Clusters::read(&path).unwrap();
    assert_eq!(read.value, clusters);
    assert_eq!(read.footer.unwrap().seed, 7);
    artifacts::verify(&path).unwrap();
}

/// Written by `PyArrow` with `write_page_checksum=True`.
#[test]
fn page_checksums_of_parquet_are_verified() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/page_crc.parquet");
    let whole = std::fs::read(data).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("clusters.parquet");
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(Clusters::read(&path).unwrap().len(), 40);
    // The last byte of each column's last page.
    for place in [137, 391] {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let error = Clusters::read(&path).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("CRC checksum mismatch"), "{cause}");
    }
}
