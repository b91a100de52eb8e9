//! Where the neighbors come from: rows without a direction, neighbors that are not proven, renamed rows.

use std::sync::Mutex;

use artifacts::{Clusters, Embeddings, Footer, Membership, Mst, Neighbors};
use cluster::{Assign, Cluster, Options, Tree};
use exact_knn::{Metric, Points};
use stage::{Files, NoLocal, Progress, Seed, Stage};
use test_support::adjusted_rand_index as ari;

use crate::files::{Run, groups};

/// Keeps the warnings.
#[derive(Default)]
struct Listener(Mutex<Vec<String>>);

impl Progress for Listener {
    fn begin(&self, _task: &str, _total: Option<u64>, _unit: &'static str) {}
    fn advance(&self, _by: u64) {}
    fn end(&self) {}
    fn note(&self, _message: &str) {}
    fn warn(&self, message: &str) {
        self.0.lock().unwrap().push(message.to_owned());
    }
}

/// Bundles of directions, in parts that do not list each other.
fn bundles(n: usize) -> Vec<f32> {
    let mut values = Vec::new();
    for i in 0..n {
        let mut stream = Seed(5).stream("test/bundles", i as u64);
        for axis in 0..6 {
            values.push(stream.next_f32() * 0.4 + if axis == i % 4 { 1.0 } else { 0.0 });
        }
    }
    values
}

/// Writes neighbors as `knn --bad-rows isolate` does for `values`, with rows of zeros before row 0 and behind the last.
fn with_zero_rows(values: &[f32], k: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let n = values.len() / 6;
    let points = Points::new(values, 6).unwrap();
    let (knn, _) = exact_knn::knn(points, Metric::Cosine, k, &|_| ()).unwrap();
    let made_up: Vec<u32> = (1..=k as u32).collect();
    let kept = knn.ids.iter().map(|id| id + 1);
    let ids = [made_up.clone(), kept.collect(), made_up].concat();
    let distances = [vec![1.0; k], knn.distances, vec![1.0; k]].concat();
    let mut footer = Footer {
        metric: Some("cosine".to_owned()),
        ..Footer::default()
    };
    footer.set_facts(&artifacts::NeighborsFacts {
        isolated: Some(2),
        ..artifacts::NeighborsFacts::default()
    });
    Neighbors { k, ids, distances }
        .write(&dir.path().join("neighbors.parquet"), &footer)
        .unwrap();
    let all = [&[0.0; 6], values, &[0.0; 6]].concat();
    assert_eq!(all.len(), (n + 2) * 6);
    Embeddings::new(6, all)
        .write(&dir.path().join("embeddings.parquet"), &footer)
        .unwrap();
    dir
}

#[test]
fn zero_vectors_do_not_join_components() {
    let values = bundles(400);
    for k in [6, 60] {
        let dir = with_zero_rows(&values, k);
        let files = Files::standard(dir.path(), Cluster::INPUTS.iter().chain(Cluster::OUTPUTS));
        // The same rows without the zeros.
        let points = Points::new(&values, 6).unwrap();
        let (knn, _) = exact_knn::knn(points, Metric::Cosine, k, &|_| ()).unwrap();
        let alone = tempfile::tempdir().unwrap();
        let footer = Footer {
            metric: Some("cosine".to_owned()),
            ..Footer::default()
        };
        Neighbors {
            k,
            ids: knn.ids,
            distances: knn.distances,
        }
        .write(&alone.path().join("neighbors.parquet"), &footer)
        .unwrap();
        Embeddings::new(6, values.clone())
            .write(&alone.path().join("embeddings.parquet"), &footer)
            .unwrap();
        let without = Files::standard(alone.path(), Cluster::INPUTS.iter().chain(Cluster::OUTPUTS));
        for tree in [Tree::Graph, Tree::Exact] {
            let options = Options {
                tree,
                min_cluster_size: 20,
                ..Options::default()
            };
            let local = NoLocal::default();
            let listener = Listener::default();
            Cluster::run(&files, &options, &local, Seed(1), &listener).unwrap();
            Cluster::run(&without, &options, &local, Seed(1), &listener).unwrap();
            let tree_of =
                |dir: &tempfile::TempDir| Mst::read(&dir.path().join("mst.parquet")).unwrap();
            let (all, own) = (tree_of(&dir), tree_of(&alone));
            // The zeros hang on at distance 1 and nothing else is changed: the groups are nearer to each other.
            assert!(own.distance.iter().all(|&distance| distance < 1.0));
            assert_eq!(&all.distance[..own.distance.len()], &own.distance[..]);
            assert_eq!(&all.distance[own.distance.len()..], &[1.0, 1.0]);
            let labels = |dir: &tempfile::TempDir| {
                Clusters::read(&dir.path().join("clusters.parquet"))
                    .unwrap()
                    .value
                    .cluster
            };
            let (all, own) = (labels(&dir), labels(&alone));
            assert_eq!((all[0], all[401]), (-1, -1));
            assert_eq!(ari(&all[1..401], &own), 1.0);
            for how in [Assign::Nearest, Assign::Soft] {
                let options = Options {
                    assign_noise: Some(how),
                    membership: 2,
                    ..options.clone()
                };
                Cluster::run(&files, &options, &local, Seed(1), &listener).unwrap();
                let clusters = Clusters::read(&dir.path().join("clusters.parquet")).unwrap();
                let assigned = clusters.assigned.as_ref().unwrap();
                assert_eq!((assigned[0], assigned[401]), (-1, -1));
                assert!(assigned[1..401].iter().all(|&cluster| cluster >= 0));
                let membership = Membership::read(&dir.path().join("membership.parquet")).unwrap();
                assert!(membership.clusters[0].is_empty() && membership.clusters[401].is_empty());
            }
        }
    }
}

#[test]
fn an_exact_tree_from_uncertified_neighbors_is_reported() {
    let run = Run::new(groups(200), 2, 12);
    let path = run.path("neighbors.parquet");
    let neighbors = Neighbors::read(&path).unwrap();
    let report_and_warnings = |footer: &Footer, tree| {
        neighbors.value.clone().write(&path, footer).unwrap();
        let options = Options {
            tree,
            ..Options::default()
        };
        let listener = Listener::default();
        let local = NoLocal::default();
        let report = Cluster::run(&run.files(), &options, &local, Seed(1), &listener).unwrap();
        (report, listener.0.into_inner().unwrap())
    };
    let mut footer = neighbors.footer.clone().unwrap();
    let (report, warnings) = report_and_warnings(&footer, Tree::Exact);
    assert!(report.certified && warnings.is_empty(), "{warnings:?}");
    footer.set_facts(&artifacts::NeighborsFacts {
        certified: Some(false),
        backend: Some("hnsw".to_owned()),
        ..artifacts::NeighborsFacts::default()
    });
    let (report, warnings) = report_and_warnings(&footer, Tree::Exact);
    assert!(!report.certified && report.to_string().contains("not proven"));
    assert!(
        matches!(&warnings[..], [warning] if warning.contains("not proven exact (hnsw)")),
        "{warnings:?}"
    );
    // The tree of the graph promises nothing more than the graph.
    assert!(report_and_warnings(&footer, Tree::Graph).1.is_empty());
}

#[test]
fn permuted_rows_keep_their_clusters() {
    renamed(&groups(700), 5);
    // From 4,096 rows on a pass over a part of them goes before the exact tree. With the nearest neighbor as the core
    // distance nothing ties, so nothing may differ.
    renamed(&groups(5_000), 1);
}

fn renamed(values: &[f32], min_samples: usize) {
    let n = values.len() / 2;
    let mut stream = Seed(11).stream("test/permutation", 0);
    let mut to: Vec<usize> = (0..n).collect();
    for at in (1..n).rev() {
        to.swap(at, stream.below(at + 1));
    }
    let mut moved = vec![0.0; values.len()];
    for (from, &to) in to.iter().enumerate() {
        moved[2 * to..2 * to + 2].copy_from_slice(&values[2 * from..2 * from + 2]);
    }
    for tree in [Tree::Graph, Tree::Exact] {
        // Seven neighbors leave the graph in pieces, so that bridges take part.
        let options = Options {
            tree,
            min_samples,
            ..Options::default()
        };
        let read = |values: &[f32]| {
            let run = Run::new(values.to_vec(), 2, 7);
            let report = run.cluster(&options).unwrap();
            let clusters = Clusters::read(&run.path("clusters.parquet")).unwrap().value;
            let mst = Mst::read(&run.path("mst.parquet")).unwrap().value;
            (report, clusters, mst)
        };
        let ((report, before, tree_before), (_, after, tree_after)) = (read(values), read(&moved));
        assert!(report.components > 1);
        assert_eq!(tree_before.distance, tree_after.distance);
        let back: Vec<i32> = to.iter().map(|&to| after.cluster[to]).collect();
        // Core distances tie the edges of a point: there the order of ids decides. All else is the same.
        let other = (0..n)
            .filter(|&i| {
                before.cluster[i] != back[i] || before.probability[i] != after.probability[to[i]]
            })
            .count();
        println!(
            "{tree:?}: {} tied edges, {other} of {n} rows labeled otherwise",
            report.tied_edges
        );
        assert_eq!(report.tied_edges == 0, min_samples == 1);
        assert!(other <= report.tied_edges);
        assert!(ari(&before.cluster, &back) > 0.99);
    }
}
